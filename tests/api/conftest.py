"""Fixtures for tests of the REST API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from api.client import Api, make_api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """The application on SQLite, for what does not depend on the database."""
    made = make_api(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield made
    made.close()


@pytest.fixture
def both(database_url: str, tmp_path: Path) -> Iterator[Api]:
    """The application on SQLite and on PostgreSQL, for queries that could differ."""
    made = make_api(database_url, tmp_path)
    yield made
    made.close()
