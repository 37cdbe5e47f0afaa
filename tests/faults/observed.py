"""What the database says, read with plain SQL by a connection of our own.

Owns: the queries. Must not know: what they ought to say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool


class Observed:
    """Read-only look at an installation's database."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=NullPool)

    def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        """All rows of a query."""
        with self._engine.connect() as connection:
            return connection.execute(sa.text(statement), parameters).all()

    def one(self, statement: str, **parameters: Any) -> Any:
        """The first value of a query."""
        found = self.rows(statement, **parameters)
        return found[0][0] if found else None

    def unfinished(self, poison: Sequence[bytes] = ()) -> list[str]:
        """Work that is still under way, in words; empty when all is quiet."""
        bad = set(poison)
        left = [
            f"request {row.id} pending ({row.tries} tries, {row.crashes} crashes): {row.error}"
            for row in self.rows(
                "SELECT id, tries, crashes, error, body FROM raw_requests WHERE state = 'pending' LIMIT 500"
            )
            if not (bytes(row.body or b"") in bad and row.error)
        ]
        left += [
            f"send {row.id} {row.state} ({row.tries} tries): {row.error}"
            for row in self.rows(
                "SELECT id, state, tries, error FROM sends WHERE state IN ('queued', 'sending') LIMIT 50"
            )
        ]
        left += [
            f"follow-up {row.id} waits for {row.target}, which is there"
            for row in self.rows(
                "SELECT f.id, f.target FROM follow_ups f JOIN messages m ON m.source_id = f.target"
                " WHERE f.state = 'waiting' LIMIT 50"
            )
        ]
        left += [
            f"task {row.id} ({row.kind}) pending: {row.error}"
            for row in self.rows(
                "SELECT id, kind, error FROM tasks"
                " WHERE state = 'pending' AND kind = 'reconcile' LIMIT 50"
            )
        ]
        return left

    def messages(self) -> Sequence[Any]:
        """Every message with its contact, in display order."""
        return self.rows(
            "SELECT m.id, m.source_id, m.conversation_id, m.message_type, m.content, m.status, m.external_error,"
            " m.error_action, m.deleted_at, m.private, c.phone_number"
            " FROM messages m JOIN conversations v ON v.id = m.conversation_id"
            " JOIN contacts c ON c.id = v.contact_id ORDER BY m.conversation_id, m.sent_at, m.id"
        )

    def reactions(self) -> Sequence[Any]:
        """Every reaction that shows."""
        return self.rows(
            "SELECT m.source_id, r.reactor, r.emoji FROM reactions r JOIN messages m ON m.id = r.message_id"
            " WHERE r.emoji <> ''"
        )

    def contacts(self) -> Sequence[Any]:
        """Phone numbers with how many contacts and conversations they have."""
        return self.rows(
            "SELECT c.phone_number, count(DISTINCT c.id) AS contacts, count(DISTINCT v.id) AS conversations"
            " FROM contacts c LEFT JOIN conversations v ON v.contact_id = c.id"
            " WHERE c.merged_into_id IS NULL GROUP BY c.phone_number"
        )

    def statuses(self) -> dict[int, str]:
        """The shown status of every outgoing message."""
        found = self.rows("SELECT id, status FROM messages WHERE message_type = 'outgoing'")
        return {row.id: row.status for row in found}

    def requests(self) -> Sequence[Any]:
        """Every stored webhook request."""
        return self.rows(
            "SELECT id, body, state, error, items, received_at, done_at FROM raw_requests ORDER BY id"
        )

    def dead_letters(self) -> Sequence[Any]:
        """What was given up on."""
        return self.rows(
            "SELECT id, kind, subject_id, item_key, state, error, action FROM dead_letters"
            " WHERE state IN ('dead', 'parked')"
        )


def as_json(value: Any) -> Any:
    """A JSON column, whichever database it came from."""
    return json.loads(value) if isinstance(value, str) else value


def as_time(value: Any) -> datetime | None:
    """A time column, whichever database it came from."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
