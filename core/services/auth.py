"""Who somebody is and what they may see: tokens, passwords, browser sessions, roles.

Owns: the checks. Must not know: HTTP headers and cookies, how users are made (``accounts``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy.engine import Connection

from ..db.tables import AccessToken, Account, Inbox, InboxMember, Membership, User, UserSession
from ..db.types import storable, utcnow
from ..db.upsert import insert
from ..vault import new_token, token_hash
from .accounts import ADMINISTRATOR, hash_password

if TYPE_CHECKING:
    from ..context import Core

logger = logging.getLogger(__name__)

#: The time of last use is written at most this often.
USE_RESOLUTION = timedelta(minutes=5)
#: Nobody types more; longer input is not hashed.
_LONGEST_PASSWORD = 1024
_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user who has proved who they are. ``credential_id`` is the token's or session's row."""

    user_id: int
    name: str
    email: str
    credential_id: int = 0


@dataclass(frozen=True, slots=True)
class Principal:
    """A user in one account.

    :param inbox_ids: inboxes that an agent may see; ``None``: all (administrators).
    """

    user_id: int
    account_id: int
    role: str
    name: str = ""
    inbox_ids: frozenset[int] | None = None
    account_active: bool = True

    @property
    def is_administrator(self) -> bool:
        """Whether the role is administrator."""
        return self.role == ADMINISTRATOR

    def may_see(self, inbox_id: int) -> bool:
        """Whether an inbox is visible."""
        return self.inbox_ids is None or inbox_id in self.inbox_ids


# --- tokens -----------------------------------------------------------------------------------------------------------


def authenticate_token(core: Core, token: str) -> SignedIn | None:
    """The user of an API token, if it works."""
    now = utcnow()
    with core.db.read("authenticate token") as connection:
        row = connection.execute(
            sa.select(
                AccessToken.id, AccessToken.last_used_at, AccessToken.user_id, User.name, User.email
            )
            .join(User, User.id == AccessToken.user_id)
            .where(
                AccessToken.token_hash == token_hash(token),
                AccessToken.revoked_at.is_(None),
                User.active,
            )
        ).first()
    if row is None:
        return None
    if _stale(row.last_used_at, now):
        _note_use(core, AccessToken, row.id, last_used_at=now)
    return SignedIn(row.user_id, row.name, row.email, row.id)


def _stale(used_at: datetime | None, now: datetime) -> bool:
    return used_at is None or now - used_at > USE_RESOLUTION


def _note_use(core: Core, table: Any, row_id: int, **values: datetime) -> None:
    try:
        with core.db.write("note use") as connection:
            connection.execute(sa.update(table).where(table.id == row_id).values(**values))
    except sa.exc.DBAPIError as error:
        # Reading must go on while nothing can be written (disk full): the time of use is a courtesy.
        logger.warning("the time of last use cannot be noted: %s", type(error.orig).__name__)


# --- roles ------------------------------------------------------------------------------------------------------------


def principal(connection: Connection, user_id: int, account_id: int) -> Principal | None:
    """A user's place in an account; ``None`` for somebody else's account."""
    row = connection.execute(
        sa.select(Membership.role, Account.active, User.name)
        .join(Account, Account.id == Membership.account_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.user_id == user_id, Membership.account_id == account_id, User.active)
    ).first()
    if row is None:
        return None
    inboxes = None
    if row.role != ADMINISTRATOR:
        inboxes = frozenset(
            connection.execute(
                sa.select(InboxMember.inbox_id)
                .join(Inbox, Inbox.id == InboxMember.inbox_id)
                .where(InboxMember.user_id == user_id, Inbox.account_id == account_id)
            ).scalars()
        )
    return Principal(user_id, account_id, row.role, row.name, inboxes, row.active)


def memberships(connection: Connection, user_id: int) -> list[tuple[int, str, str]]:
    """The accounts of a user: id, name, role."""
    rows = connection.execute(
        sa.select(Account.id, Account.name, Membership.role)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.user_id == user_id)
        .order_by(Account.id)
    )
    return [(row.id, row.name, row.role) for row in rows]


# --- passwords --------------------------------------------------------------------------------------------------------


def check_password(core: Core, email: str, password: str) -> SignedIn | None:
    """The user with this address and password. A wrong address takes as long as a wrong password."""
    with core.db.read("check password") as connection:
        row = connection.execute(
            sa.select(User.id, User.name, User.email, User.password_hash).where(
                User.email == storable(email.strip().lower(), 320), User.active
            )
        ).first()
    stored = row.password_hash if row is not None and row.password_hash else _nobodys_hash()
    if len(password) > _LONGEST_PASSWORD:
        return None
    try:
        _hasher.verify(stored, password.encode("utf-8", "surrogatepass"))
    except (Argon2Error, InvalidHashError):
        return None
    if row is None or not row.password_hash:
        return None
    return SignedIn(row.id, row.name, row.email)


@cache
def _nobodys_hash() -> str:
    return hash_password(new_token())


# --- browser sessions -------------------------------------------------------------------------------------------------


def open_session(
    core: Core, user_id: int, *, user_agent: str = "", address: str = ""
) -> tuple[str, datetime]:
    """Sign a browser in.

    :returns: the cookie's token, and when it ends without use.
    """
    token, now = new_token(), utcnow()
    ends = now + timedelta(hours=core.settings.session_hours)
    with core.db.write("open session") as connection:
        insert(
            connection,
            UserSession.__table__,
            {
                "user_id": user_id,
                "kind": "login",
                "token_hash": token_hash(token),
                "user_agent": storable(user_agent, 255),
                "address": storable(address, 64),
                "created_at": now,
                "last_used_at": now,
                "expires_at": ends,
            },
        )
    return token, ends


def find_session(core: Core, token: str) -> SignedIn | None:
    """The user of a browser's cookie; use prolongs the session."""
    now = utcnow()
    with core.db.read("find session") as connection:
        row = connection.execute(
            sa.select(UserSession.id, UserSession.last_used_at, User.id, User.name, User.email)
            .join(User, User.id == UserSession.user_id)
            .where(
                UserSession.token_hash == token_hash(token),
                UserSession.kind == "login",
                UserSession.revoked_at.is_(None),
                UserSession.expires_at > now,
                User.active,
            )
        ).first()
    if row is None:
        return None
    session_id, used_at, user_id, name, email = row
    if _stale(used_at, now):
        ends = now + timedelta(hours=core.settings.session_hours)
        _note_use(core, UserSession, session_id, last_used_at=now, expires_at=ends)
    return SignedIn(user_id, name, email, session_id)


def close_session(core: Core, token: str) -> None:
    """Sign a browser out."""
    with core.db.write("close session") as connection:
        connection.execute(
            sa.update(UserSession)
            .where(UserSession.token_hash == token_hash(token), UserSession.revoked_at.is_(None))
            .values(revoked_at=utcnow())
        )
