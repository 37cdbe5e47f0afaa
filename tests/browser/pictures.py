"""Pictures for the stories, computed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

Colour = tuple[int, int, int]


def png(width: int, height: int, colour: Callable[[int, int], Colour]) -> bytes:
    """A picture with a colour for each point."""
    lines = b"".join(
        b"\0" + bytes(c for x in range(width) for c in colour(x, y)) for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


def dusk(x: int, y: int) -> Colour:
    """A landscape: sky over hills."""
    hill = 150 + int(24 * ((x // 3) % 40) / 40) - abs(x - 160) // 6
    return (38, 84 + y % 7, 78) if y > hill else (250 - y // 2, 190 - y // 3, 150 + y // 3)


DUSK = png(320, 220, dusk)
