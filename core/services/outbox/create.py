"""Storing messages to be sent: message rows and sends in one transaction; the API answers from here.

Owns: the order of checks, idempotency, parts, reply links, the rows. Must not know: HTTP, how a provider sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...channels import Features
from ...db.tables import Attachment, User
from ...db.types import storable, storable_json, utcnow
from ...db.upsert import insert, insert_if_absent
from ...errors import ContentRefused, UnsupportedFeature
from ...notices import Notice, NoticeKind
from .. import conversations
from ..sends import insert_send
from ..tasks.queue import request_read_receipt
from . import drafts
from .errors import IdempotencyConflict
from .scenes import Scene, check_sendable, check_window, load_scene, messages
from .scenes import conversations as conversation_table
from .uploads import Upload, stored_uploads

if TYPE_CHECKING:
    from ...context import Core

#: Attributes that only Chatport itself sets.
_RESERVED = frozenset(
    {
        "deleted",
        "deleted_on_phone",
        "external_echo",
        "external_error",
        "history",
        "is_unsupported",
        "operation_error",
        "quoted_text",
        "referral",
        "structured",
        "template_params",
        "unsupported_reason",
    }
)


@dataclass(frozen=True, slots=True)
class _Reply:
    """The message that is replied to."""

    id: int | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A request with all that is the same for each of its messages."""

    account_id: int
    conversation_id: int
    user_id: int | None
    private: bool
    attributes: Mapping[str, Any]
    reply: _Reply = field(default_factory=_Reply)
    idempotency_key: str | None = None
    request_hash: str | None = None
    echo_id: str | None = None


def create_message(
    core: Core,
    *,
    account_id: int,
    conversation_id: int,
    user_id: int | None,
    content: str | None = None,
    private: bool = False,
    content_type: str = "text",
    content_attributes: Mapping[str, Any] | None = None,
    attachments: Sequence[Upload] = (),
    template_params: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    request_hash: str | None = None,
    echo_id: str | None = None,
) -> list[int]:
    """Store what an agent or program wants to say; it is sent by a job.

    Several attachments make one message each, in order, the text as caption of the first. ``content_type`` is one of
    text, location, contact, poll, link, input_select, with their data in ``content_attributes`` under ``location``,
    ``contacts``, ``poll``, ``link`` and ``items``; ``in_reply_to`` (our id) or ``in_reply_to_external_id``,
    ``is_voice_message``, ``send_as``, ``view_once`` and ``preview_url`` are understood as well.

    :param conversation_id: the row's id.
    :param request_hash: hash of the client's request; decides whether a repeated key is a repeated request.
    :returns: ids of the messages, for a repeated request those of the first time.
    :raises IdempotencyConflict: the key was used for another request.
    :raises ContentRefused: over a limit or malformed. Nothing is stored.
    :raises UnsupportedFeature: the provider cannot send this.
    :raises WindowClosed: only a template may be sent now.
    :raises NotPossible: the inbox or account is switched off.
    :raises NotFound: no such conversation in the account.
    :raises PluginMissing: the channel's provider is not installed.
    """
    given = content_attributes or {}
    order = _Order(
        account_id=account_id,
        conversation_id=conversation_id,
        user_id=user_id,
        private=private,
        attributes={k: v for k, v in storable_json(dict(given)).items() if k not in _RESERVED},
        idempotency_key=storable(idempotency_key, 255) if idempotency_key else None,
        request_hash=request_hash,
        echo_id=storable(echo_id, 255) if echo_id else None,
    )
    with core.db.read("prepare a message") as connection:
        known = _known_request(connection, order)
        if known:
            return known
        scene = load_scene(connection, account_id, conversation_id)
        user = _user_name(connection, user_id)
    features = None if private else _features_for(core, scene, template_params is not None)
    with stored_uploads(
        core.storage, attachments, order.attributes, features, core.settings.max_media_bytes
    ) as files:
        request = drafts.Request(
            content=storable(content or ""),
            content_type=content_type or "text",
            attributes=order.attributes,
            files=files,
            template_params=None
            if template_params is None
            else storable_json(dict(template_params)),
            signature=f"*{user}*\n" if user and scene.inbox.agent_signature else "",
            templates=scene.channel.message_templates or (),
        )
        made = (
            drafts.private_note(request) if features is None else drafts.compose(features, request)
        )
        ids, new = _store(core, order, features, made)
        if not new:
            # Another process stored the same request meanwhile; our copies of its files are not needed.
            for file in files:
                core.storage.delete(file.storage_key)
    if new:
        _tell(core, scene, ids, order.echo_id)
    return ids


def _features_for(core: Core, scene: Scene, is_template: bool) -> Features:
    check_sendable(scene)
    features = core.plugins.provider(scene.channel.provider).info.features
    if scene.contact.kind == "group" and not features.groups:
        raise UnsupportedFeature(
            "This provider cannot write to groups.",
            action="Write to a member instead.",
            code="groups",
        )
    if not (is_template and features.templates):
        check_window(features, scene.window_from, utcnow())
    return features


def _user_name(connection: Connection, user_id: int | None) -> str:
    if user_id is None:
        return ""
    name = connection.execute(sa.select(User.name).where(User.id == user_id)).scalar_one_or_none()
    return (name or "").replace("*", "").strip()


