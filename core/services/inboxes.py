"""Inboxes and their channels: trying a configuration, creating, changing, deleting.

Owns: the order of checks, what is stored, and the work that follows. Must not know: HTTP, forms, how a provider checks.

The provider is asked outside any transaction and before anything is stored. Field errors carry the names of the
provider's schema, or ``name``, ``provider``, ``phone_number``, ``callback_base_url``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from .. import channels as vocabulary
from ..db.tables import Account, Alert, Channel, Inbox
from ..db.types import storable, storable_json, utcnow
from ..db.upsert import insert
from ..errors import AuthenticationFailed, ConfigInvalid, ProviderError, ServiceUnreachable
from ..phones import e164
from ..schema import MASK, address_names, credential_names, generated_names
from ..vault import new_secret
from .accounts import audit
from .channels import callback_url, config_columns, load_channel, load_config, rotated_columns
from .hook_calls import asked
from .outbox.errors import NotFound
from .pairing import CONNECTED, checked_number, schedule_poll
from .tasks.queue import add_task

if TYPE_CHECKING:
    from ..context import Core
    from ..plugins.handle import ProviderHandle

_channels = Channel.__table__
_inboxes = Inbox.__table__

#: Columns of an inbox that its settings may change.
SETTINGS = (
    "lock_to_single_conversation",
    "group_activity",
    "read_receipts",
    "agent_signature",
    "greeting_enabled",
    "greeting_message",
)


@dataclass(frozen=True, slots=True)
class CreatedInbox:
    """A new inbox.

    :param generated_secrets: secrets that were made for it, by field name; shown once and never again.
    """

    inbox_id: int
    channel_id: int
    connection: vocabulary.Connection
    generated_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A configuration that the provider has accepted."""

    handle: ProviderHandle
    channel: vocabulary.Channel
    connection: vocabulary.Connection
    asked_at: datetime
    generated: Mapping[str, str] = field(default_factory=dict, repr=False)


# --- trying -----------------------------------------------------------------------------------------------------------


def try_config(
    core: Core,
    *,
    account_id: int,
    provider: str,
    phone_number: str,
    provider_config: Mapping[str, Any],
    callback_base_url: str | None = None,
    inbox_id: int | None = None,
) -> vocabulary.Connection:
    """Ask the service whether a configuration works. Nothing is stored.

    :param inbox_id: of an existing inbox, whose stored secrets stand behind masked ones.
    :raises ConfigInvalid: with field errors.
    :raises ProviderError: the service refuses, or does not answer; with the action to take.
    """
    row = None if inbox_id is None else _load(core, account_id, inbox_id)
    stored = {} if row is None else load_config(core, row)
    return _check(
        core,
        account_id,
        provider,
        phone_number,
        _unmasked(provider_config, stored),
        callback_base_url,
        row,
    ).connection


# --- creating ---------------------------------------------------------------------------------------------------------


def create_inbox(
    core: Core,
    *,
    account_id: int,
    name: str,
    provider: str,
    phone_number: str,
    provider_config: Mapping[str, Any],
    callback_base_url: str | None = None,
    settings: Mapping[str, Any] | None = None,
    user_id: int | None = None,
) -> CreatedInbox:
    """Make an inbox with its channel. Setting up the service follows as a task.

    A service that is reachable but not logged in is accepted: login is the next step.

    :param provider: key or alias of an installed provider that the account may use.
    :param phone_number: E.164 with plus.
    :raises ConfigInvalid: with field errors. Nothing is stored.
    :raises ProviderError: the service refuses, or does not answer. Nothing is stored.
    """
    shown = storable(name.strip(), 255)
    if not shown:
        raise ConfigInvalid({"name": ["An inbox needs a name."]})
    checked = _check(
        core, account_id, provider, phone_number, dict(provider_config), callback_base_url, None
    )
    columns = {
        **config_columns(
            core, checked.handle, checked.channel, state=storable_json(dict(checked.channel.state))
        ),
        **_connection_columns(checked),
        "account_id": account_id,
        "phone_number": checked.channel.phone_number,
        "callback_base_url": _base_url(callback_base_url),
        "active": True,
    }
    try:
        with core.db.write("create inbox") as connection:
            channel_id = insert(connection, _channels, columns)
            inbox_id = insert(
                connection,
                _inboxes,
                {
                    "account_id": account_id,
                    "channel_id": channel_id,
                    "name": shown,
                    **_known_settings(settings),
                },
            )
            _follow_up(connection, checked, channel_id)
            audit(
                connection,
                "inbox.created",
                account_id=account_id,
                user_id=user_id,
                subject=f"inbox:{inbox_id}",
                data={"provider": checked.handle.key, "phone_number": checked.channel.phone_number},
            )
    except IntegrityError:
        raise _number_taken(checked.channel.phone_number) from None
    core.bells.ring_calls()
    return CreatedInbox(inbox_id, channel_id, checked.connection, checked.generated)


