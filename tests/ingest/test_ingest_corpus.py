"""Every recorded body of every provider through the pipeline: in any order, often, beside broken copies."""

from __future__ import annotations

import importlib.resources
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

import chatport_dialog360.plugin
import chatport_whatsapp_cloud.plugin
import chatport_whatsapp_web.plugin
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.plugins import Registry
from ingest_world import World, make_world

PAYLOADS = Path(str(importlib.resources.files("chatport_testkit"))) / "payloads"
#: How often each body is told.
TIMES = 4
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Bodies that were recorded at one channel and agree with each other.

    Those of the Go service have the same ids in each of its versions, with other contents. Left out are those about
    a change of number: whom a number belongs to depends on when one asks.
    """

    provider: str
    plugin: ModuleType
    number: str
    pattern: str = "*.json"
    config: tuple[tuple[str, str], ...] = ()

    def bodies(self) -> list[bytes]:
        found = sorted((PAYLOADS / self.provider).glob(self.pattern))
        return [
            one.read_bytes() for one in found if one.name[0] != "_" and "changed" not in one.name
        ]


GOWA = chatport_whatsapp_web.plugin
CORPORA = {
    "whatsapp_cloud": Corpus(
        "whatsapp_cloud",
        chatport_whatsapp_cloud.plugin,
        "+15557001234",
        config=(
            ("phone_number_id", "109870000333444"),
            ("business_account_id", "214700000111222"),
        ),
    ),
    "dialog360": Corpus("dialog360", chatport_dialog360.plugin, "+4930700001234"),
    **{
        f"whatsapp_web_{era}": Corpus("whatsapp_web", GOWA, "+6281100000009", f"{era}_*.json")
        for era in ("v5", "v6", "v7.2.0", "v7", "v8.0", "v8.2", "v9")
    },
}


@contextmanager
def opened(corpus: Corpus, database_url: str) -> Iterator[World]:
    """A world whose channel is the one that the bodies were recorded at."""
    world = make_world(database_url)
    world.core.plugins = Registry.from_modules({corpus.provider: corpus.plugin})
    world.core.settings.hook_time_limit = 30.0
    world.set(
        t.Channel,
        world.channel_id,
        provider=corpus.provider,
        phone_number=corpus.number,
        provider_config=dict(corpus.config),
    )
    try:
        yield world
    finally:
        world.core.db.dispose()


def take(world: World, bodies: Sequence[bytes]) -> None:
    """Store requests with these bodies as the receiver does, and apply them all."""
    row = {
        "account_id": world.account_id,
        "channel_id": world.channel_id,
        "received_at": utcnow(),
        "headers": {},
        "secret_hash": "",
        "verdict": "accepted",
        "state": "pending",
        "tries": 0,
        "crashes": 0,
        "error": "",
        "items": [],
    }
    with world.core.db.write("store") as connection:
        connection.execute(sa.insert(t.RawRequest), [{**row, "body": body} for body in bodies])
    for _ in range(10):
        world.set_all(t.RawRequest, t.RawRequest.state == "pending", next_try_at=None)
        world.drain()
        if not world.rows(t.RawRequest, t.RawRequest.state == "pending"):
            return
    raise AssertionError("requests stay pending")


def state(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """What people see, without numbers of rows and without names: of several names the first told one stays."""
    known: dict[int, list[str]] = {}
    for row in world.rows(t.ContactIdentity):
        known.setdefault(row.contact_id, []).append(f"{row.kind}:{row.value}")
    who = {contact_id: ", ".join(sorted(found)) for contact_id, found in known.items()}
    chats = {row.id: who[row.contact_id] for row in world.rows(t.Conversation)}
    messages = {row.id: row for row in world.rows(t.Message)}

    def told(message_id: int) -> tuple[str, str]:
        row = messages[message_id]
        return chats[row.conversation_id], row.source_id or row.item_key

    found: dict[str, list[tuple[Any, ...]]] = {
        "contacts": [
            (who[row.id], row.kind, row.phone_number)
            for row in world.rows(t.Contact, t.Contact.merged_into_id.is_(None))
        ],
        "conversations": list({(chats[row.id], row.status) for row in world.rows(t.Conversation)}),
        "messages": [_message(row, chats, who) for row in messages.values()],
        "reactions": [
            (*told(row.message_id), who.get(row.contact_id), row.emoji)
            for row in world.rows(t.ReactionRow, t.ReactionRow.emoji != "")
        ],
        "statuses": [
            (*told(row.message_id), row.status, row.recipient)
            for row in world.rows(t.MessageStatusRow)
        ],
        "revisions": [
            (*told(row.message_id), row.content, row.at) for row in world.rows(t.MessageRevision)
        ],
        "attachments": [
            (*told(row.message_id), row.kind, row.filename) for row in world.rows(t.Attachment)
        ],
        "waiting": [
            (row.target, row.item_key)
            for row in world.rows(t.FollowUp, t.FollowUp.state == "waiting")
        ],
    }
    return {what: sorted(rows, key=repr) for what, rows in found.items()}


def _message(row: Any, chats: dict[int, str], who: dict[int, str]) -> tuple[Any, ...]:
    attributes = {k: v for k, v in row.content_attributes.items() if k != "activity"}
    is_line = row.message_type == "activity"
    return (
        chats[row.conversation_id],
        row.source_id or row.item_key,
        row.message_type,
        row.content_type,
        row.status,
        "" if is_line else row.content,
        row.sent_at,
        row.deleted_at,
        row.edited_at,
        row.reply_to_source_id,
        who.get(row.sender_contact_id),
        json.dumps(attributes, sort_keys=True),
        row.external_error,
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(CORPORA))
def test_bodies_in_any_order_and_any_number_end_the_same(
    fresh_database: Callable[[str], str], backend: str, name: str, seed: int
) -> None:
    corpus = CORPORA[name]
    once = corpus.bodies()
    often = once * TIMES
    random.Random(seed).shuffle(often)

    with opened(corpus, fresh_database(backend)) as world:
        take(world, once)
        wanted = state(world)
    with opened(corpus, fresh_database(backend)) as world:
        take(world, often)
        found = state(world)

    assert len(wanted["messages"]) >= len(once) // 3
    assert found == wanted


def broken(bodies: Sequence[bytes], random_: random.Random) -> Iterator[bytes]:
    """Copies that are cut off, or have a member missing or of another type."""
    for body in bodies:
        yield body[: random_.randrange(len(body))]
        for _ in range(4):
            given = json.loads(body)
            _break(given, random_)
            yield json.dumps(given).encode()


def _break(value: Any, random_: random.Random) -> None:
    """Break one place, anywhere in a tree of objects and lists."""
    places: list[tuple[Any, Any]] = []
    open_: list[Any] = [value]
    while open_:
        one = open_.pop()
        members = one.items() if isinstance(one, dict) else enumerate(one)
        for key, member in members:
            places.append((one, key))
            if isinstance(member, dict | list):
                open_.append(member)
    holder, key = random_.choice(places)
    odd = random_.choice(
        [None, 5, -1.5, "", "x\0y", "\ud800", [], {}, [[]], {"a": 1}, True, "gone"]
    )
    if odd == "gone" and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = odd


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(CORPORA))
def test_broken_bodies_cost_no_other_and_are_told_by_their_reason(
    fresh_database: Callable[[str], str], backend: str, name: str
) -> None:
    corpus = CORPORA[name]
    random_ = random.Random(7)
    good = corpus.bodies()
    bad = list(broken(good, random_))

    with opened(corpus, fresh_database(backend)) as world:
        take(world, good)
        wanted = {row.source_id for row in world.rows(t.Message)}
    mixed = [*good, *bad]
    random_.shuffle(mixed)
    with opened(corpus, fresh_database(backend)) as world:
        take(world, mixed)
        stored = {row.source_id for row in world.rows(t.Message)}
        letters = {row.error_type for row in world.rows(t.DeadLetter)}

    assert wanted <= stored
    # "Parked": what says of a message that it is of another chat or sender than the one which is stored.
    assert letters <= {"AnomalousPayload", "Parked"}
