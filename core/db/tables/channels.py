"""Channels, inboxes, tasks, alerts, heartbeats."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..base import Base
from ..types import BigId, Json, UtcDateTime, utcnow


class Channel(Base):
    """One WhatsApp number at one provider."""

    __tablename__ = "channel_whatsapp"
    __table_args__ = (
        sa.Index(
            "uq_channel_whatsapp_live_phone_number",
            "phone_number",
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    phone_number: Mapped[str] = mapped_column(sa.String(20))  # E.164 with plus
    provider: Mapped[str] = mapped_column(sa.String(64))
    #: public values of the configuration
    provider_config: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    #: encrypted JSON object of the secret values
    provider_secrets: Mapped[str | None] = mapped_column(sa.Text)
    #: the declared scheme, copied so that the receiver runs no plugin code: ``AuthScheme`` and ``ChallengeScheme``
    auth_scheme: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    challenge_scheme: Mapped[dict[str, Any] | None] = mapped_column(Json)
    #: encrypted JSON list of secrets that authenticate a webhook now
    auth_secrets: Mapped[str | None] = mapped_column(sa.Text)
    #: encrypted JSON list of replaced secrets, valid until ``previous_secrets_until``
    previous_secrets: Mapped[str | None] = mapped_column(sa.Text)
    previous_secrets_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    content_types: Mapped[list[str]] = mapped_column(Json, default=list)
    answer_status: Mapped[int] = mapped_column(default=200)
    #: what names this channel in items of a request (see the hook ``channel_addresses``)
    addresses: Mapped[list[str]] = mapped_column(Json, default=list)
    #: what the provider's hooks asked to keep
    state: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    callback_base_url: Mapped[str | None] = mapped_column(sa.String(2000))
    message_templates: Mapped[list[Any]] = mapped_column(Json, default=list)
    message_templates_last_updated: Mapped[datetime | None] = mapped_column(UtcDateTime)
    templates_error: Mapped[str | None] = mapped_column(sa.Text)
    active: Mapped[bool] = mapped_column(default=True)
    #: ``unknown``, ``connected``, ``disconnected``, ``login_required``, ``unauthorised``, ``unreachable``
    connection: Mapped[str] = mapped_column(sa.String(32), default="unknown")
    connection_reason: Mapped[str] = mapped_column(sa.Text, default="")
    connection_action: Mapped[str] = mapped_column(sa.Text, default="")
    connection_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    facts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    notices: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    provisioning: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    #: no sending before this moment, when the fault is the channel's
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pause_reason: Mapped[str] = mapped_column(sa.Text, default="")
    last_event_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_send_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_refused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refused_count: Mapped[int] = mapped_column(default=0)
    reconciled_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Inbox(Base):
    """The inbox of a channel, and its settings."""

    __tablename__ = "inboxes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channel_whatsapp.id"), unique=True)
    name: Mapped[str] = mapped_column(sa.String(255))
    #: reopen the contact's last conversation instead of starting a new one after a resolve
    lock_to_single_conversation: Mapped[bool] = mapped_column(default=False)
    #: activity lines for joins and leaves in groups
    group_activity: Mapped[bool] = mapped_column(default=True)
    #: ``never``, ``on_open`` or ``on_reply``
    read_receipts: Mapped[str] = mapped_column(sa.String(16), default="on_open")
    agent_signature: Mapped[bool] = mapped_column(default=False)
    #: answer the first message of a new conversation with ``greeting_message``
    greeting_enabled: Mapped[bool] = mapped_column(default=False)
    greeting_message: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Task(Base):
    """Work for the ``calls`` queue that is not a send or a media file: provisioning, read receipts, avatars, group
    facts, template sync, history. The row is the truth; a job only rings."""

    __tablename__ = "tasks"
    __table_args__ = (
        sa.Index(
            "ix_tasks_due",
            "next_try_at",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
        sa.Index(
            "uq_tasks_open",
            "kind",
            "dedupe_key",
            unique=True,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    channel_id: Mapped[int | None] = mapped_column(sa.ForeignKey("channel_whatsapp.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    #: one pending task per (kind, key)
    dedupe_key: Mapped[str] = mapped_column(sa.String(255))
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    state: Mapped[str] = mapped_column(sa.String(16), default="pending")  # pending, done, failed
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    action: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Alert(Base):
    """Something administrators must know: a dead letter, a lost login, credentials refused."""

    __tablename__ = "alerts"
    __table_args__ = (
        sa.Index("ix_alerts_account_id_id", "account_id", "id"),
        sa.Index(
            "uq_alerts_open",
            "account_id",
            "dedupe_key",
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    channel_id: Mapped[int | None] = mapped_column(sa.ForeignKey("channel_whatsapp.id"))
    kind: Mapped[str] = mapped_column(sa.String(32))
    dedupe_key: Mapped[str] = mapped_column(sa.String(255))
    title: Mapped[str] = mapped_column(sa.String(255))
    body: Mapped[str] = mapped_column(sa.Text, default="")
    action: Mapped[str] = mapped_column(sa.Text, default="")
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Heartbeat(Base):
    """When something was last known to work; ``receiver`` tells how long we could not receive."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
