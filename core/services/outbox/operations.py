"""What can be done with a message that exists: send it again, react, edit, revoke.

Owns: the rules for each, and its row. Must not know: HTTP, how a provider does it.
Each is refused where the provider's features do not declare it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...channels import Features
from ...db.tables import Channel, DeadLetter, MessageRevision, MessageStatusRow, Send
from ...db.types import storable, storable_json, utcnow
from ...db.upsert import insert_if_absent
from ...errors import ContentRefused, UnsupportedFeature
from ...notices import Notice, NoticeKind
from ..alerts import resolve_alert
from ..markup import to_whatsapp
from ..sends import insert_send
from . import drafts
from .errors import NotPossible
from .scenes import Scene, check_sendable, check_window, load_message, load_scene, messages
from .scenes import conversations as conversation_table

if TYPE_CHECKING:
    from ...context import Core

_sends = Send.__table__
MAX_EMOJI = 32
OUTGOING = ("outgoing", "template")


def _open_scene(core: Core, account_id: int, message_id: int) -> tuple[Row[Any], Scene]:
    with core.db.read("load a message") as connection:
        message = load_message(connection, account_id, message_id)
        return message, load_scene(connection, account_id, message.conversation_id)


def _features(core: Core, scene: Scene) -> Features:
    check_sendable(scene)
    return core.plugins.provider(scene.channel.provider).info.features


def _lock(connection: Connection, message: Row[Any]) -> tuple[Row[Any], Row[Any]]:
    """The conversation and the message as they are now, locked in this order."""
    conversation = connection.execute(
        sa.select(conversation_table)
        .where(conversation_table.c.id == message.conversation_id)
        .with_for_update()
    ).one()
    current = connection.execute(
        sa.select(messages).where(messages.c.id == message.id).with_for_update()
    ).one()
    return conversation, current


def _tell(core: Core, message: Row[Any]) -> None:
    notice = Notice(
        NoticeKind.MESSAGE_UPDATED,
        message.account_id,
        inbox_id=message.inbox_id,
        conversation_id=message.conversation_id,
        message_id=message.id,
    )
    core.publish([notice])
    core.bells.ring_calls()


# --- send again -------------------------------------------------------------------------------------------------------


def retry_message(core: Core, *, account_id: int, message_id: int, user_id: int | None) -> int:
    """Send a failed message, or one of unknown outcome, again: a new attempt with an id of its own.

    Reply, items and all other attributes stay; only the error goes. A person asks, so a pause of the channel ends.

    :returns: the new send's id.
    :raises NotPossible: the message is not in such a state.
    """
    message, scene = _open_scene(core, account_id, message_id)
    features = _features(core, scene)
    former = _last_send(core, message.id)
    if former is None or former.operation != "message":
        raise NotPossible(
            "This message was not sent by Chatport.", action="Write a new one.", code="no_send"
        )
    if former.payload.get("kind") != "template":
        check_window(features, scene.window_from, utcnow())
    now = utcnow()
    with core.db.write("retry a message") as connection:
        conversation, current = _lock(connection, message)
        if current.status not in ("failed", "unknown") or current.deleted_at is not None:
            raise NotPossible(
                f"The message is not failed: it is {current.status}.",
                action="Only failed messages and those of unknown outcome can be sent again.",
                code="not_failed",
            )
        _close_former(connection, message.id, now)
        connection.execute(
            sa.update(messages)
            .where(messages.c.id == message.id)
            .values(
                status="queued",
                source_id=None,
                external_error=None,
                error_code=None,
                error_action=None,
                updated_at=now,
            )
        )
        send_id = insert_send(connection, conversation, message.id, former.payload, user_id, now)
        connection.execute(
            sa.update(Channel)
            .where(Channel.id == scene.channel.id)
            .values(paused_until=None, pause_reason="")
        )
    _tell(core, message)
    return send_id


def _last_send(core: Core, message_id: int) -> Row[Any] | None:
    with core.db.read("last send") as connection:
        return connection.execute(
            sa.select(_sends)
            .where(_sends.c.message_id == message_id, _sends.c.operation == "message")
            .order_by(_sends.c.id.desc())
            .limit(1)
        ).first()


def _close_former(connection: Connection, message_id: int, now: datetime) -> None:
    """Put what was told about the former attempt into its own row: the shown status follows the last attempt."""
    statuses = MessageStatusRow.__table__
    told = [
        {
            "recipient": row.recipient,
            "status": row.status,
            "at": row.at.isoformat() if row.at else None,
            "error_code": row.error_code,
            "error_message": row.error_message,
        }
        for row in connection.execute(
            sa.select(statuses).where(statuses.c.message_id == message_id)
        )
    ]
    former = connection.execute(
        sa.select(_sends)
        .where(_sends.c.message_id == message_id, _sends.c.operation == "message")
        .order_by(_sends.c.id.desc())
        .limit(1)
        .with_for_update()
    ).one()
    if former.state in ("queued", "sending"):
        raise NotPossible(
            "The message is being sent right now.", action="Wait a moment.", code="sending"
        )
    values: dict[str, Any] = {"raw": storable_json({**(former.raw or {}), "statuses": told})}
    if former.state == "unknown":
        values |= {"state": "cancelled", "finished_at": now}  # no longer looked for
    connection.execute(sa.update(_sends).where(_sends.c.id == former.id).values(**values))
    connection.execute(sa.delete(statuses).where(statuses.c.message_id == message_id))
    letters = connection.execute(
        sa.update(DeadLetter.__table__)
        .where(
            DeadLetter.kind == "send",
            DeadLetter.subject_id == former.id,
            DeadLetter.state == "dead",
        )
        .values(state="replayed", replayed_at=now, updated_at=now)
    )
    if letters.rowcount:
        resolve_alert(
            connection, account_id=former.account_id, dedupe_key=f"dead_letter:send:{former.id}:"
        )


# --- react ------------------------------------------------------------------------------------------------------------


def react(core: Core, *, account_id: int, message_id: int, user_id: int | None, emoji: str) -> int:
    """React to a message with an emoji; the empty text takes the reaction back. It shows once the provider took it.

    :returns: the send's id.
    :raises UnsupportedFeature: the provider has no reactions.
    """
    message, scene = _open_scene(core, account_id, message_id)
    features = _features(core, scene)
    if not features.reactions:
        raise UnsupportedFeature(
            "This provider cannot send reactions.", action="Answer with an emoji.", code="reactions"
        )
    check_window(features, scene.window_from, utcnow())
    emoji = storable(emoji.strip())
    if emoji and not _is_emoji(emoji):
        raise ContentRefused("A reaction is one emoji.", action="Choose one emoji.", code="emoji")
    return _add_operation(core, message, "reaction", {"emoji": emoji}, user_id)


def _is_emoji(text: str) -> bool:
    """A rough test that keeps words out: services answer them with errors that say little."""
    rest = re.sub(
        "[0-9#*]\ufe0f?\u20e3", "\u20e3", text
    )  # keycaps are the only emoji with ASCII characters
    return len(text) <= MAX_EMOJI and not any(
        c.isascii() or c.isalpha() or c.isspace() for c in rest
    )


def _add_operation(
    core: Core, message: Row[Any], operation: str, payload: Mapping[str, Any], user_id: int | None
) -> int:
    with core.db.write(f"store {operation}") as connection:
        conversation, current = _lock(connection, message)
        _check_target(current)
        attributes = {k: v for k, v in current.content_attributes.items() if k != "operation_error"}
        connection.execute(
            sa.update(messages)
            .where(messages.c.id == current.id)
            .values(content_attributes=attributes, updated_at=utcnow())
        )
        send_id = insert_send(
            connection, conversation, current.id, payload, user_id, utcnow(), operation=operation
        )
    _tell(core, message)
    return send_id


def _check_target(message: Row[Any]) -> None:
    if message.private or message.message_type not in ("incoming", *OUTGOING):
        raise NotPossible(
            "This is not a WhatsApp message.",
            action="Choose a message of the chat.",
            code="not_a_message",
        )
    if message.deleted_at is not None:
        raise NotPossible(
            "The message is deleted.", action="Choose another message.", code="deleted"
        )
    if not message.source_id:
        raise NotPossible(
            "WhatsApp has not taken this message yet.",
            action="Wait until it is sent.",
            code="not_sent",
        )


# --- edit -------------------------------------------------------------------------------------------------------------


def edit_message(
    core: Core, *, account_id: int, message_id: int, user_id: int | None, content: str
) -> int:
    """Change the text of one of our own messages. The new text shows once the provider took it.

    :returns: the send's id.
    :raises UnsupportedFeature: the provider cannot edit.
    :raises NotPossible: not our message, not sent, deleted, or without text.
    """
    message, scene = _open_scene(core, account_id, message_id)
    features = _features(core, scene)
    if not features.edit:
        raise UnsupportedFeature(
            "This provider cannot change a message that is sent.",
            action="Send a correction.",
            code="edit",
        )
    _check_own(message)
    if message.content_type not in ("text", "input_select"):
        raise NotPossible(
            "Only the text of a text message can be changed.",
            action="Send a correction.",
            code="not_text",
        )
    content = storable(content)
    if not content.strip():
        raise ContentRefused(
            "The new text is empty.", action="Revoke the message instead.", code="empty_message"
        )
    if len(content) > drafts.MAX_TYPED:
        raise ContentRefused(
            "The new text is too long.", action="Shorten it.", code="text_too_long"
        )
    text = drafts.checked_text(to_whatsapp(content), features.max_text)
    return _add_operation(core, message, "edit", {"text": text, "content": content}, user_id)


def _check_own(message: Row[Any]) -> None:
    if message.message_type not in OUTGOING or message.private:
        raise NotPossible(
            "This can be done with our own messages only.",
            action="Choose one that we sent.",
            code="not_ours",
        )


# --- revoke -----------------------------------------------------------------------------------------------------------


def revoke_message(
    core: Core, *, account_id: int, message_id: int, user_id: int | None
) -> int | None:
    """Delete a message of ours for everyone. A note, or a message that never left, is deleted at once.

    The text is kept for the audit, never shown again.

    :returns: the send's id, or ``None`` when nothing has to be sent.
    :raises UnsupportedFeature: the customer has the message and the provider cannot take it back.
    :raises NotPossible: not our message, or it is being sent right now.
    """
    message, scene = _open_scene(core, account_id, message_id)
    if message.private or message.message_type == "activity":
        _delete_here(core, message)
        return None
    _check_own(message)
    if message.deleted_at is not None:
        return None
    if not message.source_id and message.status != "unknown":
        _delete_here(core, message)
        return None
    features = _features(core, scene)
    if not features.revoke:
        raise UnsupportedFeature(
            "This provider cannot delete a message at the customer's.",
            action="Send a correction; the message stays on the customer's phone.",
            code="revoke",
        )
    return _add_operation(core, message, "revoke", {}, user_id)


def _delete_here(core: Core, message: Row[Any]) -> None:
    now = utcnow()
    with core.db.write("delete a message") as connection:
        _, current = _lock(connection, message)
        sends = connection.execute(
            sa.select(_sends.c.id, _sends.c.state).where(
                _sends.c.message_id == message.id, _sends.c.state.in_(("queued", "sending"))
            )
        ).all()
        if any(send.state == "sending" for send in sends) or current.source_id:
            raise NotPossible(
                "The message is being sent right now.",
                action="Wait a moment, then try again.",
                code="sending",
            )
        connection.execute(
            sa.update(_sends)
            .where(_sends.c.message_id == message.id, _sends.c.state == "queued")
            .values(state="cancelled", finished_at=now)
        )
        mark_deleted(connection, current, now)
    _tell(core, message)


def mark_deleted(connection: Connection, message: Row[Any], now: datetime) -> None:
    """Take a message's text out of sight; the audit keeps it."""
    if message.content is not None:
        original = {
            "message_id": message.id,
            "item_key": "original",
            "content": message.content,
            "at": message.sent_at,
        }
        insert_if_absent(connection, MessageRevision.__table__, original)
    connection.execute(
        sa.update(messages)
        .where(messages.c.id == message.id, messages.c.deleted_at.is_(None))
        .values(content=None, deleted_at=now, deleted_by="agent", updated_at=now)
    )
