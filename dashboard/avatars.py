"""Initials and colours where there is no picture.

Owns: both, as pure functions. Must not know: contacts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

HUES = 8


def initials(name: str) -> str:
    """One or two letters of a name; ``#`` for a bare number."""
    words = [word for word in name.replace("-", " ").split() if word[0].isalpha()]
    if not words:
        return "#" if any(c.isdigit() for c in name) else "?"
    picked = words[:1] if len(words) == 1 else [words[0], words[-1]]
    return "".join(word[0] for word in picked).upper()


def hue(key: object) -> int:
    """One of a few colours, always the same for the same key."""
    return zlib.crc32(str(key).encode("utf-8", "replace")) % HUES


FILTERS: dict[str, Callable[..., Any]] = {"initials": initials, "hue": hue}
