"""Contacts and users as the API answers them.

Owns: their JSON; loading what belongs to many with few queries. Must not know: routes, who may see what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import Channel, ContactIdentity, ContactInbox, Inbox, Membership, User
from .links import avatar_url
from .shape_common import CHANNEL_TYPE, seconds

if TYPE_CHECKING:
    from ..context import Core


def load_agents(
    connection: Connection, account_id: int, ids: Iterable[int] | None = None
) -> list[dict[str, Any]]:
    """Users of an account, by name."""
    query = (
        sa.select(User.id, User.name, User.email, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id, User.active)
    )
    if ids is not None:
        query = query.where(User.id.in_(list(ids)))
    return [
        agent(row, account_id) for row in connection.execute(query.order_by(User.name, User.id))
    ]


def agent(row: Any, account_id: int) -> dict[str, Any]:
    """A user of an account; the row has id, name, email, role."""
    return {
        "id": row.id,
        "account_id": account_id,
        "name": row.name,
        "available_name": row.name,
        "email": row.email,
        "role": row.role,
        "confirmed": True,
        "thumbnail": "",
    }


def contacts(core: Core, connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Contacts with their identities and inboxes."""
    ids = [row.id for row in rows]
    identities: dict[int, list[dict[str, str]]] = {}
    for one in connection.execute(
        sa.select(ContactIdentity.contact_id, ContactIdentity.kind, ContactIdentity.value)
        .where(ContactIdentity.contact_id.in_(ids))
        .order_by(ContactIdentity.id)
    ):
        identities.setdefault(one.contact_id, []).append({"kind": one.kind, "value": one.value})
    inboxes: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        sa.select(
            ContactInbox.contact_id,
            ContactInbox.source_id,
            Inbox.id,
            Inbox.name,
            Channel.provider,
            Channel.phone_number,
        )
        .join(Inbox, Inbox.id == ContactInbox.inbox_id)
        .join(Channel, Channel.id == Inbox.channel_id)
        .where(ContactInbox.contact_id.in_(ids), Inbox.deleted_at.is_(None))
        .order_by(ContactInbox.id)
    ):
        inboxes.setdefault(row.contact_id, []).append(_contact_inbox(row))
    return [
        _contact(core, row, identities.get(row.id, []), inboxes.get(row.id, [])) for row in rows
    ]


def _contact_inbox(row: Any) -> dict[str, Any]:
    inbox = {
        "id": row.id,
        "name": row.name,
        "channel_type": CHANNEL_TYPE,
        "provider": row.provider,
        "phone_number": row.phone_number,
    }
    return {"source_id": row.source_id, "inbox": inbox}


def _contact(
    core: Core, row: Row[Any], identities: list[dict[str, str]], inboxes: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "phone_number": row.phone_number,
        "email": row.email,
        "identifier": row.identifier,
        "blocked": row.blocked,
        "thumbnail": avatar_url(core, row),
        "availability_status": "offline",
        "additional_attributes": row.additional_attributes or {},
        "custom_attributes": row.custom_attributes or {},
        "last_activity_at": seconds(row.last_activity_at),
        "created_at": seconds(row.created_at),
        "merged_into_id": row.merged_into_id,
        "contact_inboxes": inboxes,
        "identities": identities,
    }
