"""Yourself: profile and tokens.

Owns: these routes. Must not know: how tokens are checked.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..db.tables import AccessToken, User
from ..services import accounts, auth
from .errors import not_found
from .inputs import ProfileUpdate, TokenCreate
from .outputs_operations import ProfileAnswer, TokenCreatedAnswer, TokenListAnswer
from .routing import Call, Routes
from .schemas import Empty
from .shapes import seconds

routes = Routes("Profile")
_tokens = AccessToken.__table__


@routes.add("GET", "/profile", answer=ProfileAnswer, in_account=False)
def show_profile(call: Call) -> Any:
    """Who you are, and your accounts."""
    with call.core.db.read("profile") as connection:
        row = connection.execute(
            sa.select(User.__table__).where(User.id == call.user.user_id)
        ).one()
        mine = auth.memberships(connection, row.id)
    preferences = row.preferences or {}
    return {
        "id": row.id,
        "name": row.name,
        "available_name": row.name,
        "email": row.email,
        "locale": preferences.get("locale"),
        "timezone": preferences.get("timezone"),
        "accounts": [
            {"id": account_id, "name": name, "role": role} for account_id, name, role in mine
        ],
    }


@routes.add("PUT", "/profile", body=ProfileUpdate, answer=ProfileAnswer, in_account=False)
def update_profile(call: Call) -> Any:
    """Change your name, language or time zone."""
    values = dict(call.body)
    with call.core.db.write("profile") as connection:
        row = connection.execute(
            sa.select(User.__table__).where(User.id == call.user.user_id).with_for_update()
        ).one()
        preferences = {**(row.preferences or {})}
        preferences |= {key: values[key] for key in ("locale", "timezone") if key in values}
        connection.execute(
            sa.update(User)
            .where(User.id == row.id)
            .values(name=values.get("name", row.name), preferences=preferences)
        )
    return show_profile(call)


@routes.add("GET", "/profile/tokens", answer=TokenListAnswer, in_account=False)
def list_tokens(call: Call) -> Any:
    """Your tokens that work, without the tokens themselves."""
    with call.core.db.read("tokens") as connection:
        rows = connection.execute(
            sa.select(_tokens)
            .where(_tokens.c.user_id == call.user.user_id, _tokens.c.revoked_at.is_(None))
            .order_by(_tokens.c.id)
        ).all()
    return {"payload": [_shape(row) for row in rows]}


def _shape(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "hint": row.hint,
        "created_at": seconds(row.created_at),
        "last_used_at": seconds(row.last_used_at),
    }


@routes.add(
    "POST", "/profile/tokens", body=TokenCreate, answer=TokenCreatedAnswer, in_account=False
)
def create_token(call: Call) -> Any:
    """Make a token. It is in this answer and never again."""
    token = accounts.create_token(call.core, call.user.user_id, call.body["name"])
    with call.core.db.read("token") as connection:
        row = connection.execute(
            sa.select(_tokens)
            .where(_tokens.c.user_id == call.user.user_id)
            .order_by(_tokens.c.id.desc())
            .limit(1)
        ).one()
    return {**_shape(row), "token": token}


@routes.add("DELETE", "/profile/tokens/<id:token_id>", answer=Empty, in_account=False)
def revoke_token(call: Call, token_id: int) -> Any:
    """Make a token of yours useless."""
    with call.core.db.read("token") as connection:
        mine = connection.execute(
            sa.select(_tokens.c.id).where(
                _tokens.c.id == token_id, _tokens.c.user_id == call.user.user_id
            )
        ).first()
    if mine is None or not accounts.revoke_token(call.core, token_id):
        raise not_found()
    return {}
