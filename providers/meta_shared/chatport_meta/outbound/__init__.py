"""Sending through the Cloud API's form of messages, which 360dialog's newer generation takes as well.

Owns: the request of a send, its answer, receipts and typing. Must not know: addresses, credentials, storage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chatport.channels import Features
from chatport.errors import (
    ContentRefused,
    RecipientInvalid,
    ServiceUnreachable,
    TemporarilyRefused,
)
from chatport.identities import Identity, IdentityKind
from chatport.messages import Content, Media, MessageRef, OutboundMessage, Reaction, Sent, Template

from ..failures import no_id
from ..service import SENDING, Service
from .contents import MEDIA_TYPES, content_fields
from .limits import check
from .multipart import StreamBody, UploadForm
from .recipients import learned, recipient_fields, sibling
from .templates import needs_phone

__all__ = [
    "MEDIA_TYPES",
    "Edges",
    "StreamBody",
    "check",
    "content_fields",
    "file_of",
    "mark_read",
    "message_body",
    "receiver",
    "send",
    "sent",
    "show_typing",
    "upload",
    "upload_type",
]

PRODUCT = {"messaging_product": "whatsapp"}
#: Errors after which the other written form of a number may be right.
_OTHER_FORM = ("131026", "131030")
#: What the answer to a template may say instead of ``accepted``, for the agent.
NOT_ON_ITS_WAY = {
    "held_for_quality_assessment": (
        "Meta holds this template back while it judges its quality. It goes out if the template passes, and fails "
        "otherwise. If it is urgent, use another template."
    ),
    "paused": (
        "Meta has paused this template because of its quality, so the message is not on its way. Use another "
        "template, or wait until this one is active again."
    ),
}
_CODECS = re.compile(r"\s*;.*", re.DOTALL)
MAX_RAW_TEXT = 300


@dataclass(frozen=True, slots=True)
class Edges:
    """Where a channel's number takes messages and files."""

    messages: str
    media: str


def send(service: Service, edges: Edges, message: OutboundMessage, features: Features) -> Sent:
    """Send one message. A file is uploaded first; where that fails for a passing reason, its public link is sent.

    :raises ProviderError: of the class that says what happened.
    """
    check(message.content, features, service.name)
    to = receiver(message)
    file = file_of(message.content, lambda media: upload(service, edges.media, media))
    body = message_body(message, to, file, service.name)
    try:
        answer = service.send(edges.messages, body)
    except RecipientInvalid as error:
        other = sibling(to) if error.code in _OTHER_FORM else None
        if other is None:
            raise
        # Refused, so surely not sent: the other form of the number is tried once.
        answer = service.send(edges.messages, {**body, **other})
        worked = Identity(IdentityKind.WA_ID, other["to"].lstrip("+"))
        # Whatever id the answer predicts: this form is the one that works.
        told = (one for one in learned(answer) if one.kind != IdentityKind.WA_ID)
        return replace(sent(answer, service.name), recipient=(worked, *told))
    return sent(answer, service.name)


def receiver(message: OutboundMessage) -> dict[str, str]:
    """The recipient's fields of a message.

    :raises RecipientInvalid: the message cannot reach this recipient.
    """
    content = message.content
    phone_only = isinstance(content, Template) and needs_phone(content)
    return recipient_fields(message.recipient, phone_only=phone_only)


def message_body(
    message: OutboundMessage, to: Mapping[str, str], file: Mapping[str, str] | None, service: str
) -> dict[str, Any]:
    """The request of a send. Our delivery id goes along and comes back with every status.

    :raises ContentRefused: the content cannot be sent.
    """
    body: dict[str, Any] = {**PRODUCT, **to, **content_fields(message.content, file, service)}
    if message.reply_to is not None and not isinstance(message.content, Reaction):
        body["context"] = {"message_id": message.reply_to.source_id}
    if message.delivery_id:
        body["biz_opaque_callback_data"] = message.delivery_id
    return body


