"""Inboxes and what services tell about them, as the API answers them.

Owns: their JSON; that no secret is in it. Must not know: routes, who may see what (the caller has checked).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from .. import channels as vocabulary
from ..db.tables import Channel, Inbox
from ..errors import PluginMissing
from ..services.channels import callback_url, masked_config
from .shape_common import CHANNEL_TYPE, seconds

if TYPE_CHECKING:
    from ..context import Core


def load_inboxes(
    connection: Connection, account_id: int, ids: Iterable[int] | None = None
) -> list[tuple[Row[Any], Row[Any]]]:
    """Live inboxes with their channels, by name.

    :param ids: only these; ``None`` for all of the account.
    """
    query = sa.select(Inbox.__table__).where(
        Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
    )
    if ids is not None:
        query = query.where(Inbox.id.in_(list(ids)))
    inboxes = connection.execute(query.order_by(Inbox.name, Inbox.id)).all()
    rows = connection.execute(
        sa.select(Channel.__table__).where(Channel.id.in_([row.channel_id for row in inboxes]))
    ).all()
    by_id = {row.id: row for row in rows}
    return [(inbox, by_id[inbox.channel_id]) for inbox in inboxes]


def inbox(core: Core, row: Row[Any], channel: Row[Any], *, administrator: bool) -> dict[str, Any]:
    """An inbox with its channel. The configuration is for administrators, its secrets masked."""
    try:
        handle = core.plugins.provider(channel.provider)
    except PluginMissing:
        handle = None
    shown = {
        "id": row.id,
        "name": row.name,
        "channel_id": row.channel_id,
        "channel_type": CHANNEL_TYPE,
        "provider": channel.provider,
        "phone_number": channel.phone_number,
        "avatar_url": "",
        "greeting_enabled": row.greeting_enabled,
        "greeting_message": row.greeting_message,
        "working_hours_enabled": False,
        "enable_auto_assignment": False,
        "lock_to_single_conversation": row.lock_to_single_conversation,
        "group_activity": row.group_activity,
        "read_receipts": row.read_receipts,
        "agent_signature": row.agent_signature,
        "callback_webhook_url": callback_url(core, channel.phone_number, channel.callback_base_url),
        "callback_base_url": channel.callback_base_url,
        "message_templates": channel.message_templates or [],
        "message_templates_last_updated": seconds(channel.message_templates_last_updated),
        "templates_error": channel.templates_error,
        "reauthorization_required": channel.connection in ("login_required", "unauthorised"),
        "active": channel.active,
        "connection": channel.connection,
        "connection_reason": channel.connection_reason,
        "connection_action": channel.connection_action,
        "connection_checked_at": seconds(channel.connection_checked_at),
        "paused_until": seconds(channel.paused_until),
        "pause_reason": channel.pause_reason,
        "features": None if handle is None else features(handle.info.features),
        "created_at": seconds(row.created_at),
    }
    if administrator:
        shown["provider_config"] = (
            channel.provider_config if handle is None else masked_config(handle, channel, core)
        )
    return shown


def features(declared: vocabulary.Features) -> dict[str, Any]:
    """Declared features as JSON."""
    shown = asdict(declared)
    shown["media"] = {str(kind): asdict(limit) for kind, limit in declared.media.items()}
    return shown


def connection_answer(core: Core, provider: str, found: vocabulary.Connection) -> dict[str, Any]:
    """What a service told about its login."""
    ways = core.plugins.provider(core.plugins.resolve_key(provider)).info.features.pairing
    return {
        "connected": found.connected,
        "login_required": found.login_required,
        "reason": found.reason,
        "action": found.action,
        "linked_number": found.linked_number,
        "facts": dict(found.facts),
        "pairing": list(ways),
    }


def pairing(prompt: vocabulary.PairingPrompt) -> dict[str, Any]:
    """A QR image as a data address, or a code."""
    image = base64.b64encode(prompt.image).decode()
    return {
        "kind": prompt.kind,
        "expires_in": prompt.expires_in,
        "image": f"data:image/png;base64,{image}" if prompt.image else None,
        "code": prompt.text or None,
    }
