"""Bugs that the promises guard against, planted into the processes of an installation.

Owns: one patch for each bug, and the hook that applies it. Never part of the product: a ``sitecustomize`` that the
harness puts on the path of the processes imports this file, which patches a module right after it was loaded.
Must not know: scenarios.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

VARIABLE = "CHATPORT_TEST_PLANT"


def acknowledge_before_commit(committer: Any) -> None:
    """The sender is told as soon as its request stands in the queue."""
    add = committer.Committer._add

    async def store_async(self: Any, row: Any) -> None:
        add(self, row, committer.Future())

    def store(self: Any, row: Any) -> None:
        add(self, row, committer.Future())

    committer.Committer.store_async, committer.Committer.store = store_async, store


def acknowledge_what_was_refused(committer: Any) -> None:
    """A database that is busy is not waited for, and the request acknowledged all the same."""
    import sqlite3

    commit = committer.Committer._commit

    def impatient(self: Any, batch: Any) -> None:
        probe = sqlite3.connect(str(self._db.path), timeout=1.0, isolation_level=None)
        try:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError:
            committer._tell(batch, None)
        else:
            commit(self, batch)
        finally:
            probe.close()

    committer.Committer._commit = impatient


def no_deduplication(messages: Any) -> None:
    """Each delivery makes a message."""
    insert_if_absent = messages.insert_if_absent

    def insert_always(connection: Any, table: Any, values: Any) -> Any:
        if table.name == "messages":
            from uuid import uuid4

            values = {**values, "item_key": f"{values['item_key'][:150]}:{uuid4().hex}"}
        return insert_if_absent(connection, table, values)

    messages.insert_if_absent = insert_always
    messages._stored_already = lambda *_: None


def deduplicate_outside_the_transaction(applying: Any) -> None:
    """What was seen is noted elsewhere, before the effect is committed."""
    import sqlite3

    apply_event, duplicate = applying.apply_event, applying.ignored
    folder = Path(os.environ["CHATPORT_TEST_PLANT_FOLDER"])

    def remembering(scope: Any, event: Any) -> Any:
        seen = sqlite3.connect(folder / "seen.db", isolation_level=None, timeout=10)
        seen.execute("PRAGMA synchronous=OFF")
        seen.execute("CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY)")
        try:
            seen.execute("INSERT INTO seen VALUES (?)", (event.key,))
        except sqlite3.IntegrityError:
            return duplicate("seen before")
        finally:
            seen.close()
        return apply_event(scope, event)

    applying.apply_event = remembering


def drop_what_comes_too_early(followups: Any) -> None:
    """A status, edit or reaction without its message is nothing."""
    from chatport.services.ingest.scope import ignored

    followups.wait_for = lambda scope, event, target, reason: ignored(reason)


def last_status_wins(statuses: Any) -> None:
    """The shown status is what was told last."""
    store = statuses._store

    def record_status(connection: Any, message_id: int, fact: Any, **more: Any) -> bool:
        store(connection, message_id, fact, more.get("recipient", ""), more.get("details") or {})
        table = statuses.Message.__table__
        connection.execute(
            table.update().where(table.c.id == message_id).values(status=fact.status)
        )
        return True

    statuses.record_status = record_status


def bell_only(sweeper: Any) -> None:
    """Nobody looks for work whose bell was lost."""
    sweeper.events_due = lambda *_: False
    sweeper.calls_due = lambda *_: False


def send_again_after_unknown_outcome(policy: Any) -> None:
    """A broken connection counts as a failure."""
    kind = policy.ErrorClass.UNKNOWN_OUTCOME
    policy.RULES = {**policy.RULES, kind: policy.Rule(tries=5)}


def send_again_after_a_crash(deliver: Any) -> None:
    """What a dead process left as being sent is queued again."""

    def recover(self: Any) -> None:
        sends = deliver.claim.sends
        with self.core.db.write("recover") as connection:
            connection.execute(
                sends.update()
                .where(sends.c.channel_id == self.channel_id, sends.c.state == "sending")
                .values(state="queued")
            )

    deliver._ChannelRun._recover = recover


def no_order_among_sends(claim: Any) -> None:
    """A message does not wait for the earlier ones of its conversation."""
    import sqlalchemy as sa

    claim._has_earlier = lambda: sa.literal(False)


def poison_takes_the_batch_along(drain: Any) -> None:
    """One item that cannot be read ends its whole batch."""
    parse, take = drain._parse, drain._drain_slice

    def parse_all(handle: Any, record: Any, work: Any) -> None:
        parse(handle, record, work)
        if work.error is not None:
            raise _Poison

    def slice_(core: Any, channel_id: int) -> Any:
        try:
            return take(core, channel_id)
        except _Poison:
            with core.db.write("give up") as connection:
                table = drain._requests
                connection.execute(
                    table.update()
                    .where(table.c.channel_id == channel_id, table.c.crashes > 0)
                    .values(state="done", crashes=0, error="batch failed")
                )
            return 1, 0

    drain._parse, drain._drain_slice = parse_all, slice_


class _Poison(Exception):
    pass


def no_history_after_downtime(sweeper: Any) -> None:
    """After a downtime everything goes on as if nothing had been missed."""
    sweeper.reconcile_all = lambda *_, **__: 0


def time_of_arrival(scope: Any) -> None:
    """Messages stand in the order in which they came."""
    scope.Scope.moment = lambda self, when: self.now


def failure_without_reason(settle: Any) -> None:
    """An unknown outcome shows without saying why."""
    show = settle.show

    def silent(connection: Any, send: Any, message: Any, status: str, *rest: Any) -> None:
        show(connection, send, message, status, "", "", "", rest[-1])

    settle.show = silent


def only_later_ids(drain: Any) -> None:
    """Work is what has a higher id than the last that was done."""
    take = drain._take
    original_due = drain._due_channels

    def last(core: Any, channel_id: int) -> int:
        import sqlalchemy as sa

        table = drain._requests
        with core.db.read("last") as connection:
            query = sa.select(sa.func.max(table.c.id)).where(
                table.c.channel_id == channel_id,
                sa.or_(table.c.state == "done", table.c.crashes > 0),
            )
            return connection.execute(query).scalar() or 0

    def take_later(core: Any, channel_id: int) -> Any:
        before = last(core, channel_id)
        works, channel, inbox = take(core, channel_id)
        return [one for one in works if one.row.id > before], channel, inbox

    def due(core: Any, channel_id: int | None) -> list[int]:
        import sqlalchemy as sa

        table = drain._requests
        found = []
        for one in original_due(core, channel_id):
            with core.db.read("due") as connection:
                query = sa.select(sa.func.max(table.c.id)).where(
                    table.c.channel_id == one, table.c.state == "pending"
                )
                if (connection.execute(query).scalar() or 0) > last(core, one):
                    found.append(one)
        return found

    drain._take, drain._due_channels = take_later, due


#: Each bug with the module that it is planted into.
PLANTS: dict[str, tuple[str, Callable[[Any], None]]] = {
    patch.__name__: (module, patch)
    for module, patch in (
        ("chatport_webhooks.committer", acknowledge_before_commit),
        ("chatport_webhooks.committer", acknowledge_what_was_refused),
        ("chatport.services.ingest.apply_messages", no_deduplication),
        ("chatport.services.ingest.apply", deduplicate_outside_the_transaction),
        ("chatport.services.ingest.followups", drop_what_comes_too_early),
        ("chatport.services.statuses", last_status_wins),
        ("chatport.jobs.sweeper", bell_only),
        ("chatport.services.outbox.policy", send_again_after_unknown_outcome),
        ("chatport.services.outbox.deliver", send_again_after_a_crash),
        ("chatport.services.outbox.claim", no_order_among_sends),
        ("chatport.services.ingest.drain", poison_takes_the_batch_along),
        ("chatport.jobs.sweeper", no_history_after_downtime),
        ("chatport.services.ingest.scope", time_of_arrival),
        ("chatport.services.outbox.settle", failure_without_reason),
        ("chatport.services.ingest.drain", only_later_ids),
    )
}


class _Finder(importlib.abc.MetaPathFinder):
    """Finds a module as usual and patches it once it is loaded."""

    def __init__(self, name: str, patch: Callable[[Any], None]) -> None:
        self._name, self._patch, self._busy = name, patch, False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The usual spec, with a loader that patches."""
        if name != self._name or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec is not None and spec.loader is not None:
            patch, run = self._patch, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                patch(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def plant(name: str) -> None:
    """Patch what belongs to a bug as soon as it is imported."""
    sys.meta_path.insert(0, _Finder(*PLANTS[name]))


def environment(name: str) -> dict[str, str]:
    """Variables that make the processes of an installation bear a bug."""
    folder = Path(tempfile.mkdtemp(prefix="chatport-plant-"))
    (folder / "sitecustomize.py").write_text(
        "import importlib.util, os\n"
        f"spec = importlib.util.spec_from_file_location('planted', {str(Path(__file__))!r})\n"
        "planted = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(planted)\n"
        f"planted.plant(os.environ[{VARIABLE!r}])\n",
        encoding="utf-8",
    )
    return {
        "PYTHONPATH": str(folder),
        VARIABLE: name,
        "CHATPORT_TEST_PLANT_FOLDER": str(folder),
    }
