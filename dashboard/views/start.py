"""Where people arrive: the right account, and what to do while it is still empty.

Owns: these routes. Must not know: conversations.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, g, redirect, url_for

from chatport.db.tables import Conversation

from .. import navigation
from ..access import Visit, in_account, signed_in
from ..answers import page
from ..queries import conversations as lists
from . import ACCOUNT


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    blueprint.add_url_rule("/", "root", root)
    blueprint.add_url_rule("/app", "home", home)
    blueprint.add_url_rule(ACCOUNT, "account", account)


def root() -> Any:
    """The bare address."""
    return redirect(url_for("dashboard.home"))


@signed_in
def home(visit: Visit) -> Any:
    """The account used last, else the first one."""
    ids = [key for key, _, _ in visit.accounts]
    if not ids:
        return page("no_account.html")
    last = visit.preferences.get("account")
    return redirect(url_for("dashboard.account", account_id=last if last in ids else ids[0]))


@in_account()
def account(visit: Visit) -> Any:
    """The conversations, or how to get the first one."""
    with visit.core.db.read("start page") as connection:
        inboxes = lists.inboxes(connection, visit.place)
        talked = connection.execute(
            sa.select(Conversation.id).where(lists.visible(visit.place)).limit(1)
        ).first()
    if talked or (inboxes and not visit.place.is_administrator):
        return redirect(url_for("dashboard.conversations", account_id=visit.account_id))
    return page(
        "start.html",
        inboxes=inboxes,
        demo_url=g.chatport_demo_url(),
        add_url=navigation.link("channels_add", account_id=visit.account_id)
        or navigation.link("providers", account_id=visit.account_id),
    )
