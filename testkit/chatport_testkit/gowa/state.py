"""What the simulated service knows: devices, people, groups, messages, files. One lock guards it all.

Owns the records and the questions about them. Must not know HTTP or webhooks.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .events import Party
from .jids import LID, PERSON, bare, user_part
from .records import Delivery, Request, SentMessage


@dataclass(slots=True)
class WebhookConfig:
    """The webhook of one device; an empty address means that the service's own settings apply."""

    url: str = ""
    secret: str = ""
    events: str = ""
    insecure: bool = False


@dataclass(slots=True)
class Device:
    """One WhatsApp session.

    Attributes:
        phone: digits of the account; empty when logged out.
        state: disconnected, connecting, connected (waiting to be paired) or logged_in.
        companion: number of this linked device in its account.
        waiting: events that WhatsApp keeps for a disconnected session.
    """

    id: str
    created_at: datetime
    phone: str = ""
    name: str = ""
    state: str = "disconnected"
    companion: int = 23
    webhook: WebhookConfig = field(default_factory=WebhookConfig)
    pairing_phone: str = ""
    login_number: int = 0
    waiting: list[Any] = field(default_factory=list)

    @property
    def jid(self) -> str:
        return f"{self.phone}{PERSON}" if self.phone else ""

    @property
    def is_connected(self) -> bool:
        return self.state in {"connected", "logged_in"}

    @property
    def is_logged_in(self) -> bool:
        return self.state == "logged_in"


@dataclass(slots=True)
class Person:
    """Somebody with WhatsApp.

    Attributes:
        lid: privacy id; ``""`` if the person has none.
        by_lid: WhatsApp addresses the person by the LID.
        lid_known: the service can tell the phone number behind the LID.
        saved_name: name in the account's address book.
        companions: numbers of the person's linked devices.
    """

    jid: str
    name: str = ""
    saved_name: str = ""
    lid: str = ""
    by_lid: bool = False
    lid_known: bool = True
    about: str = ""
    avatar: bytes | None = None
    companions: tuple[int, ...] = ()

    @property
    def party(self) -> Party:
        if not (self.lid and self.by_lid):
            return Party(self.jid)
        return Party(self.jid if self.lid_known else self.lid, self.lid)

    @property
    def display_name(self) -> str:
        return self.saved_name or self.name or user_part(self.party.jid)


@dataclass(slots=True)
class Member:
    jid: str
    admin: bool = False
    owner: bool = False


@dataclass(slots=True)
class Group:
    """A group chat. ``us`` tells whether our account is in it."""

    jid: str
    name: str
    created_at: datetime
    topic: str = ""
    locked: bool = False
    announce: bool = False
    us: bool = True
    us_admin: bool = False
    invite: str = ""
    photo: bytes | None = None
    members: dict[str, Member] = field(default_factory=dict)


@dataclass(slots=True)
class StoredMessage:
    """A row of the service's chat storage, and what the phones show of it.

    ``store_text`` is the text of the row where it differs from what the phones show: GoWA puts a sign before what was
    sent through it. ``revoked`` and ``edited`` are for the people looking on; GoWA keeps its row as it was.
    """

    id: str
    device_id: str
    chat: str
    sender: str
    at: datetime
    content: str = ""
    store_text: str = ""
    kind: str = "text"
    from_me: bool = False
    media_type: str = ""
    filename: str = ""
    url: str = ""
    data: bytes = b""
    content_type: str = ""
    reply_to: str = ""
    reactions: dict[str, str] = field(default_factory=dict)
    revoked: bool = False
    edited: bool = False
    expired: bool = False

    @property
    def row_text(self) -> str:
        """The text of the row of chat storage."""
        return self.content if self.edited or not self.store_text else self.store_text


@dataclass(slots=True)
class StaticFile:
    """A file below ``statics/``; after ``expires`` it is gone."""

    data: bytes
    modified: datetime
    expires: datetime | None = None


class State:
    """Everything mutable. Hold ``lock`` to read or change more than one thing."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.devices: dict[str, Device] = {}
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.messages: list[StoredMessage] = []
        self.files: dict[str, StaticFile] = {}
        self.sent: list[SentMessage] = []
        self.actions: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[Request] = []
        self.deliveries: list[Delivery] = []
        self.unknown_numbers: set[str] = set()
        self.lookup_fails = False
        self.lookup_hangs = False
        self.archived: set[str] = set()

    def find_device(self, name: str) -> Device | None:
        """By slot id, then full JID with the device number, then bare JID."""
        with self.lock:
            if name in self.devices:
                return self.devices[name]
            for device in self.devices.values():
                full = f"{device.phone}:{device.companion}{PERSON}"
                if device.phone and name in {full, device.jid}:
                    return device
        return None

    def active_device(self, name: str | None = None) -> Device | None:
        """The named device, else the first one with an account, else None."""
        with self.lock:
            if name is not None:
                return self.find_device(name)
            return next((device for device in self.devices.values() if device.phone), None)

    def person(self, jid: str) -> Person:
        """The person behind a phone JID or LID; created on first mention."""
        with self.lock:
            if jid.endswith(LID):
                known = next((one for one in self.people.values() if one.lid == jid), None)
                return known or self.people.setdefault(
                    jid, Person(jid, lid=jid, by_lid=True, lid_known=False)
                )
            return self.people.setdefault(bare(jid), Person(bare(jid)))

    def message(self, source_id: str, device_id: str | None = None) -> StoredMessage | None:
        with self.lock:
            for message in reversed(self.messages):
                if message.id == source_id and device_id in {None, message.device_id}:
                    return message
        return None

    def sent_message(self, source_id: str) -> SentMessage | None:
        with self.lock:
            return next((one for one in self.sent if one.source_id == source_id), None)

    def chat(self, device_id: str, chat: str) -> list[StoredMessage]:
        with self.lock:
            return [one for one in self.messages if (one.device_id, one.chat) == (device_id, chat)]
