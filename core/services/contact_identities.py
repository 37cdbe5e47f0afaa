"""How identities are stored and compared: whose they are, which of them mean the same, what name they give.

Owns: the rows of identities. Must not know: when a contact is made, merged or renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.orm import aliased

from .. import phones
from ..db.tables import Contact, ContactIdentity, ContactInbox
from ..db.types import storable, utcnow
from ..db.upsert import insert_if_absent
from ..identities import Identity, IdentityKind

_contacts = Contact.__table__
_identities = ContactIdentity.__table__
#: Kinds whose values are digits of a telephone number.
PHONE_KINDS = (IdentityKind.PHONE, IdentityKind.WA_ID)

Pair = tuple[str, str]


#: Statements of every event are made once: making one takes several times as long as running it.
_OWNERS = sa.select(_identities.c.kind, _identities.c.value, _identities.c.contact_id).where(
    _identities.c.account_id == sa.bindparam("account"),
    _identities.c.kind.in_(sa.bindparam("kinds", expanding=True)),
    _identities.c.value.in_(sa.bindparam("the_values", expanding=True)),
)
_LOCKED = (
    sa.select(_contacts)
    .where(_contacts.c.id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(_contacts.c.id)
    .with_for_update()
)


def clean(identities: Iterable[Identity]) -> list[Identity]:
    """Identities that can be stored, each once, in one order for all processes."""
    kept = {
        Identity(str(identity.kind), storable(identity.value, 255))
        for identity in identities
        if identity.value
    }
    return sorted(kept)


def pairs_of(identities: Sequence[Identity]) -> set[Pair]:
    wanted = clean(identities)
    pairs = {(str(identity.kind), identity.value) for identity in wanted}
    for identity in wanted:
        if identity.kind in PHONE_KINDS:
            pairs |= {(str(kind), identity.value) for kind in PHONE_KINDS}
    return pairs


def variant_pairs_of(identities: Sequence[Identity]) -> set[Pair]:
    """Other forms of the numbers, which help a lookup and never merge."""
    return {
        (str(kind), variant)
        for identity in clean(identities)
        if identity.kind in PHONE_KINDS
        for variant in phones.variants(identity.value)
        for kind in PHONE_KINDS
    }


def owners_of(connection: Connection, account_id: int, pairs: set[Pair]) -> dict[Pair, int]:
    """Which contact each of the identities belongs to; those that nobody has are left out."""
    if not pairs:
        return {}
    rows = connection.execute(
        _OWNERS,
        {
            "account": account_id,
            "kinds": sorted({kind for kind, _ in pairs}),
            "the_values": sorted({value for _, value in pairs}),
        },
    )
    found = {(row.kind, row.value): int(row.contact_id) for row in rows}
    return {pair: owner for pair, owner in found.items() if pair in pairs}


def contacts_of(connection: Connection, owners: Mapping[Pair, int]) -> list[Row[Any]]:
    ids = sorted(set(owners.values()))
    return list(connection.execute(_LOCKED, {"ids": ids})) if ids else []


def attach(
    connection: Connection, account_id: int, contact_id: int, identities: Sequence[Identity]
) -> bool:
    attached = False
    for identity in identities:
        row = {
            "account_id": account_id,
            "contact_id": contact_id,
            "kind": identity.kind,
            "value": identity.value,
            "created_at": utcnow(),
        }
        attached = insert_if_absent(connection, _identities, row) is not None or attached
    return attached


def learn(
    connection: Connection, account_id: int, contact_id: int, identities: Sequence[Identity]
) -> None:
    """Add what a service told of a contact in answer to us. It may guess: whatever belongs to another contact stays
    there, and no two contacts become one."""
    found = clean(identities)
    owners = owners_of(connection, account_id, pairs_of(found))
    free = [
        one for one in found if {owners.get(pair) for pair in pairs_of([one])} <= {None, contact_id}
    ]
    attach(connection, account_id, contact_id, free)


def outdated_forms(old: str, new: str | None) -> set[str]:
    """Digits under which somebody whose number changed is not known any more: the old number with its other forms.

    :param old: digits; likewise ``new``.
    """
    kept = {new, *phones.variants(new)} if new else set()
    return {old, *(set(phones.variants(old)) - kept)}


def move_source_id(connection: Connection, contact_id: int, old: Iterable[str], new: str) -> None:
    """The contact's ``source_id`` in each inbox follows its number, where nobody else is still listed by it.

    :param old: digits of every form of the number that it had; ``new`` the digits of the one that it has.
    """
    other = aliased(ContactInbox)
    connection.execute(
        sa.update(ContactInbox)
        .where(
            ContactInbox.contact_id == contact_id,
            ContactInbox.source_id.in_(sorted(old)),
            ~sa.exists().where(other.inbox_id == ContactInbox.inbox_id, other.source_id == new),
        )
        .values(source_id=new)
    )


def is_placeholder_name(
    name: str, phone_number: str | None, identities: Sequence[Identity] = ()
) -> bool:
    """Whether a name is only a number or an id that we filled in, which a profile name may replace."""
    digits = (phone_number or "").lstrip("+")
    known = {i.value for i in identities}
    placeholders = {
        "",
        digits,
        f"+{digits}",
        fallback_name(identities),
        *known,
        *(f"+{v}" for v in known),
    }
    if digits:
        placeholders.add(phones.formatted(digits))
    return name in placeholders


def fallback_name(identities: Sequence[Identity]) -> str:
    if not identities:
        return ""
    first = identities[0]
    if first.kind == IdentityKind.GROUP:
        return f"Group {first.value.split('@', 1)[0]}"
    return f"Contact {first.value[-4:]}" if first.kind == IdentityKind.LID else first.value


def is_phone(value: str) -> bool:
    return value.isascii() and value.isdigit() and 1 <= len(value) <= 15
