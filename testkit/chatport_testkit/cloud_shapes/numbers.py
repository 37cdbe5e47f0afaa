"""Telephone numbers as WhatsApp compares them. Knows no customer."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[\s().+-]")


def digits_of(phone: str) -> str:
    """``phone`` without punctuation; other characters stay, so that the caller can refuse them."""
    return _PUNCTUATION.sub("", phone)


def canonical(digits: str) -> str:
    """Key under which the forms of one Brazilian, Argentine, or Mexican mobile number are equal."""
    if len(digits) == 13:
        if digits.startswith("55") and digits[4] == "9":
            return digits[:4] + digits[5:]
        if digits.startswith("549"):
            return "54" + digits[3:]
        if digits.startswith("521"):
            return "52" + digits[3:]
    return digits


def predicted_wa_id(digits: str) -> str:
    """The wa_id that WhatsApp typically has for a number of these three countries; others are unchanged."""
    if digits.startswith("55") and len(digits) == 13:
        return canonical(digits)
    if digits.startswith("54") and len(digits) == 12:
        return "549" + digits[2:]
    if digits.startswith("52") and len(digits) == 12 and not digits.startswith("521"):
        return "521" + digits[2:]
    return digits


def pretty(digits: str) -> str:
    """As the Graph node shows it: ``+1 555-700-1234``."""
    if digits.startswith("1") and len(digits) == 11:
        return f"+1 {digits[1:4]}-{digits[4:7]}-{digits[7:]}"
    return f"+{digits[:2]} {digits[2:5]} {digits[5:]}"
