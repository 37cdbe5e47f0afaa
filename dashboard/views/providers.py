"""Providers: what is installed, what it can do, what failed and why.

Owns: this route. Must not know: any provider.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from chatport.services.accounts import ADMINISTRATOR

from .. import feature_words
from ..access import Visit, in_account
from ..answers import page
from ..queries import providers as reading
from . import ACCOUNT


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    blueprint.add_url_rule(f"{ACCOUNT}/providers", "providers", gallery)


@in_account(ADMINISTRATOR)
def gallery(visit: Visit) -> Any:
    """All that is installed."""
    plugins = visit.core.plugins
    with visit.core.db.read("providers") as connection:
        tiles = reading.tiles(connection, plugins, visit.account_id)
        counts = reading.channel_counts(connection, visit.account_id)
    missing = {key: count for key, count in counts.items() if key not in plugins.providers}
    return page(
        "providers.html",
        tiles=tiles,
        failed=plugins.failed,
        missing=missing,
        chips=feature_words.chips,
        limits=feature_words.limits,
    )
