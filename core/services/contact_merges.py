"""Merging two contacts into one, and undoing it.

Owns: what moves from the loser to the winner, and back. Must not know: why two contacts are one.

A merge never deletes: the loser points to the winner. All functions work inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

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
from ..db.upsert import insert
from ..identities import Identity, IdentityKind
from .contact_identities import PHONE_KINDS, attach, is_placeholder_name, owners_of

_contacts = Contact.__table__
_identities = ContactIdentity.__table__


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
    if digits and not owners_of(
        connection, account_id, {(str(kind), digits) for kind in PHONE_KINDS}
    ):
        attach(connection, account_id, loser.id, [Identity(IdentityKind.PHONE, digits)])


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
