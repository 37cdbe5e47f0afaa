"""Keys of events: equal for every delivery of one fact, whether by webhook or from the chat store.

Owns: the form of the keys. They are contract: when one changes, ``key_version`` rises. Must not know: payloads.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from chatport.events import Chat, Party
from chatport.identities import Identity, IdentityKind

MAX_KEY = 200


def message(chat: Chat, sender: Party | None, from_me: bool, message_id: str) -> str:
    """Of a message: GoWA's ids are unique only per chat and sender."""
    return _key("m", *_where(chat, sender, from_me), message_id)


def edit(chat: Chat, sender: Party | None, from_me: bool, edit_id: str) -> str:
    """Of an edit, by the id that the edit itself has."""
    return _key("e", *_where(chat, sender, from_me), edit_id)


def revoke(chat: Chat, sender: Party | None, from_me: bool, revoke_id: str) -> str:
    """Of a revoke, by the id that the revoke itself has."""
    return _key("r", *_where(chat, sender, from_me), revoke_id)


def forgotten(chat: Chat | None, message_id: str) -> str:
    """Of a message that our own phone deleted for itself."""
    place = "" if chat is None else user_of(chat.identities)
    return _key("r", "self", place, message_id)


def reaction(chat: Chat, sender: Party | None, from_me: bool, reaction_id: str) -> str:
    """Of a reaction or its removal, by the id that it has itself."""
    return _key("x", *_where(chat, sender, from_me), reaction_id)


def status(message_id: str, state: str, recipient: str) -> str:
    """Of one state of one message for one recipient."""
    return _key("s", message_id, state, recipient)


def call(call_id: str) -> str:
    """Of a call."""
    return _key("c", call_id)


def hashed(item: Any) -> str:
    """Of an item that has no id: the hash of all it says."""
    text = json.dumps(item, sort_keys=True, separators=(",", ":"), default=str)
    return "h:" + hashlib.sha256(text.encode()).hexdigest()


def user_of(identities: tuple[Identity, ...]) -> str:
    """The user part of the first identity; a LID is marked, since its digits are no number."""
    if not identities:
        return ""
    first = identities[0]
    return f"{first.value}@lid" if first.kind == IdentityKind.LID else first.value


def _where(chat: Chat, sender: Party | None, from_me: bool) -> tuple[str, str, str]:
    place = chat.identities[0].value if chat.is_group and chat.identities else ""
    who = "me" if from_me else user_of(sender.identities if sender else chat.identities)
    return ("g" if chat.is_group else "p", place, who)


def _key(kind: str, *parts: str) -> str:
    """Parts joined by colons. What is too long, or has characters that a key should not have, is hashed."""
    escaped = [part.replace("%", "%25").replace(":", "%3A") for part in parts]
    key = ":".join((kind, *escaped))
    if len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    return f"{kind}:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
