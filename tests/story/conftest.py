"""A whole installation of real processes for the stories of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from installation import Installation, installed


@pytest.fixture(scope="module")
def chatport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """``chatport up`` with an embedded Valkey and SQLite."""
    with installed(tmp_path_factory.mktemp("story") / "data") as made:
        yield made
