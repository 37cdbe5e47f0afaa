"""A picture of a place, put together from map tiles.

Owns: which tiles of the usual web map (Web Mercator, 256 pixels) surround a place, and where. Pure. Must not know:
HTML, whose tiles they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TILE = 256
ZOOM = 15
#: The map ends here.
_EDGE = 85.05112878


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: its address, and its corner in pixels from the picture's corner."""

    url: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Tiles that fill a picture with the place in its middle."""

    width: int
    height: int
    tiles: tuple[Tile, ...]


def picture(
    template: str, latitude: float, longitude: float, *, width: int = 320, height: int = 160
) -> Picture | None:
    """The picture of a place; ``None`` for one that is not on the map.

    :param template: address with ``{z}``, ``{x}`` and ``{y}``.
    """
    if not (abs(latitude) <= _EDGE and abs(longitude) <= 180):
        return None
    count = 1 << ZOOM
    angle = math.radians(latitude)
    across = (longitude + 180) / 360 * count * TILE
    down = (1 - math.asinh(math.tan(angle)) / math.pi) / 2 * count * TILE
    left, top = round(across - width / 2), round(down - height / 2)
    tiles = tuple(
        Tile(_address(template, column % count, row), column * TILE - left, row * TILE - top)
        for row in range(top // TILE, (top + height - 1) // TILE + 1)
        for column in range(left // TILE, (left + width - 1) // TILE + 1)
        if 0 <= row < count
    )
    return Picture(width, height, tiles)


def _address(template: str, column: int, row: int) -> str:
    return template.replace("{z}", str(ZOOM)).replace("{x}", str(column)).replace("{y}", str(row))
