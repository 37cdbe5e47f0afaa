"""Identities: the values by which WhatsApp and its services name a person or a group.

Owns: the identity record and its kinds. Must not know: how contacts are stored or merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IdentityKind(StrEnum):
    """What an identity's value is."""

    PHONE = "phone"  #: digits of an E.164 number, without plus
    WA_ID = "wa_id"  #: WhatsApp's own user id, digits; usually, not always, the phone's digits
    BSUID = "bsuid"  #: business-scoped user id, ``CC.…``
    PARENT_BSUID = "parent_bsuid"  #: portfolio-scoped user id, ``CC.ENT.…``
    LID = "lid"  #: privacy id, digits before ``@lid``; never a phone number
    GROUP = "group"  #: full group JID, ``…@g.us``


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One (kind, value). Values carry no plus sign, no device suffix; groups keep their full JID."""

    kind: str
    value: str


def phone(digits: str) -> Identity:
    """An identity of kind ``phone``; anything but digits is dropped."""
    return Identity(IdentityKind.PHONE, "".join(c for c in digits if c.isdigit()))


def lid(value: str) -> Identity:
    """An identity of kind ``lid`` from ``123@lid`` or ``123``."""
    return Identity(IdentityKind.LID, value.split("@", 1)[0].split(":", 1)[0])


def group(jid: str) -> Identity:
    """An identity of kind ``group`` from a full group JID."""
    return Identity(IdentityKind.GROUP, jid)
