"""Channel rows and the records that hooks get.

Owns: sealing and loading a channel's configuration, its callback address, the copy of its authentication scheme.
Must not know: HTTP requests, how a channel is validated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from .. import channels as vocabulary
from ..db.tables import Channel
from ..db.types import utcnow
from ..schema import MASK, secret_names

if TYPE_CHECKING:
    from ..context import Core
    from ..plugins.handle import ProviderHandle

#: How long a replaced webhook secret stays valid beside the new one.
ROTATION_GRACE = timedelta(hours=24)


def callback_url(core: Core, phone_number: str, callback_base_url: str | None) -> str:
    """The address to which the service delivers this channel's events."""
    base = (callback_base_url or core.settings.public_url).rstrip("/")
    return f"{base}/webhooks/whatsapp/{phone_number.lstrip('+')}"


def load_config(core: Core, row: Row[Any] | Channel) -> dict[str, Any]:
    """A channel's whole configuration, secrets in clear."""
    return {**(row.provider_config or {}), **(core.vault.open(row.provider_secrets) or {})}


def load_channel(core: Core, row: Row[Any] | Channel) -> vocabulary.Channel:
    """The record that hooks get."""
    return vocabulary.Channel(
        id=row.id,
        account_id=row.account_id,
        provider=row.provider,
        phone_number=row.phone_number,
        config=load_config(core, row),
        state=row.state or {},
        callback_url=callback_url(core, row.phone_number, row.callback_base_url),
    )


def split_config(
    handle: ProviderHandle, config: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Public values and secret values of a configuration."""
    secrets = secret_names(handle.info.schema)
    public = {key: value for key, value in config.items() if key not in secrets}
    return public, {key: value for key, value in config.items() if key in secrets and value}


def masked_config(handle: ProviderHandle, row: Row[Any] | Channel, core: Core) -> dict[str, Any]:
    """The configuration as it may be shown: a mask stands for each stored secret."""
    stored = core.vault.open(row.provider_secrets) or {}
    return {**(row.provider_config or {}), **dict.fromkeys(stored, MASK)}


def config_columns(
    core: Core, handle: ProviderHandle, channel: vocabulary.Channel, *, state: Mapping[str, Any]
) -> dict[str, Any]:
    """Column values of a channel row for a configuration: public part, sealed secrets, and the copy of what the
    receiver needs to authenticate without running plugin code."""
    public, secrets = split_config(handle, channel.config)
    info = handle.info
    return {
        "provider": handle.key,
        "provider_config": public,
        "provider_secrets": core.vault.seal(secrets),
        "auth_scheme": asdict(info.authentication),
        "challenge_scheme": asdict(info.challenge) if info.challenge else None,
        "auth_secrets": core.vault.seal(auth_secrets(info, channel.config)),
        "content_types": list(info.content_types),
        "answer_status": info.answer_status,
        "addresses": sorted(handle.channel_addresses(channel)),
        "state": dict(state),
    }


def auth_secrets(info: vocabulary.ProviderInfo, config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Secrets for the receiver: ``webhook`` (any authenticates a delivery) and ``challenge``."""
    values: list[str] = []
    for key in info.authentication.secret_keys:
        value = config.get(key)
        values += [item for item in (value if isinstance(value, list) else [value]) if item]
    challenge = config.get(info.challenge.secret_key) if info.challenge else None
    return {"webhook": values, "challenge": [challenge] if challenge else []}


def rotated_columns(
    core: Core, row: Row[Any] | Channel, new_columns: Mapping[str, Any]
) -> dict[str, Any]:
    """Columns that keep the replaced webhook secrets valid for a day, when they differ from the new ones."""
    old = core.vault.open(row.auth_secrets) or {}
    new = core.vault.open(new_columns["auth_secrets"]) or {}
    if not old.get("webhook") or old.get("webhook") == new.get("webhook"):
        return {}
    return {
        "previous_secrets": core.vault.seal(old),
        "previous_secrets_until": utcnow() + ROTATION_GRACE,
    }


def merge_state(
    connection: Connection,
    core: Core,
    handle: ProviderHandle,
    channel_id: int,
    state: Mapping[str, Any],
) -> None:
    """Merge what a hook asked to keep into the channel's state, and refresh its addresses."""
    if not state:
        return
    row = connection.execute(sa.select(Channel.__table__).where(Channel.id == channel_id)).first()
    if row is None:
        return
    merged = {key: value for key, value in {**row.state, **state}.items() if value is not None}
    record = load_channel(core, row)
    updated = vocabulary.Channel(
        **{name: getattr(record, name) for name in record.__slots__ if name != "state"},
        state=merged,
    )
    connection.execute(
        sa.update(Channel)
        .where(Channel.id == channel_id)
        .values(
            state=merged, addresses=sorted(handle.channel_addresses(updated)), updated_at=utcnow()
        )
    )
