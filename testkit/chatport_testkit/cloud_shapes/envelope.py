"""The Cloud webhook envelope: object, entries, changes, and how changes are packed into one body."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]

LAYOUTS = ("changes", "messages", "entries")

#: Lists of a value that the ``messages`` layout joins.
_LISTS = ("contacts", "messages", "statuses", "message_echoes", "errors")


@dataclass(frozen=True, slots=True)
class Change:
    """One change before it is packed. ``time`` only for account-level fields."""

    account: str
    number: str | None
    field: str
    value: JSON
    time: int | None = None

    @property
    def account_level(self) -> bool:
        return self.number is None


def number_value(display: str, number: str, content: JSON) -> JSON:
    """``value`` of a change that concerns one number."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": display, "phone_number_id": number},
        **content,
    }


def pack(
    changes: Sequence[Change],
    layout: str = "changes",
    *,
    reversed_contacts: bool = False,
    shuffle_seed: int | None = None,
) -> JSON:
    """One body with all ``changes``.

    ``changes``: one entry per account, one change each; ``messages``: values of one number and field joined;
    ``entries``: an entry for every change.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"Unknown layout {layout!r}; known: {', '.join(LAYOUTS)}.")
    if layout == "messages":
        changes = _joined(changes)
    entries: list[JSON] = []
    index: dict[tuple[str, int | None], JSON] = {}
    for change in changes:
        key = (change.account, change.time)
        entry = None if layout == "entries" else index.get(key)
        if entry is None:
            entry = {"id": change.account}
            if change.time is not None:
                entry["time"] = change.time
            entry["changes"] = []
            entries.append(entry)
            index[key] = entry
        value = dict(change.value)
        if reversed_contacts and "contacts" in value:
            value["contacts"] = list(reversed(value["contacts"]))
        entry["changes"].append({"value": value, "field": change.field})
    body: JSON = {"object": "whatsapp_business_account", "entry": entries}
    if shuffle_seed is not None:
        shuffled: JSON = _shuffled(body, random.Random(shuffle_seed))
        return shuffled
    return body


def _joined(changes: Sequence[Change]) -> list[Change]:
    joined: list[Change] = []
    for change in changes:
        # Messages and statuses stay in values of their own, as Meta sends them.
        kind = "statuses" if "statuses" in change.value else "messages"
        for index, earlier in enumerate(joined):
            earlier_kind = "statuses" if "statuses" in earlier.value else "messages"
            if (earlier.account, earlier.number, earlier.field, earlier_kind) != (
                change.account,
                change.number,
                change.field,
                kind,
            ):
                continue
            joined[index] = _join(earlier, change)
            break
        else:
            joined.append(change)
    return joined


def _join(first: Change, second: Change) -> Change:
    value = dict(first.value)
    for key in _LISTS:
        if key not in second.value:
            continue
        items = list(value.get(key, []))
        items += [x for x in second.value[key] if key != "contacts" or x not in items]
        value[key] = items
    return Change(first.account, first.number, first.field, value, first.time)


def _shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: _shuffled(value[key], order) for key in keys}
    if isinstance(value, list):
        return [_shuffled(item, order) for item in value]
    return value
