"""Who visits, and what they may see.

Owns: the login cookie's way to a user and to the user's place in an account; the decorators that every route carries.
Must not know: what routes show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

import sqlalchemy as sa
from flask import Response, abort, g, make_response, redirect, request, url_for

from chatport.db.tables import User
from chatport.services.accounts import ADMINISTRATOR, AGENT
from chatport.services.auth import Principal, SignedIn, find_session, memberships, principal

from .answers import is_fragment

if TYPE_CHECKING:
    from chatport.context import Core

P = ParamSpec("P")
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in user.

    :param who: the user's place in the account of the address; ``None`` outside of accounts.
    :param accounts: all accounts of the user: id, name, role.
    """

    core: Core
    user: SignedIn
    locale: str
    timezone: str
    preferences: dict[str, Any]
    accounts: list[tuple[int, str, str]]
    who: Principal | None = None

    @property
    def account_id(self) -> int:
        """The account of the address."""
        return self.place.account_id

    @property
    def place(self) -> Principal:
        """The user's place in the account of the address."""
        assert self.who is not None
        return self.who

    @property
    def account_name(self) -> str:
        """Name of the account of the address."""
        return next((name for key, name, _ in self.accounts if key == self.account_id), "")


View = Callable[Concatenate[Visit, P], Any]


def current() -> Visit | None:
    """The visit of this request, once a decorator has found it."""
    return cast("Visit | None", g.get("chatport_visit"))


def cookie() -> str:
    """The login cookie of this request; empty without one."""
    core: Core = g.chatport
    return request.cookies.get(core.settings.session_cookie_name, "")


def theme_of(visit: Visit | None) -> str:
    """``auto``, ``light`` or ``dark``."""
    chosen = visit.preferences.get("theme") if visit else None
    return chosen if chosen in THEMES else "auto"


def find_visit(account_id: int | None = None) -> Visit | None:
    """The signed-in user of this request; ``who`` is empty for an account that is not theirs."""
    core: Core = g.chatport
    token = cookie()
    user = find_session(core, token) if token else None
    if user is None:
        return None
    with core.db.read("rights of a page") as connection:
        row = connection.execute(
            sa.select(User.locale, User.timezone, User.preferences).where(User.id == user.user_id)
        ).one()
        accounts = memberships(connection, user.user_id)
        who = None if account_id is None else principal(connection, user.user_id, account_id)
    visit = Visit(
        core, user, row.locale or "", row.timezone or "", row.preferences or {}, accounts, who
    )
    g.chatport_visit = visit
    return visit


def signed_in(view: View[P]) -> Callable[P, Any]:
    """A route for everybody who has signed in."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> Any:
        visit = find_visit()
        return to_login() if visit is None else view(visit, *args, **kwargs)

    return checked


def in_account(role: str = AGENT) -> Callable[[View[P]], Callable[..., Any]]:
    """A route inside an account; the address has ``account_id``.

    An account that is not the user's looks like one that does not exist.

    :param role: the least role.
    """

    def decorate(view: View[P]) -> Callable[..., Any]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Any:
            account_id = cast("int", kwargs.pop("account_id"))
            visit = find_visit(account_id)
            if visit is None:
                return to_login()
            if visit.who is None:
                abort(404)
            if not visit.who.account_active or (
                role == ADMINISTRATOR and not visit.who.is_administrator
            ):
                abort(403)
            return view(visit, *args, **kwargs)

        return checked

    return decorate


def to_login() -> Response:
    """Send the browser to the login page and back here afterwards."""
    if is_fragment():
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("dashboard.login")
        return response
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    return cast("Response", redirect(url_for("dashboard.login", next=back)))


def safe_next(target: str) -> str:
    """An address of our own to go to after login; anything else becomes the start page."""
    own = target.startswith("/app") and "\\" not in target and "//" not in target
    return target if own and target.isprintable() else url_for("dashboard.home")
