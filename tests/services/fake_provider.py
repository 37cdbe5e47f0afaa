"""A provider that answers what a test prepared, and an installation around it: real database, real plugin handle."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from marshmallow import fields

from chatport.channels import (
    HOOK_API,
    AuthScheme,
    Channel,
    Connection,
    ContactInfo,
    Features,
    GroupInfo,
    HealthFact,
    HistoryPage,
    InboundRequest,
    MediaLimit,
    MediaRequest,
    PairingPrompt,
    ProviderInfo,
    Provisioned,
    SentLookup,
)
from chatport.db import Database, utcnow
from chatport.db import tables as t
from chatport.db.upsert import insert
from chatport.events import AnyEvent, MediaRef
from chatport.hookspecs import hookimpl
from chatport.identities import Identity
from chatport.messages import MediaKind, MessageRef, OutboundMessage, Recipient, Sent
from chatport.notices import Notice
from chatport.plugins.registry import Registry
from chatport.schema import ProviderSchema, Secret
from chatport.services import outbox
from chatport.services.media.storage import MediaStorage
from chatport.vault import Vault

RINA = "6281290001122"
BUDI = "6281290003344"
NUMBER = "+6281100000009"

FEATURES = Features(
    media={
        MediaKind.IMAGE: MediaLimit(1000, ("image/jpeg", "image/png")),
        MediaKind.DOCUMENT: MediaLimit(5000),
        MediaKind.VOICE: MediaLimit(200_000, ("audio/ogg",), caption=False),
        MediaKind.AUDIO: MediaLimit(5000, ("audio/mpeg",), caption=False),
    },
    max_text=200,
    max_caption=50,
    location=True,
    contacts=True,
    max_contacts=1,
    reactions=True,
    edit=True,
    revoke=True,
    reply=True,
    polls=True,
    link=True,
    groups=True,
    typing=True,
    read_receipts=True,
    pairing=("qr",),
    history=True,
    find_sent=True,
    avatars=False,
    concurrency=4,
    connection_poll_seconds=60,
)


class FakeSchema(ProviderSchema):
    """One address and one secret."""

    api_base_url = fields.String(load_default="http://fake.test", metadata={"widget": "url"})
    webhook_verify_token = Secret(load_default="s3cret")


class FakeProvider:
    """Records every call. ``outcomes`` are used up one per send: an exception is raised, a function is called with the
    message, anything else is the source id. Without one, ids count up."""

    def __init__(self, features: Features = FEATURES) -> None:
        self.PROVIDER = ProviderInfo(
            title="Fake",
            hook_api=HOOK_API,
            schema=FakeSchema,
            features=features,
            authentication=AuthScheme(
                "header_secret", ("webhook_verify_token",), header="x-secret"
            ),
        )
        self.sent: list[OutboundMessage] = []
        self.outcomes: list[Any] = []
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def _answer(self, hook: str, argument: Any, default: Any) -> Any:
        self.calls.append((hook, argument))
        answer = self.answers.get(hook, default)
        if isinstance(answer, list) and answer and hook not in ("fetch_templates", "check_health"):
            answer = answer.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer(argument) if callable(answer) else answer

    @hookimpl
    def validate_config(self, channel: Channel) -> Connection:
        return self._answer("validate_config", channel, Connection(connected=True))

    @hookimpl
    def send_message(self, channel: Channel, message: OutboundMessage) -> Sent:
        with self._lock:
            self.sent.append(message)
            number = len(self.sent)
            outcome = self.outcomes.pop(0) if self.outcomes else None
        if callable(outcome):
            outcome = outcome(message)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome if isinstance(outcome, Sent) else Sent(outcome or f"ID{number}")

    @hookimpl
    def media_url(self, channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
        return self._answer("media_url", (media, attempt), None)

    @hookimpl
    def handle_event(self, channel: Channel, request: InboundRequest) -> list[AnyEvent]:
        return []

    @hookimpl
    def provision(self, channel: Channel) -> Provisioned:
        return self._answer("provision", channel, Provisioned(done=("webhook set",)))

    @hookimpl
    def unprovision(self, channel: Channel) -> Provisioned:
        return self._answer("unprovision", channel, Provisioned())

    @hookimpl
    def start_pairing(self, channel: Channel, method: str, phone_number: str) -> PairingPrompt:
        return self._answer(
            "start_pairing", (method, phone_number), PairingPrompt("qr", 30, image=b"png")
        )

    @hookimpl
    def connection_status(self, channel: Channel) -> Connection:
        return self._answer("connection_status", channel, Connection(connected=True))

    @hookimpl
    def logout(self, channel: Channel) -> Connection:
        return self._answer("logout", channel, Connection(connected=False, login_required=True))

    @hookimpl
    def reconnect(self, channel: Channel) -> Connection:
        return self._answer("reconnect", channel, Connection(connected=True))

    @hookimpl
    def mark_read(
        self, channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]
    ) -> bool:
        return self._answer("mark_read", (recipient, messages), True)

    @hookimpl
    def send_typing(
        self, channel: Channel, recipient: Recipient, state: str, last_message: MessageRef | None
    ) -> bool:
        return self._answer("send_typing", (recipient, state, last_message), True)

    @hookimpl
    def group_info(self, channel: Channel, group: Identity) -> GroupInfo:
        return self._answer("group_info", group, GroupInfo("Toko Group"))

    @hookimpl
    def contact_info(self, channel: Channel, contact: tuple[Identity, ...]) -> ContactInfo:
        return self._answer("contact_info", contact, ContactInfo())

    @hookimpl
    def fetch_history(self, channel: Channel, since: datetime, cursor: str | None) -> HistoryPage:
        return self._answer("fetch_history", (since, cursor), HistoryPage(()))

    @hookimpl
    def find_sent(self, channel: Channel, lookup: SentLookup) -> tuple[Sent, ...]:
        return self._answer("find_sent", lookup, ())

    @hookimpl
    def fetch_templates(self, channel: Channel) -> list[dict[str, object]]:
        return self._answer("fetch_templates", channel, [])

    @hookimpl
    def check_health(self, channel: Channel) -> list[HealthFact]:
        return self._answer("check_health", channel, [])


class StubBells:
    """Counts rings."""

    def __init__(self) -> None:
        self.calls = 0

    def ring_calls(self) -> bool:
        self.calls += 1
        return True

    def ring_events(self) -> bool:
        return True


@dataclass
class World:
    """One account with one channel, one inbox, an agent, and a chat with Rina."""

    core: Any
    provider: FakeProvider
    account_id: int
    channel_id: int
    inbox_id: int
    user_id: int
    notices: list[Notice] = field(default_factory=list)
    conversation_id: int = 0

    def rows(self, model: Any, *where: Any) -> list[Any]:
        with self.core.db.read() as connection:
            return list(
                connection.execute(sa.select(model.__table__).where(*where).order_by(model.id))
            )

    def one(self, model: Any, *where: Any) -> Any:
        rows = self.rows(model, *where)
        assert len(rows) == 1, rows
        return rows[0]

    def message(self, message_id: int) -> Any:
        return self.one(t.Message, t.Message.id == message_id)

    def channel(self) -> Any:
        return self.one(t.Channel, t.Channel.id == self.channel_id)

    def set(self, model: Any, *where: Any, **values: Any) -> None:
        with self.core.db.write("set") as connection:
            connection.execute(sa.update(model).where(*where).values(**values))

    def chat(
        self, number: str = RINA, *, group: str = "", window_from: datetime | None = None
    ) -> int:
        """A contact with a conversation; returns the conversation's id."""
        now = utcnow()
        kind, value = ("group", group) if group else ("phone", number)
        with self.core.db.write("chat") as connection:
            contact_id = insert(
                connection,
                t.Contact.__table__,
                {
                    "account_id": self.account_id,
                    "kind": "group" if group else "person",
                    "name": group or f"+{number}",
                    "phone_number": None if group else f"+{number}",
                },
            )
            identity = {
                "account_id": self.account_id,
                "contact_id": contact_id,
                "kind": kind,
                "value": value,
            }
            insert(connection, t.ContactIdentity.__table__, identity)
            insert(
                connection,
                t.ContactInbox.__table__,
                {
                    "contact_id": contact_id,
                    "inbox_id": self.inbox_id,
                    "source_id": value,
                    "window_from": window_from,
                },
            )
            count = connection.execute(
                sa.select(sa.func.count()).select_from(t.Conversation)
            ).scalar_one()
            return insert(
                connection,
                t.Conversation.__table__,
                {
                    "account_id": self.account_id,
                    "inbox_id": self.inbox_id,
                    "contact_id": contact_id,
                    "display_id": count + 1,
                    "uuid": f"u{count}",
                    "last_activity_at": now,
                    "waiting_since": now,
                },
            )

    def incoming(self, source_id: str, conversation_id: int | None = None, **values: Any) -> int:
        """A message of the customer; returns its id."""
        conversation = self.one(
            t.Conversation, t.Conversation.id == (conversation_id or self.conversation_id)
        )
        with self.core.db.write("incoming") as connection:
            return insert(
                connection,
                t.Message.__table__,
                {
                    "account_id": self.account_id,
                    "inbox_id": self.inbox_id,
                    "conversation_id": conversation.id,
                    "message_type": "incoming",
                    "content": "hello",
                    "status": "received",
                    "source_id": source_id,
                    "item_key": f"m:{source_id}",
                    "sender_contact_id": conversation.contact_id,
                    "sent_at": utcnow(),
                    **values,
                },
            )

    def send(
        self, content: str = "hi", conversation_id: int | None = None, **more: Any
    ) -> list[int]:
        """Store a message to be sent; returns message ids."""
        return outbox.create_message(
            self.core,
            account_id=self.account_id,
            conversation_id=conversation_id or self.conversation_id,
            user_id=more.pop("user_id", self.user_id),
            content=content,
            **more,
        )

    def deliver(self, budget: float = 20.0) -> outbox.DeliverResult:
        return outbox.deliver_due(self.core, budget)

    def make_due(self) -> None:
        """Let the time of all retries and pauses come."""
        past = utcnow() - timedelta(seconds=1)
        self.set(t.Send, t.Send.state == "queued", next_try_at=past)
        self.set(t.Channel, t.Channel.paused_until.is_not(None), paused_until=past)
        self.set(t.Attachment, t.Attachment.state == "pending", next_try_at=past)
        self.set(t.Task, t.Task.state == "pending", next_try_at=past)

    def last_send(self, message_id: int) -> Any:
        return self.rows(t.Send, t.Send.message_id == message_id)[-1]

    def features(self, **changes: Any) -> None:
        """Change what the provider declares."""
        self.provider.PROVIDER = replace(
            self.provider.PROVIDER, features=replace(self.provider.PROVIDER.features, **changes)
        )
        self.core.plugins = Registry.from_modules({"fake": self.provider})


