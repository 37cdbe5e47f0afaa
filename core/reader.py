"""Checked reading of foreign JSON: a wrong type is a named error, never a crash deep inside a parser.

Owns: ``Reader``, its forgiving sister ``Tolerant``, and reading JSON without values that nothing can hold.
Must not know: any provider, storage.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NoReturn

from .errors import AnomalousPayload

#: Longer numbers are kept as text; Python refuses to write very long ones.
MAX_DIGITS = 400
#: No service nests deeper; what does would exhaust every later step that walks through it.
MAX_DEPTH = 100
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


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


class Tolerant(Reader):
    """A JSON value whose parts read as missing where they have the wrong type.

    For what stands beside a message: what a person wrote is worth more than its time, its sender's name or the shape of
    a file's description. Only what a message cannot be without is required, by :meth:`Tolerant.require`, or read by
    :meth:`Tolerant.strict`.
    """

    __slots__ = ()

    def _get(self, key: str) -> Any:
        return self.value.get(key) if isinstance(self.value, dict) else None

    def strict(self) -> Reader:
        """The same value, read with errors for wrong types."""
        return Reader(self.value, self.path)

    def text(self, key: str, default: str = "") -> str:
        """As :meth:`Reader.text`; the default for a wrong type."""
        try:
            return _writable(super().text(key, default))
        except AnomalousPayload:
            return default

    def require(self, key: str) -> str:
        """A text that must be there.

        :raises AnomalousPayload: it is missing, empty or of the wrong type; says which.
        """
        return _writable(Reader(self.value, self.path).require(key))

    def number(self, key: str, default: float = 0.0) -> float:
        """As :meth:`Reader.number`; the default for a wrong type."""
        try:
            return super().number(key, default)
        except AnomalousPayload:
            return default

    def flag(self, key: str) -> bool:
        """As :meth:`Reader.flag`; false for a wrong type."""
        return self._get(key) is True

    def told_flag(self, key: str) -> bool | None:
        """A boolean; ``None`` where none is told."""
        value = self._get(key)
        return value if isinstance(value, bool) else None

    def obj(self, key: str) -> Tolerant:
        """An object; a missing one and one of the wrong type read as empty."""
        value = self._get(key)
        return Tolerant(value if isinstance(value, dict) else {}, f"{self.path}.{key}")

    def items(self, key: str) -> Iterator[Tolerant]:
        """The objects in a list; a missing list and one of the wrong type read as empty."""
        value = self._get(key)
        for index, element in enumerate(value if isinstance(value, list) else []):
            if isinstance(element, dict):
                yield Tolerant(element, f"{self.path}.{key}[{index}]")

    def texts(self, key: str) -> list[str]:
        """The texts that are not empty in a list; one text alone reads as a list of one."""
        value = self._get(key)
        found = value if isinstance(value, list) else [value]
        return [_writable(text) for text in found if isinstance(text, str) and text]


def _writable(text: str) -> str:
    """The text with a sign of replacement for what no database and no address can hold."""
    return text if text.isprintable() else _UNWRITABLE.sub("\ufffd", text)


def load_json(text: bytes | str) -> Any:
    """A JSON value that can be stored and written again: numbers beyond all bounds are kept as text.

    :raises AnomalousPayload: it is not JSON, or nested deeper than ``MAX_DEPTH``.
    """
    try:
        value = json.loads(
            text, parse_int=_whole, parse_float=_real, parse_constant=_refuse_constant
        )
    except ValueError:
        raise AnomalousPayload("the body is not JSON") from None
    except RecursionError:
        raise AnomalousPayload(_TOO_DEEP) from None
    if _depth(value) > MAX_DEPTH:
        raise AnomalousPayload(_TOO_DEEP)
    return value


_TOO_DEEP = f"the body is nested more than {MAX_DEPTH} deep"


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return depth


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


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
