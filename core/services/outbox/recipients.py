"""Where a message goes: the identities of a contact as they are now, best first.

Owns: their order. Must not know: which of them a provider uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from ...identities import Identity, IdentityKind
from ...messages import Recipient
from ...phones import variants

_ORDER = (
    IdentityKind.GROUP,
    IdentityKind.PHONE,
    IdentityKind.WA_ID,
    IdentityKind.LID,
    IdentityKind.BSUID,
    IdentityKind.PARENT_BSUID,
)


def recipient(contact: Row[Any], identities: Sequence[Row[Any]]) -> Recipient:
    """The recipient of a conversation. Of several numbers the contact's own field comes first, then the newest; for
    WhatsApp's own id of it the newest written form counts, which is the one that worked last."""
    return Recipient(ordered(contact.phone_number, identities), is_group=contact.kind == "group")


def ordered(phone_number: str | None, identities: Sequence[Row[Any]]) -> tuple[Identity, ...]:
    """Identities, best first.

    :param identities: rows with kind and value, oldest first.
    """
    digits = (phone_number or "").lstrip("+")
    found = [Identity(row.kind, row.value) for row in reversed(identities)]
    if digits and Identity(IdentityKind.PHONE, digits) not in found:
        found.append(Identity(IdentityKind.PHONE, digits))
    forms = {digits, *variants(digits)}

    def is_own(identity: Identity) -> bool:
        return identity.value in (forms if identity.kind == IdentityKind.WA_ID else (digits,))

    return tuple(sorted(found, key=lambda one: (not is_own(one), _rank(one.kind))))


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
