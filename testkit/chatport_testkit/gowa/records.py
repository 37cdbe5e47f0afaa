"""What a test reads back: what the business sent, and which webhooks were posted. Plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class SentMessage:
    """Something that the business sent through the REST interface.

    Attributes:
        kind: text, image, document, video, audio, voice, sticker, contact, link, location, poll, reaction,
            edit, revoke or forward.
        to: JID of the recipient or group.
        text: text, poll question, emoji or new text; ``""`` where there is none.
        content_type, filename, data, size, sha256: of the file, if there is one.
        reply_to: id of the quoted message; ``target_id``: of the message that was changed.
        raw: the fields of the request as bound, files without their bytes.
        acks: receipts posted so far, e.g. ``["delivered", "read"]``.
    """

    source_id: str
    to: str
    kind: str
    at: datetime
    device_id: str
    text: str = ""
    caption: str = ""
    filename: str = ""
    content_type: str = ""
    data: bytes = b""
    size: int = 0
    sha256: str = ""
    reply_to: str = ""
    target_id: str = ""
    raw: dict[str, Any] = field(default_factory=dict)
    acks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Attempt:
    """One HTTP request of a delivery. ``status`` is None if no answer came; then ``error`` says why."""

    at: datetime
    status: int | None
    error: str = ""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook address.

    Attributes:
        event: name of the event, e.g. ``message``; flat bodies count as ``message``.
        status: HTTP status of the last attempt, None while or if no answer came.
        delivered: some attempt was answered with success.
    """

    url: str
    event: str
    body: bytes
    headers: dict[str, str]
    attempts: list[Attempt] = field(default_factory=list)
    delivered: bool = False
    done: bool = False

    @property
    def status(self) -> int | None:
        return self.attempts[-1].status if self.attempts else None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the REST interface, as answered. ``status`` is None if the connection was cut."""

    method: str
    path: str
    status: int | None
