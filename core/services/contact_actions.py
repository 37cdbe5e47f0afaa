"""What agents do with contacts: create, change, merge, undo a merge.

Owns: the rules of each, its rows and notices. Must not know: HTTP, pages. How contacts are found is in ``contacts``,
how they are merged in ``contact_merges``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Contact, ContactIdentity, Inbox
from ..db.types import storable, storable_json, utcnow
from ..db.upsert import insert, insert_if_absent
from ..errors import ConfigInvalid
from ..identities import IdentityKind
from ..notices import Notice, NoticeKind
from ..phones import e164
from . import contact_merges, contacts
from .accounts import audit
from .contact_identities import move_source_id, outdated_forms
from .outbox.errors import NotFound

if TYPE_CHECKING:
    from ..context import Core

_contacts = Contact.__table__
_TEXTS = {"name": 255, "email": 320, "identifier": 255}
_OBJECTS = ("custom_attributes", "additional_attributes")


def create(
    core: Core, *, account_id: int, values: Mapping[str, Any], inbox_id: int | None = None
) -> int:
    """Make a person.

    :param values: name, phone_number (E.164 with plus), email, identifier, blocked, custom_attributes,
        additional_attributes.
    :param inbox_id: an inbox in which he can be written to.
    :returns: the contact's id.
    :raises ConfigInvalid: with field errors; a number that somebody has already names the contact.
    :raises NotFound: no such inbox in the account.
    """
    columns = _columns(values)
    number = columns.get("phone_number")
    if inbox_id is not None and not number:
        raise ConfigInvalid(
            {"phone_number": ["A number is needed to write to this contact on WhatsApp."]}
        )
    with core.db.write("create contact") as connection:
        if inbox_id is not None:
            _require_inbox(connection, account_id, inbox_id)
        if number:
            _require_free_number(connection, account_id, number, None)
        _require_free_names(connection, account_id, columns, None)
        columns.setdefault("name", number or columns.get("email") or "")
        contact_id = insert(
            connection, _contacts, {"account_id": account_id, "kind": "person", **columns}
        )
        if number:
            _set_phone_identity(connection, account_id, contact_id, None, number)
        if inbox_id is not None and number:
            contacts.ensure_contact_inbox(connection, contact_id, inbox_id, number.lstrip("+"))
    _tell(core, account_id, contact_id, NoticeKind.CONTACT_CREATED)
    return contact_id


def update(core: Core, *, account_id: int, contact_id: int, values: Mapping[str, Any]) -> None:
    """Change a contact; what is left out stays. A name given here is never replaced by a profile name.

    :raises NotFound: no such contact in the account.
    :raises ConfigInvalid: with field errors.
    """
    columns = _columns(values)
    with core.db.write("change contact") as connection:
        row = _lock(connection, account_id, contact_id)
        if row.merged_into_id:
            raise ConfigInvalid(
                {"id": [f"This contact was merged into the contact {row.merged_into_id}."]},
                action="Change that contact, or undo the merge.",
            )
        _require_free_names(connection, account_id, columns, contact_id)
        if "phone_number" in columns and columns["phone_number"] != row.phone_number:
            number = columns["phone_number"]
            if row.kind == "group":
                raise ConfigInvalid({"phone_number": ["A group has no phone number."]})
            if number:
                _require_free_number(connection, account_id, number, contact_id)
            _set_phone_identity(connection, account_id, contact_id, row.phone_number, number)
        for name in _OBJECTS:
            if name in columns:
                columns[name] = {**(getattr(row, name) or {}), **columns[name]}
        connection.execute(
            sa.update(_contacts)
            .where(_contacts.c.id == contact_id)
            .values(**columns, updated_at=utcnow())
        )
    _tell(core, account_id, contact_id, NoticeKind.CONTACT_UPDATED)


def merge(
    core: Core, *, account_id: int, base_id: int, mergee_id: int, user_id: int | None = None
) -> int:
    """Two contacts are one person: everything of the mergee moves to the base.

    :returns: the merge's id, for :func:`undo_merge`.
    :raises ConfigInvalid: they cannot be merged.
    """
    with core.db.write("merge contacts") as connection:
        try:
            merge_id = contact_merges.merge(
                connection, account_id, base_id, mergee_id, reason="by hand", user_id=user_id
            )
        except ValueError as error:
            raise ConfigInvalid({"mergee_contact_id": [_sentence(error)]}) from None
        audit(
            connection,
            "contact.merged",
            account_id=account_id,
            user_id=user_id,
            subject=f"contact:{base_id}",
            data={"mergee_contact_id": mergee_id},
        )
    _tell(core, account_id, base_id, NoticeKind.CONTACT_MERGED, mergee_id=mergee_id)
    return merge_id


def undo_merge(
    core: Core, *, account_id: int, merge_id: int, user_id: int | None = None
) -> tuple[int, int]:
    """Take a merge back. What came later stays with the base.

    :returns: ids of base and mergee.
    :raises ConfigInvalid: no such merge, or undone already.
    """
    with core.db.write("undo merge") as connection:
        try:
            base_id, mergee_id = contact_merges.undo_merge(connection, account_id, merge_id)
        except ValueError as error:
            raise ConfigInvalid({"merge_id": [_sentence(error)]}) from None
        audit(
            connection,
            "contact.merge_undone",
            account_id=account_id,
            user_id=user_id,
            subject=f"contact:{base_id}",
        )
    for contact_id in (base_id, mergee_id):
        _tell(core, account_id, contact_id, NoticeKind.CONTACT_UPDATED)
    return base_id, mergee_id


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, longest in _TEXTS.items():
        if name in values:
            text = storable((values[name] or "").strip(), longest)
            columns[name] = text if text or name == "name" else None
    if "phone_number" in values:
        given = (values["phone_number"] or "").strip()
        number = e164(given) if given else None
        if given and number is None:
            raise ConfigInvalid(
                {
                    "phone_number": [
                        "Give the number with + and country code, such as +4915112340001."
                    ]
                }
            )
        columns["phone_number"] = number
    if "blocked" in values:
        columns["blocked"] = bool(values["blocked"])
    for name in _OBJECTS:
        if name in values:
            columns[name] = storable_json(dict(values[name] or {}))
    return columns


def _lock(connection: Connection, account_id: int, contact_id: int) -> Row[Any]:
    row = connection.execute(
        sa.select(_contacts)
        .where(_contacts.c.id == contact_id, _contacts.c.account_id == account_id)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no such contact.")
    return row


def _require_inbox(connection: Connection, account_id: int, inbox_id: int) -> None:
    found = connection.execute(
        sa.select(Inbox.id).where(
            Inbox.id == inbox_id, Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
        )
    ).first()
    if found is None:
        raise NotFound("There is no such inbox.")


def _require_free_number(
    connection: Connection, account_id: int, number: str, contact_id: int | None
) -> None:
    found = connection.execute(
        sa.select(ContactIdentity.contact_id).where(
            ContactIdentity.account_id == account_id,
            ContactIdentity.kind.in_((str(IdentityKind.PHONE), str(IdentityKind.WA_ID))),
            ContactIdentity.value == number.lstrip("+"),
        )
    ).scalar()
    if found is not None and found != contact_id:
        raise ConfigInvalid(
            {"phone_number": [f"The contact {found} has this number already."]},
            action="Use that contact, or merge the two.",
        )


def _require_free_names(
    connection: Connection, account_id: int, columns: Mapping[str, Any], contact_id: int | None
) -> None:
    """A mail address and an identifier name one person in an account. Contacts that had the same one before keep it."""
    for name in ("email", "identifier"):
        given = columns.get(name)
        if not given:
            continue
        column = _contacts.c[name]
        same = sa.func.lower(column) == given.lower() if name == "email" else column == given
        holders = connection.execute(
            sa.select(_contacts.c.id)
            .where(
                _contacts.c.account_id == account_id,
                _contacts.c.merged_into_id.is_(None),
                column.is_not(None),  # says to SQLite which index fits
                same,
            )
            .order_by(_contacts.c.id)
        ).scalars()
        found = list(holders)
        if found and contact_id not in found:
            raise ConfigInvalid(
                {name: [f"The contact {found[0]} has this {name} already."]},
                action="Use that contact, or merge the two.",
            )


def _set_phone_identity(
    connection: Connection, account_id: int, contact_id: int, old: str | None, new: str | None
) -> None:
    if old:
        gone = outdated_forms(old.lstrip("+"), new.lstrip("+") if new else None)
        connection.execute(
            sa.delete(ContactIdentity).where(
                ContactIdentity.contact_id == contact_id,
                ContactIdentity.kind.in_((str(IdentityKind.PHONE), str(IdentityKind.WA_ID))),
                ContactIdentity.value.in_(sorted(gone)),
            )
        )
        if new:
            move_source_id(connection, contact_id, gone, new.lstrip("+"))
    if new:
        made = insert_if_absent(
            connection,
            ContactIdentity.__table__,
            {
                "account_id": account_id,
                "contact_id": contact_id,
                "kind": str(IdentityKind.PHONE),
                "value": new.lstrip("+"),
                "created_at": utcnow(),
            },
        )
        if made is None:
            # Taken a moment ago by somebody else, or the contact's own under another kind.
            _require_free_number(connection, account_id, new, contact_id)


def _tell(core: Core, account_id: int, contact_id: int, kind: NoticeKind, **data: Any) -> None:
    core.publish([Notice(kind, account_id, data={"contact_id": contact_id, **data})])
