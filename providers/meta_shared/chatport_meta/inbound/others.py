"""What is neither a message nor a status: calls, groups, wishes of a customer, the phone's address book.

Owns: these items. Must not know: the envelope, HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator

from chatport.errors import AnomalousPayload
from chatport.events import (
    AnyEvent,
    CallOffered,
    ChannelNotice,
    Chat,
    GroupAction,
    GroupChanged,
    Party,
)
from chatport.reader import Tolerant

from . import keys, people, reasons
from .source import Source, ignored, moment, unknown


def read_call(source: Source, item: Tolerant) -> AnyEvent:
    """An event of a call. Only that the customer called is shown; answering calls is not ours."""
    call_id, event = item.require("id"), item.text("event")
    key = keys.call(call_id, event or item.text("status"))
    if event != "connect" or item.text("direction") == "BUSINESS_INITIATED":
        what = event or item.text("status") or "event"
        return ignored(source, item, f"a call's {what[:40]}; only a customer's call is shown", key)
    caller = people.author(item, source.contacts)
    return CallOffered(
        key=key,
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        call_id=call_id,
        chat=Chat(caller.identities),
        caller=caller,
    )


def read_call_status(source: Source, item: Tolerant) -> AnyEvent:
    """The state of a call that the business made."""
    key = keys.call(item.require("id"), item.text("status"))
    return ignored(source, item, "the state of a call that the business made", key)


def read_preference(source: Source, item: Tolerant) -> AnyEvent:
    """A customer's wish about marketing. WhatsApp itself enforces it: templates fail with the code 131050."""
    wish = item.text("value")
    words = {
        "stop": "the customer wants no marketing any more; WhatsApp refuses such templates from now on",
        "resume": "the customer accepts marketing again",
    }
    return ignored(
        source, item, words.get(wish, f"a customer's preference: {item.text('detail') or wish}")
    )


def read_address_book(source: Source, item: Tolerant) -> AnyEvent:
    """An entry of the phone's address book; contacts here have the names that they gave themselves."""
    return ignored(source, item, "an entry of the phone's address book")


def read_group(source: Source, item: Tolerant) -> Iterator[AnyEvent]:
    """A change of a group."""
    chat = people.group(item.text("group_id"))
    if chat is None:
        raise AnomalousPayload(f"{item.path}.group_id is missing")
    found = False
    for name, action in (
        ("added_participants", GroupAction.JOIN),
        ("removed_participants", GroupAction.LEAVE),
    ):
        members = tuple(_members(item, name))
        if not members:
            continue
        found = True
        yield GroupChanged(
            key=keys.hashed(source.seed, name, item.value),
            time=moment(item),
            raw=item.value,
            addressees=source.addressees,
            chat=Chat(chat.identities, is_group=True, name=item.text("subject")),
            action=action,
            members=members,
        )
    if not found:
        yield ignored(
            source, item, f"a change of a group: {item.text('type')[:60] or 'not told which'}"
        )


def _members(item: Tolerant, name: str) -> Iterator[Party]:
    for entry in item.items(name):
        identities = people.person(
            entry.text("wa_id") or entry.text("input"), entry.text("user_id")
        )
        if identities:
            yield Party(identities)


def read_error(source: Source, item: Tolerant) -> AnyEvent:
    """An error that belongs to no message: told on the channel's health."""
    reason = reasons.of(source, item)
    if reason is None:
        return unknown(source, item, "an error without code and words")
    return ChannelNotice(
        key=keys.hashed(source.seed, item.value),
        time=None,
        raw=item.value,
        addressees=source.addressees,
        kind="service_error",
        facts={"code": reason.code, "message": reason.message, "action": reason.action},
        warning=f"{reason.message} {reason.action}".strip(),
    )
