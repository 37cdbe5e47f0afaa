"""The way in: the one-time set-up link, login, logout.

Owns: these routes. Must not know: what comes behind them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _

from chatport.errors import ConfigInvalid
from chatport.services import accounts, auth

from .. import access, limits, sessions, totp
from ..answers import page

if TYPE_CHECKING:
    from chatport.context import Core

PURPOSE = "second factor"
#: How long after the password the code may be given.
CODE_SECONDS = 300


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    blueprint.add_url_rule("/setup/<token>", "setup", setup, methods=["GET", "POST"])
    blueprint.add_url_rule("/login", "login", login, methods=["GET", "POST"])
    blueprint.add_url_rule("/login/code", "login_code", login_code, methods=["POST"])
    blueprint.add_url_rule("/logout", "logout", logout, methods=["POST"])


def setup(token: str) -> Any:
    """The first administrator, made once by the link that the first start prints."""
    core: Core = g.chatport
    if not accounts.setup_open(core, token):
        return page("setup_closed.html", 410)
    form = {name: request.form.get(name, "") for name in ("name", "email")}
    if request.method == "GET":
        return page("setup.html", form=form, problems={})
    password = request.form.get("password", "")
    problems: dict[str, list[str]] = {}
    if password != request.form.get("repeated", ""):
        problems["repeated"] = [_("The two passwords differ.")]
    if not form["name"].strip():
        problems["name"] = [_("Please write your name.")]
    user_id = None
    if not problems:
        try:
            user_id = accounts.complete_setup(
                core, token, email=form["email"], name=form["name"], password=password
            )
        except ConfigInvalid as error:
            problems = error.fields
        else:
            if user_id is None:
                return page("setup_closed.html", 410)
    if user_id is None:
        return page("setup.html", 422, form=form, problems=problems)
    return sessions.sign_in(core, redirect(url_for("dashboard.home"), 303), user_id)  # type: ignore[arg-type]


def login() -> Any:
    """Mail address and password."""
    core: Core = g.chatport
    target = access.safe_next(request.values.get("next", ""))
    if request.method == "GET":
        if access.find_visit() is not None:
            return redirect(target)
        return page("login.html", email="", target=target, problem="")
    email = request.form.get("email", "")
    place = request.remote_addr or ""
    if not limits.attempts_left(core, place, email):
        text = _("Too many attempts. Wait a quarter of an hour, then try again.")
        return page("login.html", 429, email=email, target=target, problem=text)
    user = auth.check_password(core, email, request.form.get("password", ""))
    if user is None:
        text = _("Mail address or password is wrong.")
        return page("login.html", 422, email=email, target=target, problem=text)
    limits.forgive(core, place, email)
    if totp.is_on(core, user.user_id):
        return page(
            "login_code.html", pending=_pending(core, user.user_id), target=target, problem=""
        )
    return sessions.sign_in(core, redirect(target, 303), user.user_id)  # type: ignore[arg-type]


def _pending(core: Core, user_id: int) -> str:
    """Proof that this user's password was right just now."""
    subject = f"{user_id}:{int(time.time()) + CODE_SECONDS}"
    return f"{subject}:{core.vault.sign(PURPOSE, subject)}"


def _pending_user(core: Core, pending: str) -> int | None:
    subject, _colon, signature = pending.rpartition(":")
    if not core.vault.verify(PURPOSE, subject, signature):
        return None
    user_id, _colon, until = subject.partition(":")
    return int(user_id) if int(until) > time.time() else None


def login_code() -> Any:
    """The code of the second factor, after the password."""
    core: Core = g.chatport
    target = access.safe_next(request.form.get("next", ""))
    pending = request.form.get("pending", "")
    user_id = _pending_user(core, pending)
    if user_id is None:
        text = _("That took too long. Please begin again.")
        return page("login.html", 422, email="", target=target, problem=text)
    place, name = request.remote_addr or "", f"code of {user_id}"
    if not limits.attempts_left(core, place, name):
        text = _("Too many attempts. Wait a quarter of an hour, then try again.")
        return page("login_code.html", 429, pending=pending, target=target, problem=text)
    if not totp.check(core, user_id, request.form.get("code", "")):
        text = _("This code is not right. Each code works once and for a short time.")
        return page("login_code.html", 422, pending=pending, target=target, problem=text)
    limits.forgive(core, place, name)
    return sessions.sign_in(core, redirect(target, 303), user_id)  # type: ignore[arg-type]


def logout() -> Any:
    """End this browser's session."""
    core: Core = g.chatport
    token = access.cookie()
    if token:
        auth.close_session(core, token)
    response = redirect(url_for("dashboard.login"), 303)
    return sessions.forget_cookie(core, response)  # type: ignore[arg-type]
