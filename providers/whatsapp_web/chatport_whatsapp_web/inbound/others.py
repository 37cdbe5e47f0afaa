"""Events that are no messages: groups, calls, typing, channels, labels.

Owns: these events. Must not know: messages, receipts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    CallOffered,
    Chat,
    GroupAction,
    GroupChanged,
    Ignored,
    Party,
    TypingChanged,
    UnknownEvent,
)
from chatport.reader import Tolerant

from .. import jids
from . import keys
from .item import Source, clean_name, locate, read_chat, read_jid

_ACTIONS = {
    "join": GroupAction.JOIN,
    "leave": GroupAction.LEAVE,
    "promote": GroupAction.PROMOTE,
    "demote": GroupAction.DEMOTE,
}


def read_other(name: str, source: Source, told: Tolerant) -> AnyEvent:
    """The event of a name; ``UnknownEvent`` for a name that is not known."""
    reader = _READERS.get(name)
    if reader is not None:
        return reader(source, told)
    for prefix, reason in _IGNORED.items():
        if name.startswith(prefix):
            return Ignored(
                **source.base(keys.hashed(source.raw)),
                reason=reason,
            )
    return unknown(source, f"the event {name[:80]!r} is not known")


def unknown(source: Source, reason: str) -> UnknownEvent:
    """What came from GoWA but is not known."""
    return UnknownEvent(
        **source.base(keys.hashed(source.raw)),
        reason=reason,
    )


_IGNORED: Mapping[str, str] = {
    "newsletter.": "WhatsApp channels are no conversations",
    "label.": "labels of the phone's WhatsApp Business app are not used",
}


def _group(source: Source, told: Tolerant) -> Chat:
    jid = read_jid(told.require("chat_id"))
    if jid is None or not jid.is_group:
        raise AnomalousPayload(f"{told.path}.chat_id is not a group")
    return Chat(jids.identities([jid]), is_group=True, name=clean_name(told.text("group_name")))


def _members(told: Tolerant) -> tuple[Party, ...]:
    found = map(read_jid, told.texts("jids"))
    return tuple(Party(jids.identities([jid])) for jid in found if jid is not None)


def _participants(source: Source, told: Tolerant) -> AnyEvent:
    """Members came, went, or changed their rank; one event for all of one request."""
    action = _ACTIONS.get(told.text("type"))
    if action is None:
        return unknown(source, f"members changed in the unknown way {told.text('type')[:80]!r}")
    return GroupChanged(
        **source.base(keys.hashed(source.raw)),
        chat=_group(source, told),
        action=action,
        members=_members(told),
    )


def _joined(source: Source, told: Tolerant) -> AnyEvent:
    """Our own number became a member."""
    return GroupChanged(
        **source.base(keys.hashed(source.raw)),
        chat=_group(source, told),
        action=GroupAction.ADDED_US,
        members=_members(told),
    )


def _call(source: Source, told: Tolerant) -> AnyEvent:
    """Somebody called; how it went on is never told."""
    caller = read_jid(told.text("from")) or read_jid(told.text("from_lid"))
    group = read_chat(told.text("group_jid"), f"{told.path}.group_jid")
    place = locate(
        sender=caller,
        sender_lid=read_jid(told.text("from_lid")),
        chat=caller if group is None else group,
        chat_lid=None,
        from_me=False,
        own=source.own,
        name=told.text("sender_display_name"),
    )
    call_id = told.require("call_id")
    return CallOffered(
        **source.base(keys.call(call_id)),
        call_id=call_id,
        chat=place.chat,
        caller=place.sender or Party(()),
    )


def _presence(source: Source, told: Tolerant) -> AnyEvent:
    """Somebody types or records."""
    state = told.text("state")
    if state not in ("composing", "paused"):
        return unknown(source, f"the presence {state[:80]!r} is not known")
    if state == "composing" and told.text("media") == "audio":
        state = "recording"
    place = locate(
        sender=read_jid(told.text("from")),
        sender_lid=read_jid(told.text("from_lid")),
        chat=read_chat(told.text("chat_id"), f"{told.path}.chat_id"),
        chat_lid=read_jid(told.text("chat_lid")),
        from_me=None,
        own=source.own,
        name=told.text("sender_display_name"),
    )
    return TypingChanged(
        **source.base(keys.hashed(source.raw)),
        chat=place.chat,
        sender=place.sender,
        state=state,
    )


_READERS: Mapping[str, Callable[[Source, Tolerant], AnyEvent]] = {
    "group.participants": _participants,
    "group.joined": _joined,
    "call.offer": _call,
    "chat_presence": _presence,
}
