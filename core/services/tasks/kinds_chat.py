"""Tasks about a chat: read receipts, typing, groups, pictures, sends of unknown outcome.

Owns: these kinds. Must not know: how a provider does it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...channels import GroupInfo, SentLookup
from ...db.partial import written
from ...db.tables import (
    UNRESOLVED_SENDS,
    Contact,
    ContactIdentity,
    Conversation,
    Message,
    Send,
)
from ...db.types import storable, storable_json, utcnow
from ...errors import ProviderError
from ...identities import IdentityKind
from ...messages import MessageRef, Recipient, Sent
from ...notices import Notice, NoticeKind
from ..contact_identities import is_placeholder_name
from ..contacts import MAX_NAME
from ..ingest.late import recheck, release_echoes
from ..media.fetch import download
from ..outbox import claim, settle
from ..outbox.recipients import ordered, recipient
from .kinds import Again, Kind, Open, open_channel

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

_messages = Message.__table__
_contacts = Contact.__table__
_sends = Send.__table__

#: Messages that one read receipt names.
MAX_READ = 100
#: A sign of typing that is older is not worth sending.
TYPING_FRESH = timedelta(seconds=15)
MAX_AVATAR_BYTES = 2 << 20
#: Seconds between looks for a send of unknown outcome.
LOOKUPS = (10.0, 30.0, 120.0, 300.0)


# --- read receipts, typing --------------------------------------------------------------------------------------------


def mark_read(core: Core, task: Row[Any]) -> None:
    """Tell the customer that we read what came in since the last receipt."""
    opened = open_channel(core, task)
    if opened is None or not (
        opened.features.read_receipts and opened.handle.implements("mark_read")
    ):
        return
    with core.db.read("unread messages") as connection:
        chat = _load_chat(connection, task.payload["conversation_id"])
        refs, upto = _unread(connection, chat)
    if (
        not refs or not chat.recipient.identities
    ):  # nobody to tell: the number was taken from the contact
        return
    opened.call(lambda: opened.handle.mark_read(opened.channel, chat.recipient, tuple(refs)))
    with core.db.write("note receipt") as connection:
        current = connection.execute(
            sa.select(Conversation.additional_attributes)
            .where(Conversation.id == chat.conversation.id)
            .with_for_update()
        ).scalar_one()
        connection.execute(
            sa.update(Conversation)
            .where(Conversation.id == chat.conversation.id)
            .values(additional_attributes={**(current or {}), "read_receipts_upto": upto})
        )


class _Chat:
    """A conversation, its contact's recipient record."""

    def __init__(self, conversation: Row[Any], contact: Row[Any], to: Recipient) -> None:
        self.conversation = conversation
        self.contact = contact
        self.recipient = to


def _load_chat(connection: Connection, conversation_id: int) -> _Chat:
    conversation = connection.execute(
        sa.select(Conversation.__table__).where(Conversation.id == conversation_id)
    ).one()
    contact = connection.execute(
        sa.select(_contacts).where(_contacts.c.id == conversation.contact_id)
    ).one()
    return _Chat(conversation, contact, recipient(contact, _identities(connection, contact.id)))


def _identities(connection: Connection, contact_id: int) -> Sequence[Row[Any]]:
    found: list[Row[Any]] = list(
        connection.execute(
            sa.select(ContactIdentity.kind, ContactIdentity.value)
            .where(ContactIdentity.contact_id == contact_id)
            .order_by(ContactIdentity.id)
        )
    )
    return found


def _unread(connection: Connection, chat: _Chat) -> tuple[list[MessageRef], int]:
    upto = int((chat.conversation.additional_attributes or {}).get("read_receipts_upto", 0))
    rows = connection.execute(
        sa.select(_messages.c.id, _messages.c.source_id, _messages.c.sender_contact_id)
        .where(
            _messages.c.conversation_id == chat.conversation.id,
            _messages.c.message_type == "incoming",
            _messages.c.source_id.is_not(None),
            _messages.c.id > upto,
        )
        .order_by(_messages.c.id.desc())
        .limit(MAX_READ)
    ).all()
    refs = [
        MessageRef(
            row.source_id, from_me=False, sender=_sender(connection, chat, row.sender_contact_id)
        )
        for row in reversed(rows)
    ]
    return refs, max((row.id for row in rows), default=upto)


