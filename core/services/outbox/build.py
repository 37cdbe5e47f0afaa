"""From a claimed send to the record that a provider gets.

Owns: ``OutboundMessage`` from rows. Must not know: how it is sent, what comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...errors import ContentRefused
from ...messages import (
    Choice,
    ContactCard,
    Contacts,
    Content,
    Edit,
    Interactive,
    Link,
    Location,
    Media,
    MediaKind,
    MessageRef,
    OutboundMessage,
    Poll,
    Reaction,
    Revoke,
    Template,
    Text,
)
from ..media.serve import signed_link
from .claim import Job
from .recipients import ordered, recipient

if TYPE_CHECKING:
    from ...context import Core

#: How long a provider that fetches a file by its link has for that.
LINK_VALID = timedelta(hours=24)


def outbound(core: Core, job: Job) -> OutboundMessage:
    """What to send.

    :raises ContentRefused: the message cannot be built any more, for instance because its file is gone.
    """
    payload = job.send.payload
    operation = job.send.operation
    if operation == "message":
        content = _CONTENTS[payload["kind"]](core, job, payload)
    else:
        content = _OPERATIONS[operation](job, payload)
    return OutboundMessage(
        delivery_id=job.send.delivery_id,
        recipient=recipient(job.contact, job.identities),
        content=content,
        reply_to=_reply_to(job),
        forwarded=bool(job.message.content_attributes.get("forwarded")),
    )


def _reply_to(job: Job) -> MessageRef | None:
    if job.send.operation != "message":
        return None
    reply = job.reply
    source_id = (reply is not None and reply.source_id) or job.message.reply_to_source_id
    if not source_id:
        return None
    from_me = reply is not None and reply.message_type != "incoming"
    return MessageRef(source_id, from_me, () if from_me else _author(job))


def message_ref(job: Job) -> MessageRef:
    """The send's own message, as the target of a reaction, edit or revoke."""
    if not job.message.source_id:
        raise ContentRefused(
            "WhatsApp has not taken the message that this is about.",
            action="Send the message again first.",
        )
    from_me = job.message.message_type != "incoming"
    return MessageRef(job.message.source_id, from_me, () if from_me else _author(job))


def _author(job: Job) -> tuple[Any, ...]:
    """Identities of the message's author; in a chat with one person that is the contact."""
    if job.sender_identities:
        return ordered(None, job.sender_identities)
    return () if job.contact.kind == "group" else recipient(job.contact, job.identities).identities


def _text(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    return Text(payload["text"], preview_url=payload.get("preview_url", True))


def _media(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    row = next((row for row in job.attachments if row.storage_key), None)
    if row is None:
        raise ContentRefused(
            "The file of this message is not stored any more.", action="Attach it again."
        )
    key = row.storage_key
    return Media(
        kind=MediaKind(payload["media_kind"]),
        filename=row.filename,
        content_type=row.content_type,
        size=row.size or 0,
        open=lambda: core.storage.open(key),
        caption=payload.get("text", ""),
        link=signed_link(core, row.id, LINK_VALID),
        view_once=bool(payload.get("view_once")),
    )


def _location(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    return Location(payload["latitude"], payload["longitude"], payload["name"], payload["address"])


def _contacts(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    return Contacts(
        tuple(
            ContactCard(
                card["name"], tuple(card["phones"]), tuple(card["emails"]), card["organization"]
            )
            for card in payload["cards"]
        )
    )


def _poll(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    return Poll(payload["question"], tuple(payload["options"]), payload["max_answers"])


def _link(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    return Link(payload["url"], payload["caption"])


def _interactive(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    choices = tuple(Choice(c["id"], c["title"], c["description"]) for c in payload["choices"])
    return Interactive(
        payload["style"],
        payload["text"],
        choices,
        button=payload["button"],
        url=payload.get("url", ""),
    )


def _template(core: Core, job: Job, payload: Mapping[str, Any]) -> Content:
    templates: list[Mapping[str, Any]] = job.channel.message_templates or []
    same = (t for t in templates if t.get("name") == payload["name"])
    definition = next((t for t in same if t.get("language") == payload["language"]), {})
    return Template(
        payload["name"],
        payload["language"],
        payload["category"],
        payload["namespace"],
        payload["params"],
        definition,
    )


_CONTENTS: Mapping[str, Callable[[Any, Job, Mapping[str, Any]], Content]] = {
    "text": _text,
    "media": _media,
    "location": _location,
    "contacts": _contacts,
    "poll": _poll,
    "link": _link,
    "interactive": _interactive,
    "template": _template,
}

_OPERATIONS: Mapping[str, Callable[[Job, Mapping[str, Any]], Content]] = {
    "reaction": lambda job, payload: Reaction(message_ref(job), payload["emoji"]),
    "edit": lambda job, payload: Edit(message_ref(job), payload["text"]),
    "revoke": lambda job, payload: Revoke(message_ref(job)),
}
