"""The reader's language and time zone.

Owns: choosing them from the user's settings and the browser. Must not know: texts.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

from babel import Locale
from flask import request

from .access import current

LANGUAGES = {
    "en": "English",
    "es": "Español",
    "pt_BR": "Português (Brasil)",
    "id": "Bahasa Indonesia",
    "ar": "العربية",
}
ZONE_COOKIE = "chatport_zone"
_TRANSLATIONS = Path(__file__).parent / "translations"


def available() -> list[str]:
    """Languages whose catalogue is there; English needs none."""
    return [
        code
        for code in LANGUAGES
        if code == "en" or (_TRANSLATIONS / code / "LC_MESSAGES" / "messages.mo").is_file()
    ]


def locale() -> str:
    """The language: the user's choice, else the best of the browser's list."""
    visit = current()
    known = available()
    if visit and visit.locale in known:
        return visit.locale
    return request.accept_languages.best_match([c.replace("_", "-") for c in known], "en").replace(
        "-", "_"
    )


def shown() -> str:
    """The language as HTML writes it."""
    return locale().replace("_", "-")


def direction() -> str:
    """``ltr`` or ``rtl``."""
    return str(Locale.parse(locale()).text_direction)


def is_zone(name: str) -> bool:
    """Whether this names a time zone."""
    return name in available_timezones()


def timezone() -> str:
    """The time zone: the user's choice, else the browser's own, else UTC."""
    visit = current()
    if visit and visit.timezone and is_zone(visit.timezone):
        return visit.timezone
    told = request.cookies.get(ZONE_COOKIE, "")
    return told if is_zone(told) else "UTC"
