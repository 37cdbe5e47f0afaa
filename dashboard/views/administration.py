"""Settings: people and roles, API tokens, audit log, plugins, about.

Owns: these routes. Must not know: how passwords and tokens are checked.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _

from chatport.errors import ConfigInvalid
from chatport.services import accounts
from chatport.services.accounts import ADMINISTRATOR, ROLES
from chatport.services.outbox import NotFound
from chatport.settings import describe

from .. import members, once, provider_form
from ..access import Visit, in_account
from ..answers import page
from ..queries import administration as reading
from ..tabs import Tab, tab
from . import ACCOUNT, ID


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/settings"
    rule(base, "settings", people)
    rule(f"{base}/people", "settings_invite", invite, methods=["POST"])
    rule(f"{base}/people/<{ID}:user_id>/role", "settings_role", set_role, methods=["POST"])
    rule(f"{base}/people/<{ID}:user_id>/remove", "settings_remove", remove, methods=["POST"])
    rule(f"{base}/people/<{ID}:user_id>/factor", "settings_factor", reset_factor, methods=["POST"])
    rule(f"{base}/tokens", "settings_tokens", tokens)
    rule(f"{base}/tokens", "settings_make_token", make_token, methods=["POST"])
    rule(f"{base}/tokens/<{ID}:token_id>", "settings_revoke_token", revoke, methods=["POST"])
    rule(f"{base}/audit", "settings_audit", audit)
    rule(f"{base}/plugins", "settings_plugins", plugins)
    rule(f"{base}/about", "settings_about", about)


def _tabs(visit: Visit) -> list[Tab]:
    keys: dict[str, Any] = {"account_id": visit.account_id}
    found = [
        tab("settings_canned", _("Canned answers"), **keys),
        tab("settings_tokens", _("API tokens"), **keys),
    ]
    if not visit.place.is_administrator:
        return found
    return [
        tab("settings", _("People"), **keys),
        *found,
        tab("settings_audit", _("Audit log"), **keys),
        tab("settings_plugins", _("Plugins"), **keys),
        tab("settings_about", _("About"), **keys),
    ]


def settings_page(template: str, visit: Visit, status: int = 200, **values: Any) -> Any:
    """A page of the settings, with their tabs."""
    return page(template, status, tabs=_tabs(visit), **values)


# --- people -----------------------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def people(visit: Visit) -> Any:
    """Who belongs to the account."""
    return _people(visit, {}, {})


def _people(visit: Visit, form: dict[str, str], problems: dict[str, str], status: int = 200) -> Any:
    with visit.core.db.read("people") as connection:
        found = reading.people(connection, visit.account_id)
        inboxes = reading.inboxes_of(connection, visit.account_id)
    return settings_page(
        "settings_people.html",
        visit,
        status,
        people=found,
        inboxes=inboxes,
        form=form,
        problems=problems,
    )


@in_account(ADMINISTRATOR)
def invite(visit: Visit) -> Any:
    """Let a person belong to the account."""
    form = {name: request.form.get(name, "").strip() for name in ("email", "name", "role")}
    password = request.form.get("password", "")
    problems = _invitation_problems(visit, form["email"], password)
    if problems:
        return _people(visit, form, problems, 422)
    try:
        accounts.create_user(
            visit.core,
            account_id=visit.account_id,
            email=form["email"],
            name=form["name"],
            role=form["role"],
            password=password or None,
            added_by=visit.user.user_id,
        )
    except ConfigInvalid as error:
        problems = {name: provider_form.readable(texts) for name, texts in error.fields.items()}
        return _people(visit, form, problems, 422)
    return redirect(url_for("dashboard.settings", account_id=visit.account_id, saved=1), 303)


def _invitation_problems(visit: Visit, email: str, password: str) -> dict[str, str]:
    """Why a person cannot be added: they belong to the account already (adding them would change their role, also of
    the last administrator), or nobody could ever sign in as them."""
    with visit.core.db.read("person to add") as connection:
        known, member = reading.known_person(connection, visit.account_id, email)
    if member:
        return {
            "email": _("This person belongs to the account already. Change the role in the list.")
        }
    if not known and not password and email:
        return {"password": _("Please give a first password: nobody can sign in without one.")}
    return {}


@in_account(ADMINISTRATOR)
def set_role(visit: Visit, user_id: int) -> Any:
    """Make somebody an administrator or an agent."""
    role = request.form.get("role", "")
    if role not in ROLES:
        raise NotFound("There is no such role.")
    members.set_role(visit.core, visit.place, user_id, role)
    return redirect(url_for("dashboard.settings", account_id=visit.account_id, saved=1), 303)


@in_account(ADMINISTRATOR)
def remove(visit: Visit, user_id: int) -> Any:
    """Take a person out of the account."""
    members.remove(visit.core, visit.place, user_id)
    return redirect(url_for("dashboard.settings", account_id=visit.account_id, saved=1), 303)


@in_account(ADMINISTRATOR)
def reset_factor(visit: Visit, user_id: int) -> Any:
    """Let somebody sign in without the second factor, whose authenticator app is lost."""
    members.reset_factor(visit.core, visit.place, user_id)
    return redirect(url_for("dashboard.settings", account_id=visit.account_id, saved=1), 303)


# --- tokens -----------------------------------------------------------------------------------------------------------


@in_account()
def tokens(visit: Visit) -> Any:
    """One's own tokens."""
    with visit.core.db.read("tokens") as connection:
        found = reading.tokens(connection, visit.user.user_id)
    return settings_page(
        "settings_tokens.html", visit, tokens=found, fresh=once.take(visit, "token").get("token")
    )


@in_account()
def make_token(visit: Visit) -> Any:
    """A new token, shown once."""
    name = " ".join(request.form.get("name", "").split()) or str(_("Without a name"))
    token = accounts.create_token(visit.core, visit.user.user_id, name[:255])
    response: Any = redirect(url_for("dashboard.settings_tokens", account_id=visit.account_id), 303)
    return once.keep(visit, response, "token", {"token": token})


@in_account()
def revoke(visit: Visit, token_id: int) -> Any:
    """Make a token useless."""
    with visit.core.db.read("tokens") as connection:
        if not reading.owns_token(connection, visit.user.user_id, token_id):
            raise NotFound("There is no such token.")
    accounts.revoke_token(visit.core, token_id)
    return redirect(
        url_for("dashboard.settings_tokens", account_id=visit.account_id, revoked=1), 303
    )


# --- audit, plugins, about --------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def audit(visit: Visit) -> Any:
    """Who did what."""
    action = request.args.get("action", "")
    before = request.args.get("before", default=0, type=int)
    with visit.core.db.read("audit") as connection:
        rows = reading.audit(connection, visit.account_id, action=action, before=before)
    return settings_page(
        "settings_audit.html",
        visit,
        rows=rows[: reading.AUDIT_PAGE],
        more=rows[reading.AUDIT_PAGE - 1].id if len(rows) > reading.AUDIT_PAGE else 0,
        action=action,
    )


@in_account(ADMINISTRATOR)
def plugins(visit: Visit) -> Any:
    """What is loaded, and what could not be."""
    return settings_page("settings_plugins.html", visit, plugins=visit.core.plugins.describe())


@in_account(ADMINISTRATOR)
def about(visit: Visit) -> Any:
    """Version and settings, without secrets."""
    try:
        number = version("chatport")
    except PackageNotFoundError:
        number = ""
    return settings_page(
        "settings_about.html",
        visit,
        number=number,
        python=platform.python_version(),
        database=visit.core.db.engine.dialect.name,
        described=describe(g.chatport.settings),
    )
