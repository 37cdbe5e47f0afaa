"""The Cloud API's envelope: entries, changes, values.

Owns: walking through a body, and which reader each field and list has. Must not know: HTTP, the clock, storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent, Ignored, UnknownEvent
from chatport.reader import Reader, Tolerant, parse_unix

from ..addresses import PHONE_NUMBER_ID, digits, judged, named
from ..catalogue import Explain, explain
from . import keys
from .account import read_account_field
from .history import read_chunk
from .messages import read_echo, read_message
from .others import (
    read_address_book,
    read_call,
    read_call_status,
    read_error,
    read_group,
    read_preference,
)
from .source import Source, distinct, each, ignored, listed, one
from .statuses import read_status

OBJECT = "whatsapp_business_account"
Lists = Mapping[str, Callable[[Source, Tolerant], AnyEvent | Iterable[AnyEvent]]]

#: The lists of a value, by the change's field.
_MESSAGES: Lists = {"messages": read_message, "statuses": read_status}
_ECHOES: Lists = {"message_echoes": read_echo}
_GROUPS: Lists = {"groups": read_group}
_FIELDS: Mapping[str, Lists] = {
    "messages": _MESSAGES,
    "message_echoes": _ECHOES,
    "smb_message_echoes": _ECHOES,
    "history": {"history": read_chunk, "messages": read_message},
    "smb_app_state_sync": {"state_sync": read_address_book},
    "calls": {"calls": read_call, "statuses": read_call_status},
    "user_preferences": {"user_preferences": read_preference},
    "group_lifecycle_update": _GROUPS,
    "group_participants_update": _GROUPS,
    "group_settings_update": _GROUPS,
    "group_status_update": _GROUPS,
}


def is_cloud_body(body: object) -> bool:
    """Whether a decoded body has the Cloud API's shape."""
    return isinstance(body, dict) and (body.get("object") == OBJECT or "entry" in body)


def read_envelope(
    body: object,
    received_at: datetime | None,
    own: frozenset[str],
    *,
    needs_number_id: bool = False,
    explain_code: Explain = explain,
) -> list[AnyEvent]:
    """All events of a decoded body.

    :param own: the channel's addresses; addressees of kinds that are not among them are left out.
    :param needs_number_id: an item of a conversation that names no phone number id is not taken as the channel's own.
    :raises AnomalousPayload: not the Cloud API's shape at all.
    """
    reader = Reader(body)
    if not isinstance(body, dict):
        raise AnomalousPayload("the body should be an object")
    kind = reader.text("object")
    if kind != OBJECT and kind:
        return [_whole(body, Ignored, f"not about WhatsApp but about {kind[:60]!r}")]
    if "entry" not in reader:
        raise AnomalousPayload("the body has no entry")
    entries = [Tolerant(entry.value, entry.path) for entry in reader.items("entry")]
    source = Source(received_at=received_at, explain=explain_code)
    found = [
        replace(event, addressees=judged(event.addressees, own))
        for event in each(source, entries, _Entries(needs_number_id).read)
    ]
    return distinct(found) or [_whole(body, Ignored, "an empty delivery")]


def _whole(
    body: dict[str, object], kind: type[Ignored] | type[UnknownEvent], reason: str
) -> AnyEvent:
    return kind(key=keys.hashed(body), time=None, raw=body, reason=reason)


class _Entries:
    """Readers of entries and changes, under one rule about unnamed items."""

    def __init__(self, needs_number_id: bool) -> None:
        self._needs_number_id = needs_number_id

    def read(self, source: Source, entry: Tolerant) -> Iterator[AnyEvent]:
        """All events of an entry."""
        account_id, time = entry.text("id"), entry.text("time")
        changes = listed(entry, "changes")
        if not changes:
            yield ignored(source, entry, "an entry without changes")
        for change in changes:
            yield from one(
                source,
                change,
                lambda found, item: self._change(found, item, account_id, time),
            )

    def _change(
        self, source: Source, change: Tolerant, account_id: str, time: str
    ) -> Iterator[AnyEvent]:
        field = change.text("field")
        # Without a value of the right type nothing of the change can be told.
        value = Tolerant(change.strict().obj("value").value, f"{change.path}.value")
        source = replace(source, seed=(field, account_id, time))
        lists = _FIELDS.get(field)
        if lists is None:
            event = read_account_field(source, value, field, account_id)
            told = parse_unix(time) if time else None
            return iter([replace(event, time=event.time or told)])
        metadata = value.obj("metadata")
        number_id = metadata.text("phone_number_id")
        if not number_id and self._needs_number_id:
            raise AnomalousPayload(f"{value.path}.metadata names no phone number id")
        source = replace(
            source,
            addressees=named(PHONE_NUMBER_ID, number_id),
            own_number=digits(metadata.text("display_phone_number")),
            seed=(field, number_id or account_id, time),
            history=field == "history",
        )
        return read_value(source, value, lists)


def read_value(source: Source, value: Tolerant, lists: Lists = _MESSAGES) -> Iterator[AnyEvent]:
    """All events of a value: its lists, each item for itself."""
    source = replace(
        source,
        contacts=tuple(listed(value, "contacts")),
        errors=tuple(listed(value, "errors")),
    )
    found = False
    for name, read in lists.items():
        for item in listed(value, name):
            found = True
            yield from one(source, item, read)
    if found:
        return  # the errors belong to these items
    if source.errors:
        yield from each(source, source.errors, read_error)
        return
    yield ignored(source, value, "nothing is told in it")
