"""Raw requests, follow-ups that wait for their target, dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..base import Base
from ..types import BigId, Json, UtcDateTime, utcnow

#: States of requests that nobody works on; a query repeats them by :func:`chatport.db.partial.written`.
SET_ASIDE = ("parked", "dead", "held")


class RawRequest(Base):
    """An acknowledged webhook request, as it came.

    ``state``: ``pending`` (work to do), ``done``, ``parked`` (the provider is missing), ``dead``, ``held`` (accepted
    for an inactive channel or a suspended account: kept, not applied; replayable).
    """

    __tablename__ = "raw_requests"
    __table_args__ = (
        sa.Index(
            "ix_raw_requests_pending",
            "channel_id",
            "id",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
        sa.Index("ix_raw_requests_account_id_id", "account_id", "id"),
        sa.Index(
            "ix_raw_requests_set_aside",
            "channel_id",
            "state",
            "id",
            sqlite_where=sa.text("state IN ('parked', 'dead', 'held')"),
            postgresql_where=sa.text("state IN ('parked', 'dead', 'held')"),
        ),
        sa.Index(
            "ix_raw_requests_bodies",
            "account_id",
            "received_at",
            sqlite_where=sa.text("body IS NOT NULL"),
            postgresql_where=sa.text("body IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channel_whatsapp.id"))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    headers: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    #: NULL after the retention time
    body: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    #: hash of the secret that verified it: an item for another channel needs the same
    secret_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    #: ``accepted``, ``channel_inactive``, ``account_suspended``; ``reconciled`` for fetched history
    verdict: Mapped[str] = mapped_column(sa.String(32), default="accepted")
    state: Mapped[str] = mapped_column(sa.String(16), default="pending")
    #: attempts that ended with an error
    tries: Mapped[int] = mapped_column(default=0)
    #: attempts that have not ended: raised before an attempt, cleared after it, so what remains are killed processes
    crashes: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    #: what became of each item: ``[{"key", "kind", "state", "reason", "message_id"}]``; state is one of applied,
    #: duplicate, ignored, waiting, parked, dead
    items: Mapped[list[Any]] = mapped_column(Json, default=list)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class FollowUp(Base):
    """A status, edit, revoke, reaction or echo that came before what it belongs to."""

    __tablename__ = "follow_ups"
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "item_key"),
        sa.Index("ix_follow_ups_target", "channel_id", "target"),
        sa.Index("ix_follow_ups_request_id", "request_id"),
        sa.Index(
            "ix_follow_ups_waiting",
            "channel_id",
            "kind",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
        sa.Index(
            "ix_follow_ups_expires_at",
            "expires_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channel_whatsapp.id"))
    request_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    item_key: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(32))
    #: source id of the message that it waits for
    target: Mapped[str] = mapped_column(sa.String(255))
    event: Mapped[dict[str, Any]] = mapped_column(Json)
    #: ``waiting``, ``applied``, ``expired``
    state: Mapped[str] = mapped_column(sa.String(16), default="waiting")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeadLetter(Base):
    """Work that Chatport gave up on, with everything needed to understand and replay it.

    ``kind``: ``request`` (could not be parsed), ``item`` (one event of a request), ``send``, ``media``, ``task``.
    ``state``: ``dead`` (an error), ``parked`` (set aside for a reason), ``replayed``, ``resolved``.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (
        sa.UniqueConstraint("kind", "subject_id", "item_key"),
        sa.Index("ix_dead_letters_account_id_state_id", "account_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    channel_id: Mapped[int | None] = mapped_column(sa.ForeignKey("channel_whatsapp.id"))
    kind: Mapped[str] = mapped_column(sa.String(16))
    #: id of the raw request, send, attachment or task
    subject_id: Mapped[int] = mapped_column(sa.BigInteger)
    item_key: Mapped[str] = mapped_column(sa.String(200), default="")
    state: Mapped[str] = mapped_column(sa.String(16), default="dead")
    error_type: Mapped[str] = mapped_column(sa.String(128), default="")
    error: Mapped[str] = mapped_column(sa.Text, default="")
    action: Mapped[str] = mapped_column(sa.Text, default="")
    payload: Mapped[Any] = mapped_column(Json, default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)
    replayed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
