"""Scenarios at named moments: a process ends exactly there, the disk is slow, the clock steps."""

from __future__ import annotations

import time

from .invariants import Expect
from .load import traffic
from .media_faults import await_files, send_files
from .scenario import Scenario
from .world import World

#: What a process has done and what it has not, at each of them.
MOMENTS = (
    "before commit: store requests",  # inserted, not committed: nobody was told
    "after commit: store requests",  # committed, not rung for, not acknowledged
    "after commit: take requests",  # in the middle of a drain, nothing applied
    "before commit: apply batch",  # everything applied, nothing kept
    "after commit: apply batch",  # kept, nobody told
    "after commit: claim a send",  # about to send
    "before commit: settle a send",  # sent, not stored
)


def killed_at_named_moments(world: World) -> None:
    """A process ends between insert and commit, commit and bell, sending and storing, in the middle of a drain."""
    with traffic(world, per_second=6, agents=2):
        for moment in MOMENTS:
            world.kill_at(moment)
            time.sleep(0.5)
        time.sleep(1)


def killed_before_looking(world: World) -> None:
    """A process stores a message's id and ends before it looks for receipts that came ahead of the service's answer."""
    phone = world.new_phone()
    world.open_chat(phone)
    world.gowa.faults.set("/send/message", "slow_answer", count=None, seconds=2.0)
    for _ in range(2):
        world.say(phone)
        world.kill_at("after commit: settle a send")


def killed_within_an_effect(world: World) -> None:
    """A process ends when one row of an event's effect is written and the others are not: all of it, or nothing."""
    phone = world.new_phone()
    world.open_chat(phone)
    edited = world.write(phone)
    world.settle()
    files = send_files(world, 1, phone)
    world.kill_at("after insert: messages")
    world.edit(edited, f"{world.ledger.incoming[edited].text} edited")
    world.kill_at("after insert: message_revisions")
    world.react(edited, "🎉")
    world.kill_at("after insert: reactions")
    await_files(world, files)


def slow_disk(world: World) -> None:
    """Every commit takes most of a second, with its transaction open, as on a disk that is busy elsewhere."""
    with traffic(world, per_second=3, agents=1), world.delay_at("commit", 0.7):
        time.sleep(10)


def clock_steps(world: World) -> None:
    """The clock of the machine jumps an hour ahead, back, ten minutes back, and right again."""
    with traffic(world, per_second=8):
        for seconds in (3600.0, 0.0, -600.0, 0.0):
            time.sleep(2)
            world.step_clock(seconds)
        time.sleep(2)


SCENARIOS = (
    Scenario(
        killed_at_named_moments,
        own=True,
        points=True,
        quiet_within=90,
    ),
    Scenario(killed_before_looking, own=True, points=True),
    Scenario(killed_within_an_effect, own=True, points=True),
    Scenario(slow_disk, own=True, points=True, short_on=(), quiet_within=120),
    Scenario(
        clock_steps,
        own=True,
        points=True,
        expect=Expect(wrong_clock=True),
        short_on=(),
        quiet_within=90,
    ),
)
