"""Contacts as a graph of identities: lookup, creation, rename, change of number.

Owns: the rules by which an identity leads to a contact. Must not know: HTTP, providers, message content.

Only evidence inside one provider event merges contacts; a variant of a phone number helps a lookup and never merges.
All functions work inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import (
    Contact,
    ContactIdentity,
    ContactInbox,
)
from ..db.types import storable, utcnow
from ..db.upsert import insert, insert_if_absent
from ..identities import Identity, IdentityKind
from .contact_identities import (
    PHONE_KINDS,
    attach,
    clean,
    contacts_of,
    fallback_name,
    is_phone,
    is_placeholder_name,
    move_source_id,
    outdated_forms,
    owners_of,
    pairs_of,
    variant_pairs_of,
)
from .contact_merges import merge

_contacts = Contact.__table__
_identities = ContactIdentity.__table__
MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Resolved:
    """A contact found or made for a party."""

    id: int
    name: str
    blocked: bool
    kind: str
    created: bool = False
    changed: bool = False
    merged: bool = False


def find(connection: Connection, account_id: int, identities: Sequence[Identity]) -> list[Row[Any]]:
    """Contacts that any of these identities names, oldest first, locked. A phone and a WhatsApp id with the same digits
    name the same person."""
    return contacts_of(connection, owners_of(connection, account_id, pairs_of(identities)))


def find_by_variant(
    connection: Connection, account_id: int, identities: Sequence[Identity]
) -> list[Row[Any]]:
    """Contacts known under another form of one of these numbers, oldest first, locked."""
    return contacts_of(connection, owners_of(connection, account_id, variant_pairs_of(identities)))


def resolve(
    connection: Connection,
    account_id: int,
    identities: Sequence[Identity],
    *,
    name: str = "",
    username: str = "",
    kind: str = "person",
) -> Resolved:
    """The contact of a party, created where none is known; merges contacts that one party proves to be one.

    :param name: profile name; renames only a contact that nobody named.
    :raises ValueError: no usable identity.
    """
    wanted = clean(identities)
    if not wanted:
        raise ValueError("a party without any identity")
    exact, other = pairs_of(wanted), variant_pairs_of(wanted)
    named = owners_of(connection, account_id, exact | other)
    owners = {pair: owner for pair, owner in named.items() if pair in exact}
    found = contacts_of(connection, owners) or contacts_of(connection, named)[:1]
    if not found:
        return _create(connection, account_id, wanted, name, username, kind)
    winner, merged = found[0], False
    for loser in found[1:]:
        merge(
            connection, account_id, winner.id, loser.id, reason="named as one person by one event"
        )
        merged = True
    unknown = [i for i in wanted if (str(i.kind), i.value) not in owners]
    attach(connection, account_id, winner.id, unknown)
    changed = _update_facts(connection, winner, wanted, name, username)
    return Resolved(
        winner.id,
        changed.get("name", winner.name),
        winner.blocked,
        winner.kind,
        changed=bool(changed),
        merged=merged,
    )


def _create(
    connection: Connection,
    account_id: int,
    wanted: list[Identity],
    name: str,
    username: str,
    kind: str,
) -> Resolved:
    phone = next((i.value for i in wanted if i.kind in PHONE_KINDS and is_phone(i.value)), None)
    shown = storable(name.strip(), MAX_NAME) or (f"+{phone}" if phone else fallback_name(wanted))
    now = utcnow()
    contact_id = insert(
        connection,
        _contacts,
        {
            "account_id": account_id,
            "kind": kind,
            "name": shown,
            "phone_number": f"+{phone}" if phone else None,
            "username": storable(username, 255).lstrip("@") or None,
            "blocked": False,
            "additional_attributes": {},
            "custom_attributes": {},
            "created_at": now,
            "updated_at": now,
        },
    )
    if attach(connection, account_id, contact_id, wanted[:1]):
        attach(connection, account_id, contact_id, wanted[1:])
        return Resolved(contact_id, shown, False, kind, created=True)
    # Another transaction created this person a moment ago and has committed since: use theirs.
    connection.execute(sa.delete(_contacts).where(_contacts.c.id == contact_id))
    return resolve(connection, account_id, wanted, name=name, username=username, kind=kind)


def discard(connection: Connection, contact_id: int) -> None:
    """Take a contact back that the same transaction made, and that nothing points to yet."""
    connection.execute(sa.delete(_identities).where(_identities.c.contact_id == contact_id))
    connection.execute(sa.delete(_contacts).where(_contacts.c.id == contact_id))


def _update_facts(
    connection: Connection, contact: Row[Any], wanted: list[Identity], name: str, username: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    phone = next(
        (i.value for i in wanted if i.kind == IdentityKind.PHONE and is_phone(i.value)), None
    )
    if phone and not contact.phone_number and contact.kind == "person":
        values["phone_number"] = f"+{phone}"
    given = storable(name.strip(), MAX_NAME)
    if (
        given
        and given != contact.name
        and is_placeholder_name(contact.name, contact.phone_number, wanted)
    ):
        values["name"] = given
    elif phone and values.get("phone_number") and contact.name == fallback_name(wanted):
        values["name"] = f"+{phone}"
    if username and contact.username != storable(username, 255).lstrip("@"):
        values["username"] = storable(username, 255).lstrip("@")
    if values:
        connection.execute(
            sa.update(_contacts)
            .where(_contacts.c.id == contact.id)
            .values(**values, updated_at=utcnow())
        )
    return values


# --- presence in an inbox ---------------------------------------------------------------------------------------------


def ensure_contact_inbox(
    connection: Connection,
    contact_id: int,
    inbox_id: int,
    source_id: str,
    window_from: datetime | None = None,
) -> bool:
    """Note that a contact is known in an inbox.

    :param window_from: of a contact that is new there: its last message, from which the time for answers counts.
    :returns: whether the contact is new there.
    """
    row = {
        "contact_id": contact_id,
        "inbox_id": inbox_id,
        "source_id": storable(source_id, 255),
        "window_from": window_from,
        "created_at": utcnow(),
    }
    return insert_if_absent(connection, ContactInbox.__table__, row) is not None


def move_identity(
    connection: Connection, account_id: int, old: Sequence[Identity], new: Sequence[Identity]
) -> int | None:
    """A person has a new number: the new identities join the contact, the old ones leave it, the history stays.

    :returns: the contact's id, or ``None`` when nobody is known under the old identities.
    """
    found = find(connection, account_id, old)
    if not found:
        return None
    contact = resolve(connection, account_id, [*clean(old)[:1], *new])
    phone = next((i.value for i in new if i.kind in PHONE_KINDS and is_phone(i.value)), None)
    for identity in [i for i in clean(old) if i not in clean(new)]:
        is_number = identity.kind in PHONE_KINDS
        gone = outdated_forms(identity.value, phone) if is_number else {identity.value}
        connection.execute(
            sa.delete(_identities).where(
                _identities.c.account_id == account_id,
                _identities.c.contact_id == contact.id,
                _identities.c.kind.in_(PHONE_KINDS if is_number else (identity.kind,)),
                _identities.c.value.in_(sorted(gone)),
            )
        )
        if phone:
            move_source_id(connection, contact.id, gone, phone)
    if phone:
        row = connection.execute(sa.select(_contacts).where(_contacts.c.id == contact.id)).one()
        values: dict[str, Any] = {"phone_number": f"+{phone}", "updated_at": utcnow()}
        if is_placeholder_name(row.name, row.phone_number, clean(old)):
            values["name"] = f"+{phone}"
        connection.execute(
            sa.update(_contacts).where(_contacts.c.id == contact.id).values(**values)
        )
    return contact.id
