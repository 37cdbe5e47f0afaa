"""Fixtures for tests of the outbound services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.fake_provider import World, make_world


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """An installation on SQLite and on PostgreSQL."""
    made = make_world(database_url, tmp_path)
    yield made
    made.core.db.dispose()


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    """An installation on SQLite, for what does not depend on the database."""
    made = make_world(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield made
    made.core.db.dispose()
