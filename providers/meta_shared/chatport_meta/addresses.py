"""The addresses by which Meta's webhooks name a channel: phone number id, business account id, number.

Owns: their written form, for the items and for the channel. Must not know: configuration, payloads.
"""

from __future__ import annotations

from collections.abc import Iterable

from chatport.phones import variants

PHONE_NUMBER_ID = "phone_number_id"
BUSINESS_ACCOUNT_ID = "business_account_id"
NUMBER = "number"
#: An address longer than this is none; a body could hold anything.
MAX_VALUE = 64


def address(kind: str, value: str) -> str:
    """One address, or an empty text where the value cannot be one."""
    plain = value.isascii() and value.isprintable() and len(value) <= MAX_VALUE
    return f"{kind}:{value}" if value and plain else ""


def named(kind: str, value: str) -> tuple[str, ...]:
    """The addressees of an item that names the channel by one value."""
    found = address(kind, digits(value) if kind == NUMBER else value)
    return (found,) if found else ()


def of_channel(*, number: str, phone_number_id: str = "", account_id: str = "") -> frozenset[str]:
    """All addresses of a channel, with every written form of its number.

    :param number: digits, or with plus.
    """
    plain = digits(number)
    found = {address(PHONE_NUMBER_ID, phone_number_id), address(BUSINESS_ACCOUNT_ID, account_id)}
    found |= {address(NUMBER, form) for form in (plain, *variants(plain))}
    return frozenset(found - {""})


def judged(addressees: Iterable[str], own: frozenset[str]) -> tuple[str, ...]:
    """The addressees of those kinds that the channel knows of itself; others say nothing about whose an item is."""
    kinds = {one.partition(":")[0] for one in own}
    return tuple(one for one in addressees if one.partition(":")[0] in kinds)


def digits(text: str) -> str:
    """The ASCII digits of a written number."""
    return "".join(c for c in text if c.isascii() and c.isdigit())
