"""Secrets that a person sees once: carried over a redirect in a sealed cookie.

Owns: that cookie. Must not know: what the secrets are for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

from flask import Response, after_this_request, request

from chatport.errors import ChatportError

from .access import Visit

#: Seconds between an action and the page that shows its secrets.
LIFETIME = 300


def _name(visit: Visit) -> str:
    return f"{visit.core.settings.session_cookie_name}_once"


def keep(visit: Visit, response: Response, place: str, values: Mapping[str, str]) -> Response:
    """Show these values on the next page of this browser that asks for ``place``, and never again."""
    if not values:
        return response
    sealed = visit.core.vault.seal(
        {
            "user": visit.user.user_id,
            "place": place,
            "until": time.time() + LIFETIME,
            "values": dict(values),
        }
    )
    response.set_cookie(
        _name(visit),
        sealed,
        max_age=LIFETIME,
        httponly=True,
        samesite="Lax",
        secure=visit.core.settings.session_cookie_secure,
    )
    return response


def take(visit: Visit, place: str) -> dict[str, str]:
    """The values that wait for ``place``; they are forgotten with this answer."""
    sealed = request.cookies.get(_name(visit))
    if not sealed:
        return {}
    try:
        kept: Any = visit.core.vault.open(sealed)
    except (ChatportError, ValueError):
        return {}
    if not isinstance(kept, dict) or kept.get("place") != place:
        return {}
    name = _name(visit)

    @after_this_request
    def forget(response: Response) -> Response:
        response.delete_cookie(name)
        return response

    if kept.get("user") != visit.user.user_id or kept.get("until", 0) < time.time():
        return {}
    return cast("dict[str, str]", kept.get("values") or {})
