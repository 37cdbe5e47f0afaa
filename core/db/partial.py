"""Conditions that a partial index needs to see.

Owns: writing words into a statement instead of passing them beside it. Must not know: any table.

SQLite uses an index with a condition such as ``state IN ('queued', 'sending')`` only for a statement that holds the
very same words: values that are passed beside the statement prove nothing, and the whole table would be read.
PostgreSQL does not mind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


def written(column: Any, words: Sequence[str]) -> sa.ColumnElement[bool]:
    """``column IN (words)`` with the words in the statement.

    :param words: words of our own, never what came from outside; in the order of the index.
    """
    listed: sa.BindParameter[Any] = sa.bindparam(
        "written", list(words), expanding=True, literal_execute=True, unique=True
    )
    found: sa.ColumnElement[bool] = column.in_(listed)
    return found
