"""Messages: list, create, delete, edit, retry, reactions.

Owns: these routes. Must not know: how messages are sent.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from flask import request
from sqlalchemy.engine import Connection

from ..db.tables import Message
from ..services import outbox
from ..services.outbox.uploads import Upload
from . import access, shapes
from .inputs import MessageCreate, MessageEdit, MessageList, ReactionBody
from .outputs_chats import MessageAnswer, MessageCreatedAnswer, MessageListAnswer
from .routing import Call, Routes
from .shapes import seconds

routes = Routes("Messages")
NEWEST, OLDER, NEWER, BETWEEN = 20, 20, 100, 1000
_table = Message.__table__
IDEMPOTENCY = "Idempotency-Key"


@routes.add(
    "GET",
    "/conversations/<id:conversation_id>/messages",
    query=MessageList,
    answer=MessageListAnswer,
)
def list_messages(call: Call, conversation_id: int) -> Any:
    """Messages, oldest first: the newest 20; `before` an id 20 older; `after` an id 100 newer; both: what is between,
    1000 at most."""
    with call.core.db.read("messages") as connection:
        chat = access.conversation(call, connection, conversation_id)
        rows = _rows(connection, chat.id, call.query["before"], call.query["after"])
        shown = shapes.conversations(call.core, connection, [chat])[0]
        payload = shapes.messages(call.core, connection, rows, {chat.id: chat.display_id})
    return {
        "meta": {
            "labels": shown["labels"],
            "additional_attributes": shown["additional_attributes"],
            "contact": shown["meta"]["sender"],
            "assignee": shown["meta"]["assignee"],
            "agent_last_seen_at": seconds(chat.agent_last_seen_at) or 0,
            "assignee_last_seen_at": seconds(chat.assignee_last_seen_at) or 0,
        },
        "payload": payload,
    }


def _rows(
    connection: Connection, conversation_id: int, before: int | None, after: int | None
) -> list[Any]:
    """Rows in display order, which is (provider's time, id), so that a late older message stands where it belongs."""
    order = (_table.c.sent_at, _table.c.id)
    query = sa.select(_table).where(_table.c.conversation_id == conversation_id)
    place = sa.tuple_(*order)
    for limit_id, is_before in ((before, True), (after, False)):
        if limit_id is None:
            continue
        limit = _place(connection, conversation_id, limit_id)
        if limit is None:
            return []
        query = query.where(place < limit if is_before else place > limit)
    newest_first = after is None
    count = BETWEEN if before and after else NEWER if after else OLDER if before else NEWEST
    ordered = query.order_by(*(c.desc() for c in order)) if newest_first else query.order_by(*order)
    rows = list(connection.execute(ordered.limit(count)))
    return rows[::-1] if newest_first else rows


def _place(connection: Connection, conversation_id: int, message_id: int) -> Any:
    """Where a message stands; ``None`` when it is not of this conversation."""
    row = connection.execute(
        sa.select(_table.c.sent_at, _table.c.id).where(
            _table.c.id == message_id, _table.c.conversation_id == conversation_id
        )
    ).first()
    if row is None:
        return None
    return sa.tuple_(
        sa.literal(row.sent_at, _table.c.sent_at.type), sa.literal(row.id, _table.c.id.type)
    )


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/messages",
    body=MessageCreate,
    answer=MessageCreatedAnswer,
    files=True,
    headers=(
        (
            IDEMPOTENCY,
            "The same key with the same request makes the message once; with another request it is refused.",
        ),
    ),
)
def create_message(call: Call, conversation_id: int) -> Any:
    """Send a message, or leave a private note. JSON, or a form with `attachments[]`: several files make several
    messages, in order, the text as caption of the first."""
    body = call.body
    with call.core.db.read("conversation") as connection:
        chat = access.conversation(call, connection, conversation_id)
    attributes = dict(body["content_attributes"])
    if body["is_voice_message"] is not None:
        attributes["is_voice_message"] = body["is_voice_message"]
    files = [
        Upload(file.filename or "", file.mimetype or "", file.stream)  # type: ignore[arg-type]
        for name in ("attachments[]", "attachments")
        for file in request.files.getlist(name)
    ]
    key = request.headers.get(IDEMPOTENCY, "").strip() or None
    ids = outbox.create_message(
        call.core,
        account_id=call.account_id,
        conversation_id=chat.id,
        user_id=call.who.user_id,
        content=body["content"],
        private=body["private"],
        content_type=body["content_type"],
        content_attributes=attributes,
        attachments=files,
        template_params=body["template_params"],
        idempotency_key=key,
        request_hash=_fingerprint(conversation_id, body, files) if key else None,
        echo_id=body["echo_id"],
    )
    shown = _shown(call, conversation_id, ids)
    return {**shown[0], "messages": shown}


