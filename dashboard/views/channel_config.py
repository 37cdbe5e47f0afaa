"""A channel's configuration: the provider's fields, and new webhook secrets.

Owns: these routes. Must not know: how a provider does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request
from werkzeug.exceptions import NotFound as Missing

from chatport.errors import ChatportError, ConfigInvalid
from chatport.schema import MASK, generated_names
from chatport.services import inboxes
from chatport.services.accounts import ADMINISTRATOR
from chatport.services.channels import masked_config
from chatport.vault import new_secret

from .. import once, provider_form
from ..access import Visit, in_account
from ..queries.channels import Place
from . import ACCOUNT, ID
from .channel_frame import channel_page, to_channel
from .channel_setup import load
from .channels import labelled, own_problems

if TYPE_CHECKING:
    from chatport.plugins.handle import ProviderHandle


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    base = f"{ACCOUNT}/channels/<{ID}:inbox_id>/configuration"
    rule(base, "channels_config", config, methods=["GET", "POST"])
    rule(f"{base}/rotate", "channels_rotate", rotate, methods=["POST"])


@in_account(ADMINISTRATOR)
def config(visit: Visit, inbox_id: int) -> Any:
    """The provider's fields; stored secrets are never shown."""
    place = load(visit, inbox_id)
    handle = visit.core.plugins.providers.get(place.channel.provider)
    if handle is None:
        return channel_page("channel_config.html", visit, place, groups=[], problems={}, values={})
    values = _values(place)
    problems: dict[str, str] = {}
    result: dict[str, Any] = {}
    typed = masked_config(handle, place.channel, visit.core)
    if request.method == "POST":
        values = {name: request.form.get(name, "").strip() for name in values}
        typed = provider_form.read(handle, request.form, editing=True)
        try:
            inboxes.update_inbox(
                visit.core,
                account_id=visit.account_id,
                inbox_id=inbox_id,
                phone_number=values["phone_number"],
                provider_config=typed,
                callback_base_url=values["callback_base_url"] or None,
                user_id=visit.user.user_id,
            )
        except ConfigInvalid as error:
            problems = own_problems(error, provider_form.problems(handle, typed))
            result = {"incomplete": labelled(handle, problems), "advice": error.action}
        except ChatportError as error:
            result = {"error": error}
        else:
            return to_channel(visit, "channels_config", inbox_id, saved=1)
    return _drawn(visit, place, handle, typed, values, problems, result)


def _values(place: Place) -> dict[str, str]:
    return {
        "phone_number": place.channel.phone_number,
        "callback_base_url": place.channel.callback_base_url or "",
    }


def _drawn(
    visit: Visit,
    place: Place,
    handle: ProviderHandle,
    typed: Mapping[str, Any],
    values: Mapping[str, str],
    problems: Mapping[str, str],
    result: Mapping[str, Any],
) -> Any:
    return channel_page(
        "channel_config.html",
        visit,
        place,
        422 if result else 200,
        groups=provider_form.groups(
            handle, typed, problems, stored=masked_config(handle, place.channel, visit.core)
        ),
        values=values,
        problems=problems,
        result=result,
        rotatable=_rotatable(handle),
        overlap=_overlap(handle),
        public_url=visit.core.settings.public_url,
        secrets=once.take(visit, f"channel:{place.channel.id}"),
    )


def _rotatable(handle: ProviderHandle) -> list[str]:
    """Labels of the secrets that we can make anew."""
    made = generated_names(handle.info.schema)
    return [label for name, label in provider_form.labels(handle).items() if name in made]


def _overlap(handle: ProviderHandle) -> bool:
    """Whether such a secret signs deliveries, so that the replaced one stays valid for a while."""
    made = generated_names(handle.info.schema)
    return any(name in made for name in handle.info.authentication.secret_keys)


@in_account(ADMINISTRATOR)
def rotate(visit: Visit, inbox_id: int) -> Any:
    """New webhook secrets; the old ones work for a day beside them."""
    place = load(visit, inbox_id)
    handle = visit.core.plugins.provider(place.channel.provider)
    names = sorted(generated_names(handle.info.schema))
    if not names:
        raise Missing
    fresh = {name: new_secret() for name in names}
    try:
        inboxes.update_inbox(
            visit.core,
            account_id=visit.account_id,
            inbox_id=inbox_id,
            provider_config=fresh,
            callback_base_url=MASK,
            user_id=visit.user.user_id,
        )
    except ChatportError as error:
        # The page that asked says why: nothing was stored, and the old secrets work on.
        stored = masked_config(handle, place.channel, visit.core)
        return _drawn(visit, place, handle, stored, _values(place), {}, {"error": error})
    response = to_channel(visit, "channels_config", inbox_id, rotated=1)
    return once.keep(visit, response, f"channel:{place.channel.id}", fresh)
