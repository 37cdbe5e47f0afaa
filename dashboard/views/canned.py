"""Canned answers: choosing one while writing, and keeping them.

Owns: these routes. Must not know: how answers are kept and found.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for

from chatport.errors import ConfigInvalid
from chatport.services import canned_responses

from .. import provider_form
from ..access import Visit, in_account
from ..answers import page
from . import ACCOUNT, ID
from .administration import settings_page
from .conversations import ONE, find_scene

#: The picker shows at most this many.
SHOWN = 12


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/settings/answers"
    rule(f"{ONE}/answers", "conversations_canned", choose)
    rule(base, "settings_canned", show_all)
    rule(base, "settings_canned_create", create, methods=["POST"])
    rule(f"{base}/<{ID}:response_id>", "settings_canned_change", change, methods=["POST"])
    rule(f"{base}/<{ID}:response_id>/delete", "settings_canned_delete", delete, methods=["POST"])


@in_account()
def choose(visit: Visit, number: int) -> Any:
    """Answers to choose from, their variables filled in for this conversation."""
    scene = find_scene(visit, number)
    with visit.core.db.read("canned answers") as connection:
        rows = canned_responses.find(
            connection, visit.account_id, request.args.get("q", ""), limit=SHOWN
        )
    values = canned_responses.variables(
        contact=scene.contact,
        conversation_number=number,
        inbox=scene.inbox,
        agent_name=visit.user.name,
        agent_email=visit.user.email,
    )
    shown = [(row, canned_responses.filled(row.content, values)) for row in rows]
    return page("_canned.html", answers=shown)


@in_account()
def show_all(visit: Visit) -> Any:
    """All answers of the account."""
    return _page(visit, {"content": request.args.get("content", "")[:10_000]}, {})


def _page(
    visit: Visit,
    form: dict[str, str],
    problems: dict[str, str],
    status: int = 200,
    changed: int = 0,
) -> Any:
    search = request.args.get("q", "").strip()
    with visit.core.db.read("canned answers") as connection:
        rows = canned_responses.find(connection, visit.account_id, search)
    return settings_page(
        "settings_canned.html",
        visit,
        status,
        answers=rows,
        form=form,
        problems=problems,
        changed=changed,
        search=search,
    )


def _form() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in ("short_code", "content")}


def _problems(error: ConfigInvalid) -> dict[str, str]:
    return {name: provider_form.readable(texts) for name, texts in error.fields.items()}


def _back(visit: Visit) -> Any:
    return redirect(url_for("dashboard.settings_canned", account_id=visit.account_id, saved=1), 303)


@in_account()
def create(visit: Visit) -> Any:
    """Keep an answer."""
    form = _form()
    try:
        canned_responses.create(
            visit.core, account_id=visit.account_id, user_id=visit.user.user_id, **form
        )
    except ConfigInvalid as error:
        return _page(visit, form, _problems(error), 422)
    return _back(visit)


@in_account()
def change(visit: Visit, response_id: int) -> Any:
    """Change an answer."""
    form = _form()
    try:
        canned_responses.update(
            visit.core,
            account_id=visit.account_id,
            response_id=response_id,
            values=form,
            user_id=visit.user.user_id,
        )
    except ConfigInvalid as error:
        return _page(visit, form, _problems(error), 422, changed=response_id)
    return _back(visit)


@in_account()
def delete(visit: Visit, response_id: int) -> Any:
    """Forget an answer."""
    canned_responses.delete(
        visit.core,
        account_id=visit.account_id,
        response_id=response_id,
        user_id=visit.user.user_id,
    )
    return _back(visit)