def _known_request(connection: Connection, order: _Order) -> list[int]:
    """Ids of the messages that the same request made before; empty when it is new."""
    if order.idempotency_key is None:
        return []
    rows = connection.execute(
        sa.select(messages.c.id, messages.c.idempotency_hash)
        .where(
            messages.c.account_id == order.account_id,
            messages.c.idempotency_key == order.idempotency_key,
        )
        .order_by(messages.c.part)
    ).all()
    if any(row.idempotency_hash != order.request_hash for row in rows):
        raise IdempotencyConflict(order.idempotency_key)
    return [row.id for row in rows]


def _store(
    core: Core, order: _Order, features: Features | None, made: Sequence[drafts.Draft]
) -> tuple[list[int], bool]:
    """Insert the messages; the second value tells whether they are new."""
    with core.db.write("store messages") as connection:
        # Locked, so that sends of one conversation get their ids in the order in which they become visible.
        conversation = connection.execute(
            sa.select(conversation_table)
            .where(conversation_table.c.id == order.conversation_id)
            .with_for_update()
        ).one()
        known = _known_request(connection, order)
        if known:
            return known, False
        reply = _reply(connection, order, features)
        now = utcnow()
        ids: list[int] = []
        for number, draft in enumerate(made):
            message_id = _insert(connection, conversation, order, reply, draft, number, now)
            if message_id is None:
                # Stored a moment ago by a request that named another conversation.
                raise IdempotencyConflict(order.idempotency_key or "")
            if not order.private:
                insert_send(connection, conversation, message_id, draft.payload, order.user_id, now)
            ids.append(message_id)
        if not order.private:
            conversations.after_outgoing(connection, conversation, now)
            if features is not None and features.read_receipts:
                request_read_receipt(connection, conversation.id, on="on_reply")
    return ids, True


def _reply(connection: Connection, order: _Order, features: Features | None) -> _Reply:
    wanted, external = (
        order.attributes.get("in_reply_to"),
        order.attributes.get("in_reply_to_external_id"),
    )
    if wanted in (None, "") and not external:
        return _Reply()
    if features is not None and not features.reply:
        raise UnsupportedFeature(
            "This provider cannot quote a message.", action="Send it without a reply.", code="reply"
        )
    query = sa.select(messages.c.id, messages.c.source_id).where(
        messages.c.conversation_id == order.conversation_id
    )
    if wanted not in (None, ""):
        try:
            query = query.where(messages.c.id == int(str(wanted)))
        except ValueError:
            query = query.where(sa.false())
    else:
        query = query.where(messages.c.source_id == str(external)[:255])
    row = connection.execute(query.order_by(messages.c.part).limit(1)).first()
    if row is None:
        raise ContentRefused(
            "The message that is replied to is not in this conversation.",
            action="Choose a message of this conversation.",
            code="in_reply_to",
        )
    return _Reply(row.id, row.source_id)


def _insert(
    connection: Connection,
    conversation: Row[Any],
    order: _Order,
    reply: _Reply,
    draft: drafts.Draft,
    number: int,
    now: datetime,
) -> int | None:
    attributes = {**order.attributes, **draft.attributes}
    message_id = insert_if_absent(
        connection,
        messages,
        {
            "account_id": order.account_id,
            "inbox_id": conversation.inbox_id,
            "conversation_id": conversation.id,
            "message_type": "outgoing",
            "content_type": draft.content_type,
            "content": storable(draft.content),
            "private": order.private,
            "status": "sent" if order.private else "queued",
            "part": number,
            "sender_user_id": order.user_id,
            "external_echo": False,
            "sent_at": now,
            "created_at": now,
            "updated_at": now,
            "content_attributes": storable_json(attributes),
            "reply_to_id": reply.id,
            "reply_to_source_id": reply.source_id,
            "idempotency_key": order.idempotency_key,
            "idempotency_hash": order.request_hash if order.idempotency_key else None,
            "echo_id": order.echo_id,
        },
    )
    if message_id is not None:
        for part in draft.parts:
            _insert_part(connection, order.account_id, message_id, part, now)
    return message_id


def _insert_part(
    connection: Connection, account_id: int, message_id: int, part: drafts.Part, now: datetime
) -> None:
    file = part.file
    insert(
        connection,
        Attachment.__table__,
        {
            "account_id": account_id,
            "message_id": message_id,
            "kind": part.kind,
            "state": "none" if file is None else "ready",
            "filename": "" if file is None else storable(file.filename, 255),
            "content_type": "" if file is None else file.content_type[:127],
            "size": None if file is None else file.size,
            "sha256": None if file is None else file.sha256,
            "storage_key": None if file is None else file.storage_key,
            "meta": storable_json(dict(part.meta)),
            "tries": 0,
            "error": "",
            "error_action": "",
            "created_at": now,
        },
    )


def _tell(core: Core, scene: Scene, ids: Sequence[int], echo_id: str | None) -> None:
    conversation = scene.conversation
    data = {"echo_id": echo_id} if echo_id else {}
    notices = [
        Notice(
            NoticeKind.MESSAGE_CREATED,
            conversation.account_id,
            inbox_id=conversation.inbox_id,
            conversation_id=conversation.id,
            message_id=message_id,
            data=data,
        )
        for message_id in ids
    ]
    core.publish(notices)
    core.bells.ring_calls()
