"""The account and its people.

Owns: these routes. Must not know: passwords, sessions.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..db.tables import Account, Conversation, ConversationLabel, Inbox, InboxMember, Membership
from ..services import accounts
from ..services.accounts import ADMINISTRATOR
from . import shapes
from .errors import ApiError, not_found
from .inputs import AgentCreate, AgentUpdate
from .outputs_chats import LabelsAnswer
from .outputs_inboxes import AgentAnswer
from .outputs_operations import AccountAnswer
from .routing import Call, Routes
from .schemas import Empty

routes = Routes("Account")


@routes.add("GET", "", answer=AccountAnswer)
def show_account(call: Call) -> Any:
    """The account."""
    with call.core.db.read("account") as connection:
        row = connection.execute(
            sa.select(Account.__table__).where(Account.id == call.account_id)
        ).one()
    return {
        "id": row.id,
        "name": row.name,
        "status": "active" if row.active else "suspended",
        "created_at": shapes.seconds(row.created_at),
        "providers_allowed": row.providers_allowed,
    }


@routes.add("GET", "/labels", answer=LabelsAnswer)
def list_account_labels(call: Call) -> Any:
    """Labels that are in use."""
    query = sa.select(ConversationLabel.label).where(
        ConversationLabel.account_id == call.account_id
    )
    if call.who.inbox_ids is not None:
        query = query.join(
            Conversation, Conversation.id == ConversationLabel.conversation_id
        ).where(Conversation.inbox_id.in_(call.who.inbox_ids))
    with call.core.db.read("labels") as connection:
        rows = connection.execute(query.distinct().order_by(ConversationLabel.label)).scalars()
        return {"payload": list(rows)}


@routes.add("GET", "/agents", answer=AgentAnswer, many=True)
def list_agents(call: Call) -> Any:
    """The people of the account."""
    with call.core.db.read("agents") as connection:
        return shapes.load_agents(connection, call.account_id)


def _agent(call: Call, user_id: int) -> dict[str, Any]:
    with call.core.db.read("agent") as connection:
        found = shapes.load_agents(connection, call.account_id, [user_id])
    if not found:
        raise not_found()
    return found[0]


@routes.add("POST", "/agents", body=AgentCreate, answer=AgentAnswer, role=ADMINISTRATOR)
def create_agent(call: Call) -> Any:
    """Let a person belong to the account."""
    user_id = accounts.create_user(
        call.core,
        account_id=call.account_id,
        email=call.body["email"],
        name=call.body["name"],
        role=call.body["role"],
        password=call.body["password"],
        added_by=call.who.user_id,
    )
    return _agent(call, user_id)


@routes.add(
    "PATCH", "/agents/<id:user_id>", body=AgentUpdate, answer=AgentAnswer, role=ADMINISTRATOR
)
def update_agent(call: Call, user_id: int) -> Any:
    """Change a person's role."""
    _agent(call, user_id)
    if user_id == call.who.user_id and call.body["role"] != ADMINISTRATOR:
        raise ApiError(
            422,
            "You cannot take the role of administrator from yourself.",
            code="last_administrator",
            action="Ask another administrator.",
        )
    with call.core.db.write("role") as connection:
        connection.execute(
            sa.update(Membership)
            .where(Membership.account_id == call.account_id, Membership.user_id == user_id)
            .values(role=call.body["role"])
        )
        accounts.audit(
            connection,
            "user.role_changed",
            account_id=call.account_id,
            user_id=call.who.user_id,
            subject=f"user:{user_id}",
            data={"role": call.body["role"]},
        )
    return _agent(call, user_id)


@routes.add("DELETE", "/agents/<id:user_id>", answer=Empty, role=ADMINISTRATOR)
def remove_agent(call: Call, user_id: int) -> Any:
    """Take a person out of the account. Other accounts of the person stay."""
    _agent(call, user_id)
    if user_id == call.who.user_id:
        raise ApiError(
            422,
            "You cannot remove yourself.",
            code="yourself",
            action="Ask another administrator.",
        )
    with call.core.db.write("remove agent") as connection:
        mine = sa.select(Inbox.id).where(Inbox.account_id == call.account_id)
        connection.execute(
            sa.delete(InboxMember).where(
                InboxMember.user_id == user_id, InboxMember.inbox_id.in_(mine)
            )
        )
        connection.execute(
            sa.delete(Membership).where(
                Membership.account_id == call.account_id, Membership.user_id == user_id
            )
        )
        connection.execute(
            sa.update(Conversation)
            .where(Conversation.account_id == call.account_id, Conversation.assignee_id == user_id)
            .values(assignee_id=None)
        )
        accounts.audit(
            connection,
            "user.removed",
            account_id=call.account_id,
            user_id=call.who.user_id,
            subject=f"user:{user_id}",
        )
    return {}
