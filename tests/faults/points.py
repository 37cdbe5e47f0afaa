"""Named points inside the processes of an installation, at which the harness kills or delays; and their clock.

Owns: the points, and how a process learns what happens at one: a file. A process without the folder's variable, or a
point without a file, goes on as ever. Read alone by ``injection``. Must not know: scenarios.

Each write transaction has two points, ``before commit: NAME`` (everything is done, nothing is kept) and
``after commit: NAME`` (it is kept, nothing that follows has happened). ``commit`` is passed before each commit,
whatever its name, with the transaction open: a delay there is what a slow disk is to a database.
``after insert: TABLE`` is in the middle of one event's effect: one row of it is written, the others are not.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

VARIABLE = "CHATPORT_TEST_POINTS"


def file_of(folder: Path, point: str) -> Path:
    """The file that says what happens at a point."""
    return folder / re.sub(r"[^a-z0-9]+", "-", point.lower())


def reach(point: str) -> None:
    """A process passes a point."""
    file = file_of(Path(os.environ[VARIABLE]), point)
    try:
        action, _, value = file.read_text(encoding="ascii").partition(" ")
    except OSError:
        return
    if action == "sleep":
        time.sleep(float(value))
    elif action == "kill":
        try:
            file.rename(file.with_suffix(".hit"))
        except OSError:
            return  # another process came first, and only one is meant
        os.kill(os.getpid(), signal.SIGKILL)


def transactions(engine: Any) -> None:
    """Points before and after each commit."""
    write = engine.Database.write

    @contextmanager
    def with_points(self: Any, name: str) -> Iterator[Any]:
        with write(self, name) as connection:
            yield connection
            reach("commit")
            reach(f"before commit: {name}")
        reach(f"after commit: {name}")

    engine.Database.write = with_points


def appends(append: Any) -> None:
    """The same points for what is only appended: one statement is that transaction, which is kept or is not."""
    run = append.Appender._run

    def with_points(self: Any, driver: Any, statement: str, values: Any) -> None:
        reach("commit")
        reach(f"before commit: {self._name}")
        run(self, driver, statement, values)
        reach(f"after commit: {self._name}")

    append.Appender._run = with_points


def inserts(upsert: Any) -> None:
    """Points after each insert that an event's effect begins with."""
    insert_if_absent = upsert.insert_if_absent

    def with_point(connection: Any, table: Any, values: Any) -> Any:
        new = insert_if_absent(connection, table, values)
        if values.get("item_key") != "original":  # kept beside an edit, and no effect of its own
            reach(f"after insert: {table.name}")
        return new

    upsert.insert_if_absent = with_point


def clock(types: Any) -> None:
    """The one function from which Chatport takes the time: a step is a number of seconds in the file ``clock``."""
    utcnow = types.utcnow

    def stepped() -> Any:
        try:
            seconds = float((Path(os.environ[VARIABLE]) / "clock").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return utcnow()
        return utcnow() + timedelta(seconds=seconds)

    types.utcnow = stepped


PATCHES: dict[str, tuple[str, Callable[[Any], None]]] = {
    "transactions": ("chatport.db.engine", transactions),
    "appends": ("chatport.db.append", appends),
    "inserts": ("chatport.db.upsert", inserts),
    "clock": ("chatport.db.types", clock),
}
