"""The picture of a location: off by default, from the operator's tiles only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chatport.db import tables as t
from chatport_dashboard.map_tiles import TILE, picture

TILES = "https://tiles.example:8443/{z}/{x}/{y}.png?key=k"


def located(site: Any) -> Any:
    chat = site.chat("Rina")
    site.add(
        t.Attachment,
        account_id=1,
        message_id=chat.message("", content_type="location"),
        kind="location",
        state="none",
        meta={"latitude": -34.6037, "longitude": -58.3816, "name": "Obelisco"},
    )
    return chat


def configure(site: Any) -> None:
    site.core.settings = replace(site.core.settings, map_tile_url=TILES)


def test_a_location_is_a_link_only_by_default(site: Any) -> None:
    answer = site.admin.get(located(site).path)

    assert "openstreetmap.org/?mlat=-34.603700" in answer.text
    assert "<image" not in answer.text
    assert "tiles.example" not in answer.headers["Content-Security-Policy"]


def test_a_location_has_a_picture_of_the_operators_tiles(site: Any) -> None:
    configure(site)

    answer = site.admin.get(located(site).path)

    assert 'href="https://tiles.example:8443/15/11070/19744.png?key=k"' in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "img-src 'self' data: blob: https://tiles.example:8443;" in policy
    assert policy.count("tiles.example") == 1


def test_the_place_is_in_the_middle_of_its_tiles() -> None:
    found = picture("{z}/{x}/{y}", 0.0, 0.0, width=320, height=160)

    assert found is not None
    # At the zero point four tiles meet, and that is in the middle.
    assert {(one.url, one.x, one.y) for one in found.tiles} == {
        ("15/16383/16383", 160 - TILE, 80 - TILE),
        ("15/16384/16383", 160, 80 - TILE),
        ("15/16383/16384", 160 - TILE, 80),
        ("15/16384/16384", 160, 80),
    }


@pytest.mark.parametrize("longitude", [-180.0, 180.0, 179.9999])
def test_tiles_go_on_across_the_date_line(longitude: float) -> None:
    found = picture("{x}", 10.0, longitude)

    assert found is not None
    assert {one.url for one in found.tiles} == {"32767", "0"}


@pytest.mark.parametrize("place", [(90.0, 0.0), (-86.0, 0.0), (0.0, 181.0), (float("nan"), 0.0)])
def test_a_place_off_the_map_has_no_picture(place: tuple[float, float]) -> None:
    assert picture("{z}/{x}/{y}", *place) is None