def make_world(database_url: str, folder: Path, *, features: Features = FEATURES) -> World:
    """A new installation in an empty database, with a conversation with Rina."""
    provider = FakeProvider(features)
    notices: list[Notice] = []
    vault = Vault(["test-key"])
    core = open_core(database_url, folder, provider, vault, notices.extend)
    t.Base.metadata.create_all(core.db.engine)
    with core.db.write("make world") as connection:
        account_id = insert(connection, t.Account.__table__, {"name": "Shop"})
        user_id = insert(connection, t.User.__table__, {"email": "ana@shop.test", "name": "Ana"})
        insert(
            connection,
            t.Membership.__table__,
            {"account_id": account_id, "user_id": user_id, "role": "administrator"},
        )
        channel_id = insert(
            connection,
            t.Channel.__table__,
            {
                "account_id": account_id,
                "phone_number": NUMBER,
                "provider": "fake",
                "provider_secrets": vault.seal({"webhook_verify_token": "s3cret"}),
                "auth_secrets": vault.seal({"webhook": ["s3cret"]}),
                "connection": "connected",
            },
        )
        inbox_id = insert(
            connection,
            t.Inbox.__table__,
            {"account_id": account_id, "channel_id": channel_id, "name": "Sales"},
        )
    world = World(core, provider, account_id, channel_id, inbox_id, user_id, notices)
    world.conversation_id = world.chat()
    return world


def open_core(
    database_url: str,
    folder: Path,
    provider: FakeProvider,
    vault: Vault,
    publish: Callable[[list[Notice]], None] = lambda notices: None,
) -> Any:
    """What a process holds, without Redis."""
    return SimpleNamespace(
        db=Database(database_url),
        vault=vault,
        bells=StubBells(),
        plugins=Registry.from_modules({"fake": provider}),
        storage=MediaStorage(f"file://{folder / 'media'}"),
        settings=SimpleNamespace(
            followup_days=7,
            public_url="https://chat.example",
            max_media_bytes=100_000,
            hook_time_limit=5.0,
            raw_retention_days=14,
            smtp_url=None,
            smtp_from=None,
        ),
        publish=publish,
    )


def upload(name: str, data: bytes, content_type: str = "") -> outbox.Upload:
    return outbox.Upload(name, content_type, io.BytesIO(data))


PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00" * 60
PDF = b"%PDF-1.4\n" + b"0" * 100
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
