"""Time as GoWA prints it, and a clock that a test can stop."""

from __future__ import annotations

import threading
from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC with second precision: ``2026-08-22T10:00:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def go_time(at: datetime) -> str:
    """Go's default print: ``2026-08-22 10:00:00 +0000 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def http_date(at: datetime) -> str:
    """The form of ``Date`` and ``Last-Modified``."""
    return at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


class Clock:
    """The present, unless somebody froze it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        with self._lock:
            return self._frozen or datetime.now(UTC)

    def freeze(self, at: datetime | None) -> None:
        """Stop the clock at ``at`` (timezone aware), or let it run again with None."""
        with self._lock:
            self._frozen = at
