"""Forged requests: every unsafe request must carry a token that only our own pages know.

Owns: the token and its check. Must not know: routes.

The token is a signature over the login cookie, or over a cookie of its own while nobody is signed in: nothing is
stored.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import Response, abort, g, request

if TYPE_CHECKING:
    from chatport.context import Core

PURPOSE = "dashboard form"
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_SAFE = ("GET", "HEAD", "OPTIONS")


def _cookie_name(core: Core) -> str:
    return f"{core.settings.session_cookie_name}_form"


def _subject(*, create: bool) -> str:
    core: Core = g.chatport
    session = request.cookies.get(core.settings.session_cookie_name, "")
    if session:
        return f"session:{session}"
    browser = request.cookies.get(_cookie_name(core), "") or g.get("chatport_form_cookie", "")
    if not browser and create:
        browser = g.chatport_form_cookie = secrets.token_urlsafe(18)
    return f"browser:{browser}" if browser else ""


def token() -> str:
    """The token for forms of this page."""
    core: Core = g.chatport
    return core.vault.sign(PURPOSE, _subject(create=True))


def keep_cookie(response: Response) -> None:
    """Give a browser without login the cookie over which its forms are signed."""
    fresh = g.get("chatport_form_cookie")
    if fresh:
        core: Core = g.chatport
        response.set_cookie(
            _cookie_name(core),
            fresh,
            httponly=True,
            samesite="Lax",
            secure=core.settings.session_cookie_secure,
        )


def protect() -> None:
    """Refuse an unsafe request that does not come from our own page."""
    if request.method in _SAFE:
        return
    core: Core = g.chatport
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        abort(400)
    subject = _subject(create=False)
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not subject or not core.vault.verify(PURPOSE, subject, given):
        abort(400)
