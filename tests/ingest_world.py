"""A small installation for tests of the inbound pipeline: real database, a provider that reads its own JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from chatport.channels import Features
from chatport.db import Database, utcnow
from chatport.db.tables import Account, Base, Channel, Inbox, RawRequest
from chatport.db.upsert import insert
from chatport.errors import PluginMissing
from chatport.events import (
    AnyEvent,
    Chat,
    Direction,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    Party,
    ReactionChanged,
    StatusChanged,
    TextPart,
)
from chatport.identities import group, phone
from chatport.messages import MessageStatus
from chatport.notices import Notice
from chatport.services.ingest import DrainResult, drain
from chatport.vault import Vault

T0 = datetime(2026, 8, 22, 10, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@dataclass
class StubBells:
    rung: list[str] = field(default_factory=list)

    def ring_events(self) -> bool:
        self.rung.append("events")
        return True

    def ring_calls(self) -> bool:
        self.rung.append("calls")
        return True


class StubHandle:
    """A provider whose requests name events that the test prepared."""

    key = "stub"
    info = SimpleNamespace(features=Features())

    def __init__(self) -> None:
        self.events: dict[str, Any] = {}

    def handle_event(self, channel: Any, request: Any) -> list[AnyEvent]:
        found: list[AnyEvent] = []
        for name in json.loads(request.body):
            prepared = self.events[name]
            if isinstance(prepared, BaseException):
                raise prepared
            found.append(prepared() if callable(prepared) else prepared)
        return found

    def channel_addresses(self, channel: Any) -> frozenset[str]:
        return frozenset()


class StubPlugins:
    def __init__(self, handle: StubHandle) -> None:
        self.providers: dict[str, Any] = {"stub": handle}

    def provider(self, key: str) -> Any:
        if key not in self.providers:
            raise PluginMissing(key)
        return self.providers[key]


@dataclass
class World:
    """One account with one channel and one inbox."""

    core: Any
    handle: StubHandle
    account_id: int
    channel_id: int
    inbox_id: int
    notices: list[Notice]
    _count: int = 0

    def post(self, *events: Any) -> int:
        """Store a request with these events (or exceptions), as the receiver would."""
        names = []
        for event in events:
            self._count += 1
            names.append(f"e{self._count}")
            self.handle.events[names[-1]] = event
        with self.core.db.write("store") as connection:
            return insert(
                connection,
                RawRequest.__table__,
                {
                    "account_id": self.account_id,
                    "channel_id": self.channel_id,
                    "received_at": utcnow(),
                    "headers": {},
                    "body": json.dumps(names).encode(),
                    "secret_hash": "",
                    "verdict": "accepted",
                    "state": "pending",
                    "tries": 0,
                    "crashes": 0,
                    "error": "",
                    "items": [],
                },
            )

    def drain(self) -> DrainResult:
        return drain(self.core, budget_seconds=30)

    def give(self, *events: Any) -> int:
        """Store a request and drain."""
        request_id = self.post(*events)
        self.drain()
        return request_id

    def rows(self, model: Any, *where: Any, order: Any = None) -> list[Any]:
        """Rows of a table."""
        with self.core.db.read() as connection:
            query = sa.select(model.__table__).where(*where)
            return list(
                connection.execute(query.order_by(model.__table__.c.id if order is None else order))
            )

    def one(self, model: Any, *where: Any) -> Any:
        rows = self.rows(model, *where)
        assert len(rows) == 1, rows
        return rows[0]

    def items(self, request_id: int) -> list[str]:
        """States of a request's items."""
        return [item["state"] for item in self.one(RawRequest, RawRequest.id == request_id).items]

    def set(self, model: Any, row_id: int, **values: Any) -> None:
        self.set_all(model, model.id == row_id, **values)

    def set_all(self, model: Any, *where: Any, **values: Any) -> None:
        with self.core.db.write("set") as connection:
            connection.execute(sa.update(model).where(*where).values(**values))


