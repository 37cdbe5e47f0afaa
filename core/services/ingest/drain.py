"""From pending webhook requests to applied events, in batches.

Owns: taking requests, calling the provider's parser outside any transaction, applying in batches that are halved on an
item's error, attempts, dead letters, replay. Must not know: what single events do; RQ.

The rows are the truth: a drain may start at any time, twice at once, and be killed anywhere.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from ...channels import InboundRequest
from ...db.locks import named_lock
from ...db.partial import written
from ...db.tables import SET_ASIDE, Channel, DeadLetter, Inbox, RawRequest
from ...db.types import storable, storable_json, utcnow
from ...db.upsert import insert_if_absent, update_many
from ...errors import AnomalousPayload, ChatportError, PluginMissing, ProviderCrashed
from ...events import AnyEvent, Event
from ...notices import NoticeKind
from ..alerts import raise_alert, resolve_alert
from ..channels import load_channel
from . import apply as applying
from .clean import cleaned, is_suspicious
from .codec import to_json
from .late import recheck
from .scope import ItemState, Outcome, Scope, parked, scope_of

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

#: Requests taken at once at most.
BATCH = 200
#: Items applied in one transaction at most.
ITEMS = 50
#: On SQLite the receiver waits for its turn behind each transaction, so fewer share one where it takes longer than so
#: many seconds; but not less than so many items.
HOLD, FEWEST = 0.006, 4
#: Attempts in all before a dead letter.
MAX_TRIES = 5
#: Seconds before attempt 2, 3, 4, 5; each with up to half as much jitter.
BACKOFF = (2.0, 10.0, 60.0, 300.0)
#: A request whose processing ended with its process so often is set aside: once in company, where it may be innocent,
#: and twice alone, since processes are also killed from outside.
MAX_CRASHES = 3
#: Longest item key, in characters.
MAX_KEY = 200

_requests = RawRequest.__table__
_dead = DeadLetter.__table__
_channels = Channel.__table__
#: Never backwards: the channel's row may have been read before another batch ended.
_LAST_EVENT = (
    sa.update(_channels)
    .where(
        _channels.c.id == sa.bindparam("channel"),
        sa.or_(_channels.c.last_event_at.is_(None), _channels.c.last_event_at < sa.bindparam("at")),
    )
    .values(last_event_at=sa.bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What a drain did. ``more``: work is left that could be done now."""

    requests: int
    items: int
    more: bool


@dataclass(slots=True)
class Work:
    """One request on its way through a batch."""

    row: Row[Any]
    events: list[AnyEvent] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    error: Exception | None = None


class Pace:
    """How many items share a transaction, by how long the last one took; and what is to be looked for afterwards.

    :param one_writer: whether others wait while one writes.
    """

    def __init__(self, *, one_writer: bool) -> None:
        self._one_writer = one_writer
        self.items = 2 * FEWEST if one_writer else ITEMS
        self.rechecks: set[tuple[int, str]] = set()

    @contextmanager
    def transaction(self, core: Core, name: str, items: int) -> Iterator[Connection]:
        """A transaction for so many items, whose time counts from when it has its turn."""
        with core.db.write(name) as connection:
            began = time.monotonic()
            yield connection
        if self._one_writer and items:
            fitting = int(items * HOLD / max(time.monotonic() - began, 0.001))
            self.items = min(max(fitting, FEWEST), 2 * self.items, ITEMS)


def drain(
    core: Core,
    *,
    budget_seconds: float = 10.0,
    stop: Callable[[], bool] = lambda: False,
    channel_id: int | None = None,
) -> DrainResult:
    """Work through pending requests, channel by channel in turn, a slice each.

    :param budget_seconds: begin no new slice after this time.
    :param stop: asked before each slice.
    :param channel_id: only this channel.
    :raises DBAPIError: the database does not work; nothing is lost, try again later.
    """
    end = time.monotonic() + budget_seconds
    requests = items = 0
    busy: set[int] = set()
    pace = Pace(one_writer=core.db.is_sqlite)
    while time.monotonic() < end and not stop():
        due = [i for i in _due_channels(core, channel_id) if i not in busy]
        if not due:
            return DrainResult(requests, items, more=bool(busy))
        for one in due:
            if time.monotonic() >= end or stop():
                return DrainResult(requests, items, more=True)
            with named_lock(core.db, f"drain:{one}") as mine:
                if not mine:
                    busy.add(one)  # whoever has the lock works on it and will look again
                    continue
                done = _drain_slice(core, one, pace)
                requests += done[0]
                items += done[1]
    return DrainResult(requests, items, more=True)


