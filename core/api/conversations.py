"""Single conversations: show, start, status, assignment, labels, read marks, mute, typing.

Owns: these routes. Must not know: how a conversation's state follows from its messages.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..db.tables import Attachment, Conversation, Message
from ..errors import ChatportError
from ..services import conversation_actions as actions
from ..services import outbox
from ..services.conversations import latest
from . import access, shapes
from .errors import ApiError, not_found
from .inputs import (
    AssignmentBody,
    AttributesBody,
    ConversationCreate,
    LabelsBody,
    PriorityBody,
    StatusBody,
    TypingBody,
)
from .outputs_chats import (
    AttachmentListAnswer,
    AttributesAnswer,
    ConversationAnswer,
    LabelsAnswer,
    StatusAnswer,
)
from .outputs_inboxes import AgentAnswer
from .routing import Call, Routes
from .schemas import Empty
from .shapes import seconds

routes = Routes("Conversations")
_table = Conversation.__table__


@routes.add("POST", "/conversations", body=ConversationCreate, answer=ConversationAnswer)
def create_conversation(call: Call) -> Any:
    """Start a conversation with a contact. Name the contact by `source_id`, or by `inbox_id` and `contact_id`; a
    `message` is sent at once, and when it is refused nothing is started."""
    body = call.body
    contact_id, inbox_id = body["contact_id"], body["inbox_id"]
    with call.core.db.read("contact and inbox") as connection:
        if body["source_id"] and contact_id is None:
            found = actions.contact_inbox(connection, call.account_id, body["source_id"])
            if found is None:
                raise not_found()
            contact_id, inbox_id = found.contact_id, inbox_id or found.inbox_id
        missing = [n for n, v in (("contact_id", contact_id), ("inbox_id", inbox_id)) if v is None]
        if missing:
            raise ApiError(
                422,
                "Name the contact and the inbox.",
                errors={name: ["This is needed."] for name in missing},
            )
        access.inbox(call, connection, inbox_id)
        access.contact(call, connection, contact_id)
        former = latest(connection, contact_id, inbox_id)
    conversation_id = actions.start(
        call.core,
        account_id=call.account_id,
        inbox_id=inbox_id,
        contact_id=contact_id,
        status=body["status"],
        assignee_id=body["assignee_id"],
        attributes={key: body[key] for key in ("custom_attributes", "additional_attributes")},
    )
    is_new = former is None or former.id != conversation_id
    _say(call, conversation_id, body["message"], is_new=is_new)
    with call.core.db.read("conversation") as connection:
        row = connection.execute(sa.select(_table).where(_table.c.id == conversation_id)).one()
        return shapes.conversations(call.core, connection, [row])[0]


def _say(call: Call, conversation_id: int, first: dict[str, Any] | None, *, is_new: bool) -> None:
    if not first or not (first["content"] or first["template_params"]):
        return
    try:
        outbox.create_message(
            call.core,
            account_id=call.account_id,
            conversation_id=conversation_id,
            user_id=call.who.user_id,
            content=first["content"],
            template_params=first["template_params"],
        )
    except ChatportError:
        if is_new:
            actions.discard_empty(
                call.core, account_id=call.account_id, conversation_id=conversation_id
            )
        raise


def _shown(call: Call, display_id: int) -> dict[str, Any]:
    with call.core.db.read("conversation") as connection:
        row = access.conversation(call, connection, display_id)
        return shapes.conversations(call.core, connection, [row])[0]


def _id(call: Call, display_id: int) -> int:
    with call.core.db.read("conversation") as connection:
        return int(access.conversation(call, connection, display_id).id)


@routes.add("GET", "/conversations/<id:conversation_id>", answer=ConversationAnswer)
def show_conversation(call: Call, conversation_id: int) -> Any:
    """A conversation."""
    return _shown(call, conversation_id)


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/toggle_status",
    body=StatusBody,
    answer=StatusAnswer,
)
def toggle_status(call: Call, conversation_id: int) -> Any:
    """Open, resolve, snooze or set pending."""
    until = call.body["snoozed_until"]
    row = actions.set_status(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        status=call.body["status"],
        snoozed_until=None if until is None else datetime.fromtimestamp(until, UTC),
        user_id=call.who.user_id,
    )
    return {
        "meta": {},
        "payload": {
            "success": True,
            "conversation_id": row.display_id,
            "current_status": row.status,
            "snoozed_until": seconds(row.snoozed_until),
        },
    }


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/toggle_priority",
    body=PriorityBody,
    answer=ConversationAnswer,
)
def set_priority(call: Call, conversation_id: int) -> Any:
    """Set or clear the priority."""
    actions.set_priority(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        priority=call.body["priority"],
    )
    return _shown(call, conversation_id)


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/assignments",
    body=AssignmentBody,
    answer=AgentAnswer,
)
def assign(call: Call, conversation_id: int) -> Any:
    """Give a conversation to an agent; without one, or with 0, take the assignment back (answers `null`)."""
    row = actions.assign(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        assignee_id=call.body["assignee_id"],
        user_id=call.who.user_id,
    )
    return None if row is None else shapes.agent(row, call.account_id)


@routes.add("GET", "/conversations/<id:conversation_id>/labels", answer=LabelsAnswer)
def list_labels(call: Call, conversation_id: int) -> Any:
    """The labels of a conversation."""
    return {"payload": _shown(call, conversation_id)["labels"]}


@routes.add(
    "POST", "/conversations/<id:conversation_id>/labels", body=LabelsBody, answer=LabelsAnswer
)
def set_labels(call: Call, conversation_id: int) -> Any:
    """Replace the labels of a conversation."""
    labels = actions.set_labels(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        labels=call.body["labels"],
    )
    return {"payload": labels}


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/custom_attributes",
    body=AttributesBody,
    answer=AttributesAnswer,
)
def set_custom_attributes(call: Call, conversation_id: int) -> Any:
    """Replace the conversation's attributes of your own."""
    stored = actions.set_custom_attributes(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        attributes=call.body["custom_attributes"],
    )
    return {"custom_attributes": stored}


