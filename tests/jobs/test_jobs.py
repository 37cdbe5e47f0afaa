"""Bells, jobs and the sweeper, on a real Redis-compatible server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from rq import Queue
from rq.serializers import JSONSerializer
from services.fake_provider import World, make_world

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.upsert import insert
from chatport.events import StatusChanged
from chatport.guards import NetworkInTransaction
from chatport.jobs import sweeper as sweeping
from chatport.jobs import work
from chatport.jobs.sweeper import Sweeper, events_due
from chatport.messages import MessageStatus
from chatport.services import ingest
from chatport.services.bells import Bells

_count = itertools.count()


@pytest.fixture
def bells(valkey_url: str) -> Iterator[Bells]:
    """Bells with keys of their own."""
    made = Bells(valkey_url, f"jobs{next(_count)}")
    yield made
    made.close()


@pytest.fixture
def world(database_url: str, tmp_path: Path, bells: Bells) -> Iterator[World]:
    made = make_world(database_url, tmp_path)
    made.core.bells = bells
    yield made
    work.use(None)
    made.core.db.dispose()


def waiting(bells: Bells, kind: str = "events") -> int:
    queue = Queue(bells.queue_name(kind), connection=bells.client(), serializer=JSONSerializer)
    return len(queue)


def silence(bells: Bells) -> None:
    """Take back what was rung for."""
    client = bells.client()
    queue = Queue(bells.queue_name("calls"), connection=client, serializer=JSONSerializer)
    queue.empty()
    client.delete(bells.flag("calls"))


def store_request(world: World, age: timedelta = timedelta(0)) -> int:
    with world.core.db.write("store") as connection:
        return insert(
            connection,
            t.RawRequest.__table__,
            {
                "account_id": world.account_id,
                "channel_id": world.channel_id,
                "received_at": utcnow() - age,
                "headers": {},
                "body": b"[]",
                "verdict": "accepted",
                "state": "pending",
                "items": [],
            },
        )


def heartbeat(world: World) -> datetime:
    with world.core.db.read("heartbeat") as connection:
        return connection.execute(
            sa.select(t.Heartbeat.at).where(t.Heartbeat.name == "receiver")
        ).scalar_one()


def test_bells_leave_one_job_however_often_they_ring(bells: Bells) -> None:
    assert [bells.ring_events() for _ in range(5)] == [True] * 5
    assert waiting(bells) == 1


def test_bells_ring_again_once_the_flag_is_lowered(bells: Bells) -> None:
    bells.ring_events()
    bells.lower("events")
    bells.ring_events()

    assert waiting(bells) == 2


def test_bells_are_separate(bells: Bells) -> None:
    bells.ring_events()
    bells.ring_calls()

    assert (waiting(bells, "events"), waiting(bells, "calls")) == (1, 1)


def test_bells_never_raise_while_redis_is_away(tmp_path: Path) -> None:
    bells = Bells(f"unix://{tmp_path / 'nobody.sock'}", "away")

    assert bells.ring_events() is False
    assert bells.works() is False


def test_bells_are_refused_inside_a_transaction(world: World) -> None:
    with world.core.db.write("test"), pytest.raises(NetworkInTransaction):
        world.core.bells.ring_events()


def test_job_lowers_its_flag_first_and_works_off_what_is_there(world: World) -> None:
    request_id = store_request(world)
    world.core.bells.ring_events()
    work.use(world.core)

    work.run_events()

    assert world.core.bells.client().exists(world.core.bells.flag("events")) == 0
    assert world.one(t.RawRequest, t.RawRequest.id == request_id).state == "done"


def test_job_without_a_process_around_it_says_so() -> None:
    work.use(None)
    with pytest.raises(RuntimeError, match="chatport worker"):
        work.run_events()


def test_sweeper_rings_for_requests_that_nobody_rang_for(world: World) -> None:
    store_request(world, age=timedelta(seconds=10))

    Sweeper(world.core).sweep()

    assert waiting(world.core.bells) == 1


def test_sweeper_rings_past_the_flag_of_a_lost_job(world: World) -> None:
    store_request(world, age=timedelta(seconds=10))
    world.core.bells.client().set(world.core.bells.flag("events"), "1", ex=30)

    Sweeper(world.core).sweep()

    assert waiting(world.core.bells) == 1


def test_sweeper_leaves_fresh_requests_to_their_bell(world: World) -> None:
    store_request(world)

    Sweeper(world.core).sweep()

    assert waiting(world.core.bells) == 0


def test_sweeper_works_itself_while_redis_is_away(world: World, tmp_path: Path) -> None:
    request_id = store_request(world, age=timedelta(seconds=10))
    world.core.bells = Bells(f"unix://{tmp_path / 'nobody.sock'}", "away")

    Sweeper(world.core).sweep()

    assert world.one(t.RawRequest, t.RawRequest.id == request_id).state == "done"


def test_sweeper_works_itself_while_redis_is_out_of_memory(world: World) -> None:
    request_id = store_request(world, age=timedelta(seconds=10))
    client = world.core.bells.client()
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        Sweeper(world.core).sweep()
    finally:
        client.config_set("maxmemory", before)

    assert world.one(t.RawRequest, t.RawRequest.id == request_id).state == "done"


def test_sweeper_applies_what_a_killed_process_left_waiting(world: World) -> None:
    """The process ended between learning the message's id and looking for receipts that had come before."""
    message_id = world.send()[0]
    receipt = StatusChanged(key="s:1", time=None, source_id="A1", status=MessageStatus.DELIVERED)
    elsewhere = replace(receipt, key="s:2", source_id="of another tool")
    outcomes = ingest.apply_events(world.core, world.channel_id, [receipt, elsewhere])
    assert [outcome.state for outcome in outcomes] == ["waiting", "waiting"]
    world.set(t.Message, source_id="A1", status="sent")

    Sweeper(world.core).sweep()

    assert world.one(t.Message, t.Message.id == message_id).status == "delivered"
    assert [row.state for row in world.rows(t.FollowUp)] == ["applied", "waiting"]