def _follow_up(connection: Connection, checked: _Checked, channel_id: int) -> None:
    """Ask for the work that a new or changed configuration needs."""
    account_id, features = checked.channel.account_id, checked.handle.info.features
    kinds = ["provision"]
    if checked.handle.implements("check_health"):
        kinds.append("check_health")
    if features.templates and checked.handle.implements("fetch_templates"):
        kinds.append("sync_templates")
    for kind in kinds:
        add_task(
            connection,
            kind=kind,
            account_id=account_id,
            channel_id=channel_id,
            dedupe_key=str(channel_id),
        )
    if features.connection_poll_seconds is not None:
        schedule_poll(
            connection, account_id, channel_id, delay=float(features.connection_poll_seconds)
        )


# --- changing ---------------------------------------------------------------------------------------------------------


def update_inbox(
    core: Core,
    *,
    account_id: int,
    inbox_id: int,
    name: str | None = None,
    provider: str | None = None,
    phone_number: str | None = None,
    provider_config: Mapping[str, Any] | None = None,
    callback_base_url: str | None = MASK,
    active: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    user_id: int | None = None,
) -> vocabulary.Connection | None:
    """Change an inbox. What is left out stays; a masked secret keeps the stored one. A replaced webhook secret stays
    valid beside the new one for a day.

    :param callback_base_url: left out keeps it; ``None`` means the installation's own address.
    :param active: a switched-off channel keeps what it receives without applying it, and sends nothing.
    :returns: what the service answered, when it was asked.
    :raises NotFound: no such inbox in the account.
    :raises ConfigInvalid: with field errors. Nothing is changed.
    :raises ProviderError: the service refuses the new configuration. Nothing is changed.
    """
    row = _load(core, account_id, inbox_id)
    inbox_values = _known_settings(settings)
    if name is not None:
        inbox_values["name"] = storable(name.strip(), 255)
        if not inbox_values["name"]:
            raise ConfigInvalid({"name": ["An inbox needs a name."]})
    values: dict[str, Any] = {} if active is None else {"active": active}
    base = row.callback_base_url if callback_base_url == MASK else _base_url(callback_base_url)
    checked = None
    if provider_config is not None or provider or phone_number or base != row.callback_base_url:
        checked = _check_change(core, row, provider, phone_number, provider_config, base)
        columns = config_columns(
            core, checked.handle, checked.channel, state=storable_json(dict(checked.channel.state))
        )
        values |= {
            **columns,
            **_connection_columns(checked),
            **rotated_columns(core, row, columns),
            "phone_number": checked.channel.phone_number,
            "callback_base_url": base,
        }
    now = utcnow()
    try:
        with core.db.write("change inbox") as connection:
            if values:
                connection.execute(
                    sa.update(_channels)
                    .where(_channels.c.id == row.id)
                    .values(**values, updated_at=now)
                )
            if inbox_values:
                connection.execute(
                    sa.update(_inboxes)
                    .where(_inboxes.c.id == inbox_id)
                    .values(**inbox_values, updated_at=now)
                )
            if checked is not None:
                _follow_up(connection, checked, row.id)
            audit(
                connection,
                "inbox.changed",
                account_id=account_id,
                user_id=user_id,
                subject=f"inbox:{inbox_id}",
                data={"fields": sorted({*values, *inbox_values})},
            )
    except IntegrityError:
        raise _number_taken(str(values.get("phone_number", ""))) from None
    core.bells.ring_calls()
    return checked.connection if checked is not None else None


