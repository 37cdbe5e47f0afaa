"""Conversations: list, show, start, status, assignment, labels, read marks, mute, typing.

Owns: these routes. Must not know: how a conversation's state follows from its messages.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..db.tables import Attachment, Contact, Conversation, ConversationLabel, Message
from ..services import conversation_actions as actions
from ..services import outbox
from . import access, shapes
from .contacts import escaped
from .errors import ApiError, not_found
from .inputs import (
    AssignmentBody,
    AttributesBody,
    ConversationCreate,
    ConversationFilter,
    ConversationList,
    LabelsBody,
    PriorityBody,
    StatusBody,
    TypingBody,
)
from .outputs import (
    AgentAnswer,
    AttachmentListAnswer,
    AttributesAnswer,
    ConversationAnswer,
    ConversationListAnswer,
    ConversationMetaAnswer,
    LabelsAnswer,
    StatusAnswer,
)
from .routing import Call, Routes
from .schemas import Empty
from .shapes import seconds

routes = Routes("Conversations")
PAGE = 25
_table = Conversation.__table__
_PRIORITY = sa.case(
    {"urgent": 4, "high": 3, "medium": 2, "low": 1}, value=_table.c.priority, else_=0
)
_ORDERS: dict[str, tuple[Any, ...]] = {
    "latest": (_table.c.last_activity_at.desc(),),
    "last_activity_at_desc": (_table.c.last_activity_at.desc(),),
    "last_activity_at_asc": (_table.c.last_activity_at.asc(),),
    "created_at_desc": (_table.c.created_at.desc(),),
    "created_at_asc": (_table.c.created_at.asc(),),
    "priority_desc": (_PRIORITY.desc(), _table.c.last_activity_at.desc()),
    "priority_asc": (_PRIORITY.asc(), _table.c.last_activity_at.desc()),
    "waiting_since_asc": (_table.c.waiting_since.asc().nulls_last(),),
    "waiting_since_desc": (_table.c.waiting_since.desc().nulls_last(),),
}


def _where(call: Call, *, assignee: str) -> list[Any]:
    query = call.query
    tests: list[Any] = [_table.c.account_id == call.account_id]
    if call.who.inbox_ids is not None:
        tests.append(_table.c.inbox_id.in_(call.who.inbox_ids))
    if query["inbox_id"] is not None:
        tests.append(_table.c.inbox_id == query["inbox_id"])
    if query["status"] != "all":
        tests.append(_table.c.status == query["status"])
    for label in query["labels"]:
        tests.append(
            _table.c.id.in_(
                sa.select(ConversationLabel.conversation_id).where(
                    ConversationLabel.account_id == call.account_id,
                    ConversationLabel.label == label.lower(),
                )
            )
        )
    if query["q"].strip():
        tests.append(_table.c.id.in_(_search(call.account_id, query["q"].strip())))
    if assignee == "me":
        tests.append(_table.c.assignee_id == call.who.user_id)
    elif assignee == "unassigned":
        tests.append(_table.c.assignee_id.is_(None))
    elif assignee == "assigned":
        tests.append(_table.c.assignee_id.is_not(None))
    return tests


def _search(account_id: int, words: str) -> Any:
    pattern = f"%{escaped(words.lower())}%"
    in_messages = sa.select(Message.conversation_id).where(
        Message.account_id == account_id,
        Message.deleted_at.is_(None),
        sa.func.lower(Message.content).like(pattern, escape="\\"),
    )
    in_people = (
        sa.select(_table.c.id)
        .join(Contact, Contact.id == _table.c.contact_id)
        .where(
            Contact.account_id == account_id,
            sa.or_(
                sa.func.lower(Contact.name).like(pattern, escape="\\"),
                Contact.phone_number.like(pattern, escape="\\"),
            ),
        )
    )
    return sa.union(in_messages, in_people)


def _counts(call: Call, connection: Connection) -> dict[str, int]:
    row = connection.execute(
        sa.select(
            sa.func.count().label("all_count"),
            sa.func.count(_table.c.assignee_id).label("assigned_count"),
            sa.func.sum(sa.case((_table.c.assignee_id == call.who.user_id, 1), else_=0)).label(
                "mine_count"
            ),
        ).where(*_where(call, assignee="all"))
    ).one()
    return {
        "mine_count": int(row.mine_count or 0),
        "assigned_count": row.assigned_count,
        "unassigned_count": row.all_count - row.assigned_count,
        "all_count": row.all_count,
    }


@routes.add("GET", "/conversations", query=ConversationList, answer=ConversationListAnswer)
def list_conversations(call: Call) -> Any:
    """A page of 25 conversations that you may see, with counts."""
    with call.core.db.read("conversations") as connection:
        rows = connection.execute(
            sa.select(_table)
            .where(*_where(call, assignee=call.query["assignee_type"]))
            .order_by(*_ORDERS[call.query["sort_by"]], _table.c.id.desc())
            .limit(PAGE)
            .offset((call.query["page"] - 1) * PAGE)
        ).all()
        return {
            "data": {
                "meta": _counts(call, connection),
                "payload": shapes.conversations(call.core, connection, rows),
            }
        }


@routes.add("GET", "/conversations/meta", query=ConversationFilter, answer=ConversationMetaAnswer)
def count_conversations(call: Call) -> Any:
    """How many conversations there are."""
    with call.core.db.read("conversation counts") as connection:
        return {"meta": _counts(call, connection)}


@routes.add("GET", "/conversations/search", query=ConversationList, answer=ConversationListAnswer)
def search_conversations(call: Call) -> Any:
    """Conversations whose messages, contact's name or number hold the words `q`; of any status unless one is given."""
    return list_conversations(call)


@routes.add("POST", "/conversations", body=ConversationCreate, answer=ConversationAnswer)
def create_conversation(call: Call) -> Any:
    """Start a conversation with a contact, by `source_id` or by `inbox_id` and `contact_id`; with `message` it is said
    at once."""
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
    conversation_id = actions.start(
        call.core,
        account_id=call.account_id,
        inbox_id=inbox_id,
        contact_id=contact_id,
        status=body["status"],
        assignee_id=body["assignee_id"],
        attributes={key: body[key] for key in ("custom_attributes", "additional_attributes")},
    )
    first = body["message"]
    if first and (first["content"] or first["template_params"]):
        outbox.create_message(
            call.core,
            account_id=call.account_id,
            conversation_id=conversation_id,
            user_id=call.who.user_id,
            content=first["content"],
            template_params=first["template_params"],
        )
    with call.core.db.read("conversation") as connection:
        row = connection.execute(sa.select(_table).where(_table.c.id == conversation_id)).one()
        return shapes.conversations(call.core, connection, [row])[0]


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
    """Mute the contact: the conversation is resolved, and what he writes disturbs nobody."""
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
