"""The event log: what services delivered, its verdict, what became of it, the way to the ticks; and what was sent.

Owns: these routes. Must not know: how requests are applied.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _

from chatport.services.accounts import ADMINISTRATOR
from chatport.services.ingest import replay_request

from .. import cause_words
from ..access import Visit, in_account
from ..answers import page, problem
from ..queries import events as reading
from ..queries import failures, outgoing
from ..tabs import Tab, tab
from . import ACCOUNT, ID


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/events"
    rule(base, "events", show_all)
    rule(f"{base}/sent", "events_sent", show_sent)
    rule(f"{base}/<{ID}:event_id>", "events_show", show_one)
    rule(f"{base}/<{ID}:event_id>/replay", "events_replay", replay, methods=["POST"])


def _tabs(visit: Visit) -> list[Tab]:
    return [
        tab("events", _("Received"), account_id=visit.account_id),
        tab("events_sent", _("Sent"), account_id=visit.account_id),
    ]


@in_account(ADMINISTRATOR)
def show_all(visit: Visit) -> Any:
    """The newest deliveries."""
    wanted = request.args.get("inbox_id", type=int)
    state = request.args.get("state", "")
    before = request.args.get("before", default=0, type=int)
    with visit.core.db.read("events") as connection:
        rows = reading.newest(
            connection, visit.account_id, inbox_id=wanted, state=state, before=before
        )
        inboxes = failures.inbox_choices(connection, visit.account_id)
    return page(
        "events.html",
        rows=rows[: reading.PAGE],
        more=rows[reading.PAGE - 1].id if len(rows) > reading.PAGE else 0,
        inboxes=inboxes,
        wanted=wanted,
        state=state,
        states=reading.STATES,
        words=cause_words,
        age=reading.age,
        tabs=_tabs(visit),
    )


@in_account(ADMINISTRATOR)
def show_sent(visit: Visit) -> Any:
    """What left for the services, newest first."""
    wanted = request.args.get("inbox_id", type=int)
    state = request.args.get("state", "")
    before = request.args.get("before", default=0, type=int)
    with visit.core.db.read("sent") as connection:
        found = outgoing.load(
            connection, visit.account_id, inbox_id=wanted, state=state, before=before
        )
        inboxes = failures.inbox_choices(connection, visit.account_id)
    return page(
        "outgoing.html",
        found=found,
        inboxes=inboxes,
        wanted=wanted,
        state=state,
        states=outgoing.STATES,
        words=cause_words,
        tabs=_tabs(visit),
    )


@in_account(ADMINISTRATOR)
def show_one(visit: Visit, event_id: int) -> Any:
    """A delivery as it came, and its trace."""
    with visit.core.db.read("event") as connection:
        row = reading.one(connection, visit.account_id, event_id)
        items = row._mapping["items"] or []
        ids = [item["message_id"] for item in items if item.get("message_id")]
        letters = reading.letters_of(connection, visit.account_id, event_id)
        waiting = reading.waiting(connection, visit.account_id, event_id)
        traced = reading.trace(connection, visit.account_id, ids)
    return page(
        "event.html",
        row=row,
        items=items,
        body=reading.pretty(row.body),
        size=None if row.body is None else len(row.body),
        letters=letters,
        waiting=waiting,
        traced={one.message.id: one for one in traced},
        words=cause_words,
        age=reading.age,
        retention=visit.core.settings.raw_retention_days,
    )


@in_account(ADMINISTRATOR)
def replay(visit: Visit, event_id: int) -> Any:
    """Apply a delivery again by today's plugin; what it did already is not doubled."""
    with visit.core.db.read("event") as connection:
        reading.one(connection, visit.account_id, event_id)
    if not replay_request(visit.core, event_id, visit.account_id):
        return problem(
            _("The body of this delivery is not kept any more."),
            _("Bodies are kept for CHATPORT_RAW_RETENTION_DAYS."),
        )
    return redirect(
        url_for(
            "dashboard.events_show", account_id=visit.account_id, event_id=event_id, replayed=1
        ),
        303,
    )