def _due_channels(core: Core, channel_id: int | None) -> list[int]:
    query = (
        sa.select(_requests.c.channel_id)
        .where(
            _requests.c.state == "pending",
            sa.or_(_requests.c.next_try_at.is_(None), _requests.c.next_try_at <= utcnow()),
        )
        .distinct()
    )
    if channel_id is not None:
        query = query.where(_requests.c.channel_id == channel_id)
    with core.db.read("due channels") as connection:
        ids = [row[0] for row in connection.execute(query)]
    random.shuffle(ids)
    return ids


def _drain_slice(core: Core, channel_id: int, pace: Pace) -> tuple[int, int]:
    """One batch of one channel; returns the numbers of requests and items."""
    works, channel, inbox = _take(core, channel_id)
    if not works:
        return 0, 0
    try:
        handle = core.plugins.provider(channel.provider)
    except PluginMissing as error:
        _park_all(core, works, str(error))
        return len(works), 0
    record = load_channel(core, channel)
    for work in works:
        _parse(handle, record, work)
    left = works
    while left:
        group = _next_group(left, pace.items)
        try:
            if len(group[0].events) > pace.items:
                _apply_alone(core, channel, inbox, group[0], pace)
            else:
                _apply_works(core, channel, inbox, group, pace)
        except DBAPIError as error:
            if not is_database_fault(error):
                raise
            _release(core, left)
            raise
        left = left[len(group) :]
    # Another transaction may have committed meanwhile what follows on a message of these, or what they follow on.
    recheck(core, pace.rechecks)
    pace.rechecks.clear()
    return len(works), sum(len(work.events) for work in works)


def _next_group(works: list[Work], most: int) -> list[Work]:
    """Requests that share a transaction. Small ones do, for speed; one with many items stands alone."""
    items = 0
    for number, work in enumerate(works):
        items += len(work.events)
        if number and items > most:
            return works[:number]
    return works


def _take(core: Core, channel_id: int) -> tuple[list[Work], Row[Any], Row[Any]]:
    """Take a batch and note that an attempt begins, before any plugin code runs."""
    with core.db.write("take requests") as connection:
        channel = connection.execute(sa.select(_channels).where(_channels.c.id == channel_id)).one()
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(Inbox.channel_id == channel_id)
        ).one()
        rows = connection.execute(
            sa.select(_requests)
            .where(
                _requests.c.channel_id == channel_id,
                _requests.c.state == "pending",
                sa.or_(_requests.c.next_try_at.is_(None), _requests.c.next_try_at <= utcnow()),
            )
            .order_by(_requests.c.id)
            .limit(BATCH)
        ).all()
        # A request that was begun before may have killed its process: it goes alone.
        suspect = next((row for row in rows if row.crashes), None)
        if suspect is not None:
            rows = [row for row in rows if not row.crashes] if not rows[0].crashes else [rows[0]]
        taken = []
        for row in rows:
            if row.crashes >= MAX_CRASHES:
                _set_aside(connection, core, row)
            else:
                taken.append(row)
        if taken:
            connection.execute(
                sa.update(_requests)
                .where(_requests.c.id.in_([row.id for row in taken]))
                .values(crashes=_requests.c.crashes + 1)
            )
    return [Work(row) for row in taken], channel, inbox


def _set_aside(connection: Connection, core: Core, row: Row[Any]) -> None:
    reason = f"processing this request ended its process {row.crashes} times; it is set aside"
    connection.execute(
        sa.update(_requests)
        .where(_requests.c.id == row.id)
        .values(state="dead", error=reason, done_at=utcnow())
    )
    _dead_letter(
        connection,
        row,
        "request",
        "",
        error_type="ProcessKilled",
        error=reason,
        action="Look at the payload and the plugin's version, then replay.",
        payload=_body_text(row),
    )


