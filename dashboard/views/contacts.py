"""The contact's panel beside a thread: identities, edit, block, merge and its undoing.

Owns: these routes. Must not know: how a change is stored (``contact_actions``).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, request, url_for
from flask_babel import gettext as _

from chatport.db.tables import ContactMerge
from chatport.services import contact_actions as actions
from chatport.services.outbox import NotFound, NotPossible

from ..access import Visit, in_account
from ..answers import done, is_fragment, page
from ..queries import people
from . import ACCOUNT, ID

ONE = f"{ACCOUNT}/contacts/<{ID}:contact_id>"


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    rule(f"{ONE}/panel", "contact_panel", panel)
    rule(ONE, "contact_edit", edit, methods=["POST"])
    rule(f"{ONE}/block", "contact_block", block, methods=["POST"])
    rule(f"{ONE}/merge", "contact_candidates", candidates)
    rule(f"{ONE}/merge", "contact_merge", merge, methods=["POST"])
    rule(f"{ONE}/unmerge/<{ID}:merge_id>", "contact_unmerge", unmerge, methods=["POST"])


def _check(visit: Visit, contact_id: int) -> None:
    with visit.core.db.read("contact") as connection:
        people.find(connection, visit.place, contact_id)


def _panel(visit: Visit, contact_id: int) -> Any:
    with visit.core.db.read("contact panel") as connection:
        profile = people.load_profile(connection, visit.place, contact_id)
    return page("_panel.html", profile=profile)


def _answer(visit: Visit, contact_id: int) -> Any:
    if not is_fragment():
        return done(url_for("dashboard.account", account_id=visit.account_id))
    return _panel(visit, contact_id)


@in_account()
def panel(visit: Visit, contact_id: int) -> Any:
    """All that is known of a contact."""
    return _panel(visit, contact_id)


@in_account()
def edit(visit: Visit, contact_id: int) -> Any:
    """Name and mail address."""
    _check(visit, contact_id)
    name = " ".join(request.form.get("name", "").split())
    email = request.form.get("email", "").strip()
    if not name:
        raise NotPossible(_("A contact needs a name."), action=_("Write a name."))
    if email and ("@" not in email or any(c.isspace() for c in email)):
        raise NotPossible(
            _("This is not a mail address."), action=_("Correct it, or leave it empty.")
        )
    values = {"name": name, "email": email}
    actions.update(visit.core, account_id=visit.account_id, contact_id=contact_id, values=values)
    return _answer(visit, contact_id)


@in_account()
def block(visit: Visit, contact_id: int) -> Any:
    """Ignore a contact, or listen again."""
    _check(visit, contact_id)
    values = {"blocked": request.form.get("blocked") == "1"}
    actions.update(visit.core, account_id=visit.account_id, contact_id=contact_id, values=values)
    return _answer(visit, contact_id)


@in_account()
def candidates(visit: Visit, contact_id: int) -> Any:
    """Contacts with which this one may be merged."""
    with visit.core.db.read("merge candidates") as connection:
        contact = people.find(connection, visit.place, contact_id)
        found = people.search(
            connection,
            visit.place,
            request.args.get("q", ""),
            but=contact_id,
            kind=contact.kind,
        )
    return page("_candidates.html", contact=contact, found=found)


@in_account()
def merge(visit: Visit, contact_id: int) -> Any:
    """Make one contact of two."""
    given = request.form.get("other_id", "")
    other = int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else 0
    _check(visit, contact_id)
    _check(visit, other)
    actions.merge(
        visit.core,
        account_id=visit.account_id,
        base_id=contact_id,
        mergee_id=other,
        user_id=visit.user.user_id,
    )
    return _answer(visit, contact_id)


@in_account()
def unmerge(visit: Visit, contact_id: int, merge_id: int) -> Any:
    """Take a merge back."""
    _check(visit, contact_id)
    with visit.core.db.read("merge") as connection:
        known = connection.execute(
            sa.select(ContactMerge.id).where(
                ContactMerge.id == merge_id,
                ContactMerge.account_id == visit.account_id,
                ContactMerge.winner_id == contact_id,
            )
        ).first()
    if known is None:
        raise NotFound("There is no such merge.")
    actions.undo_merge(
        visit.core, account_id=visit.account_id, merge_id=merge_id, user_id=visit.user.user_id
    )
    return _answer(visit, contact_id)
