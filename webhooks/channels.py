"""Who may deliver webhooks: live channels by number, with what is needed to authenticate their service.

Owns: a short-lived cache of channel rows with their opened secrets. Must not know: HTTP, plugins.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from chatport.db import utcnow
from chatport.db.tables import Account, Channel

if TYPE_CHECKING:
    from chatport.context import Core

#: Seconds for which a channel's row is trusted. A new secret, a switched-off channel take effect within this time.
FRESH = 1.0
#: Numbers remembered; strangers cannot fill the memory.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Gate:
    """What the receiver needs of one channel. ``secrets`` are never shown."""

    id: int
    account_id: int
    provider: str
    scheme: dict[str, Any]
    challenge: dict[str, Any] | None
    secrets: tuple[str, ...] = field(repr=False)
    challenge_secrets: tuple[str, ...] = field(repr=False)
    fingerprints: dict[str, str] = field(repr=False)
    previous_until: datetime | None
    previous: tuple[str, ...] = field(repr=False)
    content_types: tuple[str, ...]
    answer_status: int
    active: bool
    account_active: bool

    def accepted_secrets(self) -> tuple[str, ...]:
        """Secrets that authenticate now: the current ones, and replaced ones during their grace."""
        if self.previous_until is not None and utcnow() < self.previous_until:
            return self.secrets + self.previous
        return self.secrets


class Gates:
    """Channels by the digits of their number."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[str, tuple[float, Gate | None]] = {}
        self._lock = threading.Lock()

    def find(self, digits: str) -> Gate | None:
        """The live channel with this number.

        :raises sqlalchemy.exc.DBAPIError: the database does not work and nothing is known of the number.
        """
        now = time.monotonic()
        known = self._known.get(digits)
        if known is not None and now - known[0] < FRESH:
            return known[1]
        gate = self._load(digits)
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[digits] = (now, gate)
        return gate

    def fresh(self, digits: str) -> Gate | None:
        """The channel, where it is known without asking the database."""
        known = self._known.get(digits)
        return known[1] if known is not None and time.monotonic() - known[0] < FRESH else None

    def forget(self) -> None:
        """Read all channels anew."""
        with self._lock:
            self._known.clear()

    def _load(self, digits: str) -> Gate | None:
        with self._core.db.read("find channel") as connection:
            row = connection.execute(
                sa.select(Channel.__table__, Account.active.label("account_active"))
                .join(Account.__table__, Account.id == Channel.account_id)
                .where(Channel.phone_number == f"+{digits}", Channel.deleted_at.is_(None))
            ).first()
        if row is None:
            return None
        vault = self._core.vault
        current = vault.open(row.auth_secrets) or {}
        previous = vault.open(row.previous_secrets) or {}
        secrets = tuple(current.get("webhook", ()))
        old = tuple(previous.get("webhook", ()))
        return Gate(
            id=row.id,
            account_id=row.account_id,
            provider=row.provider,
            scheme=row.auth_scheme,
            challenge=row.challenge_scheme,
            secrets=secrets,
            challenge_secrets=tuple(current.get("challenge", ())),
            fingerprints={secret: vault.fingerprint(secret) for secret in (*secrets, *old)},
            previous_until=row.previous_secrets_until,
            previous=old,
            content_types=tuple(row.content_types or ()),
            answer_status=row.answer_status,
            active=row.active,
            account_active=row.account_active,
        )
