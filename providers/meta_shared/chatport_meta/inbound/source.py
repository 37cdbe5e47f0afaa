"""Where an item comes from, and how a list of items is read without one spoiling the others.

Owns: the record that all readers share, and the way from foreign JSON to ``UnknownEvent``. Must not know: single kinds
of items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent, Ignored, UnknownEvent
from chatport.reader import Tolerant, parse_unix

from ..catalogue import Explain, explain
from . import keys

MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Source:
    """What the surroundings of an item tell.

    :param addressees: the channel that the surroundings name.
    :param own_number: digits of the number that the surroundings name; tells our own messages in a history.
    :param contacts: the people that the surroundings describe.
    :param errors: errors beside the items.
    :param seed: what tells equal items without id of different deliveries apart (field, account, time).
    :param received_at: when the request arrived.
    """

    addressees: tuple[str, ...] = ()
    own_number: str = ""
    contacts: tuple[Tolerant, ...] = ()
    errors: tuple[Tolerant, ...] = ()
    seed: tuple[str, ...] = ()
    received_at: datetime | None = None
    explain: Explain = field(default=explain, repr=False)
    history: bool = False


def each(
    source: Source,
    items: Iterable[Tolerant],
    read: Callable[[Source, Tolerant], AnyEvent | Iterable[AnyEvent]],
) -> Iterator[AnyEvent]:
    """Events of a list's items; an item that cannot be read becomes an ``UnknownEvent`` of its own."""
    for item in items:
        yield from one(source, item, read)


def one(
    source: Source,
    item: Tolerant,
    read: Callable[[Source, Tolerant], AnyEvent | Iterable[AnyEvent]],
) -> list[AnyEvent]:
    """Events of one item."""
    try:
        if not isinstance(item.value, dict):
            raise AnomalousPayload(f"{item.path} should be an object")
        found = read(source, item)
        return list(found) if isinstance(found, Iterable) else [found]
    except AnomalousPayload as error:
        return [unknown(source, item, str(error))]


def listed(value: Tolerant, name: str) -> list[Tolerant]:
    """The elements of a list; what is no list counts as one element, so that it is told and not lost."""
    found = value.value.get(name) if isinstance(value.value, dict) else None
    if found is None:
        return []
    if isinstance(found, list):
        return [Tolerant(item, f"{value.path}.{name}[{n}]") for n, item in enumerate(found)]
    return [Tolerant(found, f"{value.path}.{name}")]


def moment(item: Tolerant) -> datetime | None:
    """An item's ``timestamp``; Unix seconds as text or number, rarely milliseconds."""
    return parse_unix(item.text("timestamp")) if "timestamp" in item else None


def unknown(source: Source, item: Tolerant, reason: str) -> UnknownEvent:
    """An item that is not understood, kept as it is."""
    return UnknownEvent(
        key=keys.hashed(source.seed, item.value),
        time=None,
        raw=item.value if item.value is not None else "null",
        addressees=source.addressees,
        reason=reason[:MAX_REASON],
    )


def ignored(source: Source, item: Tolerant, reason: str, key: str = "") -> Ignored:
    """An item that is deliberately without effect."""
    return Ignored(
        key=key or keys.hashed(source.seed, item.value),
        time=moment(item),
        raw=item.value,
        addressees=source.addressees,
        reason=reason[:MAX_REASON],
    )


def distinct(events: Iterable[AnyEvent]) -> list[AnyEvent]:
    """Events, each fact once: services deliver an item twice, even within one body."""
    found: dict[str, AnyEvent] = {}
    for event in events:
        found.setdefault(event.key, event)
    return list(found.values())
