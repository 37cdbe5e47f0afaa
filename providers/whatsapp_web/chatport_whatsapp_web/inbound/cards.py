"""Shared contacts: vCards into contact cards.

Owns: reading a vCard. Must not know: the rest of a payload.
"""

from __future__ import annotations

import logging
from typing import Any

import vobject

from chatport.messages import ContactCard
from chatport.reader import Tolerant

#: A card with a picture inside may be large; text beyond this is no card.
MAX_VCARD = 512 * 1024
MAX_VALUES = 50
#: The library logs the lines that it cannot read: words of customers, and as long as they like.
logging.getLogger("vobject").setLevel(logging.CRITICAL)
logging.getLogger("vobject.base").setLevel(logging.CRITICAL)


def read_card(contact: Tolerant) -> ContactCard:
    """One contact: what its vCard says, else what GoWA says about it."""
    shown = contact.text("displayName")
    text = contact.text("vcard")
    phone = contact.text("phone_number")
    card = _parse(text)
    phones = _phones(card) or ((phone,) if phone else ())
    return ContactCard(
        name=_first_line(_value(card, "fn")) or shown,
        phones=phones,
        emails=_values(card, "email"),
        organization=_organization(card),
        raw=text[:MAX_VCARD],
    )


def _parse(text: str) -> Any:
    if not text or len(text) > MAX_VCARD:
        return None
    try:
        return vobject.readOne(text, ignoreUnreadable=True)
    except Exception:  # noqa: BLE001 (the library fails in many ways on broken cards; the display name remains)
        return None


def _value(card: Any, name: str) -> str:
    return next(iter(_values(card, name)), "")


def _values(card: Any, name: str) -> tuple[str, ...]:
    return tuple(value for entry in _entries(card, name) if (value := str(entry.value).strip()))


def _entries(card: Any, name: str) -> list[Any]:
    contents = getattr(card, "contents", None)
    entries = contents.get(name, []) if isinstance(contents, dict) else []
    return [entry for entry in entries if isinstance(getattr(entry, "value", None), str)][
        :MAX_VALUES
    ]


def _phones(card: Any) -> tuple[str, ...]:
    """Numbers: WhatsApp's own id with a plus where the card has it, since it is surely complete."""
    found = []
    for entry in _entries(card, "tel"):
        ids = getattr(entry, "params", {}).get("WAID", [])
        digits = ids[0] if ids and isinstance(ids[0], str) else ""
        found.append(f"+{digits}" if digits.isascii() and digits.isdigit() else entry.value.strip())
    return tuple(dict.fromkeys(number for number in found if number))


def _organization(card: Any) -> str:
    contents = getattr(card, "contents", None)
    entries = contents.get("org", []) if isinstance(contents, dict) else []
    value = getattr(entries[0], "value", "") if entries else ""
    parts = value if isinstance(value, list) else [value]
    return ", ".join(part for part in parts if isinstance(part, str) and part)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
