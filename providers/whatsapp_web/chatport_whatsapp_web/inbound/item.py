"""The normalised form between the spellings of GoWA's versions and the events.

Owns: ``Item``, and the rules of who wrote, where, and in which direction. Must not know: how a version spells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chatport.errors import AnomalousPayload
from chatport.events import Chat, Direction, Party
from chatport.reader import Tolerant, parse_rfc3339, parse_unix

from .. import jids
from ..jids import Jid

#: Names are shown, never parsed; longer ones are nobody's name.
MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Place:
    """Who wrote, and where."""

    chat: Chat
    sender: Party | None
    from_me: bool
    #: the chat's address, for asking the service about it
    jid: Jid

    @property
    def direction(self) -> Direction:
        """In the words of the events."""
        return Direction.OUTGOING if self.from_me else Direction.INCOMING


@dataclass(frozen=True, slots=True)
class Source:
    """A webhook body and what is common to all that it tells.

    :param own: user parts of our own addresses.
    """

    raw: Any
    own: frozenset[str]
    addressees: tuple[str, ...] = ()
    time: datetime | None = None

    def base(self, key: str) -> dict[str, Any]:
        """What every event made of this body has in common."""
        return {"key": key, "time": self.time, "raw": self.raw, "addressees": self.addressees}


@dataclass(frozen=True, slots=True)
class Item:
    """One message, or one change of a message, in the words of the newest version.

    :param content: where the keys of media, locations and contacts are.
    :param flat: told without an envelope, by a version before 8.
    """

    source: Source
    id: str
    place: Place
    content: Tolerant
    body: str = ""
    reply_to: str = ""
    quoted: str = ""
    flat: bool = False


def read_jid(text: str) -> Jid | None:
    """A person's address, or ``None`` where none can be read: who wrote is worth less than what was written."""
    return jids.complete(text) if text else None


def read_chat(text: str, path: str) -> Jid | None:
    """The address of a chat, or ``None`` where none is told.

    :raises AnomalousPayload: a chat of a kind that is not known is told. It must not end in another chat.
    """
    jid = read_jid(text)
    if jid is None and "@" in text:
        raise AnomalousPayload(f"{path} is not a WhatsApp address")
    return jid


def locate(
    *,
    sender: Jid | None,
    sender_lid: Jid | None,
    chat: Jid | None,
    chat_lid: Jid | None,
    from_me: bool | None,
    own: frozenset[str],
    name: str = "",
) -> Place:
    """Who wrote, and where.

    :param from_me: what the event says; ``None`` where it says nothing, then our number decides.
    :raises AnomalousPayload: there is neither chat nor sender.
    """
    told = from_me is not None
    sender = sender or sender_lid
    where = chat or chat_lid or (None if from_me else sender)
    if where is None:
        raise AnomalousPayload("neither a chat nor a sender is named")
    if sender is None and not from_me and where.is_person:
        sender = where
    if from_me is None:
        from_me = sender is not None and sender.server == jids.PERSON and sender.user in own
    people = {jid for jid in (sender, sender_lid) if jid is not None}
    chats = {jid for jid in (where, chat_lid) if jid is not None}
    # In a chat of two the customer is the chat. The same person is often named by number here and by LID there.
    if (
        where.is_person
        and not from_me
        and (people & chats or (told and _one_person(people | chats)))
    ):
        people = chats = people | chats
    return Place(
        chat=Chat(jids.identities(_ordered(where, chats)), is_group=where.is_group),
        sender=_party(sender, people, name),
        from_me=from_me,
        jid=_best(where, chats),
    )


def _one_person(jids_: set[Jid]) -> bool:
    """Whether addresses can be one person's: at most one number and one LID."""
    return len({jid.server for jid in jids_}) == len(jids_)


def _ordered(first: Jid, jids_: set[Jid]) -> list[Jid]:
    return [first, *sorted(jids_ - {first}, key=str)]


def _party(sender: Jid | None, people: set[Jid], name: str) -> Party | None:
    if sender is None:
        return Party((), name=clean_name(name)) if name else None
    return Party(jids.identities(_ordered(sender, people)), name=clean_name(name))


def _best(where: Jid, chats: set[Jid]) -> Jid:
    number = next((jid for jid in sorted(chats, key=str) if jid.server == jids.PERSON), None)
    return number if where.server == jids.LID and number is not None else where


def clean_name(name: str) -> str:
    """A name for one line."""
    return " ".join(name[: MAX_NAME * 4].split())[:MAX_NAME]


def pick(reader: Tolerant, *names: str) -> str:
    """The first text that is not empty. One version spells its keys with capitals by mistake."""
    return next((text for text in (reader.text(name) for name in names) if text), "")


def read_time(text: str) -> datetime | None:
    """A time as GoWA writes it, or Unix seconds or milliseconds; ``None`` for anything else."""
    return parse_rfc3339(text) or (parse_unix(text) if text.isascii() and text.isdigit() else None)
