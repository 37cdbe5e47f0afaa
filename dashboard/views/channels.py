"""Channels: the list, and adding one.

Owns: these routes. Must not know: any provider; how a channel is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound as Missing

from chatport.errors import ChatportError, ConfigInvalid
from chatport.services import inboxes
from chatport.services.accounts import ADMINISTRATOR

from .. import feature_words, once, provider_form
from ..access import Visit, in_account
from ..answers import is_fragment, page
from ..queries import channels as reading
from ..queries import providers as gallery
from . import ACCOUNT

if TYPE_CHECKING:
    from chatport.plugins.handle import ProviderHandle

#: Inputs of the form that are not the provider's.
OWN = ("name", "phone_number", "callback_base_url")


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/channels"
    rule(base, "channels", show_all)
    rule(f"{base}/add", "channels_add", add)
    rule(f"{base}/add/<provider>", "channels_create", create, methods=["POST"])
    rule(f"{base}/add/<provider>/check", "channels_check", check_field, methods=["POST"])
    rule(f"{base}/add/<provider>/test", "channels_test", test, methods=["POST"])


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as typed."""

    values: dict[str, str]
    config: dict[str, Any]
    problems: dict[str, str]


@in_account(ADMINISTRATOR)
def show_all(visit: Visit) -> Any:
    """All channels of the account."""
    with visit.core.db.read("channels") as connection:
        places = reading.all_places(connection, visit.account_id)
    return page("channels.html", places=places, providers=visit.core.plugins.providers)


@in_account(ADMINISTRATOR)
def add(visit: Visit) -> Any:
    """The choice of a provider, then its form."""
    wanted = request.args.get("provider")
    if wanted:
        return _form(visit, _handle(visit, wanted), Filled({}, {}, {}))
    with visit.core.db.read("providers") as connection:
        tiles = gallery.tiles(connection, visit.core.plugins, visit.account_id)
    return page(
        "channel_choose.html",
        tiles=[tile for tile in tiles if tile.allowed],
        chips=feature_words.chips,
    )


def _handle(visit: Visit, provider: str) -> ProviderHandle:
    """A provider that the account may use."""
    key = visit.core.plugins.resolve_key(provider)
    with visit.core.db.read("providers of an account") as connection:
        allowed = reading.allowed_providers(connection, visit.account_id)
    if key not in visit.core.plugins.providers or (allowed is not None and key not in allowed):
        abort(404)
    return visit.core.plugins.providers[key]


def _form(
    visit: Visit, handle: ProviderHandle, filled: Filled, status: int = 200, **more: Any
) -> Any:
    return page(
        "channel_add.html",
        status,
        handle=handle,
        groups=provider_form.groups(handle, filled.config, filled.problems),
        values=filled.values,
        problems=filled.problems,
        public_url=visit.core.settings.public_url,
        limits=feature_words.limits(handle.info.features),
        **more,
    )


def _filled(handle: ProviderHandle) -> Filled:
    values = {name: request.form.get(name, "").strip() for name in OWN}
    config = provider_form.read(handle, request.form)
    problems = provider_form.problems(handle, config)
    if not values["name"]:
        problems["own-name"] = str(_("Please write a name."))
    wrong = provider_form.number_problem(values["phone_number"])
    if wrong:
        problems["own-phone_number"] = wrong
    return Filled(values, config, problems)


def own_problems(error: ConfigInvalid, schema_problems: dict[str, str]) -> dict[str, str]:
    """A refused configuration by input: a name that the provider's schema also has means ours, unless the schema itself
    complains about it."""
    found = {}
    for name, texts in error.fields.items():
        ours = name in (*OWN, "provider") and name not in schema_problems
        found[f"own-{name}" if ours else name] = provider_form.readable(texts)
    return found


