"""The service's chat store: what we missed, and sends whose outcome is unknown.

Owns: reading ``/chats`` and ``/chat/{jid}/messages``. Must not know: webhooks, storage.

The store tells less than a webhook: no reply, no forwarding, no original kind of what is neither text nor file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chatport import Channel, HistoryPage, Sent, SentLookup
from chatport.errors import AnomalousPayload, UnsupportedFeature
from chatport.events import (
    AnyEvent,
    MediaPart,
    MediaRef,
    MessageReceived,
    Part,
    ReactionChanged,
    TextPart,
    UnsupportedPart,
)
from chatport.messages import MediaKind
from chatport.reader import Tolerant

from . import jids, own
from .client import Gowa, segment
from .inbound import keys
from .inbound.item import Place, locate, read_chat, read_time
from .outbound import degrees

PAGE = 100
#: Seconds by which the clock of WhatsApp's server may be behind ours.
CLOCK_SKEW = timedelta(seconds=60)
_KINDS = {
    "image": MediaKind.IMAGE,
    "video": MediaKind.VIDEO,
    "video_note": MediaKind.VIDEO_NOTE,
    "ptv": MediaKind.VIDEO_NOTE,
    "audio": MediaKind.AUDIO,
    "ptt": MediaKind.VOICE,
    "document": MediaKind.DOCUMENT,
    "sticker": MediaKind.STICKER,
}
#: What GoWA writes before the caption of a file that was sent through it, or instead of it.
_SENT_SIGNS = {
    MediaKind.IMAGE: ("🖼️", "Image"),
    MediaKind.DOCUMENT: ("📄", "Document"),
    MediaKind.VIDEO: ("🎥", "Video"),
    MediaKind.AUDIO: ("🎵", "Audio"),
    MediaKind.VOICE: ("🎵", "Audio"),
    MediaKind.STICKER: ("🎨", "Sticker"),
}
#: What it writes before the text of a message, the question of a poll, the words above a link.
_TEXT_SIGNS = ("", "📊 ", "🔗 ")
_EMPTY = "The chat store of GoWA does not say what this message is. Look at the phone."


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where reading goes on: chats still to be read, and the page of chats after them.

    :param last_page: no page of chats follows.
    """

    chats: tuple[str, ...] = ()
    offset: int = 0
    next_chats: int = 0
    last_page: bool = False

    def text(self) -> str:
        return json.dumps([self.chats, self.offset, self.next_chats, self.last_page])

    @classmethod
    def read(cls, text: str) -> _Cursor:
        chats, offset, next_chats, last_page = json.loads(text)
        return cls(tuple(chats), int(offset), int(next_chats), bool(last_page))


def fetch(channel: Channel, since: datetime, cursor: str | None) -> HistoryPage:
    """A page of messages since a moment: one request to the service.

    :raises UnsupportedFeature: before version 7.2.
    """
    service = Gowa(channel)
    place = _Cursor() if cursor is None else _Cursor.read(cursor)
    if not place.chats:
        following = _page_of_chats(service, since, place)
        return HistoryPage(
            (), following.text() if following.chats or not following.last_page else None
        )
    chat = place.chats[0]
    rows = _rows(service, chat, since, place.offset)
    events = sorted(
        _events(channel, chat, rows),
        key=lambda event: event.time or datetime.min.replace(tzinfo=UTC),
    )
    return HistoryPage(tuple(events), _after(place, len(rows)))


def _after(place: _Cursor, rows: int) -> str | None:
    if rows >= PAGE:
        following = _Cursor(place.chats, place.offset + PAGE, place.next_chats, place.last_page)
    else:
        following = _Cursor(place.chats[1:], 0, place.next_chats, place.last_page)
    return following.text() if following.chats or not following.last_page else None


