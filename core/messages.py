"""Outbound vocabulary: what the core asks a provider to send.

Owns: frozen records of outbound messages and their results. Must not know: storage, Flask, any provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO

from .identities import Identity


class MessageStatus(StrEnum):
    """Delivery states of an outgoing message, as told by a provider."""

    SENT = "sent"  #: the provider's server took it (one tick)
    DELIVERED = "delivered"  #: reached the recipient's device (two ticks)
    READ = "read"  #: opened by the recipient (blue ticks)
    PLAYED = "played"  #: a voice note was played
    FAILED = "failed"  #: refused; always with a reason


class MediaKind(StrEnum):
    """Kinds of file that WhatsApp tells apart."""

    IMAGE = "image"
    VIDEO = "video"
    VIDEO_NOTE = "video_note"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text in WhatsApp's own markup."""

    body: str
    preview_url: bool = True


@dataclass(frozen=True, slots=True)
class Media:
    """One file.

    :param open: opens the bytes for reading; may be called again for a retry.
    :param size: bytes.
    :param link: a signed, expiring public address of the same bytes, for providers that fetch.
    """

    kind: MediaKind
    filename: str
    content_type: str
    size: int
    open: Callable[[], BinaryIO] = field(repr=False, compare=False)
    caption: str = ""
    link: str | None = field(default=None, repr=False)
    view_once: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """A place. Degrees, WGS 84."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class ContactCard:
    """One shared contact. ``phones`` are E.164 or as given; ``raw`` keeps the provider's own form."""

    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organization: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Contacts:
    """One or more contact cards."""

    cards: tuple[ContactCard, ...]


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Points at an existing message: of ours (``from_me``) or of ``sender``."""

    source_id: str
    from_me: bool
    sender: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji on a message; the empty string removes it."""

    target: MessageRef
    emoji: str


@dataclass(frozen=True, slots=True)
class Edit:
    """New text for one of our own messages."""

    target: MessageRef
    body: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """Delete one of our own messages for everyone."""

    target: MessageRef


@dataclass(frozen=True, slots=True)
class Poll:
    """A question with options; at most ``max_answers`` may be chosen."""

    question: str
    options: tuple[str, ...]
    max_answers: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """One reply button or list row."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Interactive:
    """Buttons (``style="buttons"``), a list (``"list"``) or one link button (``"cta_url"``)."""

    style: str
    body: str
    choices: tuple[Choice, ...] = ()
    header: str = ""
    footer: str = ""
    button: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """An approved message template with its variables.

    :param params: the API's ``processed_params``: ``{"body": {name: value}, "header": {...}, "buttons": [...]}``.
    :param definition: the stored template as synchronised from the provider.
    """

    name: str
    language: str
    category: str = ""
    namespace: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    definition: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """An address with a caption and a preview made by the service."""

    url: str
    caption: str


Content = (
    Text
    | Media
    | Location
    | Contacts
    | Reaction
    | Edit
    | Revoke
    | Poll
    | Interactive
    | Template
    | Link
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where to send. ``identities`` are all that is known of the chat, best first; a group has kind ``group``."""

    identities: tuple[Identity, ...]
    is_group: bool = False

    def first(self, *kinds: str) -> Identity | None:
        """The first identity of one of ``kinds``, in the order of ``kinds``."""
        for kind in kinds:
            for identity in self.identities:
                if identity.kind == kind:
                    return identity
        return None


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One thing to send.

    :param delivery_id: our own id of this delivery attempt chain; opaque, 32 hex digits. Providers that can carry
        callback data send it along, so that a status can name it.
    :param extra: vendor-only options by provider key.
    """

    delivery_id: str
    recipient: Recipient
    content: Content
    reply_to: MessageRef | None = None
    forwarded: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took the message.

    :param source_id: the provider's message id, never empty.
    :param raw: the provider's answer, JSON-serialisable, without secrets.
    """

    source_id: str
    raw: Mapping[str, Any] = field(default_factory=dict)
    #: identities of the recipient that the answer revealed (for instance a wa_id); the contact is known by them from
    #: now on
    recipient: tuple[Identity, ...] = ()
    #: a sentence for the agent where what was taken is not on its way yet, and what to do then; shown until a status
    #: says more
    note: str = ""