@in_account(ADMINISTRATOR)
def check_field(visit: Visit, provider: str) -> Any:
    """What is wrong with one field, while the form is filled in."""
    handle = _handle(visit, provider)
    wanted = request.args.get("field", "")
    filled = _filled(handle)
    text, advice = _note(handle, wanted, filled.problems)
    return page("_field_note.html", name=wanted, problem=text, help=advice)


def _note(handle: ProviderHandle, name: str, problems: dict[str, str]) -> tuple[str, str]:
    """What is wrong with an input, and its help."""
    if name in OWN:
        return problems.get(f"own-{name}", ""), own_help(name)
    for group in provider_form.groups(handle, {}, problems):
        for one in group.fields:
            if one.name == name:
                return one.problem, one.field.help
    raise Missing


def own_help(name: str) -> str:
    """What to write in an input of ours."""
    words = {
        "name": _("As agents see it, such as “Sales”."),
        "phone_number": _("The WhatsApp number of this channel, with + and country code."),
        "callback_base_url": _(
            "Only where the service reaches Chatport by another address, such as one inside a private network."
        ),
    }
    return str(words.get(name, ""))


@in_account(ADMINISTRATOR)
def test(visit: Visit, provider: str) -> Any:
    """Ask the service whether what was typed works; nothing is stored."""
    handle = _handle(visit, provider)
    filled = _filled(handle)
    problems = {key: text for key, text in filled.problems.items() if key != "own-name"}
    result: dict[str, Any] = {"handle": handle}
    if problems:
        result["incomplete"] = labelled(handle, problems)
    else:
        try:
            result["found"] = inboxes.try_config(
                visit.core,
                account_id=visit.account_id,
                provider=handle.key,
                phone_number=filled.values["phone_number"],
                provider_config=filled.config,
                callback_base_url=filled.values["callback_base_url"] or None,
            )
        except ConfigInvalid as error:
            found = own_problems(error, {})
            result["incomplete"] = labelled(handle, found)
            result["advice"] = error.action
        except ChatportError as error:
            result["error"] = error
    if is_fragment():
        return page("_test_result.html", **result)
    return _form(visit, handle, Filled(filled.values, filled.config, problems), result=result)


def labelled(handle: ProviderHandle, problems: dict[str, str]) -> list[tuple[str, str]]:
    """Messages with the labels of their fields."""
    labels = {
        "own-name": _("Name"),
        "own-phone_number": _("Telephone number"),
        "own-callback_base_url": _("Address of Chatport for the service"),
        "own-provider": _("Provider"),
        "_schema": "",
    }
    labels |= provider_form.labels(handle)
    return [(str(labels.get(key, key)), text) for key, text in problems.items()]


@in_account(ADMINISTRATOR)
def create(visit: Visit, provider: str) -> Any:
    """Make the channel, then go on with setting the service up."""
    handle = _handle(visit, provider)
    filled = _filled(handle)
    if filled.problems:
        return _form(visit, handle, filled, 422)
    try:
        made = inboxes.create_inbox(
            visit.core,
            account_id=visit.account_id,
            name=filled.values["name"],
            provider=handle.key,
            phone_number=filled.values["phone_number"],
            provider_config=filled.config,
            callback_base_url=filled.values["callback_base_url"] or None,
            user_id=visit.user.user_id,
        )
    except ConfigInvalid as error:
        problems = own_problems(error, provider_form.problems(handle, filled.config))
        return _form(
            visit,
            handle,
            Filled(filled.values, filled.config, problems),
            422,
            result={
                "handle": handle,
                "incomplete": labelled(handle, problems),
                "advice": error.action,
            },
        )
    except ChatportError as error:
        return _form(visit, handle, filled, 422, result={"handle": handle, "error": error})
    target = url_for(
        "dashboard.channels_setup", account_id=visit.account_id, inbox_id=made.inbox_id
    )
    response: Any = redirect(target, 303)
    return once.keep(visit, response, f"channel:{made.channel_id}", made.generated_secrets)