def _page_of_chats(service: Gowa, since: datetime, place: _Cursor) -> _Cursor:
    params = {"limit": PAGE, "offset": place.next_chats}
    try:
        entries = service.get("chats", params).listing()
    except UnsupportedFeature as error:
        raise UnsupportedFeature(
            "This version of GoWA keeps no history that could be fetched.",
            action="Update GoWA to 7.2 or later.",
            code="no_history",
            status_code=error.status_code,
        ) from None
    times = [read_time(str(entry.get("last_message_time") or "")) for entry in entries]
    told = [time for time in times if time is not None]
    # The newest chats come first; only where that is seen to hold may the rest be left out.
    ordered = len(told) == len(times) and told == sorted(told, reverse=True)
    last = len(entries) < PAGE or (ordered and bool(told) and told[-1] < since)
    wanted = [
        str(entry.get("jid") or "")
        for entry, time in zip(entries, times, strict=True)
        if time is None or time >= since
    ]
    chats = tuple(text for text in wanted if _is_chat(text))
    return _Cursor(chats, 0, place.next_chats + PAGE, last)


def _is_chat(text: str) -> bool:
    jid = jids.parse(text)
    return jid is not None and (jid.is_group or jid.is_person)


def _rows(
    service: Gowa, chat: str, since: datetime, offset: int = 0, **params: Any
) -> list[dict[str, Any]]:
    start = since.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    query = {"limit": PAGE, "offset": offset, "start_time": start, **params}
    return service.get(f"chat/{segment(chat)}/messages", query).listing()


# --- rows into events -------------------------------------------------------------------------------------------------


def _events(channel: Channel, chat: str, rows: list[dict[str, Any]]) -> Iterator[AnyEvent]:
    for row in rows:
        reader = Tolerant(row, "row")
        try:
            yield from _row_events(channel, chat, reader)
        except (
            AnomalousPayload
        ):  # one odd row must not cost the others; there is no request to keep it with
            continue


def _row_events(channel: Channel, chat: str, row: Tolerant) -> Iterator[AnyEvent]:
    if row.text("media_type") == "call":
        return
    message_id = row.require("id")
    moment = read_time(row.text("timestamp"))
    place = _place(channel, row, row.text("chat_jid") or chat, row.text("sender_jid"))
    yield MessageReceived(
        key=keys.message(place.chat, place.sender, place.from_me, message_id),
        time=moment,
        raw=row.value,
        addressees=(),
        source_id=message_id,
        direction=place.direction,
        chat=place.chat,
        sender=place.sender,
        parts=(_part(row, message_id, str(place.jid)),),
        history=True,
    )
    for told in row.items("reactions"):
        if not isinstance(told.value.get("emoji"), str):  # the empty one would remove a reaction
            continue
        with suppress(AnomalousPayload):  # an odd one must not cost the others
            yield _reaction(channel, chat, message_id, told, moment)


def _place(channel: Channel, row: Tolerant, chat: str, sender: str) -> Place:
    own_users = own.users(channel)
    where = read_chat(chat, "row.chat_jid")
    author = read_chat(sender, "row.sender_jid")
    told = row.told_flag("is_from_me")
    if told is None and "is_from_me" in row:
        raise AnomalousPayload("row.is_from_me is neither true nor false")
    from_me = author is not None and author.user in own_users if told is None else told
    if author is None and not from_me and where is not None and where.is_person:
        author = where
    if author is None and not from_me:
        raise AnomalousPayload("row.sender_jid is missing")
    return locate(
        sender=author,
        sender_lid=None,
        chat=where,
        chat_lid=None,
        from_me=from_me,
        own=own_users,
        name="" if row.text("sender_display_name").isdigit() else row.text("sender_display_name"),
    )


