"""To whom a message goes, as the Cloud API wants it named.

Owns: the choice among a contact's identities. Must not know: contents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chatport.errors import RecipientInvalid
from chatport.identities import Identity, IdentityKind
from chatport.messages import Recipient
from chatport.phones import variants

from ..inbound import group_id


def recipient_fields(recipient: Recipient, *, phone_only: bool = False) -> dict[str, str]:
    """``to`` or ``recipient``. WhatsApp's own id exactly as it was received comes before a typed number, which gets a
    plus: without it Meta may put the business's own country code in front.

    :param phone_only: the message cannot go to a user id.
    :raises RecipientInvalid: nothing usable is known.
    """
    if recipient.is_group:
        found = recipient.first(IdentityKind.GROUP)
        if found is not None:
            return {"recipient_type": "group", "to": group_id(found)}
    found = recipient.first(IdentityKind.WA_ID, IdentityKind.PHONE)
    if found is not None:
        plus = "+" if found.kind == IdentityKind.PHONE else ""
        return {"recipient_type": "individual", "to": plus + found.value}
    found = recipient.first(IdentityKind.BSUID)
    if found is not None and not phone_only:
        return {"recipient_type": "individual", "recipient": found.value}
    if found is not None:
        raise RecipientInvalid(
            "This kind of template needs the person's phone number, and only the user id is known.",
            action="Ask the customer for the phone number.",
            code="phone_needed",
        )
    raise RecipientInvalid(
        "Nothing is known of this contact by which WhatsApp could reach it.",
        action="Add a phone number to the contact.",
        code="no_recipient",
    )


def sibling(fields: Mapping[str, str]) -> dict[str, str] | None:
    """The same recipient under the other written form of the number (Brazil, Argentina, Mexico)."""
    number = fields.get("to", "").lstrip("+")
    other = variants(number) if fields.get("recipient_type") == "individual" else ()
    return {**fields, "to": "+" + other[0]} if other else None


def learned(answer: Mapping[str, Any]) -> tuple[Identity, ...]:
    """Identities of the recipient that the answer to a send reveals."""
    contacts = answer.get("contacts")
    first = contacts[0] if isinstance(contacts, list) and contacts else None
    return tuple(_learned(first)) if isinstance(first, dict) else ()


def _learned(contact: Mapping[str, Any]) -> Iterator[Identity]:
    wa_id, user_id = contact.get("wa_id"), contact.get("user_id")
    if isinstance(wa_id, str) and wa_id.isascii() and wa_id.isdigit():
        yield Identity(IdentityKind.WA_ID, wa_id)
    if isinstance(user_id, str) and user_id:
        yield Identity(IdentityKind.BSUID, user_id)
