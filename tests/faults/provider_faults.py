"""Scenarios in which the service does not do what it is asked to."""

from __future__ import annotations

import time

from support import eventually

from .invariants import Expect
from .load import traffic
from .media_faults import await_files, send_files
from .scenario import Scenario
from .world import World

SEND = "/send/message"


def service_down(world: World) -> None:
    """Nobody listens for some seconds; every answer arrives afterwards, once and in order."""
    phones = _chats(world)
    world.gowa.wait_idle(20)
    world.gowa.stop()
    world.ledger.fault("service down")
    _answers(world, phones, 8)
    time.sleep(3)
    world.gowa.start()


def connections_reset(world: World) -> None:
    """The service takes the connection and drops it: what left may have arrived, so nothing is sent again."""
    phones = _chats(world)
    for mode in ("down", "cut_before_accept"):
        world.gowa.faults.set(SEND, mode, count=4)
    world.ledger.fault("connections reset", times=8)
    _answers(world, phones, 12)
    eventually(lambda: not world.gowa.faults.active(), 60)


def service_too_busy(world: World) -> None:
    """429 for the first requests."""
    phones = _chats(world)
    world.gowa.faults.set(SEND, "status", count=3, status=429, body={"message": "slow down"})
    world.ledger.fault("429", times=3)
    _answers(world, phones, 6)


def service_names_a_pause(world: World) -> None:
    """429 with Retry-After: nothing is sent before its time, everything afterwards, once and in order."""
    phone = _chats(world)[0]
    seconds = 12
    fault = {"status": 429, "body": {"message": "slow down"}}
    world.gowa.faults.set(SEND, "status", count=1, headers={"Retry-After": str(seconds)}, **fault)
    asked = world.say(phone)
    eventually(lambda: not world.gowa.faults.active(), 30)
    world.ledger.fault("429", retry_after=seconds)
    refused = time.monotonic()
    world.say(phone)
    eventually(lambda: any(one.text == asked.text for one in world.gowa.sent), 60)
    waited = time.monotonic() - refused
    assert waited > seconds - 1, f"too early: sent again after {waited:.1f} s, not {seconds}"


def service_very_slow(world: World) -> None:
    """Some requests take half a minute, longer than we wait: shown as unknown or sent, and the others go on."""
    phones = _chats(world)
    world.gowa.faults.set(SEND, "slow", count=2, seconds=30.0)
    world.ledger.fault("slow", seconds=30, times=2)
    _answers(world, phones, 8)


def service_slow(world: World) -> None:
    """Each request takes a second."""
    phones = _chats(world)
    world.gowa.faults.set(SEND, "slow", count=None, seconds=1.0)
    world.ledger.fault("slow")
    _answers(world, phones, 12)


def cut_after_accepting(world: World) -> None:
    """It takes the message and the connection breaks: sent once, or shown as unknown, never again by itself."""
    phones = _chats(world)
    for mode in ("cut_after_accept", "cut_in_answer"):
        world.gowa.faults.set(SEND, mode, count=4)
    world.gowa.faults.set(SEND, "hang", count=1, seconds=2)
    world.ledger.fault("cut after accepting", times=9)
    _answers(world, phones, 15)
    eventually(lambda: not world.gowa.faults.active(), 60)
    # Whoever would send again has the time to.
    time.sleep(8)


def credentials_refused(world: World) -> None:
    """401: failed at once with reason and action, nothing is sent hours later; afterwards it works again."""
    phones = _chats(world)
    world.gowa.faults.set("*", "unauthorized_basic", count=None)
    world.ledger.fault("401")
    _answers(world, phones, 4)
    world.settle()
    world.gowa.faults.clear()
    time.sleep(32)
    later = world.say(phones[0])
    eventually(lambda: any(one.text == later.text for one in world.gowa.sent), 60)


def slow_service_delays_no_webhook(world: World) -> None:
    """Sending and fetching files both hang, with one worker for calls: what customers write shows all the same."""
    phones = _chats(world)
    world.settle()
    world.gowa.faults.set(SEND, "slow", count=None, seconds=14.0)
    world.gowa.faults.set("/statics/*", "slow", count=None, seconds=14.0)
    world.ledger.fault("slow", seconds=14)
    world.say(phones[0])
    files = send_files(world, 2)
    for _ in range(24):
        time.sleep(0.5)
        world.write(world.rng.choice(phones))
        if world.rng.random() < 0.4:
            world.say(phones[1])
    world.gowa.faults.clear()
    await_files(world, files)


def undisturbed(world: World) -> None:
    """Nothing is disturbed: nine of ten messages show within a second."""
    with traffic(world, per_second=15, agents=1):
        time.sleep(12)


def _chats(world: World) -> list[str]:
    phones = [world.new_phone() for _ in range(3)]
    for phone in phones:
        world.open_chat(phone)
    return phones


def _answers(world: World, phones: list[str], number: int) -> None:
    for place in range(number):
        world.say(phones[place % len(phones)])


SCENARIOS = (
    Scenario(service_down, expect=Expect(all_sent=True), quiet_within=90),
    Scenario(connections_reset),
    Scenario(service_too_busy, expect=Expect(all_sent=True), short_on=(), quiet_within=90),
    Scenario(service_names_a_pause, expect=Expect(all_sent=True), short_on=(), quiet_within=90),
    Scenario(service_very_slow, short_on=(), quiet_within=180),
    Scenario(service_slow, expect=Expect(all_sent=True), short_on=()),
    Scenario(cut_after_accepting, quiet_within=90),
    Scenario(credentials_refused, short_on=()),
    Scenario(
        slow_service_delays_no_webhook,
        own=True,
        points=True,
        environment={"CHATPORT_WORKERS": "1"},
        expect=Expect(bearable=8.0),
        short_on=(),
        quiet_within=120,
    ),
    Scenario(undisturbed, expect=Expect(prompt=1.0), short_on=()),
)
