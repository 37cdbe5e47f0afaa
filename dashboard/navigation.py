"""The main navigation.

Owns: which screens it names and who sees them. Must not know: what they show. A screen that is not there is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _

from chatport.services.accounts import ADMINISTRATOR

from .queries import failures

if TYPE_CHECKING:
    from .access import Visit


@dataclass(frozen=True, slots=True)
class Item:
    """One entry as shown."""

    name: str
    title: str
    icon: str
    url: str
    active: bool


#: endpoint, title, icon, administrators only. An entry is active on all pages whose endpoint begins with its own.
_ENTRIES = (
    ("conversations", _("Conversations"), "chat", False),
    ("channels", _("Channels"), "channel", True),
    ("providers", _("Providers"), "plug", True),
    ("failures", _("Failures"), "warning", True),
    ("events", _("Event log"), "log", True),
    ("settings", _("Settings"), "gear", True),
)


def items(visit: Visit) -> list[Item]:
    """What this visitor sees; outside of accounts, the entries of the first one."""
    if not visit.accounts:
        return []
    first, _name, role = visit.accounts[0]
    account_id = visit.who.account_id if visit.who else first
    everything = visit.who.is_administrator if visit.who else role == ADMINISTRATOR
    endpoint = (request.endpoint or "").removeprefix("dashboard.")
    return [
        Item(name, str(title), icon, link(name, account_id=account_id), endpoint.startswith(name))
        for name, title, icon, administrators in _ENTRIES
        if exists(name) and (everything or not administrators)
    ]


def open_alerts(visit: Visit) -> int:
    """How many alerts wait, for the badge; for administrators of the account shown."""
    if visit.who is None or not visit.who.is_administrator:
        return 0
    with visit.core.db.read("open alerts") as connection:
        return failures.open_alerts(connection, visit.account_id)


def exists(name: str) -> bool:
    """Whether a screen is there."""
    return f"dashboard.{name}" in current_app.view_functions


def link(name: str, **values: Any) -> str:
    """The address of a screen; empty where there is none."""
    return url_for(f"dashboard.{name}", **values) if exists(name) else ""