def make_world(database_url: str) -> World:
    """A new installation in an empty database."""
    db = Database(database_url)
    Base.metadata.create_all(db.engine)
    vault = Vault(["test-key"])
    notices: list[Notice] = []
    handle = StubHandle()
    core = SimpleNamespace(
        db=db,
        vault=vault,
        bells=StubBells(),
        plugins=StubPlugins(handle),
        settings=SimpleNamespace(followup_days=7, public_url="http://127.0.0.1:5000"),
        publish=notices.extend,
    )
    with db.write("make world") as connection:
        account_id = insert(
            connection,
            Account.__table__,
            {"name": "Shop", "active": True, "last_display_id": 0, "created_at": utcnow()},
        )
        channel_id, inbox_id = add_channel(connection, vault, account_id, "+6281100000009")
    return World(core, handle, account_id, channel_id, inbox_id, notices)


def add_channel(
    connection: Any, vault: Vault, account_id: int, number: str, **values: Any
) -> tuple[int, int]:
    """A channel with its inbox; ids of both."""
    channel_id = insert(
        connection,
        Channel.__table__,
        {
            "account_id": account_id,
            "phone_number": number,
            "provider": "stub",
            "provider_config": {},
            "provider_secrets": vault.seal({}),
            "auth_secrets": vault.seal({"webhook": ["s3cret"]}),
            "addresses": [],
            **values,
        },
    )
    inbox_id = insert(
        connection,
        Inbox.__table__,
        {"account_id": account_id, "channel_id": channel_id, "name": f"Inbox {number}"},
    )
    return channel_id, inbox_id


RINA = "6281290001122"
GROUP = "120363041122334455@g.us"


def text(
    source_id: str,
    body: str = "hello",
    *,
    sender: str = RINA,
    seconds: float = 0,
    name: str = "rina",
    key: str | None = None,
    in_group: str | None = None,
    direction: Direction = Direction.INCOMING,
    **more: Any,
) -> MessageReceived:
    """A text message."""
    chat = Chat((group(in_group),), is_group=True) if in_group else Chat((phone(sender),))
    return MessageReceived(
        key=key or f"m:{in_group or ''}:{sender}:{direction}:{source_id}",
        time=at(seconds),
        source_id=source_id,
        direction=direction,
        chat=chat,
        sender=Party((phone(sender),), name) if direction is Direction.INCOMING else None,
        parts=(TextPart(body),),
        **more,
    )


def status(source_id: str, state: str, seconds: float = 0, **more: Any) -> StatusChanged:
    """A delivery state."""
    return StatusChanged(
        key=f"s:{source_id}:{state}:{seconds}",
        time=at(seconds),
        source_id=source_id,
        status=MessageStatus(state),
        **more,
    )


def edit(target: str, body: str | None, seconds: float, *, sender: str = RINA) -> MessageEdited:
    """An edit by the sender."""
    return MessageEdited(
        key=f"e:{target}:{seconds}",
        time=at(seconds),
        target=target,
        chat=Chat((phone(sender),)),
        sender=Party((phone(sender),)),
        direction=Direction.INCOMING,
        body=body,
    )


def revoke(target: str, seconds: float, *, sender: str = RINA) -> MessageRevoked:
    """A deletion for everyone by the sender."""
    return MessageRevoked(
        key=f"r:{target}",
        time=at(seconds),
        target=target,
        chat=Chat((phone(sender),)),
        sender=Party((phone(sender),)),
        direction=Direction.INCOMING,
    )


def reaction(target: str, emoji: str, seconds: float, *, sender: str = RINA) -> ReactionChanged:
    """A reaction by a customer."""
    return ReactionChanged(
        key=f"x:{target}:{seconds}",
        time=at(seconds),
        target=target,
        chat=Chat((phone(sender),)),
        sender=Party((phone(sender),)),
        direction=Direction.INCOMING,
        emoji=emoji,
    )
