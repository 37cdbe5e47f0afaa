"""What happens on WhatsApp, before it is written as a webhook body. Plain records; no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Action = Literal["message", "reaction", "revoked", "edited"]

RECEIPT_TEXTS = {
    "delivered": "reached the device, possibly unseen",
    "read": "chat opened, message seen",
    "read-self": "read by this account on another device with read receipts off",
}


@dataclass(frozen=True, slots=True)
class Account:
    """The WhatsApp account that an event belongs to."""

    jid: str
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """A person or a chat as WhatsApp addressed it.

    Attributes:
        jid: the phone JID or group JID; of an unknown LID the LID itself.
        lid: the LID if WhatsApp addressed the party by it, else None.
    """

    jid: str
    lid: str | None = None

    @property
    def raw(self) -> str:
        return self.lid or self.jid


@dataclass(frozen=True, slots=True)
class Media:
    """A file in a message.

    Attributes:
        kind: image, video, video_note, audio, document or sticker.
        path: where the service stored it, below its address; ignored if ``cdn_url`` is set.
        cdn_url: the encrypted address that is shown when automatic download is off.
        failed: the download from WhatsApp failed.
    """

    kind: str
    path: str = ""
    content_type: str = ""
    caption: str = ""
    filename: str = ""
    cdn_url: str | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message stanza: a message, reaction, revocation or edit."""

    id: str
    at: datetime
    account: Account
    chat: Party
    sender: Party
    action: Action = "message"
    from_me: bool = False
    device: int | None = None
    push_name: str = ""
    display_name: str = ""
    text: str = ""
    media: Media | None = None
    parts: dict[str, Any] = field(default_factory=dict)
    reply_to: str = ""
    quoted: str = ""
    forwarded: bool = False
    view_once: bool = False
    target_id: str = ""
    emoji: str = ""
    revoked_chat: str = ""
    revoked_from_me: bool = True
    extended: bool = False
    caption_edit: bool = False


@dataclass(frozen=True, slots=True)
class Deletion:
    """A message that our own phone deleted for itself. ``original`` is None if it was not stored."""

    id: str
    at: datetime
    account: Account
    author: Party | None = None
    author_name: str = ""
    original: Original | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The stored copy of a deleted message."""

    chat: str
    sender: str
    content: str
    at: datetime
    from_me: bool = False
    media_type: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Somebody's device got or showed messages."""

    ids: tuple[str, ...]
    kind: str
    at: datetime
    account: Account
    chat: Party
    sender: Party
    device: int | None = None
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """People joined, left, were promoted or demoted."""

    group: str
    kind: str
    people: tuple[Party, ...]
    at: datetime
    account: Account


@dataclass(frozen=True, slots=True)
class Notice:
    """Any other event of the envelope eras: calls, typing, labels, channels, our joining a group.

    ``since`` is the first release that sent it; a release before ``lid_since`` shows ``party`` unresolved.
    """

    event: str
    at: datetime
    account: Account
    payload: dict[str, Any]
    since: str
    party: Party | None = None
    lid_since: str = "v8.3.4"
    display_name: str = ""


Event = Message | Deletion | Receipt | GroupChange | Notice
