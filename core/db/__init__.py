"""Storage: tables, engines, transactions, locks and migrations.

Owns: everything that knows SQL dialects. Must not know: Flask requests, plugins, jobs.
"""

from __future__ import annotations

from .engine import Database
from .types import UtcDateTime, utcnow

__all__ = ["Database", "UtcDateTime", "utcnow"]
