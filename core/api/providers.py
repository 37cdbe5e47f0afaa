"""Providers: what is installed, what it can do, its form.

Owns: this route. Must not know: any provider.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..db.tables import Account
from ..schema import describe
from . import shapes
from .outputs_inboxes import ProviderListAnswer
from .routing import Call, Routes

routes = Routes("Providers")


@routes.add("GET", "/providers", answer=ProviderListAnswer)
def list_providers(call: Call) -> Any:
    """Installed providers with features and form, and plugins that cannot be used with the reason."""
    with call.core.db.read("account") as connection:
        allowed = connection.execute(
            sa.select(Account.providers_allowed).where(Account.id == call.account_id)
        ).scalar_one()
    plugins = call.core.plugins
    payload = [
        {
            "key": key,
            "title": handle.info.title,
            "description": handle.info.description,
            "icon": handle.info.icon,
            "documentation": handle.info.documentation,
            "distribution": handle.distribution,
            "version": handle.version,
            "aliases": list(handle.info.aliases),
            "allowed": allowed is None or key in allowed,
            "features": shapes.features(handle.info.features),
            "form": [one.to_dict() for one in describe(handle.info.schema)],
        }
        for key, handle in sorted(plugins.providers.items())
    ]
    failed = [
        {
            "name": one.name,
            "distribution": one.distribution,
            "version": one.version,
            "reason": one.reason,
        }
        for one in plugins.failed
    ]
    return {"payload": payload, "failed": failed if call.who.is_administrator else []}
