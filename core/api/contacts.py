"""Contacts: list, search, create, change, merge.

Owns: these routes. Must not know: how contacts are found and merged.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..db.tables import Contact, ContactIdentity, ContactMerge, Conversation
from ..identities import IdentityKind
from ..services import contact_actions
from . import access, shapes
from .inputs import ContactBody, ContactCreate, ContactList, ContactSearch, MergeBody
from .outputs_chats import (
    ContactCreatedPayload,
    ContactListAnswer,
    ContactPayload,
    ConversationsOfContact,
    MergedAnswer,
    MergeListAnswer,
)
from .routing import Call, Routes
from .shapes import seconds

routes = Routes("Contacts")
PAGE = 15
_contacts = Contact.__table__


@routes.add("GET", "/contacts", query=ContactList, answer=ContactListAnswer)
def list_contacts(call: Call) -> Any:
    """A page of 15 contacts."""
    with call.core.db.read("contacts") as connection:
        return _page(call, connection, sa.true())


@routes.add("GET", "/contacts/search", query=ContactSearch, answer=ContactListAnswer)
def search_contacts(call: Call) -> Any:
    """Contacts whose name, number, mail address or identifier holds the words."""
    words = call.query["q"].strip()
    digits = "".join(c for c in words if c.isascii() and c.isdigit())
    # The database lowers both sides: SQLite knows the case of ASCII letters only.
    tests = [
        column.icontains(words, autoescape=True)
        for column in (_contacts.c.name, _contacts.c.email, _contacts.c.identifier)
    ]
    if len(digits) >= 3:
        tests.append(_contacts.c.phone_number.contains(digits))
    tests.append(
        _contacts.c.id.in_(
            sa.select(ContactIdentity.contact_id).where(
                ContactIdentity.account_id == call.account_id,
                # All of them: named, they let the index answer.
                ContactIdentity.kind.in_(list(IdentityKind)),
                ContactIdentity.value == words.lstrip("+"),
            )
        )
    )
    with call.core.db.read("search contacts") as connection:
        return _page(call, connection, sa.or_(*tests))


def _page(call: Call, connection: Connection, test: Any) -> dict[str, Any]:
    page, sort = call.query["page"], call.query["sort"]
    where = [
        _contacts.c.account_id == call.account_id,
        _contacts.c.merged_into_id.is_(None),
        test,
    ]
    count = connection.execute(
        sa.select(sa.func.count()).select_from(_contacts).where(*where)
    ).scalar_one()
    column = _contacts.c[sort.lstrip("-")]
    order = column.desc().nulls_last() if sort.startswith("-") else column.asc().nulls_last()
    rows = connection.execute(
        sa.select(_contacts)
        .where(*where)
        .order_by(order, _contacts.c.id.desc())
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    ).all()
    return {
        "meta": {"count": count, "current_page": page},
        "payload": shapes.contacts(call.core, connection, rows),
    }


@routes.add("POST", "/contacts", body=ContactCreate, answer=ContactCreatedPayload)
def create_contact(call: Call) -> Any:
    """Create a contact; with an inbox it can be written to at once."""
    values = dict(call.body)
    inbox_id = values.pop("inbox_id", None)
    if inbox_id is not None:
        with call.core.db.read("inbox") as connection:
            access.inbox(call, connection, inbox_id)
    contact_id = contact_actions.create(
        call.core, account_id=call.account_id, values=values, inbox_id=inbox_id
    )
    shown = _shown(call, contact_id)
    presence = next((p for p in shown["contact_inboxes"] if p["inbox"]["id"] == inbox_id), None)
    return {"payload": {"contact": shown, "contact_inbox": presence}}


def _shown(call: Call, contact_id: int) -> dict[str, Any]:
    with call.core.db.read("contact") as connection:
        row = access.contact(call, connection, contact_id)
        return shapes.contacts(call.core, connection, [row])[0]


@routes.add("GET", "/contacts/<id:contact_id>", answer=ContactPayload)
def show_contact(call: Call, contact_id: int) -> Any:
    """A contact. One that was merged says into which."""
    return {"payload": _shown(call, contact_id)}


@routes.add("PUT", "/contacts/<id:contact_id>", body=ContactBody, answer=ContactPayload)
def update_contact(call: Call, contact_id: int) -> Any:
    """Change a contact; what is left out stays."""
    return _updated(call, contact_id)


@routes.add("PATCH", "/contacts/<id:contact_id>", body=ContactBody, answer=ContactPayload)
def patch_contact(call: Call, contact_id: int) -> Any:
    """Change a contact; what is left out stays."""
    return _updated(call, contact_id)


def _updated(call: Call, contact_id: int) -> Any:
    contact_actions.update(
        call.core, account_id=call.account_id, contact_id=contact_id, values=call.body
    )
    return {"payload": _shown(call, contact_id)}


@routes.add("GET", "/contacts/<id:contact_id>/conversations", answer=ConversationsOfContact)
def conversations_of_contact(call: Call, contact_id: int) -> Any:
    """The last 20 conversations of a contact that you may see, newest first."""
    query = (
        sa.select(Conversation.__table__)
        .where(Conversation.contact_id == contact_id)
        .order_by(Conversation.id.desc())
        .limit(20)
    )
    if call.who.inbox_ids is not None:
        query = query.where(Conversation.inbox_id.in_(call.who.inbox_ids))
    with call.core.db.read("conversations of a contact") as connection:
        access.contact(call, connection, contact_id)
        rows = connection.execute(query).all()
        return {"payload": shapes.conversations(call.core, connection, rows)}


# --- merging ----------------------------------------------------------------------------------------------------------


@routes.add("POST", "/actions/contact_merge", body=MergeBody, answer=MergedAnswer)
def merge_contacts(call: Call) -> Any:
    """Merge two contacts that are one person. Nothing is lost, and it can be undone."""
    base_id, mergee_id = call.body["base_contact_id"], call.body["mergee_contact_id"]
    with call.core.db.read("contacts") as connection:
        access.contact(call, connection, base_id)
        access.contact(call, connection, mergee_id)
    merge_id = contact_actions.merge(
        call.core,
        account_id=call.account_id,
        base_id=base_id,
        mergee_id=mergee_id,
        user_id=call.who.user_id,
    )
    return {**_shown(call, base_id), "merge_id": merge_id}


@routes.add("GET", "/contacts/<id:contact_id>/merges", answer=MergeListAnswer)
def list_merges(call: Call, contact_id: int) -> Any:
    """Merges that a contact took part in, newest first."""
    with call.core.db.read("merges") as connection:
        access.contact(call, connection, contact_id)
        rows = connection.execute(
            sa.select(ContactMerge.__table__)
            .where(
                ContactMerge.account_id == call.account_id,
                sa.or_(ContactMerge.winner_id == contact_id, ContactMerge.loser_id == contact_id),
            )
            .order_by(ContactMerge.id.desc())
            .limit(100)
        ).all()
    return {
        "payload": [
            {
                "id": row.id,
                "base_contact_id": row.winner_id,
                "mergee_contact_id": row.loser_id,
                "reason": row.reason,
                "created_at": seconds(row.created_at),
                "undone_at": seconds(row.undone_at),
            }
            for row in rows
        ]
    }


@routes.add("POST", "/contact_merges/<id:merge_id>/undo", answer=ContactPayload)
def undo_merge(call: Call, merge_id: int) -> Any:
    """Undo a merge. What came later stays with the contact that stayed."""
    base_id, _ = contact_actions.undo_merge(
        call.core, account_id=call.account_id, merge_id=merge_id, user_id=call.who.user_id
    )
    return {"payload": _shown(call, base_id)}