def _part(row: Tolerant, message_id: str, chat: str) -> Part:
    content, media_type = row.text("content"), row.text("media_type")
    kind = _KINDS.get(media_type)
    locator = {"download": message_id, "chat": chat}
    if kind is not None:
        size = row.number("file_length")
        media = MediaRef(
            kind,
            locator,
            filename=row.text("filename").replace("\\", "/").rsplit("/", 1)[-1]
            if kind is MediaKind.DOCUMENT
            else "",
            size=int(size) if size > 0 else None,
        )
        return MediaPart(media, caption=_caption(content, kind))
    if content:
        return TextPart(content)
    return UnsupportedPart(_EMPTY, MediaRef(MediaKind.DOCUMENT, locator))


def _caption(content: str, kind: MediaKind) -> str:
    sign, word = _SENT_SIGNS.get(kind, ("", ""))
    if sign and content.startswith(sign):
        rest = content[len(sign) :].strip()
        return "" if rest == word else rest
    return content


def _reaction(
    channel: Channel, chat: str, target: str, told: Tolerant, message_time: datetime | None
) -> AnyEvent:
    """A reaction of the store; where its own time is not told it is as old as its message."""
    emoji, moment = told.text("emoji"), told.text("timestamp")
    place = _place(channel, told, chat, told.text("sender_jid"))
    fact = [str(place.jid), target, keys.user_of(place.sender.identities if place.sender else ())]
    return ReactionChanged(
        key=keys.hashed(["reaction", *fact, emoji, moment]),
        time=read_time(moment) or message_time,
        raw=told.value,
        addressees=(),
        target=target,
        chat=place.chat,
        sender=place.sender,
        direction=place.direction,
        emoji=emoji,
    )


# --- sends of unknown outcome -----------------------------------------------------------------------------------------


def find_sent(channel: Channel, lookup: SentLookup) -> tuple[Sent, ...]:
    """Our own messages in the store that may be the one looked for, oldest first.

    :raises ProviderError: the service could not be asked.
    """
    service = Gowa(channel)
    since = lookup.started_at - CLOCK_SKEW
    found: dict[str, tuple[datetime, Sent]] = {}
    for identity in lookup.recipient:
        jid = jids.of_identity(identity)
        if jid is None or jid.is_group != lookup.is_group:
            continue
        for row in _rows(service, str(jid), since, is_from_me="true"):
            time = read_time(str(row.get("timestamp") or ""))
            if time is not None and time >= since and _is_it(row, lookup):
                source_id = str(row["id"])
                found[source_id] = (time, Sent(source_id, {"found": "chat_store"}))
    return tuple(
        sent for _, sent in sorted(found.values(), key=lambda one: (one[0], one[1].source_id))
    )


def _written(lookup: SentLookup) -> frozenset[str]:
    """What the store may hold of a send that is no file; empty where nothing tells it from others."""
    content, text = lookup.content, lookup.text.strip()
    match content:
        case {"kind": "location", "latitude": float() | int(), "longitude": float() | int()}:
            shown = ", ".join(degrees(content[key]) for key in ("latitude", "longitude"))
            return frozenset({f"📍 {shown}"})
        case {"kind": "contacts", "cards": [{"name": str(name)}]} if name.strip():
            return frozenset({f"👤 {name.strip()}"})
    return frozenset(sign + text for sign in _TEXT_SIGNS) if text else frozenset()


def _is_it(row: dict[str, Any], lookup: SentLookup) -> bool:
    source_id, content = row.get("id"), str(row.get("content") or "")
    if not isinstance(source_id, str) or not source_id or source_id in lookup.exclude:
        return False
    if row.get("is_from_me") is not True:
        return False
    stored = str(row.get("media_type") or "")
    if not lookup.media_kind:
        return not stored and content.strip() in _written(lookup)
    kind = MediaKind(lookup.media_kind)
    same_kind = _KINDS.get(stored) is kind or (kind is MediaKind.VOICE and stored == "audio")
    if not same_kind and (stored or not content.startswith(_SENT_SIGNS.get(kind, ("\0", ""))[0])):
        return False
    return _caption(content, kind).strip() == lookup.text.strip()
