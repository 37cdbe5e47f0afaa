"""The history of a number that is also used on a phone: conversations from before the number was connected.

Owns: the field ``history``. Must not know: live messages' envelope, HTTP.

Files come as placeholders first; those of the last fourteen days follow by themselves, under the same message id.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from chatport.events import (
    AnyEvent,
    ChannelNotice,
    Chat,
    Direction,
    MessageReceived,
    Party,
    StatusChanged,
    UnsupportedPart,
)
from chatport.messages import MessageStatus
from chatport.reader import Tolerant

from ..addresses import digits
from . import keys, people, reasons
from .messages import Place, read_message, read_placed
from .source import Source, each, ignored, listed, moment

#: Files younger than this follow their placeholder; with a margin for the time of the delivery.
FILES_FOLLOW = timedelta(days=13)
_STATES = {
    "SENT": MessageStatus.SENT,
    "DELIVERED": MessageStatus.DELIVERED,
    "READ": MessageStatus.READ,
    "PLAYED": MessageStatus.PLAYED,
    "ERROR": MessageStatus.FAILED,
}


def read_chunk(source: Source, chunk: Tolerant) -> Iterator[AnyEvent]:
    """One chunk of ``history``: threads of messages, or the reason why there are none."""
    reason = reasons.first(source, chunk)
    if reason is not None:
        yield ChannelNotice(
            key=keys.hashed(source.seed, chunk.value),
            time=None,
            raw=chunk.value,
            addressees=source.addressees,
            kind="history",
            facts={"code": reason.code, "message": reason.message},
            warning=reason.message,
        )
    threads = listed(chunk, "threads")
    yield from each(source, threads, _read_thread)
    if not threads and reason is None:
        yield ignored(source, chunk, "a part of the history without messages")


def _read_thread(source: Source, thread: Tolerant) -> Iterator[AnyEvent]:
    chat = people.group(thread.text("id")) if thread.text("id").endswith("@g.us") else None
    party = Party(people.person(thread.text("id")))

    def read(_: Source, item: Tolerant) -> Iterator[AnyEvent]:
        return _read_item(source, item, chat or Chat(party.identities))

    messages = listed(thread, "messages")
    yield from each(source, messages, read)
    if not messages:
        yield ignored(source, thread, "a conversation of the history without messages")


def _read_item(source: Source, item: Tolerant, chat: Chat) -> Iterator[AnyEvent]:
    ours = "to" in item or (source.own_number and digits(item.text("from")) == source.own_number)
    if not ours:
        if item.text("type") == "media_placeholder":
            sender = people.author(item, source.contacts)
            place = Place(
                chat if chat.is_group else Chat(sender.identities), sender, Direction.INCOMING
            )
            yield _placeholder(source, item, place)
        else:
            yield read_message(source, item)
        return
    if not chat.identities:
        chat = Chat(people.addressee(item, source.contacts).identities)
    place = Place(chat, None, Direction.OUTGOING)
    state = _STATES.get(item.obj("history_context").text("status").upper())
    if item.text("type") == "media_placeholder":
        yield _placeholder(source, item, place)
    else:
        yield read_placed(source, item, place)
    if state is not None:
        yield _state(source, item, chat, state)


def _state(source: Source, item: Tolerant, chat: Chat, state: MessageStatus) -> StatusChanged:
    message_id = item.require("id")
    failed = state is MessageStatus.FAILED
    return StatusChanged(
        key=keys.status(message_id, str(state), ""),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        source_id=message_id,
        status=state,
        recipient=() if chat.is_group else chat.identities,
        chat=chat,
        error_message="The phone could not send this message; its history gives no reason."
        if failed
        else "",
        error_action="Write again if it is still of use." if failed else "",
    )


def _placeholder(source: Source, item: Tolerant, place: Place) -> AnyEvent:
    message_id, time = item.require("id"), moment(item)
    key = keys.placeholder(message_id)
    if source.received_at and time and source.received_at - time < FILES_FOLLOW:
        return ignored(source, item, "the place of a file that follows by itself", key)
    return MessageReceived(
        key=key,
        time=time,
        raw=item.value,
        addressees=source.addressees,
        source_id=message_id,
        direction=place.direction,
        chat=place.chat,
        sender=place.sender,
        parts=(UnsupportedPart("A file that is too old for WhatsApp to hand over."),),
        history=True,
    )
