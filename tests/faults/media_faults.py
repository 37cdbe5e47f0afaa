"""Scenarios about files: jobs that end while they fetch one, and albums."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from uuid import uuid4

import requests

from support import eventually

from .ledger import Incoming
from .scenario import Scenario
from .world import World

#: A job that ended leaves its file to itself for eight minutes, since it may be alive elsewhere.
LEASE_SECONDS = 8 * 60 + 5
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"


def send_files(world: World, number: int, phone: str = "") -> dict[str, str]:
    """A customer sends pictures, all different; returns the digest of each by source id."""
    phone = phone or world.new_phone()
    sent: dict[str, str] = {}
    for _ in range(number):
        data = JPEG + world.rng.randbytes(60_000) + b"\xff\xd9"
        source_id, caption = f"3A{uuid4().hex[:18].upper()}", f"in-{uuid4().hex[:12]}"
        moment = datetime.now(UTC).replace(microsecond=0)
        world.ledger.wrote(Incoming(source_id, phone, caption, moment))
        world.customer(phone).image(data, caption=caption, source_id=source_id, at=moment)
        sent[source_id] = hashlib.sha256(data).hexdigest()
    return sent


def await_files(world: World, files: dict[str, str], within: float = 60.0) -> None:
    """Every acknowledged picture is there, whole, once, and its link gives these bytes."""

    def missing() -> list[str]:
        have = _stored(world)
        return [
            f"lost: the file of {source_id} is {have.get(source_id)}"
            for source_id in files
            if have.get(source_id) != ["ready"]
        ]

    world.gowa.wait_idle(40)
    world.ledger.note("files are awaited")
    try:
        eventually(lambda: not missing(), 15)
    except AssertionError:
        # What an ended job had begun waits for its lease; we cannot wait for it that long.
        world.step_clock(LEASE_SECONDS)
        eventually(lambda: not missing(), within, message=lambda: "\n".join(missing()))
        world.step_clock(0)
    wrong = _wrong_bytes(world, files)
    assert not wrong, "\n".join(wrong)


def _stored(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in world.observed.rows(
        "SELECT m.source_id, a.state FROM attachments a JOIN messages m ON m.id = a.message_id"
    ):
        found.setdefault(row.source_id, []).append(row.state)
    return found


def _wrong_bytes(world: World, files: dict[str, str]) -> list[str]:
    conversations = world.observed.rows(
        "SELECT DISTINCT v.display_id FROM conversations v JOIN messages m ON m.conversation_id = v.id"
        " JOIN attachments a ON a.message_id = m.id"
    )
    links = {
        message["source_id"]: message["attachments"][0]["data_url"]
        for row in conversations
        for message in world.installation.get(f"/conversations/{row.display_id}/messages")[
            "payload"
        ]
        if message.get("attachments")
    }
    wrong = []
    for source_id, digest in files.items():
        data = requests.get(links[source_id], timeout=60).content if source_id in links else b""
        if hashlib.sha256(data).hexdigest() != digest:
            wrong.append(f"wrong: the file of {source_id} is not what its customer sent")
    return wrong


def media_job_killed(world: World) -> None:
    """The process that fetches files ends after it took one, and again when a file is there and no row says so."""
    files = send_files(world, 1)
    world.kill_at("after commit: claim a file")
    files |= send_files(world, 5)
    world.kill_at("before commit: keep a file")
    time.sleep(world.rng.uniform(0.1, 0.5))
    world.kill("calls worker 1", "below")
    await_files(world, files)


def album(world: World) -> None:
    """Ten pictures of somebody unknown at the same moment: one contact, one conversation, ten files."""
    files: dict[str, str] = {}
    for _ in range(2):
        world.ledger.fault("album", number=10)
        files |= send_files(world, 10, world.new_phone())
    await_files(world, files)


SCENARIOS = (
    Scenario(media_job_killed, own=True, points=True, short_on=()),
    Scenario(album, own=True, points=True, short_on=()),
)
