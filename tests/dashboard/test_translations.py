"""The dashboard's catalogues: current, complete, with the same placeholders, and compiled."""

from __future__ import annotations

import gettext
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import chatport_dashboard
from chatport_dashboard.language import LANGUAGES

DASHBOARD = Path(chatport_dashboard.__file__).parent
#: What texts are taken from: the sources, since an installed package has no settings for that.
SOURCES = Path(__file__).parents[2] / "dashboard"
TRANSLATIONS = DASHBOARD / "translations"
TRANSLATED = [code for code in LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)s")
ENTITY = re.compile(r"&\w+;|&#\d+;")


def _read(path: Path, language: str | None = None) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _catalogue(language: str) -> Catalog:
    return _read(TRANSLATIONS / language / "LC_MESSAGES" / "messages.po", language)


def _ids(catalogue: Catalog) -> set[str | tuple[str, ...]]:
    return {_key(message.id) for message in catalogue if message.id}


def _key(message_id: str | list[str] | tuple[str, ...]) -> str | tuple[str, ...]:
    return message_id if isinstance(message_id, str) else tuple(message_id)


def _forms(text: str | list[str] | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def test_the_template_is_current(tmp_path: Path) -> None:
    fresh = tmp_path / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract"]
    subprocess.run([*command, "-F", "babel.cfg", "-o", str(fresh), "."], cwd=SOURCES, check=True)
    assert _ids(_read(TRANSLATIONS / "messages.pot")) == _ids(_read(fresh))


def test_no_text_is_counted_in_one_place_and_not_in_another() -> None:
    """A catalogue has one entry for both: the plain text would be the form for none, or of a language without a
    singular the one with a number, which fails while a page is written."""
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = [text for _file, _line, text, *_rest in extract_from_dir(SOURCES, methods)]
    counted = {text[0] for text in found if isinstance(text, tuple)}
    assert counted and not counted & {text for text in found if isinstance(text, str)}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_text(language: str) -> None:
    catalogue = _catalogue(language)
    assert _ids(catalogue) == _ids(_read(TRANSLATIONS / "messages.pot"))
    assert not [message.id for message in catalogue if message.id and message.fuzzy]
    assert not [
        message.id
        for message in catalogue
        if message.id and not all(text.strip() for text in _forms(message.string))
    ]
    assert not [
        message.id
        for message in catalogue
        if message.pluralizable and len(_forms(message.string)) != catalogue.num_plurals
    ]


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_are_kept(language: str) -> None:
    wrong = []
    for message in _catalogue(language):
        if not message.id:
            continue
        texts, originals = _forms(message.string), _forms(message.id)
        for pattern in (PLACEHOLDER, ENTITY):
            wanted = sorted(pattern.findall(originals[-1]))
            # A form for exactly none, one or two may leave the number out; the last one may not.
            if sorted(pattern.findall(texts[-1])) != wanted:
                wrong.append(texts[-1])
            wrong += [text for text in texts if not set(pattern.findall(text)) <= set(wanted)]
        # Anything else after a percent sign would fail while a page is written.
        wrong += [text for text in texts if "%" in PLACEHOLDER.sub("", text)]
    assert not wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_current(language: str) -> None:
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    wrong = []
    for message in _catalogue(language):
        if not message.id:
            continue
        if isinstance(message.id, str):
            if compiled.gettext(message.id) != message.string:
                wrong.append(message.id)
            continue
        one, many = message.id
        forms = {compiled.ngettext(one, many, number) for number in range(201)}
        if forms != set(message.string):
            wrong.append(one)
    assert not wrong
