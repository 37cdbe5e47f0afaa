"""Contacts and their identities."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..base import Base
from ..types import BigId, Json, UtcDateTime, utcnow


class Contact(Base):
    """A person, or a group (``kind``). A merge never deletes: the loser points to the winner."""

    __tablename__ = "contacts"
    __table_args__ = (
        sa.Index("ix_contacts_account_id_phone_number", "account_id", "phone_number"),
        sa.Index("ix_contacts_account_id_last_activity_at", "account_id", "last_activity_at"),
        sa.Index(
            "ix_contacts_email",
            "account_id",
            sa.text("lower(email)"),
            sqlite_where=sa.text("email IS NOT NULL"),
            postgresql_where=sa.text("email IS NOT NULL"),
        ),
        sa.Index(
            "ix_contacts_identifier",
            "account_id",
            "identifier",
            sqlite_where=sa.text("identifier IS NOT NULL"),
            postgresql_where=sa.text("identifier IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(sa.String(16), default="person")
    name: Mapped[str] = mapped_column(sa.String(255), default="")
    phone_number: Mapped[str | None] = mapped_column(sa.String(20))  # E.164 with plus
    email: Mapped[str | None] = mapped_column(sa.String(320))
    identifier: Mapped[str | None] = mapped_column(sa.String(255))
    username: Mapped[str | None] = mapped_column(sa.String(255))
    blocked: Mapped[bool] = mapped_column(default=False)
    merged_into_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    additional_attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    custom_attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    avatar_key: Mapped[str | None] = mapped_column(sa.String(255))
    avatar_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_activity_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)


class ContactIdentity(Base):
    """One value by which WhatsApp names a contact; unique in an account."""

    __tablename__ = "contact_identities"
    __table_args__ = (sa.UniqueConstraint("account_id", "kind", "value"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    value: Mapped[str] = mapped_column(sa.String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class ContactInbox(Base):
    """A contact's presence in an inbox; ``window_from`` is the provider time of the last incoming message, which opens
    the customer-service window."""

    __tablename__ = "contact_inboxes"
    __table_args__ = (sa.UniqueConstraint("contact_id", "inbox_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contacts.id"))
    inbox_id: Mapped[int] = mapped_column(sa.ForeignKey("inboxes.id"), index=True)
    source_id: Mapped[str] = mapped_column(sa.String(255))
    window_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class ContactMerge(Base):
    """What a merge moved, so that it can be undone."""

    __tablename__ = "contact_merges"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"), index=True)
    winner_id: Mapped[int] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    loser_id: Mapped[int] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    #: ids of rows that moved: ``{"identities": [...], "conversations": [...], "contact_inboxes": [...], ...}``
    moved: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    reason: Mapped[str] = mapped_column(sa.String(255), default="")
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
