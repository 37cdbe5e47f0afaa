"""What every process of Chatport holds: settings, database, plugins, bells, vault, live stream, storage.

Owns: building these once per process, after any fork. Must not know: what they are used for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .db import Database
from .http import NetworkPolicy, set_network_policy
from .plugins.registry import Registry
from .services.bells import Bells
from .services.live import Live
from .services.media.storage import MediaStorage
from .vault import Vault

if TYPE_CHECKING:
    from .notices import Notice
    from .settings import Settings

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Core:
    """One process's parts. Nothing here is connected to Redis or the database before it is used."""

    settings: Settings
    db: Database
    plugins: Registry
    bells: Bells
    vault: Vault
    live: Live
    storage: MediaStorage

    @classmethod
    def build(
        cls, settings: Settings, *, plugins: Registry | None = None, pool_size: int = 10
    ) -> Core:
        """Build all parts from settings. Call it after a fork, never before. The first start makes the data folder and
        the installation's own key.

        :param plugins: a registry to use instead of what is installed (tests).
        """
        settings = settings.with_own_key()
        set_network_policy(NetworkPolicy(settings.allow_private_hosts))
        return cls(
            settings=settings,
            db=Database(settings.database_url, pool_size=pool_size),
            plugins=plugins if plugins is not None else Registry.load(settings),
            bells=Bells(settings.redis_url, settings.queue_prefix),
            vault=Vault(settings.secret_keys),
            live=Live(settings.redis_url, settings.queue_prefix),
            storage=MediaStorage.from_settings(settings),
        )

    def publish(self, notices: list[Notice]) -> None:
        """Tell pages and observers what a commit changed. Best effort; never raises for a listener's fault."""
        if not notices:
            return
        self.live.publish(notices)
        for notice in notices:
            self.plugins.notify(notice)

    def close(self) -> None:
        """Let go of connections."""
        self.db.dispose()
        self.bells.close()
        self.live.close()