def sent(answer: Mapping[str, Any], service: str) -> Sent:
    """The result of a send.

    :raises OutcomeUnknown: the answer names no message.
    """
    source_id = source_id_of(answer)
    if not source_id:
        raise no_id(service=service)
    raw = reduced(answer)
    return Sent(
        source_id, raw, learned(answer), NOT_ON_ITS_WAY.get(raw.get("message_status", ""), "")
    )


def source_id_of(answer: Mapping[str, Any]) -> str:
    """The message id in the answer to a send; empty where there is none."""
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    found = first.get("id") if isinstance(first, dict) else None
    # What no database can hold is no id by which a status could ever find the message.
    usable = isinstance(found, str) and len(found) <= 255 and found.isprintable()
    return str(found) if usable else ""


def reduced(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth keeping of an answer."""
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else {}
    kept: dict[str, Any] = {"message_id": source_id_of(answer)}
    state = first.get("message_status") if isinstance(first, dict) else None
    if isinstance(
        state, str
    ):  # templates only; "paused" and "held_…" mean that it is not on its way yet
        kept["message_status"] = state[:MAX_RAW_TEXT]
    return kept


# --- files ----------------------------------------------------------------------------------------


def file_of(content: Content, upload: Callable[[Media], str]) -> dict[str, str] | None:
    """How a message names its file: by the id of the upload, or by its public link where the upload fails for a
    passing reason; ``None`` for a content without file.

    :param upload: uploads and gives the id.
    :raises ProviderError: it was not taken, and there is no public link.
    """
    if not isinstance(content, Media):
        return None
    try:
        return {"id": upload(content)}
    except (ServiceUnreachable, TemporarilyRefused):
        if content.link is None or not content.link.startswith("https://"):
            raise
        return {"link": content.link}


def upload(service: Service, path: str, media: Media) -> str:
    """Upload a file; its id lasts thirty days.

    :raises ProviderError: it was not taken.
    """
    content_type = upload_type(media)
    try:
        with media.open() as file:
            form = UploadForm(
                {**PRODUCT, "type": content_type},
                filename=media.filename or "file",
                content_type=content_type,
                file=file,
                size=media.size,
            )
            headers = {"Content-Type": form.content_type}
            answer = service.call("POST", path, data=form, headers=headers, deadline=SENDING)
    except FileNotFoundError:
        raise ContentRefused(
            "The file is not stored any more.", action="Attach it again.", code="file_missing"
        ) from None
    found = answer.get("id")
    if not isinstance(found, str) or not found:
        raise TemporarilyRefused(
            f"{service.name} took the file, but does not say under which id.",
            action="Nothing to do; it is tried again.",
            code="no_media_id",
        )
    return found


def upload_type(media: Media) -> str:
    """A file's type without codecs; Opus is told as the Ogg that contains it."""
    plain = _CODECS.sub("", media.content_type).strip().lower()
    return {"audio/opus": "audio/ogg"}.get(plain, plain) or "application/octet-stream"


# --- receipts and typing --------------------------------------------------------------------------


def mark_read(service: Service, path: str, messages: tuple[MessageRef, ...]) -> bool:
    """Tell the customer that we read these messages: the last one, which includes all before it.

    :raises ProviderError: it was not taken.
    """
    if messages:
        body = {**PRODUCT, "status": "read", "message_id": messages[-1].source_id}
        service.post(path, body)
    return bool(messages)


def show_typing(service: Service, path: str, state: str, last_message: MessageRef | None) -> bool:
    """Show that somebody types, for 25 seconds or until a message is sent. It marks the customer's last message read,
    which cannot be separated; ending it by itself is not possible.

    :raises ProviderError: it was not taken.
    """
    if state == "paused" or last_message is None or last_message.from_me:
        return False
    indicator = {"typing_indicator": {"type": "text"}}
    body = {**PRODUCT, "status": "read", "message_id": last_message.source_id, **indicator}
    service.post(path, body)
    return True