def _parse(handle: Any, channel: Any, work: Work) -> None:
    """Let the provider read the request, outside any transaction."""
    row = work.row
    try:
        work.events = list(
            handle.handle_event(
                channel,
                InboundRequest(
                    body=row.body or b"", headers=row.headers, received_at=row.received_at
                ),
            )
        )
        _check_events(work.events)
        if is_suspicious(row.body or b""):
            work.events = [cleaned(event) for event in work.events]
    except ChatportError as error:
        work.events = []
        work.error = error


def _check_events(events: list[AnyEvent]) -> None:
    """Refuse what is no event, or has no usable key: nothing could recognise its duplicates.

    :raises ProviderCrashed: naming what is wrong.
    """
    for event in events:
        if not isinstance(event, Event):
            raise ProviderCrashed(
                f"handle_event returned a {type(event).__name__} instead of an event"
            )
        if not isinstance(event.key, str) or not 1 <= len(event.key) <= MAX_KEY:
            raise ProviderCrashed(
                f"handle_event returned a {type(event).__name__} whose key is not a text of 1 to {MAX_KEY} characters"
            )


def is_database_fault(error: BaseException) -> bool:
    """Whether an error is the database's (locked, gone, full, deadlock), never an item's."""
    if isinstance(error, IntegrityError):
        return False
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated
        or getattr(error.orig, "sqlstate", "") in ("40001", "40P01", "53100")
    )


def _release(core: Core, works: Sequence[Work]) -> None:
    """Count no attempt: the database was at fault. Best effort, since it may still be."""
    try:
        with core.db.write("release requests") as connection:
            connection.execute(
                sa.update(_requests)
                .where(_requests.c.id.in_([work.row.id for work in works]), _requests.c.crashes > 0)
                .values(crashes=_requests.c.crashes - 1)
            )
    except DBAPIError as error:
        logger.warning("database not usable (%s); requests stay pending", type(error.orig).__name__)


# --- applying ---------------------------------------------------------------------------------------------------------


def _apply_works(
    core: Core, channel: Row[Any], inbox: Row[Any], works: list[Work], pace: Pace
) -> None:
    """Apply a batch plainly in one transaction; on an item's error, in halves."""
    items = sum(len(work.events) for work in works)
    try:
        with pace.transaction(core, "apply batch", items) as connection:
            scope = scope_of(core, connection, channel, inbox)
            for work in works:
                work.outcomes = [_apply_routed(core, scope, work, event) for event in work.events]
            _finish(connection, core, works, scope)
    except Exception as error:
        if is_database_fault(error):
            raise
        failed = True
    else:
        failed = False
    if failed:
        _redo(core, channel, inbox, works, pace)
    else:
        _after_commit(core, scope)
        pace.rechecks |= scope.rechecks


def _redo(core: Core, channel: Row[Any], inbox: Row[Any], works: list[Work], pace: Pace) -> None:
    if len(works) > 1:
        middle = len(works) // 2
        _apply_works(core, channel, inbox, works[:middle], pace)
        _apply_works(core, channel, inbox, works[middle:], pace)
        return
    _apply_alone(core, channel, inbox, works[0], pace)


