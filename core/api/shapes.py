"""Rows as the API answers them.

Owns: one place to find all shapes. Must not know: how they are made (``shape_*``).
"""

from __future__ import annotations

from .shape_common import seconds
from .shape_conversations import conversation_row, conversations
from .shape_inboxes import connection_answer, features, inbox, load_inboxes, pairing
from .shape_messages import attachment, messages
from .shape_people import agent, contacts, load_agents

__all__ = [
    "agent",
    "attachment",
    "connection_answer",
    "contacts",
    "conversation_row",
    "conversations",
    "features",
    "inbox",
    "load_agents",
    "load_inboxes",
    "messages",
    "pairing",
    "seconds",
]
