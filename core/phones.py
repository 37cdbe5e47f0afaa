"""Variants of phone numbers that WhatsApp treats as one: an aid for looking up, never a ground for merging.

Owns: the table of countries whose mobile numbers exist in two written forms. Must not know: contacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers


@dataclass(frozen=True, slots=True)
class Rule:
    """One country's rule.

    :param long: whether a number's digits have the long form.
    :param shorten: long → short.
    :param short: whether digits have the short form.
    :param lengthen: short → long.
    """

    country: str
    long: Callable[[str], bool]
    shorten: Callable[[str], str]
    short: Callable[[str], bool]
    lengthen: Callable[[str], str]


def _argentine_area(digits: str) -> int:
    """Digits of the area code of an Argentine mobile's ``54 9 …``; 0 where there is none."""
    try:
        number = phonenumbers.parse(f"+54{digits[3:]}")
    except phonenumbers.NumberParseException:
        return 0
    return phonenumbers.length_of_national_destination_code(number)


def _with_15(digits: str) -> str:
    """``54 9 area number`` as it is dialled within Argentina: ``54 area 15 number``."""
    end = 3 + _argentine_area(digits)
    return f"54{digits[3:end]}15{digits[end:]}"


def _without_15(digits: str) -> str:
    """``54 area 15 number`` as ``54 9 area number``; empty where it is no such number."""
    for end in (4, 5, 6):
        found = f"549{digits[2:end]}{digits[end + 2 :]}"
        if digits[end : end + 2] == "15" and _argentine_area(found) == end - 2:
            return found
    return ""


RULES: tuple[Rule, ...] = (
    # Brazil: mobiles got a 9 after country and area code; landlines (subscriber number beginning 2 to 5) did not.
    Rule(
        "55",
        long=lambda d: len(d) == 13 and d[4] == "9" and d[5] in "6789",
        shorten=lambda d: d[:4] + d[5:],
        short=lambda d: len(d) == 12 and d[4] in "6789",
        lengthen=lambda d: d[:4] + "9" + d[4:],
    ),
    # Argentina: mobiles are written 54 9 … internationally, and 54 … by some services.
    Rule(
        "54",
        long=lambda d: len(d) == 13 and d[2] == "9",
        shorten=lambda d: d[:2] + d[3:],
        short=lambda d: len(d) == 12 and d[2] != "9",
        lengthen=lambda d: d[:2] + "9" + d[2:],
    ),
    # Within Argentina a 15 after the area code says "mobile", and some lists keep it behind the country code.
    Rule(
        "54",
        long=lambda d: len(d) == 14 and bool(_without_15(d)),
        shorten=_without_15,
        short=lambda d: len(d) == 13 and d[2] == "9" and _argentine_area(d) > 0,
        lengthen=_with_15,
    ),
    # Mexico: mobiles used to be written 52 1 …
    Rule(
        "52",
        long=lambda d: len(d) == 13 and d[2] == "1",
        shorten=lambda d: d[:2] + d[3:],
        short=lambda d: len(d) == 12 and d[2] != "1",
        lengthen=lambda d: d[:2] + "1" + d[2:],
    ),
)


def variants(digits: str) -> tuple[str, ...]:
    """Other forms under which the same mobile number may be known; empty for most numbers.

    :param digits: digits of an E.164 number without plus.
    """
    return tuple(_variants(digits))


def _variants(digits: str) -> Iterator[str]:
    for rule in RULES:
        if digits.startswith(rule.country) and digits.isdigit():
            if rule.long(digits):
                yield rule.shorten(digits)
            elif rule.short(digits):
                yield rule.lengthen(digits)


def formatted(digits: str) -> str:
    """The international written form (``+49 1511 2340001``), or plus and digits where it cannot be told."""
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return "+" + digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def e164(text: str) -> str | None:
    """A number in E.164 with plus from what a person typed with a plus; ``None`` when it is none.

    Numbers of test services need not exist, so only length and digits are judged.
    """
    digits = "".join(c for c in text if c.isdigit() and c.isascii())
    if not text.strip().startswith("+") or not 5 <= len(digits) <= 15 or digits.startswith("0"):
        return None
    if any(c not in "+0123456789 -()./\u00a0" for c in text.strip()):
        return None
    return "+" + digits
