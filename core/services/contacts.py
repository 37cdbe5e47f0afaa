"""Contacts as a graph of identities: lookup, creation, rename, merge and its undoing.

Owns: the rules by which an identity leads to a contact. Must not know: HTTP, providers, message content.

Only evidence inside one provider event merges contacts; a variant of a phone number helps a lookup and never merges.
All functions work inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from .. import phones
from ..db.tables import (
    Contact,
    ContactIdentity,
    ContactInbox,
    ContactMerge,
    Conversation,
    Message,
    ReactionRow,
)
from ..db.types import storable, utcnow
from ..db.upsert import insert, insert_if_absent
from ..identities import Identity, IdentityKind

_contacts = Contact.__table__
_identities = ContactIdentity.__table__
#: Kinds whose values are digits of a telephone number.
PHONE_KINDS = (IdentityKind.PHONE, IdentityKind.WA_ID)
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


def clean(identities: Iterable[Identity]) -> list[Identity]:
    """Identities that can be stored, each once, in one order for all processes."""
    kept = {
        Identity(str(identity.kind), storable(identity.value, 255))
        for identity in identities
        if identity.value
    }
    return sorted(kept)


def find(connection: Connection, account_id: int, identities: Sequence[Identity]) -> list[Row[Any]]:
    """Contacts that any of these identities names, oldest first, locked. A phone and a WhatsApp id with the same digits
    name the same person."""
    return _contacts_of(connection, _owners(connection, account_id, _pairs(identities)))


def find_by_variant(
    connection: Connection, account_id: int, identities: Sequence[Identity]
) -> list[Row[Any]]:
    """Contacts known under another form of one of these numbers, oldest first, locked."""
    return _contacts_of(connection, _owners(connection, account_id, _variant_pairs(identities)))


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


def _pairs(identities: Sequence[Identity]) -> set[Pair]:
    wanted = clean(identities)
    pairs = {(str(identity.kind), identity.value) for identity in wanted}
    for identity in wanted:
        if identity.kind in PHONE_KINDS:
            pairs |= {(str(kind), identity.value) for kind in PHONE_KINDS}
    return pairs


def _variant_pairs(identities: Sequence[Identity]) -> set[Pair]:
    """Other forms of the numbers, which help a lookup and never merge."""
    return {
        (str(kind), variant)
        for identity in clean(identities)
        if identity.kind in PHONE_KINDS
        for variant in phones.variants(identity.value)
        for kind in PHONE_KINDS
    }


def _owners(connection: Connection, account_id: int, pairs: set[Pair]) -> dict[Pair, int]:
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


def _contacts_of(connection: Connection, owners: Mapping[Pair, int]) -> list[Row[Any]]:
    ids = sorted(set(owners.values()))
    return list(connection.execute(_LOCKED, {"ids": ids})) if ids else []


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
    exact, other = _pairs(wanted), _variant_pairs(wanted)
    named = _owners(connection, account_id, exact | other)
    owners = {pair: owner for pair, owner in named.items() if pair in exact}
    found = _contacts_of(connection, owners) or _contacts_of(connection, named)[:1]
    if not found:
        return _create(connection, account_id, wanted, name, username, kind)
    winner, merged = found[0], False
    for loser in found[1:]:
        merge(
            connection, account_id, winner.id, loser.id, reason="named as one person by one event"
        )
        merged = True
    unknown = [i for i in wanted if (str(i.kind), i.value) not in owners]
    _attach(connection, account_id, winner.id, unknown)
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
    phone = next((i.value for i in wanted if i.kind in PHONE_KINDS and _is_phone(i.value)), None)
    shown = storable(name.strip(), MAX_NAME) or (f"+{phone}" if phone else _fallback_name(wanted))
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
    if _attach(connection, account_id, contact_id, wanted[:1]):
        _attach(connection, account_id, contact_id, wanted[1:])
        return Resolved(contact_id, shown, False, kind, created=True)
    # Another transaction created this person a moment ago and has committed since: use theirs.
    connection.execute(sa.delete(_contacts).where(_contacts.c.id == contact_id))
    return resolve(connection, account_id, wanted, name=name, username=username, kind=kind)


def _attach(
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


def discard(connection: Connection, contact_id: int) -> None:
    """Take a contact back that the same transaction made, and that nothing points to yet."""
    connection.execute(sa.delete(_identities).where(_identities.c.contact_id == contact_id))
    connection.execute(sa.delete(_contacts).where(_contacts.c.id == contact_id))


def _update_facts(
    connection: Connection, contact: Row[Any], wanted: list[Identity], name: str, username: str
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    phone = next(
        (i.value for i in wanted if i.kind == IdentityKind.PHONE and _is_phone(i.value)), None
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
    elif phone and values.get("phone_number") and contact.name == _fallback_name(wanted):
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
        _fallback_name(identities),
        *known,
        *(f"+{v}" for v in known),
    }
    if digits:
        placeholders.add(phones.formatted(digits))
    return name in placeholders


def _fallback_name(identities: Sequence[Identity]) -> str:
    if not identities:
        return ""
    first = identities[0]
    if first.kind == IdentityKind.GROUP:
        return f"Group {first.value.split('@', 1)[0]}"
    return f"Contact {first.value[-4:]}" if first.kind == IdentityKind.LID else first.value


def _is_phone(value: str) -> bool:
    return value.isascii() and value.isdigit() and 1 <= len(value) <= 15


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


# --- merge ------------------------------------------------------------------------------------------------------------


def merge(
    connection: Connection,
    account_id: int,
    winner_id: int,
    loser_id: int,
    *,
    reason: str = "",
    user_id: int | None = None,
) -> int:
    """Move everything of ``loser`` to ``winner``. The loser stays, pointing to the winner; what moved is noted.

    :returns: id of the merge, for :func:`undo_merge`.
    :raises ValueError: the same contact, or one that is merged already or of another account or kind.
    """
    rows = {
        row.id: row
        for row in connection.execute(
            sa.select(_contacts)
            .where(_contacts.c.id.in_([winner_id, loser_id]), _contacts.c.account_id == account_id)
            .order_by(_contacts.c.id)
            .with_for_update()
        )
    }
    if winner_id == loser_id or len(rows) != 2:
        raise ValueError("two different contacts of the account are needed")
    winner, loser = rows[winner_id], rows[loser_id]
    if winner.merged_into_id or loser.merged_into_id:
        raise ValueError("one of the contacts is merged already")
    if winner.kind != loser.kind:
        raise ValueError("a person and a group cannot be merged")
    moved = _move_rows(connection, loser_id, winner_id)
    filled = _gaps_filled(winner, loser)
    previous = {column: getattr(winner, column) for column in filled}
    now = utcnow()
    connection.execute(
        sa.update(_contacts).where(_contacts.c.id == winner_id).values(**filled, updated_at=now)
    )
    connection.execute(
        sa.update(_contacts)
        .where(_contacts.c.id == loser_id)
        .values(merged_into_id=winner_id, updated_at=now)
    )
    return insert(
        connection,
        ContactMerge.__table__,
        {
            "account_id": account_id,
            "winner_id": winner_id,
            "loser_id": loser_id,
            "moved": {**moved, "winner_before": previous, "winner_filled": filled},
            "reason": storable(reason, 255),
            "user_id": user_id,
            "created_at": now,
        },
    )


def _gaps_filled(winner: Row[Any], loser: Row[Any]) -> dict[str, Any]:
    """Columns of the winner that the loser knows better: what the winner has stays."""
    filled: dict[str, Any] = {
        column: getattr(loser, column)
        for column in ("phone_number", "email", "identifier", "username")
        if getattr(loser, column) and not getattr(winner, column)
    }
    if is_placeholder_name(winner.name, winner.phone_number) and loser.name:
        filled["name"] = loser.name
    if loser.blocked and not winner.blocked:
        filled["blocked"] = True
    for column in _ATTRIBUTES:
        mine, theirs = getattr(winner, column) or {}, getattr(loser, column) or {}
        if set(theirs) - set(mine):
            filled[column] = {**theirs, **mine}
    return filled


#: Columns that hold an object.
_ATTRIBUTES = ("custom_attributes", "additional_attributes")
#: (table, column) of rows that belong to a contact.
_OWNED: tuple[tuple[Any, str], ...] = (
    (_identities, "contact_id"),
    (Conversation.__table__, "contact_id"),
    (Message.__table__, "sender_contact_id"),
)


def _move_rows(connection: Connection, loser_id: int, winner_id: int) -> dict[str, Any]:
    moved: dict[str, Any] = {}
    for table, column in _OWNED:
        result = connection.execute(
            sa.update(table)
            .where(table.c[column] == loser_id)
            .values({column: winner_id})
            .returning(table.c.id)
        )
        moved[table.name] = [row[0] for row in result]
    moved[ContactInbox.__tablename__] = _move_contact_inboxes(connection, loser_id, winner_id)
    moved[ReactionRow.__tablename__] = _move_reactions(connection, loser_id, winner_id)
    return moved


def _move_contact_inboxes(connection: Connection, loser_id: int, winner_id: int) -> list[int]:
    table = ContactInbox.__table__
    theirs = {
        row.inbox_id: row
        for row in connection.execute(sa.select(table).where(table.c.contact_id == winner_id))
    }
    moved = []
    for row in connection.execute(sa.select(table).where(table.c.contact_id == loser_id)).all():
        kept = theirs.get(row.inbox_id)
        if kept is None:
            connection.execute(
                sa.update(table).where(table.c.id == row.id).values(contact_id=winner_id)
            )
            moved.append(row.id)
        elif row.window_from and (kept.window_from is None or kept.window_from < row.window_from):
            connection.execute(
                sa.update(table).where(table.c.id == kept.id).values(window_from=row.window_from)
            )
    return moved


def _move_reactions(connection: Connection, loser_id: int, winner_id: int) -> list[int]:
    table = ReactionRow.__table__
    moved = []
    for row in connection.execute(sa.select(table).where(table.c.contact_id == loser_id)).all():
        clash = connection.execute(
            sa.select(table.c.id).where(
                table.c.message_id == row.message_id, table.c.reactor == f"contact:{winner_id}"
            )
        ).first()
        if clash is None:
            connection.execute(
                sa.update(table)
                .where(table.c.id == row.id)
                .values(contact_id=winner_id, reactor=f"contact:{winner_id}")
            )
            moved.append(row.id)
    return moved


def undo_merge(connection: Connection, account_id: int, merge_id: int) -> tuple[int, int]:
    """Give the loser of a merge back what the merge moved. What came later stays with the winner.

    :returns: ids of winner and loser.
    :raises ValueError: no such merge, undone already, or followed by a merge of the winner.
    """
    merges = ContactMerge.__table__
    row = connection.execute(
        sa.select(merges)
        .where(
            merges.c.id == merge_id, merges.c.account_id == account_id, merges.c.undone_at.is_(None)
        )
        .with_for_update()
    ).first()
    if row is None:
        raise ValueError("no such merge, or it is undone already")
    people = {
        found.id: found
        for found in connection.execute(
            sa.select(_contacts)
            .where(_contacts.c.id.in_([row.winner_id, row.loser_id]))
            .order_by(_contacts.c.id)
            .with_for_update()
        )
    }
    winner, loser = people[row.winner_id], people[row.loser_id]
    if winner.merged_into_id:
        # The rows are with the next winner now, and that merge's undoing would take them back to this one.
        raise ValueError(
            f"the contact {winner.id} was merged into {winner.merged_into_id} since; undo that merge first"
        )
    for table, column in (*_OWNED, (ContactInbox.__table__, "contact_id")):
        _give_back(connection, table, column, row)
    _give_back(connection, ReactionRow.__table__, "contact_id", row, f"contact:{loser.id}")
    _renew_number(connection, account_id, loser)
    now = utcnow()
    connection.execute(
        sa.update(_contacts)
        .where(_contacts.c.id == winner.id)
        .values(**_restored(winner, loser, row.moved), updated_at=now)
    )
    connection.execute(
        sa.update(_contacts)
        .where(_contacts.c.id == loser.id)
        .values(merged_into_id=None, updated_at=now)
    )
    connection.execute(sa.update(merges).where(merges.c.id == merge_id).values(undone_at=now))
    return row.winner_id, row.loser_id


def _give_back(
    connection: Connection, table: Any, column: str, merge_row: Row[Any], reactor: str = ""
) -> None:
    """Rows that moved and are still the winner's. SQLite gives the id of a deleted row to a new one, so what came after
    the merge is no part of it."""
    ids = merge_row.moved.get(table.name, [])
    if not ids:
        return
    where = [table.c.id.in_(ids), table.c[column] == merge_row.winner_id]
    if "created_at" in table.c:
        where.append(table.c.created_at <= merge_row.created_at)
    values: dict[str, Any] = {column: merge_row.loser_id}
    if reactor:
        values["reactor"] = reactor
    connection.execute(sa.update(table).where(*where).values(values))


def _renew_number(connection: Connection, account_id: int, loser: Row[Any]) -> None:
    """The number of a contact that is back: deleted, where the winner was given another one. Nobody else's is taken."""
    digits = (loser.phone_number or "").lstrip("+")
    if digits and not _owners(
        connection, account_id, {(str(kind), digits) for kind in PHONE_KINDS}
    ):
        _attach(connection, account_id, loser.id, [Identity(IdentityKind.PHONE, digits)])


