"""Finding messages by what they say.

Owns: which messages somebody may find, and the part of a text that shows why it was found. Must not know: HTTP, HTML,
how the database keeps its index.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Contact, Conversation, Inbox, Message
from ..db.tables.message_search import newest_with, words_of
from .auth import Principal

#: Characters of an excerpt, and how many of them stand before the first word that was found.
EXCERPT, LEAD = 160, 40
#: Messages that a search on PostgreSQL looks into before it looks into all.
STRETCHES = (10_000, 200_000)
#: A text is searched for its excerpt up to this length.
_LOOKED_AT = 20_000

_messages = Message.__table__


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an excerpt. ``hit``: it is what was searched for."""

    text: str
    hit: bool = False


def find_messages(
    connection: Connection,
    who: Principal,
    text: str,
    *,
    inbox_id: int = 0,
    before: int = 0,
    limit: int = 20,
) -> list[Row[Any]]:
    """The newest messages that hold all words of ``text``, or words that begin with them: rows of ``messages`` with
    ``display_id`` of the conversation, ``contact_id``, ``contact_name``, ``contact_kind`` and ``inbox_name``.

    :param inbox_id: only this inbox; 0 for all that ``who`` may see.
    :param before: only messages with a smaller id.
    """
    ids = newest_ids(connection, who, words_of(text), inbox_id=inbox_id, before=before, limit=limit)
    return list(
        connection.execute(
            sa.select(
                _messages,
                Conversation.display_id,
                Conversation.contact_id,
                Contact.name.label("contact_name"),
                Contact.kind.label("contact_kind"),
                Inbox.name.label("inbox_name"),
            )
            .join(Conversation.__table__, Conversation.id == _messages.c.conversation_id)
            .join(Contact, Contact.id == Conversation.contact_id)
            .join(Inbox, Inbox.id == _messages.c.inbox_id)
            .where(_messages.c.id.in_(ids))
            .order_by(_messages.c.id.desc())
        )
    )


def newest_ids(
    connection: Connection,
    who: Principal,
    words: list[str],
    *,
    inbox_id: int = 0,
    before: int = 0,
    limit: int,
) -> list[int]:
    """Ids of the newest messages with all words that ``who`` may see; none without words."""
    if not words:
        return []
    where: list[sa.ColumnElement[bool]] = [
        _messages.c.account_id == who.account_id,
        _messages.c.message_type != "activity",
    ]
    if who.inbox_ids is not None:
        where.append(_messages.c.inbox_id.in_(sorted(who.inbox_ids)))
    if inbox_id:
        where.append(_messages.c.inbox_id == inbox_id)
    found: list[int] = []
    for stretch in _stretches(connection, before):
        query = newest_with(
            connection.dialect.name, words, *where, *stretch, limit=limit - len(found)
        )
        found += connection.execute(query).scalars()
        if len(found) >= limit:
            break
    return found


def _stretches(connection: Connection, before: int) -> Iterator[list[sa.ColumnElement[bool]]]:
    """Where to look, one after the other until enough is found.

    SQLite's index gives the newest first. PostgreSQL's gives everything, of which a frequent word has too much: so the
    newest messages are looked into first, and older ones for rare words only.
    """
    if connection.dialect.name == "sqlite":
        yield [_messages.c.id < before] if before else []
        return
    end = before
    if not end:
        newest = connection.execute(sa.select(sa.func.max(_messages.c.id))).scalar()
        end = (newest or 0) + 1
    for size in STRETCHES:
        yield [_messages.c.id < end, _messages.c.id >= end - size]
        end -= size
        if end <= 1:
            return
    yield [_messages.c.id < end]


def excerpt(content: str, text: str) -> list[Piece]:
    """The part of a message around the first word that was searched for, in one line, the words set apart."""
    shown = " ".join(content[:_LOOKED_AT].split())
    folded = _folded(shown)
    words = [_folded(word) for word in words_of(text)]
    spans = _spans(folded, words)
    start = max(0, spans[0][0] - LEAD) if spans and spans[0][1] > EXCERPT else 0
    if start:
        space = shown.find(" ", start, spans[0][0])
        start = space + 1 if space >= 0 else start
    end = min(len(shown), start + EXCERPT)
    pieces = [Piece("…")] if start else []
    position = start
    for begin, stop in spans:
        if begin < position or stop > end:
            continue
        pieces += [Piece(shown[position:begin]), Piece(shown[begin:stop], hit=True)]
        position = stop
    pieces.append(Piece(shown[position:end] + ("…" if end < len(shown) else "")))
    return [piece for piece in pieces if piece.text]


def _folded(text: str) -> str:
    """Lower case without accents, character for character."""
    return "".join(
        (unicodedata.normalize("NFD", character)[:1] or character).lower()[:1] or character
        for character in text
    )


def _spans(folded: str, words: list[str]) -> list[tuple[int, int]]:
    """Where words begin with what was searched for, in order."""
    found = []
    for word in words:
        at = folded.find(word)
        while word and at >= 0:
            if at == 0 or not folded[at - 1].isalnum():
                found.append((at, at + len(word)))
            at = folded.find(word, at + len(word))
    return sorted(found)