def _check_change(
    core: Core,
    row: Row[Any],
    provider: str | None,
    phone_number: str | None,
    provider_config: Mapping[str, Any] | None,
    base: str | None,
) -> _Checked:
    stored = load_config(core, row)
    key = provider or row.provider
    same_provider = core.plugins.resolve_key(key) == row.provider
    config = dict(stored) if same_provider else {}
    config |= _unmasked(provider_config or {}, stored)
    return _check(core, row.account_id, key, phone_number or row.phone_number, config, base, row)


# --- deleting ---------------------------------------------------------------------------------------------------------


def delete_inbox(core: Core, *, account_id: int, inbox_id: int, user_id: int | None = None) -> None:
    """Delete an inbox: nothing is received or sent any more, the number is free, the history stays for the audit.
    Undoing the setting up at the service follows as a task and never blocks.

    :raises NotFound: no such inbox in the account.
    """
    row = _load(core, account_id, inbox_id)
    now = utcnow()
    with core.db.write("delete inbox") as connection:
        connection.execute(
            sa.update(_channels)
            .where(_channels.c.id == row.id)
            .values(deleted_at=now, active=False, updated_at=now)
        )
        connection.execute(
            sa.update(_inboxes)
            .where(_inboxes.c.id == inbox_id)
            .values(deleted_at=now, updated_at=now)
        )
        connection.execute(
            sa.update(Alert)
            .where(Alert.channel_id == row.id, Alert.resolved_at.is_(None))
            .values(resolved_at=now)
        )
        add_task(
            connection,
            kind="unprovision",
            account_id=account_id,
            channel_id=row.id,
            dedupe_key=str(row.id),
        )
        audit(
            connection,
            "inbox.deleted",
            account_id=account_id,
            user_id=user_id,
            subject=f"inbox:{inbox_id}",
            data={"phone_number": row.phone_number},
        )
    core.bells.ring_calls()


def request_task(core: Core, *, account_id: int, inbox_id: int, kind: str) -> bool:
    """Ask for work at the service now: ``provision``, ``check_health``, ``sync_templates`` or ``poll_connection``.

    :returns: whether it was added; ``False`` when the same waits already.
    :raises NotFound: no such inbox in the account.
    """
    row = _load(core, account_id, inbox_id)
    with core.db.write(f"request {kind}") as connection:
        added = add_task(
            connection,
            kind=kind,
            account_id=account_id,
            channel_id=row.id,
            dedupe_key=str(row.id),
        )
    core.bells.ring_calls()
    return added is not None


# --- checks -----------------------------------------------------------------------------------------------------------


def _load(core: Core, account_id: int, inbox_id: int) -> Row[Any]:
    """The channel's row of a live inbox."""
    with core.db.read("load channel") as connection:
        row = connection.execute(
            sa.select(_channels)
            .join(_inboxes, _inboxes.c.channel_id == _channels.c.id)
            .where(
                _inboxes.c.id == inbox_id,
                _inboxes.c.account_id == account_id,
                _inboxes.c.deleted_at.is_(None),
            )
        ).first()
    if row is None:
        raise NotFound("There is no such inbox.")
    return row


def _check(
    core: Core,
    account_id: int,
    provider: str,
    phone_number: str,
    config: Mapping[str, Any],
    callback_base_url: str | None,
    row: Row[Any] | None,
) -> _Checked:
    handle = _allowed_provider(core, account_id, provider)
    number = e164(phone_number)
    if number is None:
        raise ConfigInvalid(
            {"phone_number": ["Give the number with + and country code, such as +4915112340001."]}
        )
    base = _base_url(callback_base_url)
    _check_number_free(core, number, None if row is None else row.id)
    loaded, generated = _loaded(handle, config)
    same_provider = row is not None and row.provider == handle.key
    channel = vocabulary.Channel(
        id=0 if row is None else row.id,
        account_id=account_id,
        provider=handle.key,
        phone_number=number,
        config=loaded,
        state=dict(load_channel(core, row).state) if row is not None and same_provider else {},
        callback_url=callback_url(core, number, base),
    )
    asked_at = utcnow()
    try:
        found = asked(core.settings.hook_time_limit, lambda: handle.validate_config(channel))
    except ProviderError as error:
        error.fields = error.fields or _suspects(handle, error)
        error.action = error.action or "Correct the named fields, or try again later."
        raise
    connection = checked_number(channel, found)
    channel = replace(channel, state={**channel.state, **connection.state})
    return _Checked(handle, channel, connection, asked_at, generated)


