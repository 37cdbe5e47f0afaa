"""Keys of events: equal for every delivery of one fact.

Owns: the form of the keys. They are contract: when one changes, a provider's ``key_version`` rises.
Must not know: payloads.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

MAX_KEY = 200


def message(message_id: str) -> str:
    """Of a message: WhatsApp's message ids are unique."""
    return _key("m", message_id)


def placeholder(message_id: str) -> str:
    """Of the place that a history holds for a file; the file itself comes later under the same message id."""
    return _key("p", message_id)


def edit(edit_id: str) -> str:
    """Of an edit, by the id that the edit itself has."""
    return _key("e", edit_id)


def revoke(revoke_id: str) -> str:
    """Of a revoke, by the id that the revoke itself has."""
    return _key("r", revoke_id)


def reaction(reaction_id: str) -> str:
    """Of a reaction or its removal, by the id that it has itself."""
    return _key("x", reaction_id)


def system(message_id: str) -> str:
    """Of a system message."""
    return _key("i", message_id)


def status(message_id: str, state: str, participant: str) -> str:
    """Of one state of one message.

    :param participant: the member of a group; empty in a chat with one person, who is named now by phone, now by id.
    """
    return _key("s", message_id, state, participant)


def call(call_id: str, event: str) -> str:
    """Of one event of a call."""
    return _key("c", call_id, event)


def hashed(*items: Any) -> str:
    """Of a fact without id: the hash of all that is said about it."""
    text = json.dumps(items, sort_keys=True, separators=(",", ":"), default=str)
    return "h:" + hashlib.sha256(text.encode()).hexdigest()


def _key(kind: str, *parts: str) -> str:
    """Parts joined by colons. What is too long, or has characters that a key should not have, is hashed."""
    key = ":".join((kind, *(part.replace("%", "%25").replace(":", "%3A") for part in parts)))
    if len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    return f"{kind}:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
