"""What a simulator remembers of the business's calls. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class SentMessage:
    """A message that the business sent and the service accepted."""

    wamid: str
    phone_number_id: str
    #: The recipient as the business wrote it (``to`` or ``recipient``).
    to: str
    #: The recipient as the service knows it: wa_id, business-scoped id, or group id.
    recipient: str
    type: str
    #: The whole request body.
    payload: dict[str, Any]
    at: float
    #: ``to`` for a phone number or wa_id, ``recipient`` for a business-scoped id, ``group`` for a group.
    addressed_by: str = "to"
    media_id: str = ""
    #: Hex digest of the media's bytes; empty when there is none or a link was not fetched.
    media_sha256: str = ""
    biz_opaque_callback_data: str | None = None
    quoted: str | None = None
    #: What the answer said of a template: ``accepted``, ``held_for_quality_assessment`` or ``paused``.
    message_status: str = "accepted"
    #: Statuses emitted for it so far, in order.
    statuses: list[str] = field(default_factory=list)
    #: Code of the ``failed`` status; None while it has not failed.
    failed_code: int | None = None
    #: Ids of this customer's messages that the business had marked read when it sent this.
    marked_read: tuple[str, ...] = ()
    #: Whether the business showed the typing indicator when it sent this.
    typing: bool = False

    @property
    def text(self) -> str:
        """Body of a text, caption of a medium, body of an interactive message; empty for others."""
        content = self.payload.get(self.type)
        if not isinstance(content, dict):
            return ""
        body = content.get("body", content.get("caption", ""))
        return str(body.get("text", "")) if isinstance(body, dict) else str(body)


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """The business marked a customer's message as read, perhaps showing that it types."""

    wamid: str
    phone_number_id: str
    customer: str
    typing: bool
    at: float


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """An API request as it came in. Never holds the Authorization header's value."""

    method: str
    path: str
    status: int
    at: float
    query: dict[str, str]
    #: Whether credentials came along, for instance to a host that must not see them.
    authorized: bool = False


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An event that no webhook received, with the reason."""

    field: str
    value: dict[str, Any]
    reason: str


@dataclass(slots=True)
class InboundMessage:
    """A message that a customer sent, as the service keeps it."""

    wamid: str
    number_id: str
    customer: str
    kind: str
    content: Any
    at: float
    read: bool = False
    revoked: bool = False