def test_sweeper_finds_queued_sends(world: World) -> None:
    world.send()
    silence(world.core.bells)
    world.set(t.Send, next_try_at=utcnow() - timedelta(seconds=10))

    Sweeper(world.core).sweep()

    assert waiting(world.core.bells, "calls") == 1


def test_sweeper_leaves_sends_of_a_paused_channel(world: World) -> None:
    world.send()
    silence(world.core.bells)
    world.set(t.Send, next_try_at=utcnow() - timedelta(seconds=10))
    world.set(t.Channel, paused_until=utcnow() + timedelta(minutes=5))
    with world.core.db.write("nothing else is due") as connection:
        connection.execute(sa.delete(t.Task))
    sweeper = Sweeper(world.core)
    sweeper._kept_house_at = utcnow()

    sweeper.sweep()

    assert waiting(world.core.bells, "calls") == 0


def test_sweeper_asks_for_histories_after_a_gap(world: World) -> None:
    sweeper = Sweeper(world.core)
    sweeper.sweep()
    assert world.rows(t.Task, t.Task.kind == "reconcile") == []
    world.set(t.Heartbeat, at=utcnow() - timedelta(minutes=3))
    sweeper._beat_at = None

    sweeper.sweep()

    task = world.one(t.Task, t.Task.kind == "reconcile")
    assert task.channel_id == world.channel_id


def test_events_due_waits_for_the_time_of_a_retry(world: World) -> None:
    request_id = store_request(world, age=timedelta(minutes=1))
    world.set(t.RawRequest, next_try_at=utcnow() + timedelta(minutes=1))
    with world.core.db.read() as connection:
        assert not events_due(connection, utcnow())
        assert events_due(connection, utcnow() + timedelta(minutes=2))
    assert request_id


def test_bells_need_an_address() -> None:
    with pytest.raises(redis.ConnectionError):
        Bells(None).client()


def test_sweeper_wakes_snoozed_conversations_whose_time_has_come(world: World) -> None:
    world.set(t.Conversation, status="snoozed", snoozed_until=utcnow() + timedelta(hours=1))
    sweeper = Sweeper(world.core)
    sweeper.sweep()
    assert world.one(t.Conversation).status == "snoozed"
    world.set(t.Conversation, snoozed_until=utcnow() - timedelta(seconds=1))
    sweeper._kept_house_at = None

    sweeper.sweep()

    row = world.one(t.Conversation)
    assert (row.status, row.snoozed_until) == ("open", None)


def test_sweeper_works_on_what_a_clock_that_was_set_back_had_planned(world: World) -> None:
    request_id = store_request(world, age=-timedelta(hours=1))
    hour_ahead = utcnow() + timedelta(hours=1)
    with world.core.db.write("heartbeat of the wrong clock") as connection:
        connection.execute(sa.delete(t.Heartbeat).where(t.Heartbeat.name == "receiver"))
        connection.execute(sa.insert(t.Heartbeat).values(name="receiver", at=hour_ahead, data={}))

    Sweeper(world.core).sweep()

    assert world.one(t.RawRequest, t.RawRequest.id == request_id).next_try_at <= utcnow()
    assert heartbeat(world) < hour_ahead


def test_heart_beats_on_after_the_clock_was_set_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper = Sweeper(world.core)
    sweeper.sweep()
    ten_minutes_ago = utcnow() - timedelta(minutes=10)
    monkeypatch.setattr(sweeping, "utcnow", lambda: ten_minutes_ago)

    sweeper.sweep()

    assert heartbeat(world) == ten_minutes_ago
