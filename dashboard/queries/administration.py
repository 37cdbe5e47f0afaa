"""People, tokens and the audit log as the settings screens show them.

Owns: reading. Must not know: HTTP.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import AccessToken, AuditEntry, Inbox, InboxMember, Membership, User
from chatport.db.tables import UserSession as Session
from chatport.db.types import storable

AUDIT_PAGE = 50


def people(connection: Connection, account_id: int) -> list[Row[Any]]:
    """The people of an account with role and time of last sign-in."""
    last = (
        sa.select(sa.func.max(Session.last_used_at))
        .where(Session.user_id == User.id, Session.kind == "login")
        .scalar_subquery()
    )
    return list(
        connection.execute(
            sa.select(
                User.id,
                User.name,
                User.email,
                User.active,
                User.password_hash.is_not(None).label("has_password"),
                User.totp_secret.is_not(None).label("has_factor"),
                Membership.role,
                Membership.created_at,
                last.label("last_used_at"),
            )
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.account_id == account_id)
            .order_by(User.name, User.id)
        )
    )


def known_person(connection: Connection, account_id: int, email: str) -> tuple[bool, bool]:
    """Whether somebody with this address has an account of the installation, and whether they belong to this one."""
    found = connection.execute(
        sa.select(Membership.id)
        .select_from(User)
        .outerjoin(
            Membership, (Membership.user_id == User.id) & (Membership.account_id == account_id)
        )
        .where(User.email == storable(email.strip().lower()))
    ).first()
    return found is not None, found is not None and found.id is not None


def inboxes_of(connection: Connection, account_id: int) -> dict[int, list[str]]:
    """Names of the live inboxes that each person is a member of."""
    rows = connection.execute(
        sa.select(InboxMember.user_id, Inbox.name)
        .join(Inbox, Inbox.id == InboxMember.inbox_id)
        .where(Inbox.account_id == account_id, Inbox.deleted_at.is_(None))
        .order_by(Inbox.name)
    )
    found: dict[int, list[str]] = {}
    for user_id, name in rows:
        found.setdefault(user_id, []).append(name)
    return found


def tokens(connection: Connection, user_id: int) -> list[Row[Any]]:
    """A user's tokens that work; never the tokens themselves."""
    return list(
        connection.execute(
            sa.select(
                AccessToken.id,
                AccessToken.name,
                AccessToken.hint,
                AccessToken.created_at,
                AccessToken.last_used_at,
            )
            .where(AccessToken.user_id == user_id, AccessToken.revoked_at.is_(None))
            .order_by(AccessToken.id.desc())
        )
    )


def owns_token(connection: Connection, user_id: int, token_id: int) -> bool:
    """Whether a token is this user's."""
    query = sa.select(AccessToken.id).where(
        AccessToken.id == token_id, AccessToken.user_id == user_id
    )
    return connection.execute(query).first() is not None


def audit(
    connection: Connection, account_id: int, *, action: str = "", before: int = 0
) -> list[Row[Any]]:
    """Who did what, the newest first; one more than a page tells that there are more."""
    query = (
        sa.select(AuditEntry.__table__, User.name.label("user_name"))
        .outerjoin(User, User.id == AuditEntry.user_id)
        .where(AuditEntry.account_id == account_id)
    )
    if action:
        query = query.where(AuditEntry.action.startswith(f"{action}.", autoescape=True))
    if before:
        query = query.where(AuditEntry.id < before)
    return list(connection.execute(query.order_by(AuditEntry.id.desc()).limit(AUDIT_PAGE + 1)))
