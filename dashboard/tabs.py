"""Tabs of a screen that has several pages.

Owns: the record. Must not know: screens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request, url_for


@dataclass(frozen=True, slots=True)
class Tab:
    """One page of a screen, as linked from the others."""

    title: str
    url: str
    active: bool
    count: int = 0
    tone: str = ""


def tab(endpoint: str, title: str, *, count: int = 0, tone: str = "", **values: Any) -> Tab:
    """A tab that is active on its own endpoint."""
    name = f"dashboard.{endpoint}"
    return Tab(str(title), url_for(name, **values), request.endpoint == name, count, tone)
