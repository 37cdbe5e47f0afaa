"""Accounts, users, roles, tokens, and how the first administrator comes to be.

Owns: their rows. Must not know: HTTP, how a token or password is checked (``auth``).
Tokens are stored as hashes and given out once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlalchemy.engine import Connection

from ..db.tables import AccessToken, Account, AuditEntry, Membership, User, UserSession
from ..db.types import storable, storable_json, utcnow
from ..db.upsert import insert, insert_if_absent
from ..errors import ConfigInvalid
from ..vault import new_token, token_hash

if TYPE_CHECKING:
    from ..context import Core

logger = logging.getLogger(__name__)

ADMINISTRATOR, AGENT = "administrator", "agent"
ROLES = (ADMINISTRATOR, AGENT)
#: The account that the first administrator gets.
FIRST_ACCOUNT = 1
#: How long the one-time link of the first start works.
SETUP_LIFETIME = timedelta(hours=24)
MIN_PASSWORD = 8
MAX_PASSWORD = 1024

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What the first start did. ``setup_url`` is a one-time link, to be shown to the operator and nobody else."""

    user_id: int | None = None
    setup_url: str = ""

    def __repr__(self) -> str:
        return f"Bootstrapped(user_id={self.user_id}, setup_url={'…' if self.setup_url else ''!r})"


def audit(
    connection: Connection,
    action: str,
    *,
    account_id: int | None,
    user_id: int | None,
    subject: str = "",
    data: dict[str, Any] | None = None,
) -> None:
    """Note who did what, in the caller's transaction. ``data`` holds no secrets."""
    insert(
        connection,
        AuditEntry.__table__,
        {
            "account_id": account_id,
            "user_id": user_id,
            "action": action[:64],
            "subject": storable(subject, 64),
            "data": storable_json(data or {}),
            "created_at": utcnow(),
        },
    )


# --- accounts ---------------------------------------------------------------------------------------------------------


def create_account(core: Core, name: str, *, providers_allowed: Sequence[str] | None = None) -> int:
    """Make an account.

    :param providers_allowed: keys of the providers that it may use; ``None`` for all that are installed.
    :returns: its id.
    :raises ConfigInvalid: no name, or an unknown provider.
    """
    shown = storable(name.strip(), 255)
    if not shown:
        raise ConfigInvalid({"name": ["An account needs a name."]})
    allowed = _provider_keys(core, providers_allowed)
    with core.db.write("create account") as connection:
        account_id = insert(connection, Account.__table__, _account(shown, allowed))
        audit(connection, "account.created", account_id=account_id, user_id=None)
    return account_id


def _account(name: str, allowed: list[str] | None) -> dict[str, Any]:
    return {
        "name": name,
        "active": True,
        "providers_allowed": allowed,
        "last_display_id": 0,
        "created_at": utcnow(),
    }


def _provider_keys(core: Core, words: Sequence[str] | None) -> list[str] | None:
    if words is None:
        return None
    keys = [core.plugins.resolve_key(word) for word in words]
    unknown = [key for key in keys if key not in core.plugins.providers]
    if unknown:
        raise ConfigInvalid(
            {"providers_allowed": [f"There is no provider {', '.join(unknown)}."]},
            action=f"Installed are: {', '.join(sorted(core.plugins.providers)) or 'none'}.",
        )
    return sorted(set(keys))


def set_account_active(core: Core, account_id: int, active: bool) -> bool:
    """Suspend an account, or let it work again.

    :returns: whether there is such an account.
    """
    with core.db.write("suspend account") as connection:
        result: Any = connection.execute(
            sa.update(Account).where(Account.id == account_id).values(active=active)
        )
        if result.rowcount:
            action = "account.activated" if active else "account.suspended"
            audit(connection, action, account_id=account_id, user_id=None)
    return bool(result.rowcount)


def allow_providers(core: Core, account_id: int, words: Sequence[str] | None) -> bool:
    """Say which providers an account may use; ``None`` for all. Existing channels keep working.

    :returns: whether there is such an account.
    """
    allowed = _provider_keys(core, words)
    with core.db.write("allow providers") as connection:
        # SQL NULL, not JSON null: it means "all".
        value = sa.null() if allowed is None else allowed
        result: Any = connection.execute(
            sa.update(Account).where(Account.id == account_id).values(providers_allowed=value)
        )
    return bool(result.rowcount)


# --- users ------------------------------------------------------------------------------------------------------------


