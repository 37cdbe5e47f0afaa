"""The rows around a conversation or message that decisions about sending need.

Owns: loading them, and the check that something may be sent there at all. Must not know: providers' code, HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...channels import Features
from ...db.tables import Account, Channel, Contact, ContactInbox, Conversation, Inbox, Message
from ...errors import WindowClosed
from .errors import NotFound, NotPossible

messages = Message.__table__
conversations = Conversation.__table__


@dataclass(frozen=True, slots=True)
class Scene:
    """A conversation with what belongs to it."""

    conversation: Row[Any]
    inbox: Row[Any]
    channel: Row[Any]
    contact: Row[Any]
    account_active: bool
    window_from: datetime | None


def load_scene(connection: Connection, account_id: int, conversation_id: int) -> Scene:
    """The scene of a conversation.

    :param conversation_id: the row's id, not the number that people see.
    :raises NotFound: no such conversation in this account.
    """
    conversation = connection.execute(
        sa.select(conversations).where(
            conversations.c.id == conversation_id, conversations.c.account_id == account_id
        )
    ).first()
    if conversation is None:
        raise NotFound("There is no such conversation.")
    inbox = connection.execute(
        sa.select(Inbox.__table__).where(Inbox.id == conversation.inbox_id)
    ).one()
    channel = connection.execute(
        sa.select(Channel.__table__).where(Channel.id == inbox.channel_id)
    ).one()
    contact = connection.execute(
        sa.select(Contact.__table__).where(Contact.id == conversation.contact_id)
    ).one()
    active = connection.execute(
        sa.select(Account.active).where(Account.id == account_id)
    ).scalar_one()
    window_from = connection.execute(
        sa.select(ContactInbox.window_from).where(
            ContactInbox.contact_id == contact.id, ContactInbox.inbox_id == inbox.id
        )
    ).scalar_one_or_none()
    return Scene(conversation, inbox, channel, contact, active, window_from)


def load_message(connection: Connection, account_id: int, message_id: int) -> Row[Any]:
    """A message of an account.

    :raises NotFound: there is none.
    """
    row = connection.execute(
        sa.select(messages).where(messages.c.id == message_id, messages.c.account_id == account_id)
    ).first()
    if row is None:
        raise NotFound("There is no such message.")
    return row


def check_sendable(scene: Scene) -> None:
    """Refuse where nothing is sent at all.

    :raises NotPossible: the inbox is deleted or switched off, or the account suspended.
    """
    reason = unsendable_reason(scene.channel, scene.account_active)
    if reason:
        raise NotPossible(reason[0], action=reason[1], code="channel_inactive")


def unsendable_reason(channel: Row[Any], account_active: bool) -> tuple[str, str] | None:
    """Why nothing is sent through a channel, and what to do; ``None`` when something is."""
    if channel.deleted_at is not None:
        return "The inbox of this conversation was deleted.", "Write from another inbox."
    if not channel.active:
        return "The inbox is switched off.", "Switch it on in the inbox's settings."
    if not account_active:
        return "The account is suspended.", "Ask the operator of this installation."
    return None


def check_window(features: Features, window_from: datetime | None, now: datetime) -> None:
    """Refuse free text outside the customer-service window.

    :raises WindowClosed: only a template may be sent.
    """
    if features.window_hours is None:
        return
    if window_from is not None and now < window_from + timedelta(hours=features.window_hours):
        return
    when = f"on {window_from:%Y-%m-%d %H:%M} UTC" if window_from is not None else "never"
    raise WindowClosed(
        f"WhatsApp allows free messages only within {features.window_hours} hours after the customer's last"
        f" message, which came {when}.",
        action="Send a template, or wait until the customer writes.",
        code="window_closed",
    )
