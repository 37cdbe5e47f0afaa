"""People and their tokens, as the operator of an installation sees and mends them.

Owns: these lists, and taking a lost second factor away. Must not know: who asks (no account limits an operator), HTTP,
how codes and tokens are checked.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ..db.tables import AccessToken, Membership, User, UserSession
from ..db.types import utcnow
from .accounts import audit

if TYPE_CHECKING:
    from ..context import Core


@dataclass(frozen=True, slots=True)
class Person:
    """A user.

    :param roles: role by account id.
    :param second_factor: whether codes of an app are asked for.
    """

    id: int
    email: str
    name: str
    active: bool
    second_factor: bool
    created_at: datetime
    roles: dict[int, str]

    def document(self) -> dict[str, Any]:
        """As JSON objects hold it: the roles as a list."""
        roles = [{"account_id": key, "role": role} for key, role in self.roles.items()]
        return {**dataclasses.asdict(self), "roles": roles}


@dataclass(frozen=True, slots=True)
class Token:
    """An API token that works.

    :param hint: its last four characters; more of it is not kept.
    """

    id: int
    user_id: int
    email: str
    name: str
    hint: str
    created_at: datetime
    last_used_at: datetime | None

    def document(self) -> dict[str, Any]:
        """As JSON objects hold it."""
        return dataclasses.asdict(self)


def list_people(core: Core, account_id: int | None = None) -> list[Person]:
    """All users, or those of one account, by id; each with all roles."""
    users = sa.select(User.__table__).order_by(User.id)
    roles = sa.select(Membership.user_id, Membership.account_id, Membership.role)
    if account_id is not None:
        mine = sa.select(Membership.user_id).where(Membership.account_id == account_id)
        users, roles = users.where(User.id.in_(mine)), roles.where(Membership.user_id.in_(mine))
    by_user: dict[int, dict[int, str]] = {}
    with core.db.read("list people") as connection:
        for row in connection.execute(roles.order_by(Membership.account_id)):
            by_user.setdefault(row.user_id, {})[row.account_id] = row.role
        return [
            Person(
                row.id,
                row.email,
                row.name,
                row.active,
                bool(row.totp_secret),
                row.created_at,
                by_user.get(row.id, {}),
            )
            for row in connection.execute(users)
        ]


def list_tokens(core: Core, user_id: int | None = None) -> list[Token]:
    """Tokens that work, of everybody or of one user, by id."""
    query = (
        sa.select(
            AccessToken.id,
            AccessToken.user_id,
            User.email,
            AccessToken.name,
            AccessToken.hint,
            AccessToken.created_at,
            AccessToken.last_used_at,
        )
        .join(User, User.id == AccessToken.user_id)
        .where(AccessToken.revoked_at.is_(None))
        .order_by(AccessToken.id)
    )
    if user_id is not None:
        query = query.where(AccessToken.user_id == user_id)
    with core.db.read("list tokens") as connection:
        return [Token(*row) for row in connection.execute(query)]


def reset_second_factor(core: Core, user_id: int) -> bool:
    """Turn a person's second factor off and sign the person out everywhere.

    :returns: whether there was one; nothing is changed otherwise.
    """
    with core.db.write("reset second factor") as connection:
        result: Any = connection.execute(
            sa.update(User)
            .where(User.id == user_id, User.totp_secret.is_not(None))
            .values(totp_secret=None)
        )
        if not result.rowcount:
            return False
        connection.execute(
            sa.update(UserSession)
            .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
            .values(revoked_at=utcnow())
        )
        audit(
            connection,
            "user.totp_reset",
            account_id=None,
            user_id=None,
            subject=f"user:{user_id}",
        )
    return True