def _restored(winner: Row[Any], loser: Row[Any], moved: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the winner as they were before a merge, as far as nobody changed them since."""
    before = moved.get("winner_before", {})
    # Merges made before this was noted: what they filled is what the loser has.
    filled = moved.get("winner_filled") or {
        column: True if column == "blocked" else getattr(loser, column) for column in before
    }
    values: dict[str, Any] = {}
    for column, former in before.items():
        now = getattr(winner, column)
        if column in _ATTRIBUTES:
            added = {k: v for k, v in filled[column].items() if k not in (former or {})}
            values[column] = {
                k: v for k, v in (now or {}).items() if k not in added or added[k] != v
            }
        elif now == filled.get(column):
            values[column] = former
    return values


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
    gone = [i for i in clean(old) if i not in clean(new)]
    for identity in gone:
        kinds = PHONE_KINDS if identity.kind in PHONE_KINDS else (identity.kind,)
        connection.execute(
            sa.delete(_identities).where(
                _identities.c.account_id == account_id,
                _identities.c.contact_id == contact.id,
                _identities.c.kind.in_(kinds),
                _identities.c.value == identity.value,
            )
        )
    phone = next((i.value for i in new if i.kind in PHONE_KINDS and _is_phone(i.value)), None)
    if phone:
        row = connection.execute(sa.select(_contacts).where(_contacts.c.id == contact.id)).one()
        values: dict[str, Any] = {"phone_number": f"+{phone}", "updated_at": utcnow()}
        if is_placeholder_name(row.name, row.phone_number, clean(old)):
            values["name"] = f"+{phone}"
        connection.execute(
            sa.update(_contacts).where(_contacts.c.id == contact.id).values(**values)
        )
    return contact.id
