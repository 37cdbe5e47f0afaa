"""A message as the page shows it.

Owns: the records and the rules from rows to them. Pure. Must not know: the database, HTML.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy.engine import Row

#: Kinds of attachment that a browser can show or play.
PICTURES = ("image", "sticker")
FILES = ("image", "sticker", "video", "video_note", "audio", "voice", "document")
#: Marks that turn the reading direction.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Place:
    """A location."""

    latitude: float
    longitude: float
    name: str
    address: str
    live: bool

    @property
    def map_url(self) -> str:
        """Where a map shows it."""
        at = f"{self.latitude:.6f}"
        beside = f"{self.longitude:.6f}"
        return f"https://www.openstreetmap.org/?mlat={at}&mlon={beside}#map=16/{at}/{beside}"


@dataclass(frozen=True, slots=True)
class Card:
    """A shared contact."""

    name: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    organization: str


@dataclass(frozen=True, slots=True)
class File:
    """An attached file, or the lack of it."""

    id: int
    kind: str
    state: str
    filename: str
    content_type: str
    size: int | None
    width: int | None
    height: int | None
    error: str
    error_action: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji on a message, and whose."""

    emoji: str
    ours: bool
    name: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that is replied to. ``id`` 0 when it is not stored here."""

    id: int
    author: str = ""
    ours: bool = False
    author_id: int = 0
    text: str = ""
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Revision:
    """A former text."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Option:
    """A line of a poll, list, or set of buttons."""

    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """A poll, list or set of buttons. ``kind`` is poll, list, buttons, order, button_reply, …"""

    kind: str
    title: str = ""
    options: tuple[Option, ...] = ()
    button: str = ""
    max_answers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One message.

    :param side: ``in``, ``out``, ``note`` or ``activity``.
    :param order: sorts as the thread does, and names a place in it.
    :param activity: what happened, where the message is a line about that.
    :param version: changes whenever something that is shown changes.
    """

    id: int
    side: str
    order: str
    version: str
    at: datetime
    author: str
    author_key: str
    content_type: str
    text: str
    state: str
    source_id: str
    deleted: bool
    deleted_by: str
    edited: bool
    forwarded: bool
    view_once: bool
    from_phone: bool
    automatic: bool
    deleted_on_phone: bool
    error: str
    error_code: str
    error_action: str
    operation_error: str
    operation_action: str
    delivery_note: str
    unsupported_reason: str
    template: str
    files: tuple[File, ...] = ()
    place: Place | None = None
    cards: tuple[Card, ...] = ()
    choices: Choices | None = None
    quote: Quote | None = None
    reactions: tuple[Reaction, ...] = ()
    referral: Mapping[str, str] = field(default_factory=dict)
    activity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sort(self) -> str:
        """Sorts as text in the order of the thread."""
        return f"{int(self.at.timestamp() * 1e6):020d}{self.id:020d}"

    @property
    def ours(self) -> bool:
        """Whether we wrote it to the customer."""
        return self.side == "out"

    @property
    def can_retry(self) -> bool:
        """Whether it may be sent again."""
        return self.ours and self.state in ("failed", "unknown") and not self.deleted

    @property
    def taken(self) -> bool:
        """Whether WhatsApp has it, so that others can refer to it."""
        return bool(self.source_id) and not self.deleted and self.side in ("in", "out")


def shape(
    row: Row[Any],
    *,
    attachments: Sequence[Row[Any]],
    reactions: Sequence[Reaction],
    quote: Quote | None,
    contact_name: str,
    user_name: str,
) -> Bubble:
    """The record of a row of ``messages``."""
    given: dict[str, Any] = row.content_attributes or {}
    deleted = row.deleted_at is not None
    side = _side(row)
    operation = given.get("operation_error")
    operation = operation if isinstance(operation, Mapping) else {}
    activity = given.get("activity")
    author = contact_name if row.sender_contact_id else user_name
    parts: dict[str, Any] = (
        {}
        if deleted
        else {
            "files": tuple(_file(a) for a in attachments if a.kind in FILES),
            "place": next((p for p in map(_place, attachments) if p is not None), None),
            "cards": tuple(_card(a) for a in attachments if a.kind == "contact"),
            "choices": _choices(given),
            "quote": quote or _unknown_quote(row, given),
            "reactions": tuple(reactions),
            "referral": _referral(given.get("referral")),
        }
    )
    return Bubble(
        id=row.id,
        side=side,
        order=f"{row.sent_at.isoformat()}_{row.id}",
        version=_version(row, attachments, reactions, quote, author),
        at=row.sent_at,
        author=author,
        author_key=f"{side}:{row.sender_contact_id or 0}:{row.sender_user_id or 0}",
        content_type=row.content_type,
        text="" if deleted else row.content or "",
        state=row.status,
        source_id=row.source_id or "",
        deleted=deleted,
        deleted_by=row.deleted_by or "",
        edited=row.edited_at is not None and not deleted,
        forwarded=bool(given.get("forwarded")),
        view_once=bool(given.get("view_once")),
        from_phone=bool(row.external_echo),
        automatic=row.message_type == "template" and row.sender_user_id is None,
        deleted_on_phone=bool(given.get("deleted_on_phone")),
        error=row.external_error or "",
        error_code=row.error_code or "",
        error_action=row.error_action or "",
        operation_error=_text(operation.get("message")),
        operation_action=_text(operation.get("action")),
        delivery_note=_text(given.get("delivery_note")) if row.status == "sent" else "",
        unsupported_reason=_text(given.get("unsupported_reason")),
        template=_template(row, given),
        activity=activity if isinstance(activity, Mapping) else {},
        **parts,
    )


def _side(row: Row[Any]) -> str:
    if row.private:
        return "note"
    if row.message_type == "activity":
        return "activity"
    return "in" if row.message_type == "incoming" else "out"


def _version(
    row: Row[Any],
    attachments: Sequence[Row[Any]],
    reactions: Sequence[Reaction],
    quote: Quote | None,
    author: str,
) -> str:
    shown = (
        tuple(row),
        [(a.id, a.state, a.error, a.size) for a in attachments],
        list(reactions),
        quote,
        author,
    )
    return hashlib.sha256(repr(shown).encode("utf-8", "replace")).hexdigest()[:16]


def _file(row: Row[Any]) -> File:
    return File(
        row.id,
        row.kind,
        row.state,
        plain_name(row.filename),
        row.content_type,
        row.size,
        row.width,
        row.height,
        row.error,
        row.error_action,
    )


def plain_name(filename: str) -> str:
    """A file's name without the marks that turn the reading direction: they make an ``exe`` look like a ``pdf``."""
    return _TURNS.sub("", filename)


