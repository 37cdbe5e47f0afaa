"""WhatsApp's addresses (JIDs): reading the forms that GoWA writes, and writing the forms that it takes.

Owns: ``Jid`` and its mapping to identities. Must not know: payloads, HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from chatport.identities import Identity, IdentityKind

PERSON = "s.whatsapp.net"
LID = "lid"
GROUP = "g.us"
NEWSLETTER = "newsletter"
BROADCAST = "broadcast"
_KINDS = {PERSON: IdentityKind.PHONE, LID: IdentityKind.LID}
_DIGITS = re.compile(r"[0-9]{1,30}", re.ASCII)
_GROUP_USER = re.compile(r"[0-9]{1,30}(-[0-9]{1,30})?", re.ASCII)
_OTHER_USER = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
#: Longest user part that GoWA takes for a person where no server is named.
MAX_PERSON_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Jid:
    """An address without device suffix."""

    user: str
    server: str

    def __str__(self) -> str:
        return f"{self.user}@{self.server}"

    @property
    def is_group(self) -> bool:
        """Whether this is a group."""
        return self.server == GROUP

    @property
    def is_person(self) -> bool:
        """Whether this is a person, by number or by LID."""
        return self.server in _KINDS

    @property
    def identity(self) -> Identity | None:
        """The identity that it names; ``None`` for channels and lists."""
        if self.is_group:
            return Identity(IdentityKind.GROUP, str(self))
        kind = _KINDS.get(self.server)
        return None if kind is None else Identity(kind, self.user)


def parse(text: str) -> Jid | None:
    """An address from ``user[.agent][:device]@server``; ``None`` for anything else."""
    user, at, server = text.strip().lstrip("+").partition("@")
    if not at:
        return None
    server = PERSON if server == "c.us" else server
    if server in _KINDS:
        user = user.partition(":")[0].partition(".")[0]
        return Jid(user, server) if _DIGITS.fullmatch(user) else None
    if server == GROUP:
        return Jid(user, server) if _GROUP_USER.fullmatch(user) else None
    if server in (NEWSLETTER, BROADCAST):
        return Jid(user, server) if _OTHER_USER.fullmatch(user) else None
    return None


def complete(text: str) -> Jid | None:
    """As :func:`parse`; bare digits are completed as GoWA does: up to 15 a person, more a group."""
    if "@" in text:
        return parse(text)
    user = text.strip().lstrip("+").partition(":")[0]
    if not _GROUP_USER.fullmatch(user):
        return None
    return Jid(user, PERSON if len(user) <= MAX_PERSON_DIGITS and "-" not in user else GROUP)


def identities(jids: Iterable[Jid | None]) -> tuple[Identity, ...]:
    """Their identities without doubles: numbers first, since a number is worth more than a LID."""
    named = (jid.identity for jid in jids if jid is not None)
    found = dict.fromkeys(identity for identity in named if identity is not None)
    return tuple(sorted(found, key=lambda identity: identity.kind == IdentityKind.LID))


def of_identity(identity: Identity) -> Jid | None:
    """The address under which GoWA reaches an identity."""
    if identity.kind == IdentityKind.GROUP:
        return parse(identity.value)
    if identity.kind in (IdentityKind.PHONE, IdentityKind.WA_ID):
        return parse(f"{identity.value}@{PERSON}")
    if identity.kind == IdentityKind.LID:
        return parse(f"{identity.value}@{LID}")
    return None


def of_chat(chat: Iterable[Identity]) -> Jid | None:
    """The best address among the identities of a chat: the group, else a number, else a LID."""
    order = (IdentityKind.GROUP, IdentityKind.PHONE, IdentityKind.WA_ID, IdentityKind.LID)
    ranked = sorted(
        (i for i in chat if i.kind in order), key=lambda i: order.index(IdentityKind(i.kind))
    )
    return next((jid for jid in map(of_identity, ranked) if jid is not None), None)
