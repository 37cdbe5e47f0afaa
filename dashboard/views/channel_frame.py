"""The frame of a channel's pages: tabs, and the way to one of them.

Owns: what all of them show. Must not know: what one of them shows.
"""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for
from flask_babel import gettext as _

from ..access import Visit
from ..answers import page
from ..queries.channels import Place
from ..tabs import Tab, tab
from .channel_setup import common


def _tabs(visit: Visit, place: Place) -> list[Tab]:
    keys: dict[str, Any] = {"account_id": visit.account_id, "inbox_id": place.inbox.id}
    found = [
        tab("channels_show", _("Health"), **keys),
        tab("channels_behaviour", _("Behaviour"), **keys),
        tab("channels_people", _("Agents"), **keys),
        tab("channels_config", _("Configuration"), **keys),
    ]
    handle = visit.core.plugins.providers.get(place.channel.provider)
    if handle is not None and handle.info.features.templates:
        count = len(place.channel.message_templates or [])
        found.append(tab("channels_templates", _("Templates"), count=count, **keys))
    return found


def channel_page(
    template: str, visit: Visit, place: Place, status: int = 200, **values: Any
) -> Any:
    """One of a channel's pages, with its tabs."""
    shown = {**common(visit, place), "tabs": _tabs(visit, place), **values}
    return page(template, status, **shown)


def to_channel(visit: Visit, endpoint: str, inbox_id: int, **values: Any) -> Any:
    """Back to one of a channel's pages."""
    target = url_for(
        f"dashboard.{endpoint}", account_id=visit.account_id, inbox_id=inbox_id, **values
    )
    return redirect(target, 303)
