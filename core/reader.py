"""Checked reading of foreign JSON: a wrong type is a named error, never a crash deep inside a parser.

Owns: ``Reader``. Must not know: any provider, storage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .errors import AnomalousPayload


class Reader:
    """A JSON value with the path by which it was reached.

    The plain accessors (``text``, ``number``, …) return a default for a missing or ``null`` key and raise
    ``AnomalousPayload`` for a wrong type; ``obj`` and ``items`` go deeper.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "body") -> None:
        self.value = value
        self.path = path

    def __repr__(self) -> str:
        return f"Reader({self.path})"

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def _get(self, key: str) -> Any:
        if not isinstance(self.value, dict):
            raise AnomalousPayload(f"{self.path} should be an object, it is {kind_of(self.value)}")
        return self.value.get(key)

    def _wrong(self, key: str, wanted: str, value: Any) -> AnomalousPayload:
        return AnomalousPayload(f"{self.path}.{key} should be {wanted}, it is {kind_of(value)}")

    def text(self, key: str, default: str = "") -> str:
        """A string; numbers are taken as their text, since services disagree on ids."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._wrong(key, "a text", value)
        return str(value)

    def require(self, key: str) -> str:
        """A string that must be there and not be empty."""
        value = self.text(key)
        if not value:
            raise AnomalousPayload(f"{self.path}.{key} is missing")
        return value

    def number(self, key: str, default: float = 0.0) -> float:
        """A finite number, or text that is one."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self._wrong(key, "a number", value)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise self._wrong(key, "a number", value) from None
        if not math.isfinite(number):
            raise self._wrong(key, "a finite number", value)
        return number

    def flag(self, key: str) -> bool:
        """A boolean; missing is false."""
        value = self._get(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def obj(self, key: str) -> Reader:
        """An object; a missing one reads as empty."""
        value = self._get(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self._wrong(key, "an object", value)
        return Reader(value, f"{self.path}.{key}")

    def items(self, key: str) -> Iterator[Reader]:
        """Elements of a list; a missing one reads as empty."""
        value = self._get(key)
        if value is None:
            return
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        for index, element in enumerate(value):
            yield Reader(element, f"{self.path}.{key}[{index}]")

    def texts(self, key: str) -> list[str]:
        """A list of strings."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(element, str) for element in value):
            raise self._wrong(key, "a list of texts", value)
        return list(value)


def kind_of(value: Any) -> str:
    """A value's JSON type in words."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "null",
    }
    return names.get(type(value), "a number")


def parse_rfc3339(text: str) -> datetime | None:
    """An aware UTC time from RFC 3339 text; ``None`` for anything else or a time without zone."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def parse_unix(value: str | float) -> datetime | None:
    """An aware UTC time from Unix seconds; values from 10^12 up are milliseconds. ``None`` for anything else."""
    try:
        seconds = float(value)
        if seconds >= 1e12:
            seconds /= 1000.0
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
