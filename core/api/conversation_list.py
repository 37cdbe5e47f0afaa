"""Conversations: list, search, counts.

Owns: filters, order and paging. Must not know: what is done with single conversations.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..db.tables import Contact, Conversation, ConversationLabel, Message
from ..db.tables.message_search import words_of
from ..services.search import newest_ids
from . import shapes
from .inputs import ConversationFilter, ConversationList, ConversationSearch
from .outputs_chats import ConversationListAnswer, ConversationMetaAnswer
from .routing import Call, Routes

routes = Routes("Conversations")
PAGE = 25
#: A search looks at so many messages, the newest that hold the words.
MAX_FOUND = 1000
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


def _where(call: Call, connection: Connection, *, assignee: str) -> list[Any]:
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
        tests.append(_table.c.id.in_(_search(call, connection, query["q"].strip())))
    if assignee == "me":
        tests.append(_table.c.assignee_id == call.who.user_id)
    elif assignee == "unassigned":
        tests.append(_table.c.assignee_id.is_(None))
    elif assignee == "assigned":
        tests.append(_table.c.assignee_id.is_not(None))
    return tests


def _search(call: Call, connection: Connection, words: str) -> Any:
    ids = newest_ids(connection, call.who, words_of(words), limit=MAX_FOUND)
    in_messages = sa.select(Message.conversation_id).where(Message.id.in_(ids))
    in_people = (
        sa.select(_table.c.id)
        .join(Contact, Contact.id == _table.c.contact_id)
        .where(
            Contact.account_id == call.account_id,
            sa.or_(
                Contact.name.icontains(words, autoescape=True),
                Contact.phone_number.contains(words, autoescape=True),
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
        ).where(*_where(call, connection, assignee="all"))
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
            .where(*_where(call, connection, assignee=call.query["assignee_type"]))
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


@routes.add("GET", "/conversations/search", query=ConversationSearch, answer=ConversationListAnswer)
def search_conversations(call: Call) -> Any:
    """Conversations whose messages, contact's name or number hold the words `q`; of any status unless one is given."""
    return list_conversations(call)