def _apply_alone(core: Core, channel: Row[Any], inbox: Row[Any], work: Work, pace: Pace) -> None:
    """Apply one request in pieces. Killed between them it begins anew: what was applied is known by its keys."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(work.events):
        events = work.events[len(outcomes) : len(outcomes) + pace.items]
        outcomes += _apply_halves(core, channel, inbox, work, events, pace)
    work.outcomes = outcomes
    with core.db.write("finish request") as connection:
        scope = scope_of(core, connection, channel, inbox)
        _finish(connection, core, [work], scope)
    _after_commit(core, scope)


def _apply_halves(
    core: Core, channel: Row[Any], inbox: Row[Any], work: Work, events: list[AnyEvent], pace: Pace
) -> list[Outcome]:
    """Apply the items of one request, so that a poison item costs only itself."""
    failure: Exception | None = None
    try:
        with pace.transaction(core, "apply items", len(events)) as connection:
            scope = scope_of(core, connection, channel, inbox)
            outcomes = [_apply_routed(core, scope, work, event) for event in events]
    except Exception as error:
        if is_database_fault(error):
            raise
        failure = error
    if failure is None:
        _after_commit(core, scope)
        pace.rechecks |= scope.rechecks
        return outcomes
    if len(events) == 1:
        logger.error("an item of request %s cannot be applied", work.row.id, exc_info=failure)
        return [Outcome(ItemState.DEAD, f"{type(failure).__name__}: {_plain(failure)}")]
    middle = len(events) // 2
    return [
        *_apply_halves(core, channel, inbox, work, events[:middle], pace),
        *_apply_halves(core, channel, inbox, work, events[middle:], pace),
    ]


def _apply_routed(core: Core, scope: Scope, work: Work, event: AnyEvent) -> Outcome:
    """Apply an event to the channel that it names: a secret opens one channel."""
    scope.request_id = work.row.id
    own = set(scope.channel.addresses)
    if not event.addressees or not own or own & set(event.addressees):
        return applying.apply_event(scope, event)
    other = _addressed(core, scope, work, event)
    if other is None:
        named = ", ".join(event.addressees)
        return parked(f"the item is for {named}, which is not this channel")
    # The lists of what is left to do are shared.
    scope_there = replace(scope, channel=other[0], inbox=other[1], made=set())
    outcome = applying.apply_event(scope_there, event)
    scope.calls = scope.calls or scope_there.calls
    return replace(outcome, reason=outcome.reason or f"applied to channel {other[0].phone_number}")


def _addressed(
    core: Core, scope: Scope, work: Work, event: AnyEvent
) -> tuple[Row[Any], Row[Any]] | None:
    """The other channel that an item names, if it has the same account and the verifying secret."""
    candidates = scope.connection.execute(
        sa.select(_channels).where(
            _channels.c.account_id == scope.account_id,
            _channels.c.provider == scope.channel.provider,
            _channels.c.id != scope.channel.id,
            _channels.c.deleted_at.is_(None),
            _channels.c.active,
        )
    ).all()
    for candidate in candidates:
        if not set(candidate.addresses) & set(event.addressees):
            continue
        secrets = (core.vault.open(candidate.auth_secrets) or {}).get("webhook", [])
        if work.row.secret_hash in {core.vault.fingerprint(secret) for secret in secrets}:
            inbox = scope.connection.execute(
                sa.select(Inbox.__table__).where(Inbox.channel_id == candidate.id)
            ).one()
            return candidate, inbox
    return None


def _finish(connection: Connection, core: Core, works: Sequence[Work], scope: Scope) -> None:
    """Write what became of requests and their items."""
    ends = [(work.row.id, _end(connection, core, work, scope)) for work in works]
    update_many(connection, _requests, ends)
    for request_id, values in ends:
        scope.tell(
            NoticeKind.EVENT_RECEIVED, data={"request_id": request_id, "state": values["state"]}
        )
    last = max(work.row.received_at for work in works)
    if scope.channel.last_event_at is None or last > scope.channel.last_event_at:
        connection.execute(_LAST_EVENT, {"channel": scope.channel.id, "at": last})


def _end(connection: Connection, core: Core, work: Work, scope: Scope) -> dict[str, Any]:
    """What became of a request, as columns; with its dead letters."""
    row = work.row
    items = [
        {
            "key": event.key,
            "kind": type(event).__name__,
            "state": str(outcome.state),
            "reason": storable(outcome.reason),
            "message_id": outcome.message_id,
        }
        for event, outcome in zip(work.events, work.outcomes, strict=True)
    ]
    failed = [i for i, outcome in enumerate(work.outcomes) if outcome.state is ItemState.DEAD]
    values: dict[str, Any] = {"crashes": 0, "items": items, "next_try_at": None}
    retryable = work.error is not None and not isinstance(work.error, AnomalousPayload)
    if retryable or failed:
        tries = row.tries + 1
        reason = str(work.error) if work.error is not None else str(items[failed[0]]["reason"])
        values |= {"tries": tries, "error": storable(reason)}
        if tries < MAX_TRIES:
            values |= {"state": "pending", "next_try_at": backoff(tries)}
        else:
            values |= {"state": "dead", "done_at": scope.now}
            _bury(connection, core, work, items, failed, tries)
    else:
        values |= {
            "state": "done",
            "done_at": scope.now,
            "error": storable(str(work.error)) if work.error is not None else "",
        }
        if row.done_at is not None or row.tries or row.items:
            _resolve_letters(connection, row)
        _park_items(connection, work, items)
    return values


def backoff(tries: int) -> datetime:
    """When to try again after ``tries`` attempts."""
    seconds = BACKOFF[min(tries, len(BACKOFF)) - 1]
    return utcnow() + timedelta(seconds=seconds * random.uniform(1.0, 1.5))


def _bury(
    connection: Connection,
    core: Core,
    work: Work,
    items: list[dict[str, Any]],
    failed: list[int],
    tries: int,
) -> None:
    row = work.row
    if work.error is not None:
        _dead_letter(
            connection,
            row,
            "request",
            "",
            error_type=type(work.error).__name__,
            error=str(work.error),
            action=getattr(work.error, "action", "")
            or "Look for a newer version of the provider's plugin, then replay.",
            payload=_body_text(row),
            attempts=tries,
        )
        return
    for index in failed:
        event = work.events[index]
        _dead_letter(
            connection,
            row,
            "item",
            event.key,
            error_type=items[index]["reason"].split(":", 1)[0],
            error=items[index]["reason"],
            action="The other items of this request were applied. Look at the payload; replay after a fix.",
            payload=to_json(event),
            attempts=tries,
        )


def _park_items(connection: Connection, work: Work, items: list[dict[str, Any]]) -> None:
    for event, outcome in zip(work.events, work.outcomes, strict=True):
        if outcome.state is ItemState.PARKED:
            _dead_letter(
                connection,
                work.row,
                "item",
                event.key,
                state="parked",
                error_type="Parked",
                error=outcome.reason,
                action="Decide what it is; replay applies it again by today's state.",
                payload=to_json(event),
                alert=False,
            )


def _dead_letter(
    connection: Connection,
    row: Row[Any],
    kind: str,
    key: str,
    *,
    error_type: str,
    error: str,
    action: str,
    payload: Any,
    attempts: int = 0,
    state: str = "dead",
    alert: bool = True,
) -> None:
    now = utcnow()
    values = {
        "state": state,
        "error_type": error_type[:128],
        "error": storable(error),
        "action": action,
        "attempts": attempts,
        "updated_at": now,
    }
    identity = {"kind": kind, "subject_id": row.id, "item_key": key}
    new = insert_if_absent(
        connection,
        _dead,
        {
            "account_id": row.account_id,
            "channel_id": row.channel_id,
            "payload": storable_json(payload),
            "created_at": now,
            **identity,
            **values,
        },
    )
    if new is None:
        connection.execute(
            sa.update(_dead)
            .where(*(_dead.c[name] == value for name, value in identity.items()))
            .values(**values)
        )
    if alert:
        raise_alert(
            connection,
            account_id=row.account_id,
            channel_id=row.channel_id,
            kind="dead_letter",
            dedupe_key=f"dead_letter:{kind}:{row.id}:{key}"[:255],
            title="An inbound event could not be processed",
            body=storable(error, 2000),
            action="Open the dead letters, mend the cause, replay.",
        )


def _resolve_letters(connection: Connection, row: Row[Any]) -> None:
    letters = connection.execute(
        sa.update(_dead)
        .where(
            _dead.c.kind.in_(("request", "item")),
            _dead.c.subject_id == row.id,
            _dead.c.state.in_(("dead", "replayed", "parked")),
        )
        .values(state="resolved", updated_at=utcnow())
        .returning(_dead.c.kind, _dead.c.item_key)
    ).all()
    for letter in letters:
        resolve_alert(
            connection,
            account_id=row.account_id,
            dedupe_key=f"dead_letter:{letter.kind}:{row.id}:{letter.item_key}"[:255],
        )


def _body_text(row: Row[Any]) -> dict[str, Any]:
    return {"body": (row.body or b"").decode("utf-8", "replace")[:100_000]}


def _plain(error: Exception) -> str:
    """An error's own words; of a database error without statement and parameters."""
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return text[:1000]


def _park_all(core: Core, works: Sequence[Work], reason: str) -> None:
    with core.db.write("park requests") as connection:
        connection.execute(
            sa.update(_requests)
            .where(_requests.c.id.in_([work.row.id for work in works]))
            .values(state="parked", error=storable(reason), crashes=0)
        )


def _after_commit(core: Core, scope: Scope) -> None:
    """Tell pages and ring for calls."""
    core.publish(scope.notices)
    if scope.calls:
        core.bells.ring_calls()


# --- other entrances --------------------------------------------------------------------------------------------------


def apply_events(
    core: Core, channel_id: int, events: Sequence[AnyEvent], *, origin: str = "reconcile"
) -> list[Outcome]:
    """Apply events that did not come by webhook (history fetched from the provider), with the same keys and rules."""
    with core.db.read("load channel") as connection:
        channel = connection.execute(sa.select(_channels).where(_channels.c.id == channel_id)).one()
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(Inbox.channel_id == channel_id)
        ).one()
    outcomes: list[Outcome] = []
    for start in range(0, len(events), BATCH):
        outcomes += _apply_history(
            core, channel, inbox, list(events[start : start + BATCH]), origin
        )
    return outcomes


def _apply_history(
    core: Core, channel: Row[Any], inbox: Row[Any], events: list[AnyEvent], origin: str
) -> list[Outcome]:
    try:
        with core.db.write("apply history") as connection:
            scope = scope_of(core, connection, channel, inbox, origin)
            outcomes = [applying.apply_event(scope, event) for event in events]
    except Exception as error:
        if is_database_fault(error):
            raise
        if len(events) == 1:
            logger.exception("an item of the history of channel %s cannot be applied", channel.id)
            return [Outcome(ItemState.DEAD, f"{type(error).__name__}: {_plain(error)}")]
        middle = len(events) // 2
        return [
            *_apply_history(core, channel, inbox, events[:middle], origin),
            *_apply_history(core, channel, inbox, events[middle:], origin),
        ]
    _after_commit(core, scope)
    recheck(core, scope.rechecks)
    return outcomes


def replay_request(core: Core, request_id: int, account_id: int | None = None) -> bool:
    """Make a stored request pending again; it runs by today's plugin and is safe to repeat.

    :returns: whether the request exists and still has its body.
    """
    where = [_requests.c.id == request_id, _requests.c.body.is_not(None)]
    if account_id is not None:
        where.append(_requests.c.account_id == account_id)
    now = utcnow()
    with core.db.write("replay request") as connection:
        result = connection.execute(
            sa.update(_requests)
            .where(*where)
            .values(state="pending", tries=0, crashes=0, next_try_at=None)
        )
        if result.rowcount:
            connection.execute(
                sa.update(_dead)
                .where(
                    _dead.c.kind.in_(("request", "item")),
                    _dead.c.subject_id == request_id,
                    _dead.c.state.in_(("dead", "parked")),
                )
                .values(state="replayed", replayed_at=now, updated_at=now)
            )
    if result.rowcount:
        core.bells.ring_events()
    return bool(result.rowcount)


def unpark(core: Core) -> int:
    """Make requests pending again whose provider was missing and is back."""
    with core.db.write("unpark requests") as connection:
        result = connection.execute(
            sa.update(_requests)
            .where(
                written(_requests.c.state, SET_ASIDE),
                _requests.c.state == "parked",
                _requests.c.channel_id.in_(
                    sa.select(_channels.c.id).where(
                        _channels.c.provider.in_(sorted(core.plugins.providers))
                    )
                ),
            )
            .values(state="pending", next_try_at=None)
        )
    if result.rowcount:
        core.bells.ring_events()
    return int(result.rowcount)
