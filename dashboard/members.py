"""Who belongs to an inbox and to an account, as administrators change it.

Owns: these changes with their audit. Must not know: HTTP, HTML.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from chatport.db import utcnow
from chatport.db.tables import Conversation, Inbox, InboxMember, Membership, User, UserSession
from chatport.db.upsert import insert_if_absent
from chatport.services.accounts import ADMINISTRATOR, audit
from chatport.services.auth import Principal
from chatport.services.outbox import NotFound
from chatport.services.outbox.errors import NotPossible

if TYPE_CHECKING:
    from chatport.context import Core


def replace(core: Core, who: Principal, inbox_id: int, wanted: AbstractSet[int]) -> None:
    """Let exactly these people of the account see an inbox; others among ``wanted`` are left out.

    :raises NotFound: no such inbox in the account.
    """
    table = InboxMember.__table__
    with core.db.write("inbox members") as connection:
        known = connection.execute(
            sa.select(Inbox.id).where(
                Inbox.id == inbox_id, Inbox.account_id == who.account_id, Inbox.deleted_at.is_(None)
            )
        ).first()
        if known is None:
            raise NotFound("There is no such inbox.")
        ours = set(
            connection.execute(
                sa.select(Membership.user_id).where(
                    Membership.account_id == who.account_id, Membership.user_id.in_(wanted)
                )
            ).scalars()
        )
        connection.execute(
            sa.delete(table).where(table.c.inbox_id == inbox_id, table.c.user_id.not_in(ours))
        )
        for user_id in sorted(ours):
            values = {"inbox_id": inbox_id, "user_id": user_id, "created_at": utcnow()}
            insert_if_absent(connection, table, values)
        audit(
            connection,
            "inbox.members_changed",
            account_id=who.account_id,
            user_id=who.user_id,
            subject=f"inbox:{inbox_id}",
        )


def set_role(core: Core, who: Principal, user_id: int, role: str) -> None:
    """Change a person's role in the account.

    :raises NotFound: no such person in the account.
    :raises NotPossible: administrators cannot lower themselves.
    """
    if user_id == who.user_id and role != ADMINISTRATOR:
        raise NotPossible(
            "You cannot take the role of administrator from yourself.",
            action="Ask another administrator.",
            code="last_administrator",
        )
    with core.db.write("role") as connection:
        _must_belong(connection, who.account_id, user_id)
        connection.execute(
            sa.update(Membership)
            .where(Membership.account_id == who.account_id, Membership.user_id == user_id)
            .values(role=role)
        )
        audit(
            connection,
            "user.role_changed",
            account_id=who.account_id,
            user_id=who.user_id,
            subject=f"user:{user_id}",
            data={"role": role},
        )


def remove(core: Core, who: Principal, user_id: int) -> None:
    """Take a person out of the account; other accounts of the person stay.

    :raises NotFound: no such person in the account.
    :raises NotPossible: nobody removes themselves.
    """
    if user_id == who.user_id:
        raise NotPossible(
            "You cannot remove yourself.", action="Ask another administrator.", code="yourself"
        )
    with core.db.write("remove agent") as connection:
        _must_belong(connection, who.account_id, user_id)
        mine = sa.select(Inbox.id).where(Inbox.account_id == who.account_id)
        connection.execute(
            sa.delete(InboxMember).where(
                InboxMember.user_id == user_id, InboxMember.inbox_id.in_(mine)
            )
        )
        connection.execute(
            sa.delete(Membership).where(
                Membership.account_id == who.account_id, Membership.user_id == user_id
            )
        )
        connection.execute(
            sa.update(Conversation)
            .where(Conversation.account_id == who.account_id, Conversation.assignee_id == user_id)
            .values(assignee_id=None)
        )
        audit(
            connection,
            "user.removed",
            account_id=who.account_id,
            user_id=who.user_id,
            subject=f"user:{user_id}",
        )


def reset_factor(core: Core, who: Principal, user_id: int) -> None:
    """Turn a person's second factor off, because the app with its key is lost. The person is signed out everywhere.

    :raises NotFound: no such person in the account.
    :raises NotPossible: one's own (the profile asks for the password), or a person of further accounts that ``who``
        does not administer: their protection is not this administrator's to take away.
    """
    if user_id == who.user_id:
        raise NotPossible(
            "Your own second factor is turned off in your profile.",
            action="Open your profile; it asks for your password.",
            code="yourself",
        )
    with core.db.write("reset second factor") as connection:
        _must_belong(connection, who.account_id, user_id)
        mine = sa.select(Membership.account_id).where(
            Membership.user_id == who.user_id, Membership.role == ADMINISTRATOR
        )
        elsewhere = connection.execute(
            sa.select(Membership.id).where(
                Membership.user_id == user_id, Membership.account_id.not_in(mine)
            )
        ).first()
        if elsewhere is not None:
            raise NotPossible(
                "This person belongs to accounts that you do not administer.",
                action="Ask somebody who administers all of them.",
                code="other_accounts",
            )
        connection.execute(sa.update(User).where(User.id == user_id).values(totp_secret=None))
        connection.execute(
            sa.update(UserSession)
            .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
            .values(revoked_at=utcnow())
        )
        audit(
            connection,
            "user.totp_reset",
            account_id=who.account_id,
            user_id=who.user_id,
            subject=f"user:{user_id}",
        )


def _must_belong(connection: Connection, account_id: int, user_id: int) -> None:
    found = connection.execute(
        sa.select(Membership.id).where(
            Membership.account_id == account_id, Membership.user_id == user_id
        )
    ).first()
    if found is None:
        raise NotFound("There is no such person in the account.")
