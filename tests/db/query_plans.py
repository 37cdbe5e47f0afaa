"""Watches the statements of an engine: how each would be run, and how many rows that touches.

Nothing here knows what Chatport does. Each statement is explained where it is run, in its transaction and with its
values, so the plan is the one that it really gets.

Two judges. A plan must not walk through a big table. And a statement must not touch more than a bounded number of rows,
which finds what a plan hides: an index that is good for the account only, a sort of all that there is. PostgreSQL
counts rows itself; for SQLite the steps of its virtual machine are counted, 10 to 100 for a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Engine

#: Explained so often at most in one scene: the same statement has the same plan.
REPEATS = 3
#: Ways that PostgreSQL prefers while a table is small and has no use for once it is large.
WAYS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
#: SQLite calls back after so many steps.
GRAIN = 200
READS = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
ALIASES = re.compile(r"\b(?:FROM|JOIN|,)\s+(\w+)\s+AS\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A statement as it was run in a scene.

    :param scanned: big tables that the plan walks through.
    :param work: rows touched (PostgreSQL) or steps taken (SQLite).
    :param index_only: it touches no table, only indexes.
    """

    scene: str
    statement: str
    plan: str
    scanned: frozenset[str]
    work: int
    index_only: bool = False

    def __str__(self) -> str:
        walked = f", walks through {', '.join(sorted(self.scanned))}" if self.scanned else ""
        columns = re.compile(r"^SELECT (?:DISTINCT )?.{200,}? \nFROM", re.DOTALL)
        statement = columns.sub("SELECT … FROM", self.statement)
        return f"{self.scene}: work {self.work}{walked}\n{statement}\n{self.plan}\n"


@dataclass
class Watch:
    """What was seen. ``scene`` names what is being done; ``partial`` are names of indexes with a condition."""

    engine: Engine
    big: frozenset[str]
    partial: frozenset[str]
    seen: list[Seen] = field(default_factory=list)
    scene: str = ""
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at everything that is run meanwhile, by any thread."""
        sa.event.listen(self.engine, "before_cursor_execute", self._before)
        try:
            yield
        finally:
            sa.event.remove(self.engine, "before_cursor_execute", self._before)

    def forget(self) -> None:
        """Begin anew."""
        self.seen.clear()
        self._counts.clear()

    def _before(
        self, connection: Any, cursor: Any, statement: str, parameters: Any, _: Any, many: bool
    ) -> None:
        if not (READS.match(statement) or WRITES.match(statement)) or not self.scene:
            return
        key = self.scene, statement
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] > REPEATS:
            return
        values = parameters[0] if many else parameters
        raw = connection.connection.driver_connection
        explain = _sqlite if connection.dialect.name == "sqlite" else _postgresql
        self.seen.append(explain(raw, self, self.scene, statement, values))


# --- SQLite -----------------------------------------------------------------------------------------------------------


def _sqlite(raw: Any, watch: Watch, scene: str, statement: str, values: Any) -> Seen:
    lines = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    tables = {name: name for name in watch.big} | {
        alias: table for table, alias in ALIASES.findall(statement) if table in watch.big
    }
    # An index with a condition holds only the rows that there is work for.
    walked = [
        line.split()[1]
        for line in lines
        if line.startswith("SCAN ") and not any(line.endswith(f" {name}") for name in watch.partial)
    ]
    # A virtual table's own index answers these.
    virtual = [line.split()[1] for line in lines if "VIRTUAL TABLE INDEX" in line]
    scanned = frozenset(tables[name] for name in walked if name in tables and name not in virtual)
    touched = [line for line in lines if line.startswith(("SCAN ", "SEARCH "))]
    return Seen(
        scene,
        statement,
        "\n".join(lines),
        # The plan of an INSERT tells how foreign keys would be looked after, which mostly is not done.
        frozenset() if statement.lstrip().startswith("INSERT") else scanned,
        _steps(raw, statement, values),
        all("COVERING INDEX" in line for line in touched),
    )


def _steps(raw: Any, statement: str, values: Any) -> int:
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += GRAIN
        return 0

    raw.execute("SAVEPOINT tried")
    raw.set_progress_handler(count, GRAIN)
    try:
        raw.execute(statement, values).fetchall()
    finally:
        raw.set_progress_handler(None, 0)
        raw.execute("ROLLBACK TO tried")
        raw.execute("RELEASE tried")
    return counted


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def _postgresql(raw: Any, watch: Watch, scene: str, statement: str, values: Any) -> Seen:
    with psycopg.ClientCursor(raw) as cursor:
        cursor.execute("SAVEPOINT tried")
        for way in WAYS:
            cursor.execute(f"SET LOCAL {way} = off")
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values)
        row = cursor.fetchone()
        cursor.execute("ROLLBACK TO tried")
    assert row is not None
    nodes = list(_nodes(row[0][0]["Plan"]))
    mine = [node for node in nodes if node.get("Relation Name") in watch.big]
    return Seen(
        scene,
        statement,
        "\n".join(_line(node) for node in nodes),
        frozenset(node["Relation Name"] for node in mine if node["Node Type"] == "Seq Scan"),
        max((_touched(node) for node in mine if node["Node Type"] != "ModifyTable"), default=0),
        all(node["Node Type"] == "Index Only Scan" for node in mine),
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _touched(node: dict[str, Any]) -> int:
    gone = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node.get("Actual Rows", 0) + gone) * node.get("Actual Loops", 1))


def _line(node: dict[str, Any]) -> str:
    told = [node["Node Type"]]
    for key in ("Relation Name", "Index Name", "Index Cond", "Filter", "Sort Key"):
        if key in node:
            told.append(f"{key.lower()}={node[key]}")
    if "Actual Rows" in node:
        told.append(f"rows={_touched(node)}")
    return " ".join(told)
