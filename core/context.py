"""What every process of Chatport holds: settings, database, plugins, bells, vault.

Owns: the record that services are handed. Must not know: what its parts are used for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .db import Database
from .notices import Notice
from .services.live import Live
from .settings import Settings
from .vault import Vault


@dataclass(slots=True)
class Core:
    """One process's parts. Nothing here is connected to Redis or the database before it is used."""

    settings: Settings
    db: Database
    plugins: Any
    bells: Any
    vault: Vault
    live: Live

    def publish(self, notices: list[Notice]) -> None:
        """Tell pages what a commit changed. Best effort; never raises for a listener's fault."""
        self.live.publish(notices)
