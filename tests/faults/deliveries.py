"""Scenarios about what the service delivers: twice, in any order, rubbish, at impossible times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from support import eventually

from .scenario import Scenario
from .world import World, payload_of


def duplicates(world: World) -> None:
    """The same deliveries one to ten times at once, mixed, and again later, backwards."""
    phones = [world.new_phone() for _ in range(4)]
    for number in range(24):
        source_id = world.write(world.rng.choice(phones))
        if number % 4 == 1:
            world.react(source_id, "👍")
        if number % 4 == 2:
            world.edit(source_id, f"{world.ledger.incoming[source_id].text} edited")
        if number % 8 == 3:
            world.revoke(source_id)
    bodies = [one.body for one in world.deliveries]
    many = [body for body in bodies for _ in range(world.rng.randint(1, 10))]
    world.rng.shuffle(many)
    world.ledger.fault("duplicates at once", number=len(many))
    for body in many:
        world.post(body)
    world.settle()
    world.ledger.fault("duplicates later", number=len(bodies))
    for body in reversed(bodies):
        world.post(body)


def any_order(world: World) -> None:
    """Messages of three customers, written over a minute, delivered in no order at all."""
    phones = [world.new_phone() for _ in range(3)]
    began = datetime.now(UTC) - timedelta(minutes=2)
    bodies = [
        world.message_body(phone, at=began + timedelta(seconds=second))
        for second in range(60)
        for phone in phones
    ]
    world.rng.shuffle(bodies)
    world.ledger.fault("reordered", number=len(bodies))
    for body in bodies:
        world.post(body)


def first_messages_at_once(world: World) -> None:
    """Fifty messages of somebody unknown, at the same moment: one contact, one conversation."""
    for phone in (world.new_phone(), world.new_phone()):
        world.ledger.fault("first messages at once", number=50)
        for body in [world.message_body(phone) for _ in range(50)]:
            world.post(body)


def changes_before_their_message(world: World) -> None:
    """Edits, deletions and reactions arrive while the message itself is still on its way."""
    phones = [world.new_phone() for _ in range(3)]
    for number in range(12):
        world.gowa.faults.set("webhook", "slow", count=1, seconds=world.rng.uniform(1.0, 3.0))
        source_id = world.write(phones[number % 3])
        # The order is taken up by a thread: the next event must not take it.
        eventually(lambda: not world.gowa.faults.active(), 5)
        world.ledger.fault("late message", id=source_id)
        match number % 4:
            case 0:
                world.edit(source_id, f"{world.ledger.incoming[source_id].text} edited")
            case 1:
                world.revoke(source_id)
            case 2:
                world.react(source_id, "🎉")
            case _:
                world.react(source_id, "👍")
                world.edit(source_id, f"{world.ledger.incoming[source_id].text} edited")


def statuses_before_their_message(world: World) -> None:
    """Ticks come before the answer that names the message, and repeated, backwards."""
    world.gowa.config.ack_first = True
    world.gowa.faults.set("/send/message", "slow", count=None, seconds=0.2)
    phones = [world.new_phone() for _ in range(3)]
    for number in range(9):
        world.say(phones[number % 3])
    world.settle()
    ticks = [one.body for one in world.deliveries if one.event == "message.ack"]
    world.ledger.fault("statuses backwards", number=len(ticks))
    for body in reversed(ticks):
        world.post(body)


#: Payloads that make no sense; each is a change to a good one.
RUBBISH = (
    {"id": None},
    {"id": ""},
    {"id": {"deep": ["er"]}},
    {"id": "A" * 5000},
    {"id": 7},
    {"chat_id": None, "from": None},
    {"chat_id": "", "from": ""},
    {"chat_id": ["x"], "from": 3},
    {"chat_id": "not a jid", "from": "not a jid"},
    {"body": None},
    {"body": {"text": "x"}},
    {"body": None, "image": "statics/../../etc/passwd"},
    {"body": None, "location": {"degreesLatitude": "north"}},
    {"body": None, "contact": [1, 2]},
    {"body": None, "reaction": {}, "reacted_message_id": 3},
    {"is_from_me": "perhaps"},
    {"timestamp": {}},
)


def batch_with_poison(world: World) -> None:
    """A thousand deliveries at once, every twentieth without sense: each of the others has its effect."""
    _poisoned(world, 1000)


def small_batch_with_poison(world: World) -> None:
    """Two hundred deliveries at once, every twentieth without sense."""
    _poisoned(world, 200)


def _poisoned(world: World, number: int) -> None:
    phones = [world.new_phone() for _ in range(10)]
    sent = world.say(phones[0])
    eventually(lambda: any(one.text == sent.text for one in world.gowa.sent), 30)
    bodies = [world.message_body(world.rng.choice(phones)) for _ in range(number)]
    known = set(world.ledger.incoming)
    for place in range(0, number, 20):
        change = RUBBISH[place // 20 % len(RUBBISH)]
        bodies[place] = world.message_body(world.new_phone(), **change)
    bodies.append(b'{"event": "message", "payload": []}')
    bodies.append(b"[1, 2, 3]")
    poison = [body for body in bodies if _source_id(body) not in known]
    for body in poison:
        world.ledger.incoming.pop(str(_source_id(body)), None)
    world.ledger.poison += poison
    real = next(one.source_id for one in world.gowa.sent if one.text == sent.text)
    bodies.append(_receipt(world, phones[0], [*(uuid4().hex for _ in range(999)), real]))
    world.ledger.fault("batch with poison", number=number, poison=len(poison))
    for chunk in range(0, len(bodies), 100):
        for body in bodies[chunk : chunk + 100]:
            world.post(body)
        world.gowa.wait_idle(20)


def _source_id(body: bytes) -> object:
    found = json.loads(body)
    payload = found.get("payload") if isinstance(found, dict) else None
    wanted = payload.get("id") if isinstance(payload, dict) else None
    return wanted if isinstance(wanted, str) else None


def _receipt(world: World, phone: str, ids: list[str]) -> bytes:
    like = json.loads(world.message_body(phone))
    world.ledger.incoming.pop(like["payload"]["id"])
    return json.dumps(
        {
            **like,
            "event": "message.ack",
            "timestamp": like["payload"]["timestamp"],
            "payload": {
                "ids": ids,
                "chat_id": f"{phone}@s.whatsapp.net",
                "from": f"{phone}@s.whatsapp.net",
                "receipt_type": "read",
                "receipt_type_description": "chat opened, message seen",
            },
        }
    ).encode()


def impossible_times(world: World) -> None:
    """Times that are missing, in milliseconds, in the future, before telephones: the message shows all the same.

    What is no time of any kind is told as such in the event log.
    """
    now = int(datetime.now(UTC).timestamp())
    times = (
        *(None, "", "yesterday", 0, -1, now, now * 1000, str(now), str(now * 1000), 10**30),
        *("2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1876-03-10T12:00:00Z"),
        "2026-13-45T99:99:99Z",
    )
    for value in times:
        world.ledger.fault("time", value=str(value))
        world.post(world.message_body(world.new_phone(), timestamp=value))
    for value in ([], {}, True, float("inf"), float("nan")):
        world.ledger.fault("no time", value=str(value))
        body = world.message_body(world.new_phone(), timestamp=value)
        del world.ledger.incoming[str(payload_of(body)["id"])]
        world.ledger.poison.append(body)
        world.post(body)


SCENARIOS = (
    Scenario(duplicates, short_on=("sqlite", "postgresql")),
    Scenario(any_order),
    Scenario(first_messages_at_once, short_on=("sqlite", "postgresql")),
    Scenario(changes_before_their_message, short_on=("sqlite", "postgresql")),
    Scenario(statuses_before_their_message, short_on=("sqlite", "postgresql")),
    Scenario(small_batch_with_poison),
    Scenario(batch_with_poison, short_on=(), quiet_within=120),
    Scenario(impossible_times),
)