def create_user(
    core: Core,
    *,
    account_id: int,
    email: str,
    name: str,
    role: str,
    password: str | None = None,
    change_role: bool = False,
    added_by: int | None = None,
) -> int:
    """Make a user who belongs to an account. A person with this address gets the account added; password and name of an
    existing user stay as they are.

    :param change_role: give somebody who belongs to the account already this role; otherwise that is refused, for it
        could lower the only administrator.
    :param added_by: the user who does it, for the audit log; ``None`` for the operator at the command line.
    :returns: the user's id.
    :raises ConfigInvalid: an address, role or password that cannot be used, an unknown account, a member of it.
    """
    values = _user_values(email, name, role, password)
    with core.db.write("create user") as connection:
        known = connection.execute(
            sa.select(Account.id).where(Account.id == account_id)
        ).scalar_one_or_none()
        if known is None:
            raise ConfigInvalid({"account_id": [f"There is no account {account_id}."]})
        user_id = _ensure_user(connection, values)
        joined = _join(connection, account_id, user_id, role)
        if not joined and not change_role:
            raise ConfigInvalid(
                {"email": ["This person belongs to the account already."]},
                action="Change the person's role instead.",
            )
        if not joined:
            _set_role(connection, account_id, user_id, role)
        audit(
            connection,
            "user.added" if joined else "user.role_changed",
            account_id=account_id,
            user_id=added_by,
            subject=f"user:{user_id}",
            data={"role": role},
        )
    return user_id


def _user_values(email: str, name: str, role: str, password: str | None) -> dict[str, Any]:
    problems: dict[str, list[str]] = {}
    email = storable(email.strip().lower())
    if not _EMAIL.fullmatch(email):
        problems["email"] = ["This is not a mail address."]
    if role not in ROLES:
        problems["role"] = [f"A role is one of: {', '.join(ROLES)}."]
    if password is not None and password_problem(password):
        problems["password"] = [password_problem(password)]
    if problems:
        raise ConfigInvalid(problems)
    return {
        "email": email,
        "name": storable(name.strip(), 255) or email.split("@", 1)[0],
        "password_hash": hash_password(password) if password is not None else None,
        "active": True,
        "preferences": {},
        "created_at": utcnow(),
    }


def password_problem(password: str) -> str:
    """Why a password cannot be used; empty when it can."""
    if len(password) < MIN_PASSWORD:
        return f"A password has at least {MIN_PASSWORD} characters."
    if len(password) > MAX_PASSWORD:
        return f"A password has at most {MAX_PASSWORD} characters."
    return ""


def hash_password(password: str) -> str:
    """What is stored of a password (Argon2id)."""
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


def set_password(core: Core, user_id: int, password: str) -> None:
    """Give a user a new password; other browsers are signed out.

    :raises ConfigInvalid: it cannot be used.
    """
    if password_problem(password):
        raise ConfigInvalid({"password": [password_problem(password)]})
    hashed = hash_password(password)
    with core.db.write("set password") as connection:
        connection.execute(sa.update(User).where(User.id == user_id).values(password_hash=hashed))
        connection.execute(
            sa.update(UserSession)
            .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
            .values(revoked_at=utcnow())
        )
        audit(connection, "user.password_changed", account_id=None, user_id=user_id)


def _ensure_user(connection: Connection, values: dict[str, Any]) -> int:
    user_id = insert_if_absent(connection, User.__table__, values)
    if user_id is not None:
        return user_id
    return int(
        connection.execute(sa.select(User.id).where(User.email == values["email"])).scalar_one()
    )


def _join(connection: Connection, account_id: int, user_id: int, role: str) -> bool:
    """Let a user belong to an account; whoever belongs to it keeps the role.

    :returns: whether the user did not belong to it until now.
    """
    row = {
        "account_id": account_id,
        "user_id": user_id,
        "role": role,
        "created_at": utcnow(),
    }
    return insert_if_absent(connection, Membership.__table__, row) is not None


def _set_role(connection: Connection, account_id: int, user_id: int, role: str) -> None:
    connection.execute(
        sa.update(Membership)
        .where(Membership.account_id == account_id, Membership.user_id == user_id)
        .values(role=role)
    )


# --- tokens -----------------------------------------------------------------------------------------------------------


def create_token(core: Core, user_id: int, name: str) -> str:
    """Make an API token.

    :returns: the token, which cannot be read again.
    :raises ConfigInvalid: no such user.
    """
    token = new_token()
    with core.db.write("create token") as connection:
        known = connection.execute(sa.select(User.id).where(User.id == user_id)).first()
        if known is None:
            raise ConfigInvalid({"user": [f"There is no user {user_id}."]})
        insert(connection, AccessToken.__table__, _token(user_id, name, token))
        audit(connection, "token.created", account_id=None, user_id=user_id, data={"name": name})
    return token


def _token(user_id: int, name: str, token: str) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "name": storable(name, 255),
        "token_hash": token_hash(token),
        "hint": storable(token[-4:]),
        "created_at": utcnow(),
    }