def _suspects(handle: ProviderHandle, error: ProviderError) -> dict[str, list[str]]:
    """The field to look at first, by the class of an error: the address, or the credentials."""
    names: list[str] = []
    if isinstance(error, ServiceUnreachable):
        names = address_names(handle.info.schema)
    elif isinstance(error, AuthenticationFailed):
        names = credential_names(handle.info.schema)
    return {name: [error.message] for name in names[:1]}


def _allowed_provider(core: Core, account_id: int, provider: str) -> ProviderHandle:
    key = core.plugins.resolve_key(provider.strip())
    with core.db.read("providers of an account") as connection:
        account = connection.execute(
            sa.select(Account.providers_allowed).where(Account.id == account_id)
        ).first()
    if account is None:
        raise ConfigInvalid({"account_id": [f"There is no account {account_id}."]})
    allowed = account.providers_allowed
    usable = [k for k in sorted(core.plugins.providers) if allowed is None or k in allowed]
    if key not in usable:
        installed = key in core.plugins.providers
        raise ConfigInvalid(
            {
                "provider": [
                    f"The provider {key!r} is not open to this account."
                    if installed
                    else f"There is no provider {storable(provider, 64)!r}."
                ]
            },
            action=(
                "Ask the operator of this installation to allow it."
                if installed
                else f"Use one of: {', '.join(usable) or 'none is installed'}; or install its package."
            ),
        )
    return core.plugins.provider(key)


def _loaded(
    handle: ProviderHandle, config: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration as the provider's schema loads it, with the secrets that were made for it."""
    schema = handle.info.schema
    try:
        loaded: dict[str, Any] = schema().load(dict(config))
    except ValidationError as error:
        raise ConfigInvalid(_flat(error.messages)) from None
    generated = {
        name: new_secret() for name in sorted(generated_names(schema)) if not loaded.get(name)
    }
    return {**loaded, **generated}, generated


def _flat(messages: Any) -> dict[str, list[str]]:
    """marshmallow's nested messages as a list of texts by field."""
    found: dict[str, list[str]] = {}
    for name, value in dict(messages).items():
        inner = value
        while isinstance(inner, Mapping):
            inner = [
                text
                for part in inner.values()
                for text in (part if isinstance(part, list) else [part])
            ]
        found[str(name)] = [str(text) for text in (inner if isinstance(inner, list) else [inner])]
    return found


def _unmasked(config: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as typed, with the stored value where a mask came back."""
    given = {}
    for key, value in config.items():
        if value != MASK:
            given[key] = value
        elif key in stored:
            given[key] = stored[key]
    return given


def _base_url(address: str | None) -> str | None:
    if not address:
        return None
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigInvalid(
            {"callback_base_url": ["Give an address such as https://chat.example.com."]}
        )
    return address.strip().rstrip("/")


def _check_number_free(core: Core, number: str, channel_id: int | None) -> None:
    with core.db.read("number in use") as connection:
        taken = connection.execute(
            sa.select(_channels.c.id).where(
                _channels.c.phone_number == number, _channels.c.deleted_at.is_(None)
            )
        ).scalar()
    if taken is not None and taken != channel_id:
        raise _number_taken(number)


def _number_taken(number: str) -> ConfigInvalid:
    return ConfigInvalid(
        {"phone_number": [f"There is already an inbox for {number}."]},
        action="Use that inbox, or delete it first.",
    )


def _connection_columns(checked: _Checked) -> dict[str, Any]:
    found = checked.connection
    apart = "login_required" if found.login_required else "disconnected"
    return {
        "connection": CONNECTED if found.connected else apart,
        "connection_reason": storable(found.reason),
        "connection_action": storable(found.action),
        "connection_checked_at": checked.asked_at,
        "facts": storable_json(dict(found.facts)),
        "paused_until": None,
        "pause_reason": "",
    }


def _known_settings(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (settings or {}).items() if key in SETTINGS}
