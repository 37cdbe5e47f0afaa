"""WhatsApp's markup as safe HTML."""

from __future__ import annotations

import time

import pytest

from chatport_dashboard.avatars import initials
from chatport_dashboard.texts import plain, whatsapp

LINK = '<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "*bold* and _slanted_ and ~gone~",
            "<strong>bold</strong> and <em>slanted</em> and <s>gone</s>",
        ),
        ("*_both_*", "<strong><em>both</em></strong>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("* not bold*", "* not bold*"),
        ("*two\nlines*", "*two\nlines*"),
        ("`*code*`", "<code>*code*</code>"),
        ("```a\n<b>```", "<code>a\n&lt;b&gt;</code>"),
        ("> quoted\n> more\nmine", "<blockquote>quoted\nmore</blockquote>mine"),
        ("see https://a.test/x_y_z.", f"see {LINK.format('https://a.test/x_y_z')}."),
        ("*https://a.test*", f"*{LINK.format('https://a.test')}*"),
        ("(https://a.test/b_(c))", f"({LINK.format('https://a.test/b_(c)')})"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ('<img src=x onerror="a">', "&lt;img src=x onerror=&#34;a&#34;&gt;"),
        ("*<b>*", "<strong>&lt;b&gt;</strong>"),
        (
            'https://a.test/"onmouseover="x',
            f"{LINK.format('https://a.test/')}&#34;onmouseover=&#34;x",
        ),
        ("{0} {x} %s", "{0} {x} %s"),
        ("*{0}* `{x}`", "<strong>{0}</strong> <code>{x}</code>"),
        ("", ""),
        (None, ""),
    ],
)
def test_whatsapp_marks_and_escapes(text: str | None, html: str) -> None:
    assert whatsapp(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "*" * 19_000,
        "*a*\n" * 4_000,
        "*_~a" * 4_000,
        "a*" * 9_000,
        "*a" * 9_000,
        "_~*" * 6_000,
        "https://" * 2_400,
        "`" * 19_000,
        "> " * 9_000,
        "*a " * 6_600,
    ],
)
def test_whatsapp_text_takes_no_time_whatever_it_holds(text: str) -> None:
    started = time.perf_counter()
    whatsapp(text)
    plain(text)

    assert time.perf_counter() - started < 1.0


def test_whatsapp_very_long_text_is_shown_plain() -> None:
    assert whatsapp("*<b>*" + "x" * 20_000).startswith('<span class="text">*&lt;b&gt;*x')


def test_plain_is_one_short_line_without_marks() -> None:
    assert plain("*Hi*\n_there_ ```x```") == "Hi there x"
    assert plain("word " * 100, 20) == "word word word word…"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Rina Wijaya", "RW"),
        ("rina", "R"),
        ("Ana María Pérez-Ruiz", "AR"),
        ("+62 812", "#"),
        ("", "?"),
        ("🌹", "?"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters
