"""The promises, checked by the ledger.

Owns: what must be true once all is quiet, whatever happened before. Must not know: how it was made to happen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .ledger import Incoming
from .observed import as_json, as_time
from .world import World, payload_of

RANK = {"sent": 1, "delivered": 2, "read": 3, "played": 4}
#: Item states that end an item, and whether each needs a reason.
ENDED = {
    "applied": False,
    "duplicate": False,
    "ignored": True,
    "waiting": True,
    "parked": True,
    "unknown": True,
    "dead": True,
}


@dataclass(frozen=True, slots=True)
class Expect:
    """What a scenario allows beyond the usual.

    :param history: what the service received while we could not must be there too, acknowledged or not.
    :param all_sent: every message that an agent asked for must have reached the service.
    :param dead_letters: some are expected.
    :param bearable: seconds that an acknowledged delivery may take until its effect is there, where that is a promise.
    :param wrong_clock: ours is behind the service's: a message whose time lies ahead of it stands where it arrived.
    :param prompt: the same for nine of ten.
    """

    history: bool = False
    all_sent: bool = False
    dead_letters: bool = False
    bearable: float = 0.0
    prompt: float = 0.0
    wrong_clock: bool = False


def violations(world: World, expect: Expect) -> list[str]:
    """Every broken promise, in words."""
    rows = world.observed.messages()
    return [
        *_incoming(world, expect, rows),
        *(() if expect.wrong_clock else _order(world, rows)),
        *_contacts(world),
        *_outgoing(world, expect, rows),
        *_outgoing_order(world),
        *_statuses(world, rows),
        *_requests(world),
        *_dead_letters(world, expect),
        *_waits(world, expect),
        *world.backwards,
    ]


def _incoming(world: World, expect: Expect, rows: Any) -> Iterator[str]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row.message_type == "incoming":
            found[row.source_id].append(row)
    reactions = Counter(row.source_id for row in world.observed.reactions())
    told = _acknowledged_changes(world)
    for source_id, message in world.ledger.incoming.items():
        have = found[source_id]
        if len(have) > 1:
            yield f"doubled: {source_id} is stored {len(have)} times"
        if not have and (message.acknowledged or expect.history):
            how = "acknowledged" if message.acknowledged else "in the service's history"
            yield f"lost: {source_id} was {how} and is not stored"
        for row in have:
            yield from _as_written(message, row, told, reactions[source_id])


def _as_written(
    message: Incoming, row: Any, told: set[tuple[str, str]], reactions: int
) -> Iterator[str]:
    """A stored message is as its customer left it, as far as that was acknowledged."""
    source_id = message.source_id
    if row.phone_number != f"+{message.phone}":
        yield f"misplaced: {source_id} of +{message.phone} is with {row.phone_number}"
    if message.revoked and ("revoked", source_id) in told:
        if row.deleted_at is None:
            yield f"lost: the deletion of {source_id}"
    elif " edited" in message.text and ("edited", source_id) not in told:
        pass  # the change itself was never acknowledged
    elif (row.content or "") != message.text:
        yield f"wrong: {source_id} shows {row.content!r}, not {message.text!r}"
    wanted = len(message.reactions) if ("reaction", source_id) in told else 0
    if reactions > 1 or reactions < wanted:
        yield f"wrong: {source_id} has {reactions} reactions, not {wanted}"


def _acknowledged_changes(world: World) -> set[tuple[str, str]]:
    names = {
        "message.edited": ("edited", "original_message_id"),
        "message.revoked": ("revoked", "revoked_message_id"),
        "message.reaction": ("reaction", "reacted_message_id"),
    }
    return {
        (names[one.event][0], str(payload_of(one.body).get(names[one.event][1])))
        for one in world.deliveries
        if one.delivered and one.event in names
    }


def _order(world: World, rows: Any) -> Iterator[str]:
    """Messages of a conversation stand in the order of the service's times."""
    last: dict[int, tuple[datetime, str]] = {}
    for row in rows:
        known = world.ledger.incoming.get(row.source_id or "")
        if known is None or known.at is None or row.message_type != "incoming":
            continue
        before = last.get(row.conversation_id)
        if before is not None and before[0] > known.at:
            yield f"out of order: {row.source_id} stands after {before[1]}, which is later"
        last[row.conversation_id] = (known.at, row.source_id)


def _contacts(world: World) -> Iterator[str]:
    phones = {f"+{one.phone}" for one in world.ledger.incoming.values()}
    for row in world.observed.contacts():
        if row.phone_number in phones and (row.contacts, row.conversations) != (1, 1):
            yield (
                f"doubled: {row.phone_number} has {row.contacts} contacts"
                f" and {row.conversations} conversations"
            )


def _outgoing(world: World, expect: Expect, rows: Any) -> Iterator[str]:
    at_provider = Counter(one.text for one in world.gowa.sent)
    stored: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row.message_type == "outgoing":
            stored[row.content].append(row)
    for text, asked in world.ledger.outgoing.items():
        times, have = at_provider[text], stored[text]
        if times > 1:
            yield f"sent twice: {text} reached the service {times} times"
        if len(have) > 1:
            yield f"doubled: the answer {text} is stored {len(have)} times"
        if asked.message_id is not None and not have:
            yield f"lost: the answer {text} was accepted and is not stored"
        for row in have:
            yield from _as_sent(text, row, times)
            if expect.all_sent and not times:
                yield f"lost: {text} shows {row.status} and never reached the service"


def _as_sent(text: str, row: Any, times: int) -> Iterator[str]:
    """An answer shows what became of it, and why."""
    if times and row.status not in (*RANK, "unknown"):
        yield f"wrong: {text} reached the service and shows {row.status}"
    if not times and row.status in RANK:
        yield f"wrong: {text} never reached the service and shows {row.status}"
    if row.status in ("failed", "unknown", "retrying") and not row.external_error:
        yield f"no reason: {text} shows {row.status} without saying why"
    if row.status in ("failed", "unknown") and not row.error_action:
        yield f"no action: {text} shows {row.status} without saying what to do"


def _outgoing_order(world: World) -> Iterator[str]:
    """Answers of one conversation reach the service in the order in which they were accepted."""
    accepted = {
        text: one for text, one in world.ledger.outgoing.items() if one.message_id is not None
    }
    last: dict[str, int] = {}
    for sent in world.gowa.sent:
        asked = accepted.get(sent.text)
        if asked is None or asked.message_id is None:
            continue
        if last.get(asked.phone, 0) > asked.message_id:
            yield f"out of order: {sent.text} was sent after a later answer to +{asked.phone}"
        last[asked.phone] = max(asked.message_id, last.get(asked.phone, 0))


def _statuses(world: World, rows: Any) -> Iterator[str]:
    told: dict[str, set[str]] = defaultdict(set)
    for one in world.deliveries:
        if one.event == "message.ack" and one.delivered:
            payload = payload_of(one.body)
            for source_id in payload.get("ids", ()):
                told[source_id].add(payload["receipt_type"])
    for row in rows:
        if row.message_type != "outgoing" or not row.source_id:
            continue
        least = max((RANK.get(one, 0) for one in told[row.source_id]), default=0)
        if RANK.get(row.status, 0) < least:
            names = ", ".join(sorted(told[row.source_id]))
            yield f"wrong: {row.source_id} shows {row.status} although {names} was acknowledged"


def _requests(world: World) -> Iterator[str]:
    """Every acknowledged body is stored, and every item of it came to an end that is told."""
    poison = set(world.ledger.poison)
    stored: Counter[bytes] = Counter()
    bodies = {one.body for one in world.deliveries}
    for row in world.observed.requests():
        body = bytes(row.body or b"")
        stored[body] += 1
        if body not in bodies:
            continue
        if row.state == "dead" and body not in poison:
            yield f"dead: request {row.id}: {row.error}"
        for item in as_json(row.items):
            if item["state"] not in ENDED:
                yield f"undecided: item {item['key']} of request {row.id} is {item['state']!r}"
            elif ENDED[item["state"]] and not item["reason"]:
                yield f"no reason: item {item['key']} of request {row.id} is {item['state']}"
        if row.state == "done" and not as_json(row.items) and not row.error:
            yield f"dropped: request {row.id} is done without an item or a reason"
    for one in world.deliveries:
        if one.delivered and not stored[one.body]:
            yield f"lost: an acknowledged {one.event} is not stored: {one.body[:200]!r}"


def _dead_letters(world: World, expect: Expect) -> Iterator[str]:
    for row in world.observed.dead_letters():
        if not expect.dead_letters:
            yield f"dead letter {row.id} ({row.kind} {row.subject_id}): {row.error}"
        elif not (row.error and row.action):
            yield f"dead letter {row.id} without reason or action"


def _waits(world: World, expect: Expect) -> Iterator[str]:
    waits = sorted(_seconds_to_effect(world)) or [0.0]
    if expect.bearable and waits[-1] > expect.bearable:
        yield f"slow: a delivery took {waits[-1]:.1f} s until its effect was there"
    usual = waits[len(waits) * 9 // 10]
    if expect.prompt and usual > expect.prompt:
        yield f"slow: one delivery of ten took {usual:.1f} s or more until its effect was there"


def slowest(world: World) -> float:
    """Seconds from a webhook's first attempt until its effect was there, at worst, acknowledged ones only."""
    return round(max(_seconds_to_effect(world), default=0.0), 2)


def _seconds_to_effect(world: World) -> list[float]:
    done: dict[bytes, datetime] = {}
    for row in world.observed.requests():
        at = as_time(row.done_at)
        if at is not None and at <= (world.ledger.clock_stepped or at):
            done.setdefault(bytes(row.body or b""), at)
    return [
        (done[one.body] - one.attempts[0].at).total_seconds()
        for one in world.deliveries
        if one.delivered and one.attempts and one.body in done
    ]