@routes.add(
    "POST", "/conversations/<id:conversation_id>/update_last_seen", answer=ConversationAnswer
)
def update_last_seen(call: Call, conversation_id: int) -> Any:
    """Mark the conversation as read; tells the customer where the inbox sends read receipts."""
    actions.mark_seen(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        user_id=call.who.user_id,
    )
    return _shown(call, conversation_id)


@routes.add("POST", "/conversations/<id:conversation_id>/unread", answer=ConversationAnswer)
def mark_unread(call: Call, conversation_id: int) -> Any:
    """Mark the conversation as unread."""
    actions.mark_unread(
        call.core, account_id=call.account_id, conversation_id=_id(call, conversation_id)
    )
    return _shown(call, conversation_id)


@routes.add("POST", "/conversations/<id:conversation_id>/mute", answer=Empty)
def mute(call: Call, conversation_id: int) -> Any:
    """Block the contact: the conversation is resolved, and what he writes makes no message."""
    actions.mute(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        muted=True,
    )
    return {}


@routes.add("POST", "/conversations/<id:conversation_id>/unmute", answer=Empty)
def unmute(call: Call, conversation_id: int) -> Any:
    """Take the mute back."""
    actions.mute(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        muted=False,
    )
    return {}


@routes.add(
    "POST",
    "/conversations/<id:conversation_id>/toggle_typing_status",
    body=TypingBody,
    answer=Empty,
)
def toggle_typing(call: Call, conversation_id: int) -> Any:
    """Show that you type: to colleagues, and to the customer where the provider can."""
    actions.typing(
        call.core,
        account_id=call.account_id,
        conversation_id=_id(call, conversation_id),
        state=call.body["typing_status"],
        private=call.body["is_private"],
    )
    return {}


@routes.add("GET", "/conversations/<id:conversation_id>/attachments", answer=AttachmentListAnswer)
def list_attachments(call: Call, conversation_id: int) -> Any:
    """The newest 100 files of a conversation."""
    with call.core.db.read("attachments") as connection:
        chat = access.conversation(call, connection, conversation_id)
        rows = connection.execute(
            sa.select(Attachment.__table__)
            .join(Message, Message.id == Attachment.message_id)
            .where(
                Message.conversation_id == chat.id,
                Message.deleted_at.is_(None),
                Attachment.state != "none",
            )
            .order_by(Attachment.id.desc())
            .limit(100)
        ).all()
    return {"payload": [shapes.attachment(call.core, row) for row in rows]}
