"""Reading in which a wrong type costs the one value and nothing else.

Owns: ``Tolerant``, and reading JSON without values that nothing can hold. Must not know: what bodies mean.

What a person wrote is worth more than its time, its sender's name or the shape of a file's description. Only what a
message cannot be without is required, by :meth:`Tolerant.require`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from chatport.errors import AnomalousPayload
from chatport.reader import Reader

#: Longer numbers are kept as text; Python refuses to write very long ones.
MAX_DIGITS = 400
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


class Tolerant(Reader):
    """A JSON value whose parts read as missing where they have the wrong type."""

    __slots__ = ()

    def _get(self, key: str) -> Any:
        return self.value.get(key) if isinstance(self.value, dict) else None

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


def load(body: bytes) -> Any:
    """The JSON value of a body. Numbers that are too large to be one are kept as text.

    :raises AnomalousPayload: it is not JSON.
    """
    try:
        return json.loads(body, parse_int=_whole, parse_float=_real, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise AnomalousPayload("the body is not JSON") from None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
