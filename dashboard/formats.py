"""Times, sizes and numbers as people read them, in the reader's language and zone.

Owns: template filters. Must not know: what is formatted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_timedelta
from babel.units import format_unit
from flask_babel import format_date, format_datetime, format_time, get_locale, to_user_timezone
from flask_babel import gettext as _

from chatport import phones
from chatport.db.types import utcnow

from .language import direction


def clock(at: datetime | None) -> str:
    """The time of day."""
    return str(format_time(at, "short")) if at else ""


def day_key(at: datetime) -> str:
    """The reader's calendar day, for grouping."""
    return str(to_user_timezone(at).date().isoformat())


def day(at: datetime) -> str:
    """The calendar day: today, yesterday, a week day, else the date."""
    today = to_user_timezone(utcnow()).date()
    then = to_user_timezone(at).date()
    if then == today:
        return str(_("Today"))
    if then == today - timedelta(days=1):
        return str(_("Yesterday"))
    if timedelta(0) < today - then < timedelta(days=7):
        return str(format_date(then, "EEEE", rebase=False))
    return str(format_date(then, "long", rebase=False))


def brief(at: datetime | None) -> str:
    """A moment for lists: the time today, else the day."""
    if at is None:
        return ""
    today = to_user_timezone(utcnow()).date()
    then = to_user_timezone(at).date()
    if then == today:
        return clock(at)
    if then == today - timedelta(days=1):
        return str(_("Yesterday"))
    if timedelta(0) < today - then < timedelta(days=7):
        return str(format_date(then, "EEE", rebase=False))
    return str(format_date(then, "short", rebase=False))


def moment(at: datetime | None) -> str:
    """Date and time."""
    return str(format_datetime(at, "medium")) if at else ""


def ago(at: datetime | None) -> str:
    """How long ago something was."""
    if at is None:
        return str(_("never"))
    return str(format_timedelta(at - utcnow(), add_direction=True, locale=get_locale()))


def iso(at: datetime | None) -> str:
    """A moment for machines."""
    return at.isoformat() if at else ""


def seconds(length: float) -> str:
    """A short span of time, such as ``0.09 sec``.

    :param length: seconds; hundredths are shown.
    """
    return str(
        format_unit(
            float(length), "duration-second", "short", format="#,##0.00", locale=get_locale()
        )
    )


def file_size(size: int | None) -> str:
    """Bytes for people."""
    if size is None:
        return ""
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= limit:
            return _left_to_right(f"{size / limit:.1f} {unit}")
    return _left_to_right(f"{size} B")


def phone(number: str | None) -> str:
    """A phone number with its spaces."""
    return _left_to_right(phones.formatted(number.lstrip("+"))) if number else ""


def _left_to_right(text: str) -> str:
    """Digits in their order inside a line that runs from right to left. Characters do it, since such texts stand in
    translated sentences and in options too, where there is no place for a tag."""
    return f"\u2066{text}\u2069" if direction() == "rtl" else text


def capped(count: int, limit: int = 99) -> str:
    """A count for a small badge."""
    return f"{limit}+" if count > limit else str(count)


FILTERS: dict[str, Callable[..., Any]] = {
    "ago": ago,
    "brief": brief,
    "capped": capped,
    "clock": clock,
    "day": day,
    "day_key": day_key,
    "file_size": file_size,
    "iso": iso,
    "moment": moment,
    "phone": phone,
    "seconds": seconds,
}
