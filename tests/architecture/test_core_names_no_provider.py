"""The core, the receiver and the dashboard know providers through their declarations alone: no name, no address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("core", "webhooks", "dashboard", "wsgi.py", "gunicorn.conf.py")
DISTRIBUTIONS = sorted((ROOT / "providers").glob("*/setup.cfg")) + sorted(
    (ROOT / "examples").glob("*/setup.cfg")
)
#: Compiled from what is read here.
SKIPPED_SUFFIXES = {".pyc", ".mo"}

#: What people call the services of our providers, and what their protocols are recognised by.
SERVICES = {
    "GoWA": r"\bgo-?wa\b|go-whatsapp|\bX-Device-Id\b|\bmessage\.ack\b",
    "WhatsApp Web": r"whatsapp[_ -]?web\b",
    "the Cloud API": r"cloud[_ -]?api\b|whatsapp[_ -]?cloud\b",
    "Meta": r"(?-i:(?<!class )\bMeta\b)|facebook|fbsbx|fbcdn|\bgraph\.|\bwaba\b|\bwamid\b"
    r"|\bphone_number_id\b|\bbusiness_account_id\b|\bapp_secret\b|x-hub-signature",
    "360dialog": r"360[_ -]?dialog|dialog[_ -]?360|\bd360\b",
}

#: Where such a word may stand: file, the words around it, why.
ALLOWED = (
    (
        "dashboard/templates/dashboard/channel_setup.html",
        "as with WhatsApp Web.",
        "WhatsApp's own page, which people know, explains what linking a phone means",
    ),
    ("dashboard/translations/", "WhatsApp Web.", "the same sentence and its translations"),
)


def names_of_distributions() -> Iterator[str]:
    """Keys, packages and distributions, so that a provider that joins the repository is covered at once."""
    for path in DISTRIBUTIONS:
        given = ConfigParser()
        given.read(path, encoding="utf-8")
        yield given["metadata"]["name"]
        yield from (one.parent.name for one in path.parent.glob("chatport_*/__init__.py"))
        entries = given.get("options.entry_points", "chatport.providers", fallback="")
        for line in entries.strip().splitlines():
            key, _, target = (part.strip() for part in line.partition("="))
            yield target.partition(".")[0]
            if path.parent.parent.name == "providers":  # an example's key is an ordinary word
                yield key


@cache
def patterns() -> dict[str, re.Pattern[str]]:
    found = {name: re.compile(text, re.IGNORECASE) for name, text in SERVICES.items()}
    for name in names_of_distributions():
        found.setdefault(name, re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])", re.IGNORECASE))
    return found


def mentions(path: str, text: str) -> Iterator[str]:
    """Each place where a provider is named and may not be."""
    for name, pattern in patterns().items():
        for hit in pattern.finditer(text):
            line = text.count("\n", 0, hit.start()) + 1
            words = text.splitlines()[line - 1]
            if not any(
                path.startswith(place) and allowed in words for place, allowed, _ in ALLOWED
            ):
                yield f"{path}:{line}: names {name}: {words.strip()[:100]}"


def sources() -> Iterator[tuple[str, str]]:
    for source in SOURCES:
        place = ROOT / source
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            hidden = "__pycache__" in path.parts or path.suffix in SKIPPED_SUFFIXES
            if path.is_file() and not hidden:
                text = path.read_text(encoding="utf-8", errors="replace")
                yield path.relative_to(ROOT).as_posix(), text


def test_no_part_of_the_core_names_a_provider() -> None:
    read = dict(sources())

    assert len(read) > 250
    assert [hit for path, text in read.items() for hit in mentions(path, text)] == []


def test_names_come_from_every_distribution() -> None:
    assert {
        "whatsapp_web",
        "whatsapp_cloud",
        "dialog360",
        "chatport_meta",
        "chatport-whatsapp-cloud",
        "chatport_echo",
    } <= set(names_of_distributions())


@pytest.mark.parametrize(
    "planted",
    [
        'if channel.provider == "whatsapp_cloud":',
        "import chatport_dialog360.plugin",
        "from chatport_meta import outbound",
        "pip install chatport-whatsapp-web",
        "# GoWA answers 500 here",
        "the WhatsApp Cloud API wants",
        "Meta sends it twice",
        'URL = "https://graph.facebook.com/v23.0"',
        'HEADER = "D360-API-KEY"',
        "360dialog has no",
        'request.headers["X-Hub-Signature-256"]',
        'config["app_secret"]',
    ],
)
def test_each_way_to_name_a_provider_is_found(planted: str) -> None:
    assert list(mentions("core/services/inboxes.py", f"first\n{planted}\n"))


@pytest.mark.parametrize(
    "harmless",
    ["class Meta:", "class PageMeta(Schema):", "graph = 1", "an echo of the phone", "row.meta"],
)
def test_ordinary_words_are_no_names(harmless: str) -> None:
    assert list(mentions("core/services/inboxes.py", harmless)) == []


def test_exceptions_are_still_needed() -> None:
    stale = [
        (place, words)
        for place, words, _ in ALLOWED
        if not any(path.startswith(place) and words in text for path, text in sources())
    ]

    assert stale == []
