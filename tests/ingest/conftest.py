"""Fixtures for tests of the inbound pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest_world import World, make_world


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """An installation on SQLite and on PostgreSQL."""
    made = make_world(database_url)
    yield made
    made.core.db.dispose()
