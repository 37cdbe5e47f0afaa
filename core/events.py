"""Inbound vocabulary: what a provider makes of a webhook request.

Owns: the frozen records that ``handle_event`` and ``fetch_history`` return. Must not know: storage, HTTP, any provider.

Every event has a **key**: text of at most 200 characters that is equal for every delivery of the same fact and differs
for different facts of the channel. Keys are contract: replays and duplicates are recognised by them alone.
``time`` is the provider's time (aware, UTC) or ``None`` where it told none; ``raw`` is the provider's own item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from .identities import Identity
from .messages import ContactCard, Location, MediaKind, MessageStatus


class Direction(StrEnum):
    """Who wrote a message."""

    INCOMING = "incoming"  #: the customer, or a member of a group
    OUTGOING = "outgoing"  #: ourselves: an echo of the phone, another app, or of our own send


class GroupAction(StrEnum):
    """What happened to members of a group."""

    JOIN = "join"
    LEAVE = "leave"
    PROMOTE = "promote"
    DEMOTE = "demote"
    ADDED_US = "added_us"  #: our own number became a member


@dataclass(frozen=True, slots=True)
class Party:
    """A person, as far as one event names them. All identities of one party belong to one contact:
    that is evidence inside one provider event, the only ground on which contacts merge."""

    identities: tuple[Identity, ...]
    name: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """Where something happened: a person's chat or a group."""

    identities: tuple[Identity, ...]
    is_group: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file at the provider. ``media_url`` turns it into a request.

    :param locator: the provider's own way to find the file (path, id, …); JSON-serialisable, no secret.
    :param sha256: lower-case hex of the bytes, where the provider tells it.
    """

    kind: MediaKind
    locator: Mapping[str, Any]
    filename: str = ""
    content_type: str = ""
    sha256: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text, as typed."""

    body: str


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A file with its caption."""

    media: MediaRef
    caption: str = ""


@dataclass(frozen=True, slots=True)
class LocationPart:
    """A place; ``live`` for a shared live location."""

    location: Location
    live: bool = False
    url: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class ContactPart:
    """One shared contact. Several shared in one message are several parts."""

    card: ContactCard


@dataclass(frozen=True, slots=True)
class StructuredPart:
    """Anything else with a readable summary: list, order, poll, button reply, Flow reply, interactive message.

    :param kind: a short word (``order``, ``list``, ``poll``, ``button_reply``, ``list_reply``, ``flow_reply``, …).
    :param data: ids and values that automation needs; JSON-serialisable.
    """

    kind: str
    body: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnsupportedPart:
    """WhatsApp has something here that the provider does not hand over; shown as a placeholder with its reason."""

    reason: str
    #: set where the provider may be asked for the content later (see ``media_url``)
    media: MediaRef | None = None


Part = TextPart | MediaPart | LocationPart | ContactPart | StructuredPart | UnsupportedPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share.

    :param addressees: addresses of the channel that the item names (see ``channel_addresses``); empty when it names
        none. An item for another channel is never mixed in.
    """

    key: str
    time: datetime | None
    raw: Any = field(repr=False, default=None)
    addressees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """A message in a chat. Each part becomes a message of its own, unique on (inbox, key, part number).

    :param history: read from the provider's store or a history sync: no window, no notification, no reopening.
    :param delivery_id: our own delivery id, where an echo names it.
    """

    source_id: str
    direction: Direction
    chat: Chat
    sender: Party | None
    parts: tuple[Part, ...]
    reply_to: str | None = None
    quoted_text: str = ""
    forwarded: bool = False
    view_once: bool = False
    referral: Mapping[str, Any] | None = None
    history: bool = False
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """One delivery state of one message for one recipient.

    :param recipient: who received or read it; in a group one event per member.
    :param delivery_id: our own delivery id, where the provider names it.
    """

    source_id: str
    status: MessageStatus
    recipient: tuple[Identity, ...] = ()
    chat: Chat | None = None
    error_code: str = ""
    error_message: str = ""
    error_action: str = ""
    delivery_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited(Event):
    """The sender changed a message. ``body`` is ``None`` where the provider does not tell the new text."""

    target: str
    chat: Chat
    sender: Party | None
    direction: Direction
    body: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRevoked(Event):
    """A message was deleted; ``for_everyone`` false when only our own phone forgot it."""

    target: str
    chat: Chat | None
    sender: Party | None
    direction: Direction
    for_everyone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged(Event):
    """A reaction on a message; the empty ``emoji`` removes the sender's reaction."""

    target: str
    chat: Chat
    sender: Party | None
    direction: Direction
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRead(Event):
    """We ourselves read a chat on another device, up to the given messages."""

    chat: Chat
    source_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged(Event):
    """Members of a group changed; leaves an activity line in the group's conversation, once there is one."""

    chat: Chat
    action: GroupAction
    members: tuple[Party, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChanged(Event):
    """A person's identity changed (a new number): the identity moves, the history stays."""

    old: tuple[Identity, ...]
    new: tuple[Identity, ...]
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOffered(Event):
    """Somebody called: an activity line in the conversation, which is made for it where there is none. In a group the
    line waits for the group's conversation."""

    call_id: str
    chat: Chat
    caller: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingChanged(Event):
    """Somebody types or records; live only, never stored as a message."""

    chat: Chat
    sender: Party | None
    state: str  # "composing", "recording" or "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNotice(Event):
    """A fact about the channel itself (quality, limits, restriction), shown on its health."""

    kind: str
    facts: Mapping[str, Any]
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChanged(Event):
    """A template's state changed at the provider."""

    name: str
    language: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored(Event):
    """Known, and deliberately without effect. ``reason`` is shown in the event log."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(Event):
    """Of this sender, but of a kind that the provider does not know. Kept and shown."""

    reason: str


AnyEvent = (
    MessageReceived
    | StatusChanged
    | MessageEdited
    | MessageRevoked
    | ReactionChanged
    | ChatRead
    | GroupChanged
    | IdentityChanged
    | CallOffered
    | TypingChanged
    | ChannelNotice
    | TemplateChanged
    | Ignored
    | UnknownEvent
)
