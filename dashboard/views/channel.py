"""One channel: its health with evidence, behaviour, agents, templates, its end.

Owns: these routes. Must not know: how a provider does it.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _

from chatport.db.types import storable
from chatport.errors import ChatportError, ConfigInvalid
from chatport.services import inboxes, pairing
from chatport.services.accounts import ADMINISTRATOR
from chatport.services.channels import masked_config

from .. import members, provider_form
from ..access import Visit, in_account
from ..answers import is_fragment, page, problem
from ..queries import channels as reading
from ..queries.channels import Place
from . import ACCOUNT, ID
from .channel_frame import channel_page, to_channel
from .channel_setup import common, load
from .channels import own_problems

MAX_GREETING = 4096
#: Seconds for which a page follows a sync of templates.
SYNC_WATCHED = 60
RECEIPTS = ("never", "on_open", "on_reply")


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/channels/<{ID}:inbox_id>"
    rule(base, "channels_show", show)
    rule(f"{base}/evidence", "channels_evidence", evidence)
    rule(f"{base}/test", "channels_try", try_stored, methods=["POST"])
    rule(f"{base}/check", "channels_ask", ask, methods=["POST"])
    rule(f"{base}/reconnect", "channels_reconnect", reconnect, methods=["POST"])
    rule(f"{base}/logout", "channels_logout", logout, methods=["POST"])
    rule(f"{base}/behaviour", "channels_behaviour", behaviour, methods=["GET", "POST"])
    rule(f"{base}/active", "channels_active", set_active, methods=["POST"])
    rule(f"{base}/agents", "channels_people", people, methods=["GET", "POST"])
    rule(f"{base}/templates", "channels_templates", templates)
    rule(f"{base}/templates/sync", "channels_sync", sync, methods=["POST"])
    rule(f"{base}/delete", "channels_delete", delete, methods=["POST"])


# --- health -----------------------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def show(visit: Visit, inbox_id: int) -> Any:
    """Evidence, and what can be done."""
    place = load(visit, inbox_id)
    return channel_page("channel_health.html", visit, place, **_evidence(visit, place))


@in_account(ADMINISTRATOR)
def evidence(visit: Visit, inbox_id: int) -> Any:
    """The evidence alone, while somebody looks."""
    place = load(visit, inbox_id)
    return page("_evidence.html", **common(visit, place), **_evidence(visit, place))


def _evidence(visit: Visit, place: Place) -> dict[str, Any]:
    handle = visit.core.plugins.providers.get(place.channel.provider)
    with visit.core.db.read("evidence") as connection:
        found = reading.evidence(connection, place.channel)
        failed = None
        if found.error is not None:
            failed = reading.message_place(connection, visit.account_id, found.error.message_id)
    facts = place.channel.facts or {}
    return {
        "evidence": found,
        "failed": failed,
        "facts": facts.get("health") or [],
        "facts_at": _moment(facts.get("health_checked_at")),
        "history": facts.get("history") or {},
        "can": {
            hook: handle is not None and handle.implements(hook)
            for hook in ("reconnect", "logout", "check_health", "start_pairing")
        },
    }


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


@in_account(ADMINISTRATOR)
def try_stored(visit: Visit, inbox_id: int) -> Any:
    """Ask the service whether the stored configuration works."""
    place = load(visit, inbox_id)
    result: dict[str, Any] = {}
    try:
        result["found"] = inboxes.try_config(
            visit.core,
            account_id=visit.account_id,
            provider=place.channel.provider,
            phone_number=place.channel.phone_number,
            provider_config=_stored_mask(visit, place),
            callback_base_url=place.channel.callback_base_url,
            inbox_id=inbox_id,
        )
    except ConfigInvalid as error:
        result |= {"incomplete": list(_texts(error)), "advice": error.action}
    except ChatportError as error:
        result["error"] = error
    return _result(visit, place, result)


def _texts(error: ConfigInvalid) -> list[tuple[str, str]]:
    return [(name, provider_form.readable(texts)) for name, texts in error.fields.items()]


def _stored_mask(visit: Visit, place: Place) -> dict[str, Any]:
    handle = visit.core.plugins.provider(place.channel.provider)
    return masked_config(handle, place.channel, visit.core)


def _result(visit: Visit, place: Place, result: dict[str, Any]) -> Any:
    """The answer of a service: beside its button, or on the page."""
    handle = visit.core.plugins.providers.get(place.channel.provider)
    if is_fragment():
        return page("_test_result.html", handle=handle, **result)
    fresh = load(visit, place.inbox.id)
    return channel_page(
        "channel_health.html", visit, fresh, result=result, **_evidence(visit, fresh)
    )


def _login_action(visit: Visit, inbox_id: int, action: Any) -> Any:
    place = load(visit, inbox_id)
    try:
        return _result(
            visit, place, {"found": action(visit.core, visit.account_id, place.channel.id)}
        )
    except ChatportError as error:
        return _result(visit, place, {"error": error})


@in_account(ADMINISTRATOR)
def ask(visit: Visit, inbox_id: int) -> Any:
    """Ask the service now, also for its health."""
    inboxes.request_task(
        visit.core, account_id=visit.account_id, inbox_id=inbox_id, kind="check_health"
    )
    return _login_action(visit, inbox_id, pairing.connection_status)


@in_account(ADMINISTRATOR)
def reconnect(visit: Visit, inbox_id: int) -> Any:
    """Let the service connect its session again."""
    return _login_action(visit, inbox_id, pairing.reconnect)


@in_account(ADMINISTRATOR)
def logout(visit: Visit, inbox_id: int) -> Any:
    """Unlink the phone, then offer to link it again."""
    place = load(visit, inbox_id)
    try:
        pairing.logout(visit.core, visit.account_id, place.channel.id)
    except ChatportError as error:
        return problem(str(error), error.action)
    return to_channel(visit, "channels_login", inbox_id)


# --- behaviour --------------------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def behaviour(visit: Visit, inbox_id: int) -> Any:
    """Name and settings of the inbox."""
    place = load(visit, inbox_id)
    if request.method == "GET":
        return channel_page("channel_behaviour.html", visit, place, problems={})
    form = request.form
    receipts = form.get("read_receipts", place.inbox.read_receipts)
    greeting = storable(
        form.get("greeting_message", "").replace("\r\n", "\n").strip(), MAX_GREETING
    )
    if form.get("greeting_enabled") and not greeting:
        problems = {"greeting": _("Write what the greeting says, or switch it off.")}
        return channel_page("channel_behaviour.html", visit, place, 422, problems=problems)
    settings = {
        "lock_to_single_conversation": bool(form.get("lock_to_single_conversation")),
        "group_activity": bool(form.get("group_activity")),
        "agent_signature": bool(form.get("agent_signature")),
        "greeting_enabled": bool(form.get("greeting_enabled")),
        "greeting_message": greeting,
        "read_receipts": receipts if receipts in RECEIPTS else place.inbox.read_receipts,
    }
    try:
        inboxes.update_inbox(
            visit.core,
            account_id=visit.account_id,
            inbox_id=inbox_id,
            name=form.get("name", ""),
            settings=settings,
            user_id=visit.user.user_id,
        )
    except ConfigInvalid as error:
        problems = own_problems(error, {})
        return channel_page("channel_behaviour.html", visit, place, 422, problems=problems)
    return to_channel(visit, "channels_behaviour", inbox_id, saved=1)


@in_account(ADMINISTRATOR)
def set_active(visit: Visit, inbox_id: int) -> Any:
    """Switch the channel on or off."""
    inboxes.update_inbox(
        visit.core,
        account_id=visit.account_id,
        inbox_id=inbox_id,
        active=request.form.get("active") == "1",
        user_id=visit.user.user_id,
    )
    return to_channel(visit, "channels_behaviour", inbox_id, saved=1)


@in_account(ADMINISTRATOR)
def people(visit: Visit, inbox_id: int) -> Any:
    """Who may see the inbox."""
    place = load(visit, inbox_id)
    if request.method == "POST":
        wanted = {int(value) for value in request.form.getlist("user_id") if value.isdecimal()}
        members.replace(visit.core, visit.place, inbox_id, wanted)
        return to_channel(visit, "channels_people", inbox_id, saved=1)
    with visit.core.db.read("agents of an inbox") as connection:
        found = reading.agents(connection, visit.account_id, inbox_id)
    return channel_page("channel_people.html", visit, place, people=found)


# --- templates, the end -----------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def templates(visit: Visit, inbox_id: int) -> Any:
    """What may be sent outside the window."""
    place = load(visit, inbox_id)
    asked = request.args.get("asked", default=0, type=int)
    return channel_page(
        "channel_templates.html", visit, place, syncing=_syncing(place.channel, asked)
    )


def _syncing(channel: Any, asked: int) -> bool:
    """Whether the sync that was asked for has yet to end. A page that waits for longer than a minute waits in vain:
    the service does not answer, which the next task or an alert tells.

    :param asked: when, in seconds since the epoch; 0 when nobody did.
    """
    synced = channel.message_templates_last_updated
    ended = synced is not None and synced.timestamp() >= asked
    return not ended and 0 <= time.time() - asked < SYNC_WATCHED


@in_account(ADMINISTRATOR)
def sync(visit: Visit, inbox_id: int) -> Any:
    """Fetch the templates soon."""
    inboxes.request_task(
        visit.core, account_id=visit.account_id, inbox_id=inbox_id, kind="sync_templates"
    )
    return to_channel(visit, "channels_templates", inbox_id, asked=int(time.time()))


@in_account(ADMINISTRATOR)
def delete(visit: Visit, inbox_id: int) -> Any:
    """Delete the channel."""
    inboxes.delete_inbox(
        visit.core,
        account_id=visit.account_id,
        inbox_id=inbox_id,
        user_id=visit.user.user_id,
    )
    return redirect(url_for("dashboard.channels", account_id=visit.account_id, deleted=1), 303)
