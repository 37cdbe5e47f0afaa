"""All tables, by subject.

Owns: columns, constraints, indexes. Must not know: how rows are used.
"""

from __future__ import annotations

from ..base import Base
from . import message_search  # noqa: F401 (its index is made with the tables)
from .accounts import AccessToken, Account, AuditEntry, InboxMember, Membership, User, UserSession
from .canned import CannedResponse
from .channels import Alert, Channel, Heartbeat, Inbox, Task
from .contacts import Contact, ContactIdentity, ContactInbox, ContactMerge
from .inbound import SET_ASIDE, DeadLetter, FollowUp, RawRequest
from .messages import (
    OPEN_SENDS,
    UNRESOLVED_SENDS,
    Attachment,
    Conversation,
    ConversationLabel,
    Message,
    MessageRevision,
    MessageStatusRow,
    ReactionRow,
    Send,
)

__all__ = [
    "OPEN_SENDS",
    "SET_ASIDE",
    "UNRESOLVED_SENDS",
    "AccessToken",
    "Account",
    "Alert",
    "Attachment",
    "AuditEntry",
    "Base",
    "CannedResponse",
    "Channel",
    "Contact",
    "ContactIdentity",
    "ContactInbox",
    "ContactMerge",
    "Conversation",
    "ConversationLabel",
    "DeadLetter",
    "FollowUp",
    "Heartbeat",
    "Inbox",
    "InboxMember",
    "Membership",
    "Message",
    "MessageRevision",
    "MessageStatusRow",
    "RawRequest",
    "ReactionRow",
    "Send",
    "Task",
    "User",
    "UserSession",
]
