"""Identifiers as the services write them: message ids, media ids, trace ids, business-scoped user ids."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import secrets

BSUID = re.compile(r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")

_COUNTRY_BY_PREFIX = {
    "1": "US", "33": "FR", "34": "ES", "39": "IT", "44": "GB", "49": "DE", "51": "PE", "52": "MX", "54": "AR",
    "55": "BR", "56": "CL", "57": "CO", "58": "VE", "62": "ID", "91": "IN", "595": "PY", "598": "UY",
}  # fmt: skip


class Identifiers:
    """Makes identifiers that no other simulator of this run makes; reproducible when ``seed`` is given."""

    def __init__(self, seed: str | None = None) -> None:
        self._seed = seed if seed is not None else secrets.token_hex(8)
        self._count = itertools.count(1)

    def _hex(self, length: int) -> str:
        material = f"{self._seed}:{next(self._count)}".encode()
        return hashlib.sha256(material).hexdigest()[:length]

    def inbound_wamid(self, person: str) -> str:
        """Id of a message that ``person`` (wa_id or business-scoped id) wrote."""
        return _wamid(person, 0x12, "3A" + self._hex(18).upper())

    def outbound_wamid(self, person: str) -> str:
        """Id of a message that the business wrote to ``person``."""
        return _wamid(person, 0x11, self._hex(18).upper())

    def flat_inbound_id(self) -> str:
        """Id in the style of the on-premise stack, customer to business."""
        return "ABEGkZ" + self._hex(22)

    def flat_outbound_id(self) -> str:
        return "gBEGkZ" + self._hex(22)

    def number(self, prefix: str, length: int = 16) -> str:
        """A decimal id with ``prefix``: media, templates, accounts."""
        digits = str(int(self._hex(15), 16)).zfill(length)
        return (prefix + digits)[:length]

    def trace(self) -> str:
        return "A" + self._hex(22)

    def token(self, length: int) -> str:
        return self._hex(length)

    def uuid(self) -> str:
        raw = self._hex(32)
        return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:32]}"


def _wamid(person: str, direction: int, tail: str) -> str:
    who, mark = person.encode(), tail.encode()
    raw = b"\x1c\x18" + bytes([len(who)]) + who + b"\x15\x02\x00" + bytes([direction, 0x18])
    raw += bytes([len(mark)]) + mark + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()


def bsuid_of(phone: str) -> str:
    """The business-scoped user id that a simulator gives a phone number: the same one every time."""
    country = next(
        (_COUNTRY_BY_PREFIX[phone[:n]] for n in (3, 2, 1) if phone[:n] in _COUNTRY_BY_PREFIX), "US"
    )
    digits = int(hashlib.sha256(phone.encode()).hexdigest()[:14], 16)
    return f"{country}.{digits:017d}"


def conversation_id(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]
