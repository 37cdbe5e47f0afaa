"""A real Chromium before a real Chatport with simulated services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser.windows import CHROMIUM, launched


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium: apt-get install chromium")
    with launched() as browser:
        yield browser
