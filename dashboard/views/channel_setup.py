"""Setting a channel up: the webhook with what is left to do by hand, the first hit, and linking the phone.

Owns: these routes. Must not know: how a provider sets up or pairs.
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for

from chatport.channels import PairingPrompt
from chatport.errors import ChatportError
from chatport.services import inboxes, pairing
from chatport.services.accounts import ADMINISTRATOR
from chatport.services.channels import callback_url
from chatport.services.tasks.kinds_channel import take_steps

from .. import once, provider_form
from ..access import Visit, in_account
from ..answers import is_fragment, page
from ..queries import channels as reading
from ..queries.channels import Place
from . import ACCOUNT, ID

#: How many codes are shown one after another before somebody has to ask for more.
MAX_ROUNDS = 8


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/channels/<{ID}:inbox_id>"
    rule(f"{base}/setup", "channels_setup", show)
    rule(f"{base}/setup/progress", "channels_progress", progress)
    rule(f"{base}/setup/listening", "channels_listening", listening)
    rule(f"{base}/setup/steps", "channels_steps", steps, methods=["POST"])
    rule(f"{base}/setup/again", "channels_provision", again, methods=["POST"])
    rule(f"{base}/login", "channels_login", login)
    rule(f"{base}/login", "channels_pair", pair, methods=["POST"])
    rule(f"{base}/login/state", "channels_login_state", login_state)


def load(visit: Visit, inbox_id: int) -> Place:
    """The inbox of an address."""
    with visit.core.db.read("channel") as connection:
        return reading.place(connection, visit.account_id, inbox_id)


def common(visit: Visit, place: Place) -> dict[str, Any]:
    """What all pages of a channel show."""
    handle = visit.core.plugins.providers.get(place.channel.provider)
    ways = handle.info.features.pairing if handle else ()
    return {
        "inbox": place.inbox,
        "channel": place.channel,
        "handle": handle,
        "labels": provider_form.labels(handle) if handle else {},
        "pairing": ways,
        "provisioning": place.channel.provisioning or {},
        "address": callback_url(
            visit.core, place.channel.phone_number, place.channel.callback_base_url
        ),
    }


@in_account(ADMINISTRATOR)
def show(visit: Visit, inbox_id: int) -> Any:
    """The whole step."""
    place = load(visit, inbox_id)
    return _page(visit, place, secrets=once.take(visit, f"channel:{place.channel.id}"))


def _page(visit: Visit, place: Place, **more: Any) -> Any:
    return page("channel_setup.html", **common(visit, place), **_heard(visit, place), **more)


def _heard(visit: Visit, place: Place) -> dict[str, Any]:
    with visit.core.db.read("last delivery") as connection:
        return {"request_row": reading.last_request(connection, place.channel)}


@in_account(ADMINISTRATOR)
def progress(visit: Visit, inbox_id: int) -> Any:
    """What setting up has done until now."""
    return page("_provisioning.html", **common(visit, load(visit, inbox_id)))


@in_account(ADMINISTRATOR)
def listening(visit: Visit, inbox_id: int) -> Any:
    """Whether something came, and whether it was ours."""
    place = load(visit, inbox_id)
    return page("_listening.html", **common(visit, place), **_heard(visit, place))


@in_account(ADMINISTRATOR)
def steps(visit: Visit, inbox_id: int) -> Any:
    """The steps to do by hand, with their secrets: once."""
    place = load(visit, inbox_id)
    taken = take_steps(visit.core, visit.account_id, place.channel.id)
    if is_fragment():
        return page("_steps.html", **common(visit, place), taken=taken)
    return _page(visit, place, taken=taken)


@in_account(ADMINISTRATOR)
def again(visit: Visit, inbox_id: int) -> Any:
    """Set the service up again."""
    inboxes.request_task(
        visit.core, account_id=visit.account_id, inbox_id=inbox_id, kind="provision"
    )
    return redirect(
        url_for("dashboard.channels_setup", account_id=visit.account_id, inbox_id=inbox_id), 303
    )


# --- the phone --------------------------------------------------------------------------------------------------------


@in_account(ADMINISTRATOR)
def login(visit: Visit, inbox_id: int) -> Any:
    """The page on which the phone is linked."""
    place = load(visit, inbox_id)
    shown = common(visit, place)
    if not shown["pairing"]:
        abort(404)
    return page("channel_login.html", **shown, method=_method(shown["pairing"]))


def _method(ways: tuple[str, ...]) -> str:
    wanted = request.values.get("method", "")
    return wanted if wanted in ways else ways[0]


@in_account(ADMINISTRATOR)
def pair(visit: Visit, inbox_id: int) -> Any:
    """A code that is valid now, or why there is none and the way out."""
    place = load(visit, inbox_id)
    shown = common(visit, place)
    if not shown["pairing"]:
        abort(404)
    method = _method(shown["pairing"])
    values: dict[str, Any] = {"method": method, "round": _round()}
    if values["round"] >= MAX_ROUNDS:
        values |= {"paused": True, "round": 0}
    else:
        values |= _prompt(visit, place, method)
    if values.get("connected"):
        place = load(visit, inbox_id)
        shown = common(visit, place)
    template = "_login_code.html" if is_fragment() else "channel_login.html"
    return page(template, **shown, **values)


def _round() -> int:
    typed = request.form.get("round", "")
    return int(typed) if typed.isdecimal() and len(typed) < 4 else 0


def _prompt(visit: Visit, place: Place, method: str) -> dict[str, Any]:
    try:
        prompt = pairing.start_pairing(visit.core, visit.account_id, place.channel.id, method)
    except ChatportError as error:
        # The phone may have been linked in the meantime: then there is nothing to pair any more.
        if _linked(visit, place):
            return {"connected": True}
        return {"error": error}
    return {"prompt": prompt, "image": _image(prompt), "expires_in": max(prompt.expires_in, 1.0)}


def _linked(visit: Visit, place: Place) -> bool:
    try:
        found = pairing.connection_status(visit.core, visit.account_id, place.channel.id)
    except ChatportError:
        return False  # the error of pairing itself is the one to show
    return found.connected


def _image(prompt: PairingPrompt) -> str:
    if not prompt.image:
        return ""
    return f"data:image/png;base64,{base64.b64encode(prompt.image).decode()}"


@in_account(ADMINISTRATOR)
def login_state(visit: Visit, inbox_id: int) -> Any:
    """Whether the phone is linked by now; once it is, all of the page's middle is replaced."""
    place = load(visit, inbox_id)
    shown = common(visit, place)
    if place.channel.connection == pairing.CONNECTED:
        response = page("_login_code.html", **shown, connected=True, method="", round=0)
        response.headers["HX-Retarget"] = "#login"
        response.headers["HX-Reswap"] = "outerHTML"
        return response
    return page("_login_state.html", **shown)