def _sender(connection: Connection, chat: _Chat, contact_id: int | None) -> tuple[Any, ...]:
    if contact_id is None or contact_id == chat.contact.id:
        return () if chat.recipient.is_group else chat.recipient.identities
    return ordered(None, _identities(connection, contact_id))


def typing(core: Core, task: Row[Any]) -> None:
    """Show the customer that an agent types, if that is still news."""
    if datetime.fromisoformat(task.payload["at"]) < utcnow() - TYPING_FRESH:
        return
    opened = open_channel(core, task)
    if opened is None or not (opened.features.typing and opened.handle.implements("send_typing")):
        return
    with core.db.read("chat") as connection:
        chat = _load_chat(connection, task.payload["conversation_id"])
        last = connection.execute(
            sa.select(_messages.c.source_id, _messages.c.sender_contact_id)
            .where(
                _messages.c.conversation_id == chat.conversation.id,
                _messages.c.message_type == "incoming",
                _messages.c.source_id.is_not(None),
            )
            .order_by(_messages.c.sent_at.desc(), _messages.c.id.desc())
            .limit(1)
        ).first()
        ref = last and MessageRef(
            last.source_id, from_me=False, sender=_sender(connection, chat, last.sender_contact_id)
        )
    if not chat.recipient.identities:
        return
    state = task.payload["state"]
    opened.call(lambda: opened.handle.send_typing(opened.channel, chat.recipient, state, ref))


# --- groups, pictures -------------------------------------------------------------------------------------------------


def group_info(core: Core, task: Row[Any]) -> None:
    """Name and members of a group. A name that a person gave stays."""
    opened = open_channel(core, task)
    if opened is None or not opened.handle.implements("group_info"):
        return
    with core.db.read("group") as connection:
        contact = connection.execute(
            sa.select(_contacts).where(_contacts.c.id == task.payload["contact_id"])
        ).one()
        known = ordered(None, _identities(connection, contact.id))
    group = next((identity for identity in known if identity.kind == IdentityKind.GROUP), None)
    if group is None:
        return
    info = opened.call(lambda: opened.handle.group_info(opened.channel, group))
    attributes = contact.additional_attributes or {}
    values: dict[str, Any] = {
        "additional_attributes": storable_json(
            {**attributes, "group_name": info.name, "members": _members(info)}
        )
    }
    ours = contact.name == attributes.get("group_name") or is_placeholder_name(
        contact.name, None, known
    )
    if info.name and ours:
        values["name"] = storable(info.name.strip(), MAX_NAME)
    _update_contact(core, contact, values)


def _members(info: GroupInfo) -> list[dict[str, Any]]:
    return [
        {
            "identities": [{"kind": str(i.kind), "value": i.value} for i in identities],
            "name": name,
            "admin": admin,
        }
        for identities, name, admin in info.members
    ]


def _update_contact(core: Core, contact: Row[Any], values: Mapping[str, Any]) -> None:
    changed = {key: value for key, value in values.items() if getattr(contact, key) != value}
    if not changed:
        return
    with core.db.write("update contact") as connection:
        connection.execute(
            sa.update(_contacts)
            .where(_contacts.c.id == contact.id)
            .values(**changed, updated_at=utcnow())
        )
    if set(changed) - {"avatar_checked_at"}:
        kind = NoticeKind.CONTACT_UPDATED
        core.publish([Notice(kind, contact.account_id, data={"contact_id": contact.id})])


def avatar(core: Core, task: Row[Any]) -> None:
    """Name and picture of a contact. A name that a person gave stays."""
    opened = open_channel(core, task)
    if opened is None or not opened.handle.implements("contact_info"):
        return
    with core.db.read("contact") as connection:
        contact = connection.execute(
            sa.select(_contacts).where(_contacts.c.id == task.payload["contact_id"])
        ).one()
        known = ordered(contact.phone_number, _identities(connection, contact.id))
    values: dict[str, Any] = {"avatar_checked_at": utcnow()}
    try:
        info = opened.call(lambda: opened.handle.contact_info(opened.channel, known))
        if info.avatar is not None:
            stored = download(core.storage, info.avatar, MAX_AVATAR_BYTES)
            values["avatar_key"] = stored.key
        if info.name and is_placeholder_name(contact.name, contact.phone_number, known):
            values["name"] = storable(info.name.strip(), MAX_NAME)
    except ProviderError as error:
        logger.debug(
            "no picture of contact %s: %s", contact.id, error
        )  # most people hide theirs; asked again in a day
    _update_contact(core, contact, values)
    if "avatar_key" in values and contact.avatar_key:
        core.storage.delete(contact.avatar_key)


