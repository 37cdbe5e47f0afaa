"""Failures: dead letters by cause, replay and discard; alerts.

Owns: these routes. Must not know: what replaying means.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _

from chatport.db import utcnow
from chatport.db.tables import Alert
from chatport.errors import ChatportError
from chatport.services import dead_letters
from chatport.services.accounts import ADMINISTRATOR
from chatport.services.outbox import NotFound

from .. import cause_words
from ..access import Visit, in_account
from ..answers import page, problem
from ..queries import channels as places
from ..queries import failures as reading
from ..tabs import Tab, tab
from . import ACCOUNT, ID

#: Letters of one request of a browser.
MOST = 1000


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/failures"
    rule(base, "failures", show_all)
    rule(f"{base}/replay", "failures_replay", replay, methods=["POST"])
    rule(f"{base}/discard", "failures_discard", discard, methods=["POST"])
    rule(f"{base}/alerts", "failures_alerts", show_alerts)
    rule(f"{base}/alerts/<{ID}:alert_id>", "failures_resolve", resolve, methods=["POST"])
    rule(f"{base}/<{ID}:letter_id>", "failures_show", show_one)


def _tabs(visit: Visit, letters: int, alerts: int) -> list[Tab]:
    keys: dict[str, Any] = {"account_id": visit.account_id}
    return [
        tab("failures", _("Dead letters"), count=letters, tone="bad", **keys),
        tab("failures_alerts", _("Alerts"), count=alerts, tone="bad", **keys),
    ]


@in_account(ADMINISTRATOR)
def show_all(visit: Visit) -> Any:
    """What Chatport gave up on, by cause."""
    wanted = request.args.get("inbox_id", type=int)
    state = "closed" if request.args.get("state") == "closed" else "open"
    with visit.core.db.read("dead letters") as connection:
        found = reading.causes(connection, visit.account_id, inbox_id=wanted, state=state)
        letters = reading.open_letters(connection, visit.account_id)
        alerts = reading.open_alerts(connection, visit.account_id)
        inboxes = reading.inbox_choices(connection, visit.account_id)
    return page(
        "failures.html",
        found=found,
        tabs=_tabs(visit, letters, alerts),
        inboxes=inboxes,
        names={inbox.channel_id: inbox.name for inbox in inboxes},
        wanted=wanted,
        state=state,
        words=cause_words,
    )


@in_account(ADMINISTRATOR)
def show_one(visit: Visit, letter_id: int) -> Any:
    """A letter with everything that is needed to understand it."""
    with visit.core.db.read("dead letter") as connection:
        letter = reading.letter(connection, visit.account_id, letter_id)
        message = _message_of(connection, visit.account_id, letter)
    payload = letter.payload
    if isinstance(payload, str):
        shown = _pretty(payload)
    else:
        shown = json.dumps(payload, indent=2, ensure_ascii=False, default=str)
    return page(
        "failure.html", letter=letter, payload=shown, words=cause_words, message_place=message
    )


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _message_of(connection: sa.Connection, account_id: int, letter: Any) -> Any:
    """Where the message of a letter is, for sends."""
    wanted = letter.payload.get("message_id") if isinstance(letter.payload, dict) else None
    if letter.kind != "send" or not isinstance(wanted, int):
        return None
    return places.message_place(connection, account_id, wanted)


def _chosen() -> list[int]:
    """Ids of a form: single boxes, or a whole cause in one field."""
    typed = [
        part
        for value in request.form.getlist("id")
        for part in value.split(",")
        if part.isdecimal() and len(part) < 19
    ]
    return list(dict.fromkeys(int(part) for part in typed))[:MOST]


@in_account(ADMINISTRATOR)
def replay(visit: Visit) -> Any:
    """Replay one, many, or all."""
    everything = request.form.get("all") == "1"
    chosen = _chosen()
    if not everything and not chosen:
        return problem(_("Nothing was chosen"), _("Tick what you want to replay."))
    done, refused = dead_letters.replay_many(
        visit.core,
        account_id=visit.account_id,
        ids=None if everything else chosen,
        user_id=visit.user.user_id,
    )
    if refused and not done and len(refused) == 1:
        return problem(str(refused[0]["error"]), str(refused[0]["action"]))
    return _back(visit, replayed=len(done), refused=len(refused))


@in_account(ADMINISTRATOR)
def discard(visit: Visit) -> Any:
    """Put letters away without replaying them."""
    chosen = _chosen()
    if not chosen:
        return problem(_("Nothing was chosen"), _("Tick what you want to discard."))
    count = 0
    for letter_id in chosen:
        try:
            dead_letters.close(visit.core, account_id=visit.account_id, letter_id=letter_id)
        except ChatportError:
            continue  # somebody else put it away, or it is not ours: the rest is discarded all the same
        count += 1
    return _back(visit, discarded=count)


def _back(visit: Visit, **told: int) -> Any:
    shown = {name: count for name, count in told.items() if count}
    return redirect(url_for("dashboard.failures", account_id=visit.account_id, **shown), 303)  # type: ignore[arg-type]


# --- alerts -----------------------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def show_alerts(visit: Visit) -> Any:
    """What administrators must know."""
    resolved = request.args.get("state") == "resolved"
    before = request.args.get("before", default=0, type=int)
    with visit.core.db.read("alerts") as connection:
        found = reading.alerts(connection, visit.account_id, resolved=resolved, before=before)
        letters = reading.open_letters(connection, visit.account_id)
        count = reading.open_alerts(connection, visit.account_id)
    return page(
        "alerts.html",
        alerts=found,
        tabs=_tabs(visit, letters, count),
        resolved=resolved,
        more=found[-1].id if len(found) == reading.ALERTS else 0,
    )


@in_account(ADMINISTRATOR)
def resolve(visit: Visit, alert_id: int) -> Any:
    """Put an alert away. It comes back when its cause does."""
    table = Alert.__table__
    where = (table.c.id == alert_id, table.c.account_id == visit.account_id)
    with visit.core.db.write("resolve alert") as connection:
        if connection.execute(sa.select(table.c.id).where(*where)).first() is None:
            raise NotFound("There is no such alert.")
        connection.execute(
            sa.update(table)
            .where(*where, table.c.resolved_at.is_(None))
            .values(resolved_at=utcnow())
        )
    return redirect(url_for("dashboard.failures_alerts", account_id=visit.account_id), 303)