def _place(row: Row[Any]) -> Place | None:
    if row.kind != "location":
        return None
    told: dict[str, Any] = row.meta or {}
    try:
        latitude, longitude = float(told["latitude"]), float(told["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    return Place(
        latitude,
        longitude,
        _text(told.get("name")),
        _text(told.get("address")),
        bool(told.get("live")),
    )


def _card(row: Row[Any]) -> Card:
    told: dict[str, Any] = row.meta or {}
    return Card(
        _text(told.get("name")),
        tuple(_text(p) for p in told.get("phones") or ()),
        tuple(_text(e) for e in told.get("emails") or ()),
        _text(told.get("organization")),
    )


def _choices(given: Mapping[str, Any]) -> Choices | None:
    structured = given.get("structured")
    if isinstance(structured, Mapping):
        data = structured.get("data")
        return _structured(_text(structured.get("kind")), data if isinstance(data, Mapping) else {})
    items = given.get("items")
    if isinstance(items, list) and items:
        kind = "buttons" if len(items) <= 3 else "list"
        return Choices(kind, options=_options(items))
    return None


def _structured(kind: str, data: Mapping[str, Any]) -> Choices:
    lines = data.get("options") or data.get("rows") or data.get("buttons") or ()
    answers = data.get("max_answers")
    return Choices(
        kind or "structured",
        title=_text(data.get("question") or data.get("title") or data.get("name")),
        options=_options(lines if isinstance(lines, list) else []),
        button=_text(data.get("button")),
        max_answers=answers if isinstance(answers, int) else 0,
    )


def _options(lines: Sequence[Any]) -> tuple[Option, ...]:
    found = []
    for line in lines[:50]:
        if isinstance(line, Mapping):
            title = _text(line.get("title") or line.get("name") or line.get("text"))
            found.append(Option(title, _text(line.get("description"))))
        else:
            found.append(Option(_text(line)))
    return tuple(option for option in found if option.title)


def _unknown_quote(row: Row[Any], given: Mapping[str, Any]) -> Quote | None:
    if not row.reply_to_source_id:
        return None
    return Quote(0, text=_text(given.get("quoted_text")), kind="text")


def _referral(told: Any) -> dict[str, str]:
    """Where the customer came from, as far as it can be shown."""
    if not isinstance(told, Mapping):
        return {}
    found = {key: _text(told.get(key)) for key in ("headline", "body", "source_url", "source_type")}
    if urlsplit(found["source_url"]).scheme not in ("http", "https"):
        found["source_url"] = ""
    return {key: value for key, value in found.items() if value}


def _template(row: Row[Any], given: Mapping[str, Any]) -> str:
    told = given.get("template_params")
    named = _text(told.get("name")) if isinstance(told, Mapping) else ""
    return named if row.content_type == "template" or named else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def telephone_url(number: str) -> str:
    """A ``tel:`` address of a number."""
    return f"tel:{quote(''.join(c for c in number if c.isdigit() or c == '+'))}"