def _fingerprint(conversation_id: int, body: dict[str, Any], files: list[Upload]) -> str:
    """A hash of what was asked for. Streams are read and wound back."""
    digest = hashlib.sha256(
        json.dumps([conversation_id, body], sort_keys=True, default=str).encode()
    )
    for file in files:
        digest.update(file.filename.encode("utf-8", "replace") + b"\0")
        while chunk := file.stream.read(1 << 18):
            digest.update(chunk)
        file.stream.seek(0)
    return digest.hexdigest()


def _shown(call: Call, display_id: int, ids: list[int]) -> list[dict[str, Any]]:
    with call.core.db.read("messages") as connection:
        rows = list(
            connection.execute(sa.select(_table).where(_table.c.id.in_(ids)).order_by(_table.c.id))
        )
        display_ids = {row.conversation_id: display_id for row in rows}
        return shapes.messages(call.core, connection, rows, display_ids)


def _check(call: Call, display_id: int, message_id: int) -> None:
    with call.core.db.read("message") as connection:
        access.message(call, connection, display_id, message_id)


@routes.add(
    "GET",
    "/conversations/<id:conversation_id>/messages/<id:message_id>",
    answer=MessageAnswer,
)
def show_message(call: Call, conversation_id: int, message_id: int) -> Any:
    """A message."""
    _check(call, conversation_id, message_id)
    return _shown(call, conversation_id, [message_id])[0]


@routes.add(
    "PATCH",
    "/conversations/<id:conversation_id>/messages/<id:message_id>",
    body=MessageEdit,
    answer=MessageAnswer,
)
def edit_message(call: Call, conversation_id: int, message_id: int) -> Any:
    """Change the text of one of our messages, at the customer's too. The new text shows once the service took it."""
    _check(call, conversation_id, message_id)
    outbox.edit_message(
        call.core,
        account_id=call.account_id,
        message_id=message_id,
        user_id=call.who.user_id,
        content=call.body["content"],
    )
    return _shown(call, conversation_id, [message_id])[0]


@routes.add(
    "DELETE",
    "/conversations/<id:conversation_id>/messages/<id:message_id>",
    answer=MessageAnswer,
)
def delete_message(call: Call, conversation_id: int, message_id: int) -> Any:
    """Delete one of our messages for everyone, where the provider can; a note, or what never left, at once."""
    _check(call, conversation_id, message_id)
    outbox.revoke_message(
        call.core, account_id=call.account_id, message_id=message_id, user_id=call.who.user_id
    )
    return _shown(call, conversation_id, [message_id])[0]


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/messages/<id:message_id>/retry",
    answer=MessageAnswer,
)
def retry_message(call: Call, conversation_id: int, message_id: int) -> Any:
    """Send a failed message, or one of unknown outcome, again."""
    _check(call, conversation_id, message_id)
    outbox.retry_message(
        call.core, account_id=call.account_id, message_id=message_id, user_id=call.who.user_id
    )
    return _shown(call, conversation_id, [message_id])[0]


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/messages/<id:message_id>/reactions",
    body=ReactionBody,
    answer=MessageAnswer,
)
def react(call: Call, conversation_id: int, message_id: int) -> Any:
    """React with an emoji; the empty text takes the reaction back. It shows once the service took it."""
    _check(call, conversation_id, message_id)
    outbox.react(
        call.core,
        account_id=call.account_id,
        message_id=message_id,
        user_id=call.who.user_id,
        emoji=call.body["emoji"],
    )
    return _shown(call, conversation_id, [message_id])[0]
