"""Installed providers as the gallery and the first step of a new channel show them.

Owns: their order and state. Must not know: HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from chatport.db.tables import Channel

from .channels import allowed_providers

if TYPE_CHECKING:
    from chatport.plugins.handle import ProviderHandle
    from chatport.plugins.registry import Registry


@dataclass(frozen=True, slots=True)
class Tile:
    """One provider.

    :param allowed: the account may use it.
    :param channels: how many live channels of the account use it.
    """

    handle: ProviderHandle
    allowed: bool
    channels: int


def tiles(connection: Connection, plugins: Registry, account_id: int) -> list[Tile]:
    """All usable providers; those that the account may use come first."""
    allowed = allowed_providers(connection, account_id)
    counts = channel_counts(connection, account_id)
    found = [
        Tile(handle, allowed is None or key in allowed, counts.get(key, 0))
        for key, handle in plugins.providers.items()
    ]
    return sorted(found, key=lambda tile: (not tile.allowed, tile.handle.info.title.lower()))


def channel_counts(connection: Connection, account_id: int) -> dict[str, int]:
    """Live channels of an account by provider, also of providers that are not there any more."""
    rows = connection.execute(
        sa.select(Channel.provider, sa.func.count())
        .where(Channel.account_id == account_id, Channel.deleted_at.is_(None))
        .group_by(Channel.provider)
    )
    return {key: int(count) for key, count in rows}
