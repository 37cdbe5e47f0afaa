"""The login cookie and the sessions behind it.

Owns: setting and removing the cookie, listing and revoking a user's sessions. Must not know: passwords.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Response, request

from chatport.db.tables import UserSession
from chatport.db.types import utcnow
from chatport.services.auth import open_session

if TYPE_CHECKING:
    from chatport.context import Core

#: Browsers keep the cookie this long at most; when a session really ends is the server's decision.
_COOKIE_SECONDS = 400 * 86_400


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One signed-in browser."""

    id: int
    browser: str
    address: str
    created_at: datetime
    last_used_at: datetime
    here: bool


def sign_in(core: Core, response: Response, user_id: int) -> Response:
    """Open a session for this browser."""
    agent = request.headers.get("User-Agent", "")
    token, _ = open_session(core, user_id, user_agent=agent, address=request.remote_addr or "")
    response.set_cookie(
        core.settings.session_cookie_name,
        token,
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=core.settings.session_cookie_secure,
    )
    return response


def forget_cookie(core: Core, response: Response) -> Response:
    """Remove the login cookie."""
    response.delete_cookie(
        core.settings.session_cookie_name,
        httponly=True,
        samesite="Lax",
        secure=core.settings.session_cookie_secure,
    )
    return response


def open_sessions(core: Core, user_id: int, here: int) -> list[SessionLine]:
    """The user's browsers, the latest use first."""
    with core.db.read("sessions") as connection:
        rows = connection.execute(
            sa.select(UserSession.__table__)
            .where(
                UserSession.user_id == user_id,
                UserSession.kind == "login",
                UserSession.revoked_at.is_(None),
                UserSession.expires_at > utcnow(),
            )
            .order_by(UserSession.last_used_at.desc(), UserSession.id.desc())
            .limit(100)
        ).all()
    return [
        SessionLine(
            row.id,
            browser_name(row.user_agent),
            row.address,
            row.created_at,
            row.last_used_at,
            row.id == here,
        )
        for row in rows
    ]


def revoke(core: Core, user_id: int, session_id: int | None = None, *, but: int = 0) -> int:
    """Sign a user's browsers out.

    :param session_id: only this one; ``None`` for all.
    :param but: one that stays.
    :returns: how many were signed out.
    """
    where = [UserSession.user_id == user_id, UserSession.revoked_at.is_(None)]
    if session_id is not None:
        where.append(UserSession.id == session_id)
    with core.db.write("revoke sessions") as connection:
        result: Any = connection.execute(
            sa.update(UserSession).where(*where, UserSession.id != but).values(revoked_at=utcnow())
        )
    return int(result.rowcount)


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """A browser in two words, such as ``Firefox, Linux``; empty when it cannot be told."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return ", ".join(part for part in (browser, system) if part)