def revoke_token(core: Core, token_id: int) -> bool:
    """Make a token useless.

    :returns: whether it worked until now.
    """
    with core.db.write("revoke token") as connection:
        result: Any = connection.execute(
            sa.update(AccessToken)
            .where(AccessToken.id == token_id, AccessToken.revoked_at.is_(None))
            .values(revoked_at=utcnow())
        )
    return bool(result.rowcount)


# --- the first start --------------------------------------------------------------------------------------------------


def bootstrap(core: Core) -> Bootstrapped:
    """Make the first administrator from the settings, or a one-time setup link while there is no user at all.

    Safe to repeat, also by several processes at once: what exists is left as it is.
    """
    settings = core.settings
    if settings.bootstrap_email:
        return _from_settings(core)
    with core.db.read("count users") as connection:
        if connection.execute(sa.select(User.id).limit(1)).first() is not None:
            return Bootstrapped()
    return Bootstrapped(setup_url=f"{settings.public_url.rstrip('/')}/setup/{_setup_token(core)}")


def _from_settings(core: Core) -> Bootstrapped:
    settings = core.settings
    assert settings.bootstrap_email is not None
    email = settings.bootstrap_email.strip().lower()
    values: dict[str, Any] | None = None
    with core.db.read("look for the first administrator") as connection:
        user_id = connection.execute(
            sa.select(User.id).where(User.email == email)
        ).scalar_one_or_none()
    if (
        user_id is None
    ):  # hashing takes a while, so only when it is needed and never in a transaction
        values = _user_values(email, "Administrator", ADMINISTRATOR, settings.bootstrap_password)
    with core.db.write("bootstrap") as connection:
        ensure_first_account(connection)
        if values is not None:
            user_id = _ensure_user(connection, values)
            _join(connection, FIRST_ACCOUNT, user_id, ADMINISTRATOR)
            logger.info("first administrator made: user %s of account %s", user_id, FIRST_ACCOUNT)
        assert user_id is not None
        if settings.bootstrap_token:
            token = _token(user_id, "bootstrap", settings.bootstrap_token)
            insert_if_absent(connection, AccessToken.__table__, token)
    return Bootstrapped(user_id=user_id)


def ensure_first_account(connection: Connection) -> None:
    """Make account 1 where it does not exist, in the caller's transaction."""
    row = {"id": FIRST_ACCOUNT, **_account("Chatport", None)}
    made = insert_if_absent(connection, Account.__table__, row)
    if made is not None and connection.dialect.name == "postgresql":
        # An id that was given by hand does not move the sequence.
        connection.execute(
            sa.text(
                "SELECT setval(pg_get_serial_sequence('accounts', 'id'), (SELECT max(id) FROM accounts))"
            )
        )


def _setup_token(core: Core) -> str:
    token = new_token()
    now = utcnow()
    with core.db.write("setup link") as connection:
        connection.execute(
            sa.update(UserSession)
            .where(UserSession.kind == "setup", UserSession.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        insert(
            connection,
            UserSession.__table__,
            {
                "kind": "setup",
                "token_hash": token_hash(token),
                "user_agent": "",
                "address": "",
                "created_at": now,
                "last_used_at": now,
                "expires_at": now + SETUP_LIFETIME,
            },
        )
    return token


def setup_open(core: Core, token: str) -> bool:
    """Whether a setup link still works: never once there is a user, however that one came to be."""
    with core.db.read("setup link") as connection:
        return connection.execute(_open_setup(token)).first() is not None


def _open_setup(token: str) -> sa.Select[Any]:
    return sa.select(UserSession.id).where(
        UserSession.kind == "setup",
        UserSession.token_hash == token_hash(token),
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > utcnow(),
        ~sa.exists(sa.select(User.id)),
    )


def complete_setup(core: Core, token: str, *, email: str, name: str, password: str) -> int | None:
    """Use the one-time link: make the first administrator of account 1.

    :returns: the user's id, or ``None`` when the link is used or expired.
    :raises ConfigInvalid: address or password cannot be used; the link still works.
    """
    values = _user_values(email, name, ADMINISTRATOR, password)
    with core.db.write("complete setup") as connection:
        link = connection.execute(_open_setup(token).with_for_update()).scalar_one_or_none()
        if link is None:
            return None
        ensure_first_account(connection)
        user_id = _ensure_user(connection, values)
        _join(connection, FIRST_ACCOUNT, user_id, ADMINISTRATOR)
        connection.execute(
            sa.update(UserSession).where(UserSession.id == link).values(revoked_at=utcnow())
        )
        audit(connection, "setup.completed", account_id=FIRST_ACCOUNT, user_id=user_id)
    return user_id
