"""Bugs that the promises guard against, planted into the processes of an installation.

Owns: one patch for each bug. Never part of the product: the harness injects them. Read alone by ``injection``.
Must not know: scenarios.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


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


def nobody_looks_again(late: Any) -> None:
    """Only the process that learned a message's id looks for receipts that came before."""
    late.recheck_all = lambda *_: 0


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

    def slice_(core: Any, channel_id: int, *more: Any) -> Any:
        try:
            return take(core, channel_id, *more)
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


def two_queues_per_worker(worker: Any) -> None:
    """Every worker listens to both queues, calls first: one that waits for a service works on nothing else."""
    init = worker.ChatportWorker.__init__

    def both(self: Any, queues: Any, **more: Any) -> None:
        (queue,) = queues
        prefix = queue.name.rpartition("-")[0]
        names = (f"{prefix}-calls", f"{prefix}-events")
        queues = [
            worker.Queue(name, connection=more["connection"], serializer=worker.JSONSerializer)
            for name in names
        ]
        init(self, queues, **more)

    worker.ChatportWorker.__init__ = both


def fixed_job_ids(bells: Any) -> None:
    """Each job of a kind has the same id: one that ends takes along the one that was asked for meanwhile."""
    queue = bells.Queue

    class FixedIds(queue):  # type: ignore[misc, valid-type]
        def enqueue(self, function: Any, **more: Any) -> Any:
            return super().enqueue(function, job_id=f"{self.name}-job", **more)

    bells.Queue = FixedIds


def hook_inside_a_transaction(drain: Any) -> None:
    """The provider's parser runs while a transaction is open, and nothing forbids it."""
    from chatport.plugins import handle as handles

    parse, take = drain._parse, drain._drain_slice
    cores: list[Any] = []
    for module in (handles, drain):
        if hasattr(module, "forbid_in_transaction"):
            module.forbid_in_transaction = lambda *_: None

    def remembering(core: Any, channel_id: int, *more: Any) -> Any:
        cores[:] = [core]
        return take(core, channel_id, *more)

    def parse_inside(handle: Any, record: Any, work: Any) -> None:
        with cores[0].db.write("parse"):
            parse(handle, record, work)

    drain._parse, drain._drain_slice = parse_inside, remembering


def savepoint_release_commits(upsert: Any) -> None:
    """What was meant to end a savepoint ends the transaction: half of an effect is kept."""
    insert_if_absent = upsert.insert_if_absent

    def committing(connection: Any, table: Any, values: Any) -> Any:
        new = insert_if_absent(connection, table, values)
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return new

    upsert.insert_if_absent = committing


#: Each bug with the module that it is planted into.
PATCHES: dict[str, tuple[str, Callable[[Any], None]]] = {
    patch.__name__: (module, patch)
    for module, patch in (
        ("chatport_webhooks.committer", acknowledge_before_commit),
        ("chatport_webhooks.committer", acknowledge_what_was_refused),
        ("chatport.services.ingest.apply_messages", no_deduplication),
        ("chatport.services.ingest.apply", deduplicate_outside_the_transaction),
        ("chatport.services.ingest.followups", drop_what_comes_too_early),
        ("chatport.services.statuses", last_status_wins),
        ("chatport.services.ingest.late", nobody_looks_again),
        ("chatport.jobs.sweeper", bell_only),
        ("chatport.services.outbox.policy", send_again_after_unknown_outcome),
        ("chatport.services.outbox.deliver", send_again_after_a_crash),
        ("chatport.services.outbox.claim", no_order_among_sends),
        ("chatport.services.ingest.drain", poison_takes_the_batch_along),
        ("chatport.jobs.sweeper", no_history_after_downtime),
        ("chatport.services.ingest.scope", time_of_arrival),
        ("chatport.services.outbox.settle", failure_without_reason),
        ("chatport.services.ingest.drain", only_later_ids),
        ("chatport.jobs.worker", two_queues_per_worker),
        ("chatport.services.bells", fixed_job_ids),
        ("chatport.services.ingest.drain", hook_inside_a_transaction),
        ("chatport.db.upsert", savepoint_release_commits),
    )
}
