"""A user's own page: appearance, language, password, signed-in browsers.

Owns: these routes. Must not know: accounts, conversations.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _

from chatport.db.tables import User
from chatport.db.types import storable
from chatport.errors import ConfigurationError
from chatport.services import accounts, auth

from .. import language, limits, sessions, totp
from ..access import THEMES, Visit, signed_in
from ..answers import done, go, page, problem
from . import ID


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    rule("/app/profile", "profile", show)
    rule("/app/profile", "profile_save", save, methods=["POST"])
    rule("/app/profile/theme", "profile_theme", theme, methods=["POST"])
    rule("/app/profile/password", "profile_password", password, methods=["POST"])
    rule("/app/profile/totp", "profile_totp", totp_setup)
    rule("/app/profile/totp", "profile_totp_on", totp_on, methods=["POST"])
    rule("/app/profile/totp/off", "profile_totp_off", totp_off, methods=["POST"])
    rule(f"/app/profile/sessions/<{ID}:session_id>", "profile_revoke", revoke_one, methods=["POST"])
    rule("/app/profile/sessions", "profile_revoke_others", revoke_others, methods=["POST"])


@signed_in
def show(visit: Visit) -> Any:
    """The page."""
    return _page(visit)


def _page(visit: Visit, status: int = 200, **problems: str) -> Any:
    return page(
        "profile.html",
        status,
        sessions=sessions.open_sessions(visit.core, visit.user.user_id, visit.user.credential_id),
        zones=sorted(available_timezones()),
        known=language.available(),
        problems=problems,
        totp_on=totp.is_on(visit.core, visit.user.user_id),
        shortcuts=visit.preferences.get("shortcuts", True),
        enter_sends=visit.preferences.get("enter_sends", True),
    )


@signed_in
def save(visit: Visit) -> Any:
    """Name, language, time zone and the like."""
    name = " ".join(request.form.get("name", "").split())
    if not name:
        return _page(visit, 422, name=_("Please write your name."))
    locale, zone = request.form.get("locale", ""), request.form.get("timezone", "")
    values = {
        "name": storable(name, 255),
        "locale": locale if locale in language.available() else None,
        "timezone": zone if language.is_zone(zone) else None,
    }
    changed = {
        "shortcuts": bool(request.form.get("shortcuts")),
        "enter_sends": bool(request.form.get("enter_sends")),
    }
    chosen = request.form.get("theme", "")
    if chosen in THEMES:
        changed["theme"] = chosen  # type: ignore[assignment]
    _store(visit, values, changed)
    return go(url_for("dashboard.profile", saved=1))


@signed_in
def theme(visit: Visit) -> Any:
    """Light, dark, or as the system."""
    chosen = request.form.get("theme", "")
    _store(visit, {}, {"theme": chosen if chosen in THEMES else "auto"})
    return done(url_for("dashboard.home"))


def _store(visit: Visit, values: dict[str, Any], preferences: dict[str, Any]) -> None:
    with visit.core.db.write("save profile") as connection:
        stored = connection.execute(
            sa.select(User.preferences).where(User.id == visit.user.user_id).with_for_update()
        ).scalar_one()
        connection.execute(
            sa.update(User)
            .where(User.id == visit.user.user_id)
            .values(**values, preferences={**(stored or {}), **preferences})
        )


@signed_in
def password(visit: Visit) -> Any:
    """A new password; all other browsers are signed out."""
    core, place = visit.core, request.remote_addr or ""
    if not limits.attempts_left(core, place, visit.user.email):
        return problem(_("Too many attempts"), _("Wait a quarter of an hour, then try again."), 429)
    if auth.check_password(core, visit.user.email, request.form.get("current", "")) is None:
        return _page(visit, 422, current=_("This is not your password."))
    limits.forgive(core, place, visit.user.email)
    new = request.form.get("password", "")
    if new != request.form.get("repeated", ""):
        return _page(visit, 422, repeated=_("The two passwords differ."))
    wrong = accounts.password_problem(new)
    if wrong:
        return _page(visit, 422, password=wrong)
    accounts.set_password(core, visit.user.user_id, new)
    response = redirect(url_for("dashboard.profile", saved=1), 303)
    return sessions.sign_in(core, response, visit.user.user_id)  # type: ignore[arg-type]


@signed_in
def revoke_one(visit: Visit, session_id: int) -> Any:
    """Sign one browser out."""
    sessions.revoke(visit.core, visit.user.user_id, session_id)
    return go(url_for("dashboard.profile"))


@signed_in
def revoke_others(visit: Visit) -> Any:
    """Sign all other browsers out."""
    sessions.revoke(visit.core, visit.user.user_id, but=visit.user.credential_id)
    return go(url_for("dashboard.profile"))


# --- second factor ----------------------------------------------------------------------------------------------------


def _totp_page(visit: Visit, secret: str, status: int = 200, said: str = "") -> Any:
    return page(
        "totp.html",
        status,
        secret=secret,
        sealed=visit.core.vault.seal(secret),
        address=totp.address(secret, visit.user.email),
        picture=totp.picture(secret, visit.user.email),
        problem=said,
    )


@signed_in
def totp_setup(visit: Visit) -> Any:
    """A new key, and the question for its code."""
    if totp.is_on(visit.core, visit.user.user_id):
        return redirect(url_for("dashboard.profile"))
    return _totp_page(visit, totp.new_secret())


@signed_in
def totp_on(visit: Visit) -> Any:
    """Turn the second factor on, once a code shows that the app has the key."""
    try:
        secret = visit.core.vault.open(request.form.get("secret", ""))
    except ConfigurationError:
        secret = None
    if not isinstance(secret, str) or not totp.is_secret(secret):
        return redirect(url_for("dashboard.profile_totp"), 303)
    if totp.is_on(visit.core, visit.user.user_id):
        return redirect(url_for("dashboard.profile"), 303)
    if not totp.turn_on(visit.core, visit.user.user_id, secret, request.form.get("code", "")):
        return _totp_page(visit, secret, 422, _("This code is not right. Is the clock correct?"))
    sessions.revoke(visit.core, visit.user.user_id, but=visit.user.credential_id)
    return redirect(url_for("dashboard.profile", saved=1), 303)


@signed_in
def totp_off(visit: Visit) -> Any:
    """Turn the second factor off; the password proves who asks."""
    core, place = visit.core, request.remote_addr or ""
    if not limits.attempts_left(core, place, visit.user.email):
        return problem(_("Too many attempts"), _("Wait a quarter of an hour, then try again."), 429)
    if auth.check_password(core, visit.user.email, request.form.get("current", "")) is None:
        return _page(visit, 422, totp=_("This is not your password."))
    limits.forgive(core, place, visit.user.email)
    totp.turn_off(core, visit.user.user_id)
    return redirect(url_for("dashboard.profile", saved=1), 303)