# --- sends of unknown outcome -----------------------------------------------------------------------------------------


def resolve_unknown(core: Core, task: Row[Any]) -> Again | None:
    """Look at the provider whether a send of unknown outcome went through. Nothing is ever sent again here."""
    with core.db.read("unknown send") as connection:
        job = claim.load_job(connection, task.payload["send_id"])
        if job is None or job.send.state != "unknown":
            return None
        twins = _twins(connection, job)
        known = _known_ids(connection, job)
    opened = open_channel(core, task)
    if opened is None or not (opened.features.find_sent and opened.handle.implements("find_sent")):
        return None
    found = opened.call(lambda: opened.handle.find_sent(opened.channel, _lookup(job, known)))
    # Of several that look alike the first is the first; with other numbers nobody can tell them apart.
    if found and len(found) == len(twins):
        _found(core, opened, job, found[twins.index(job.send.id)])
        return None
    looks = int(task.payload.get("looks", 0))
    if looks < len(LOOKUPS):
        return Again(LOOKUPS[looks], {**task.payload, "looks": looks + 1})
    _not_found(core, job)
    return None


def _lookup(job: claim.Job, known: tuple[str, ...]) -> SentLookup:
    to = recipient(job.contact, job.identities)
    return SentLookup(
        recipient=to.identities,
        is_group=to.is_group,
        text=str(job.send.payload.get("text", "")),
        media_kind=str(job.send.payload.get("media_kind", "")),
        started_at=job.send.started_at or job.send.created_at,
        delivery_id=job.send.delivery_id,
        exclude=known,
        content=job.send.payload,
    )


def _twins(connection: Connection, job: claim.Job) -> list[int]:
    """Sends of unknown outcome in the same conversation with the same content, oldest first."""
    rows = connection.execute(
        sa.select(_sends.c.id, _sends.c.payload)
        .where(
            _sends.c.conversation_id == job.send.conversation_id,
            written(_sends.c.state, UNRESOLVED_SENDS),
            _sends.c.state == "unknown",
            _sends.c.operation == "message",
        )
        .order_by(_sends.c.id)
    ).all()
    return [row.id for row in rows if _same(row.payload, job.send.payload)]


#: Values of a send's content by which two can be told apart at the provider.
_TELLING = ("kind", "text", "media_kind", "latitude", "longitude", "cards", "url")


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _TELLING)


def _known_ids(connection: Connection, job: claim.Job) -> tuple[str, ...]:
    rows = connection.execute(
        sa.select(_messages.c.source_id).where(
            _messages.c.conversation_id == job.send.conversation_id,
            _messages.c.message_type != "incoming",
            _messages.c.source_id.is_not(None),
            _messages.c.created_at
            >= (job.send.started_at or job.send.created_at) - timedelta(hours=1),
        )
    ).scalars()
    return tuple(rows.all())


def _found(core: Core, opened: Open, job: claim.Job, sent: Sent) -> None:
    with core.db.write("settle a send") as connection:
        settled = settle.succeeded(core, connection, job, sent)
    core.publish(settled.notices)
    if settled.source_id is not None:
        recheck(core, [(opened.row.id, settled.source_id)])
    release_echoes(core, opened.row.id)


def _not_found(core: Core, job: claim.Job) -> None:
    text = "The service does not know this message, so it was probably not sent."
    with core.db.write("send not found") as connection:
        connection.execute(
            sa.update(_messages)
            .where(_messages.c.id == job.message.id, _messages.c.status == "unknown")
            .values(external_error=text, error_action=settle.SEND_AGAIN, updated_at=utcnow())
        )
    core.publish([settle.message_notice(job.message)])


KINDS: Mapping[str, Kind] = {
    "mark_read": Kind(mark_read, tries=3),
    "typing": Kind(typing, tries=1),
    "group_info": Kind(group_info),
    "avatar": Kind(avatar, tries=2),
    "resolve_unknown": Kind(resolve_unknown),
}
