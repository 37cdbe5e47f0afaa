"""Conversations, messages and what belongs to them; sends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..base import Base
from ..types import BigId, Json, UtcDateTime, utcnow


class Conversation(Base):
    """A thread with one contact (person or group) in one inbox."""

    __tablename__ = "conversations"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "display_id"),
        sa.Index("ix_conversations_contact_inbox", "contact_id", "inbox_id", "id"),
        sa.Index("ix_conversations_list", "account_id", "status", "last_activity_at", "id"),
        sa.Index("ix_conversations_inbox_list", "inbox_id", "status", "last_activity_at", "id"),
        sa.Index(
            "ix_conversations_assignee",
            "account_id",
            "assignee_id",
            "status",
            "last_activity_at",
            "id",
            "inbox_id",
        ),
        # The same three without a status: a list of all conversations would else be sorted as a whole.
        sa.Index("ix_conversations_list_any", "account_id", "last_activity_at", "id"),
        sa.Index("ix_conversations_inbox_list_any", "inbox_id", "last_activity_at", "id"),
        sa.Index(
            "ix_conversations_assignee_any",
            "account_id",
            "assignee_id",
            "last_activity_at",
            "id",
            "inbox_id",
        ),
        # What the counts of the tabs need and nothing else; a message does not change it.
        sa.Index("ix_conversations_counts", "account_id", "status", "inbox_id", "assignee_id"),
        sa.Index(
            "ix_conversations_snoozed",
            "snoozed_until",
            sqlite_where=sa.text("status = 'snoozed'"),
            postgresql_where=sa.text("status = 'snoozed'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    inbox_id: Mapped[int] = mapped_column(sa.ForeignKey("inboxes.id"))
    contact_id: Mapped[int] = mapped_column(sa.ForeignKey("contacts.id"))
    #: counts up per account; the id in API paths
    display_id: Mapped[int] = mapped_column(sa.BigInteger)
    uuid: Mapped[str] = mapped_column(sa.String(36))
    status: Mapped[str] = mapped_column(
        sa.String(16), default="open"
    )  # open, resolved, pending, snoozed
    assignee_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    priority: Mapped[str | None] = mapped_column(sa.String(16))
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    unread_count: Mapped[int] = mapped_column(default=0)
    last_activity_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_reply_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    agent_last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    assignee_last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    contact_last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    additional_attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    custom_attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)


class ConversationLabel(Base):
    """A label on a conversation."""

    __tablename__ = "conversation_labels"
    __table_args__ = (
        sa.UniqueConstraint("conversation_id", "label"),
        sa.Index("ix_conversation_labels_used", "account_id", "label", "conversation_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversations.id"))
    label: Mapped[str] = mapped_column(sa.String(64))


class Message(Base):
    """One message, note or activity line.

    ``status`` is the finer state: ``received`` (incoming), ``queued``, ``sending``, ``retrying``, ``sent``,
    ``delivered``, ``read``, ``played``, ``failed``, ``unknown`` (outcome). Display order is (``sent_at``, ``id``).
    """

    __tablename__ = "messages"
    __table_args__ = (
        sa.Index(
            "uq_messages_item",
            "inbox_id",
            "item_key",
            "part",
            unique=True,
            sqlite_where=sa.text("item_key IS NOT NULL"),
            postgresql_where=sa.text("item_key IS NOT NULL"),
        ),
        sa.Index("ix_messages_conversation_order", "conversation_id", "sent_at", "id"),
        sa.Index("ix_messages_inbox_source_id", "inbox_id", "source_id"),
        sa.Index(
            "uq_messages_idempotency",
            "account_id",
            "idempotency_key",
            "part",
            unique=True,
            sqlite_where=sa.text("idempotency_key IS NOT NULL"),
            postgresql_where=sa.text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    inbox_id: Mapped[int] = mapped_column(sa.ForeignKey("inboxes.id"))
    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversations.id"))
    #: ``incoming``, ``outgoing``, ``activity``, ``template``
    message_type: Mapped[str] = mapped_column(sa.String(16))
    #: ``text``, ``media``, ``location``, ``contact``, ``structured``, ``unsupported``, ``template``, ``interactive``, …
    content_type: Mapped[str] = mapped_column(sa.String(32), default="text")
    content: Mapped[str | None] = mapped_column(sa.Text)
    private: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(sa.String(16))
    source_id: Mapped[str | None] = mapped_column(sa.String(255))
    item_key: Mapped[str | None] = mapped_column(sa.String(200))
    part: Mapped[int] = mapped_column(default=0)
    sender_contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    sender_user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    #: written on another device of ours (the phone, another app)
    external_echo: Mapped[bool] = mapped_column(default=False)
    #: the provider's time, clamped to not lie in the future
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: when we stored it
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)
    #: reply_to source id, quoted text, forwarded, view_once, referral, items, template_params, unsupported reason, …
    content_attributes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    reply_to_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    reply_to_source_id: Mapped[str | None] = mapped_column(sa.String(255))
    external_error: Mapped[str | None] = mapped_column(sa.Text)
    error_code: Mapped[str | None] = mapped_column(sa.String(64))
    error_action: Mapped[str | None] = mapped_column(sa.Text)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: ``contact``, ``agent`` or ``phone`` (only our own phone forgot it)
    deleted_by: Mapped[str | None] = mapped_column(sa.String(16))
    idempotency_key: Mapped[str | None] = mapped_column(sa.String(255))
    idempotency_hash: Mapped[str | None] = mapped_column(sa.String(64))
    #: a client's own mark, given back in answers and the live stream
    echo_id: Mapped[str | None] = mapped_column(sa.String(255))
    request_id: Mapped[int | None] = mapped_column(sa.BigInteger)


class Attachment(Base):
    """A file, location or contact card of a message. Files follow by their own retried row."""

    __tablename__ = "attachments"
    __table_args__ = (
        sa.Index(
            "ix_attachments_due",
            "next_try_at",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("messages.id"), index=True)
    #: ``image``, ``video``, ``video_note``, ``audio``, ``voice``, ``document``, ``sticker``, ``location``, ``contact``
    kind: Mapped[str] = mapped_column(sa.String(16))
    #: ``pending`` (to be fetched), ``ready``, ``gone`` (not at the provider any more), ``failed``, ``none`` (no file)
    state: Mapped[str] = mapped_column(sa.String(16), default="pending")
    filename: Mapped[str] = mapped_column(sa.String(255), default="")
    content_type: Mapped[str] = mapped_column(sa.String(127), default="")
    size: Mapped[int | None] = mapped_column(sa.BigInteger)
    sha256: Mapped[str | None] = mapped_column(sa.String(64))
    width: Mapped[int | None]
    height: Mapped[int | None]
    storage_key: Mapped[str | None] = mapped_column(sa.String(255))
    #: ``MediaRef`` of the event
    media_ref: Mapped[dict[str, Any] | None] = mapped_column(Json)
    #: coordinates, contact card, …
    meta: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str] = mapped_column(sa.Text, default="")
    error_action: Mapped[str] = mapped_column(sa.Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class MessageStatusRow(Base):
    """One delivery state of a message for one recipient (empty for a one-to-one chat) with the provider's time. The
    shown status is a function of this set."""

    __tablename__ = "message_statuses"
    __table_args__ = (sa.UniqueConstraint("message_id", "recipient", "status"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("messages.id"))
    recipient: Mapped[str] = mapped_column(sa.String(255), default="")
    status: Mapped[str] = mapped_column(sa.String(16))
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    error_code: Mapped[str] = mapped_column(sa.String(64), default="")
    error_message: Mapped[str] = mapped_column(sa.Text, default="")
    error_action: Mapped[str] = mapped_column(sa.Text, default="")
    details: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class ReactionRow(Base):
    """The latest reaction of one reactor on a message; the empty emoji is a removed one, kept so that a late older
    event does not bring it back. ``reactor`` is ``us`` or ``contact:{id}``."""

    __tablename__ = "reactions"
    __table_args__ = (sa.UniqueConstraint("message_id", "reactor"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("messages.id"))
    reactor: Mapped[str] = mapped_column(sa.String(64))
    contact_id: Mapped[int | None] = mapped_column(sa.ForeignKey("contacts.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    emoji: Mapped[str] = mapped_column(sa.String(64), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    item_key: Mapped[str] = mapped_column(sa.String(200), default="")


class MessageRevision(Base):
    """A former text of an edited message, or the text of a deleted one."""

    __tablename__ = "message_revisions"
    __table_args__ = (sa.UniqueConstraint("message_id", "item_key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("messages.id"))
    item_key: Mapped[str] = mapped_column(sa.String(200))
    #: the text *as this edit made it*; the original is kept with the key ``original``
    content: Mapped[str | None] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


#: Conditions of partial indexes on ``sends``; a query repeats them by :func:`chatport.db.partial.written`.
OPEN_SENDS = ("queued", "sending")
UNRESOLVED_SENDS = ("queued", "sending", "unknown")


class Send(Base):
    """One thing to do at the provider for a message: send it, react, edit, revoke. A retry by a person is a new row.

    ``state``: ``queued``, ``sending`` (committed before the request leaves), ``sent``, ``failed``, ``unknown``,
    ``cancelled``.
    """

    __tablename__ = "sends"
    __table_args__ = (
        sa.Index(
            "ix_sends_open",
            "channel_id",
            "next_try_at",
            "id",
            sqlite_where=sa.text("state IN ('queued', 'sending')"),
            postgresql_where=sa.text("state IN ('queued', 'sending')"),
        ),
        sa.Index("ix_sends_message_id", "message_id"),
        sa.Index("ix_sends_account_id_id", "account_id", "id"),
        sa.Index(
            "ix_sends_unresolved",
            "conversation_id",
            "state",
            sqlite_where=sa.text("state IN ('queued', 'sending', 'unknown')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'unknown')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    channel_id: Mapped[int] = mapped_column(sa.ForeignKey("channel_whatsapp.id"))
    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversations.id"))
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("messages.id"))
    #: ``message``, ``reaction``, ``edit``, ``revoke``
    operation: Mapped[str] = mapped_column(sa.String(16), default="message")
    payload: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    delivery_id: Mapped[str] = mapped_column(sa.String(32), unique=True)
    state: Mapped[str] = mapped_column(sa.String(16), default="queued")
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    #: shown as failed after this moment
    give_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    source_id: Mapped[str | None] = mapped_column(sa.String(255))
    error_class: Mapped[str] = mapped_column(sa.String(32), default="")
    error_code: Mapped[str] = mapped_column(sa.String(64), default="")
    error: Mapped[str] = mapped_column(sa.Text, default="")
    action: Mapped[str] = mapped_column(sa.Text, default="")
    raw: Mapped[dict[str, Any] | None] = mapped_column(Json)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
