"""The WhatsApp login of a channel: pairing, and what is known about its connection.

Owns: the four pairing actions, the check that the right phone was linked, the connection columns with their alerts.
Must not know: HTTP requests, how a provider pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from .. import channels as vocabulary
from ..channels import PairingPrompt
from ..db.tables import Channel, Inbox
from ..db.types import storable, storable_json, utcnow
from ..errors import (
    AuthenticationFailed,
    ErrorClass,
    NotConnected,
    ProviderError,
    UnsupportedFeature,
)
from ..notices import Notice, NoticeKind
from ..phones import variants
from .alerts import raise_alert, resolve_alert
from .channels import load_channel, merge_state
from .hook_calls import asked
from .reconcile import request_reconcile
from .tasks.queue import add_task, hurry_task

if TYPE_CHECKING:
    from ..context import Core
    from ..plugins.handle import ProviderHandle

_channels = Channel.__table__

CONNECTED = "connected"
#: Seconds that a first QR code may take beyond the limit of other hooks: services wait for WhatsApp themselves.
PAIRING_GRACE = 30.0
#: Words of the column ``connection`` that mean trouble, with the alert's kind and title.
TROUBLE = {
    "login_required": ("login_lost", "WhatsApp login lost: {number}"),
    "disconnected": ("disconnected", "WhatsApp is not connected: {number}"),
    "unauthorised": ("credentials", "Credentials refused: {number}"),
    "unreachable": ("unreachable", "Service not reachable: {number}"),
}
#: Trouble that often passes by itself: told only when it was found twice in a row.
_PASSING = ("disconnected", "unreachable")


class WrongNumber(NotConnected):
    """Another phone than the channel's own is linked."""


# --- actions ----------------------------------------------------------------------------------------------------------


def start_pairing(core: Core, account_id: int, channel_id: int, method: str) -> PairingPrompt:
    """Begin, or go on with, linking the channel's phone.

    :param method: ``qr`` or ``code``.
    :raises UnsupportedFeature: the provider has no such way.
    :raises ProviderError: with the action to take.
    """
    handle, record = _open(core, account_id, channel_id)
    ways = handle.info.features.pairing
    if method not in ways:
        raise UnsupportedFeature(
            f"{handle.info.title} cannot link a phone by {method!r}.",
            action=f"Use one of: {', '.join(ways)}."
            if ways
            else "Link the phone at the service itself.",
            code="pairing",
        )
    prompt = asked(
        core.settings.hook_time_limit + PAIRING_GRACE,
        lambda: handle.start_pairing(record, method, record.phone_number),
    )
    with core.db.write("poll while pairing") as connection:
        schedule_poll(connection, record.account_id, channel_id, delay=2.0, payload={"fast": 60})
    core.bells.ring_calls()
    return prompt


def connection_status(core: Core, account_id: int, channel_id: int) -> vocabulary.Connection:
    """Ask the service whether messages can be sent now, and keep the answer.

    :raises ProviderError: the service gave no answer; kept as well.
    """
    return _ask(
        core, account_id, channel_id, lambda handle, record: handle.connection_status(record)
    )


def logout(core: Core, account_id: int, channel_id: int) -> vocabulary.Connection:
    """Unlink the phone."""
    return _ask(
        core, account_id, channel_id, lambda handle, record: handle.logout(record), wanted=True
    )


def reconnect(core: Core, account_id: int, channel_id: int) -> vocabulary.Connection:
    """Ask the service to connect its session again."""
    return _ask(core, account_id, channel_id, lambda handle, record: handle.reconnect(record))


def _open(
    core: Core, account_id: int, channel_id: int
) -> tuple[ProviderHandle, vocabulary.Channel]:
    with core.db.read("load channel") as connection:
        row = connection.execute(
            sa.select(_channels).where(
                _channels.c.id == channel_id,
                _channels.c.account_id == account_id,
                _channels.c.deleted_at.is_(None),
            )
        ).one()
    return core.plugins.provider(row.provider), load_channel(core, row)


def _ask(
    core: Core,
    account_id: int,
    channel_id: int,
    call: Callable[[ProviderHandle, vocabulary.Channel], vocabulary.Connection],
    *,
    wanted: bool = False,
) -> vocabulary.Connection:
    handle, record = _open(core, account_id, channel_id)
    asked_at = utcnow()
    try:
        answer = asked(core.settings.hook_time_limit, lambda: call(handle, record))
        found = checked_number(record, answer)
    except ProviderError as error:
        keep_failure(core, channel_id, error, asked_at)
        raise
    keep_connection(core, handle, channel_id, found, asked_at, wanted=wanted)
    return found


def checked_number(
    channel: vocabulary.Channel, found: vocabulary.Connection
) -> vocabulary.Connection:
    """The answer, if the linked phone is the channel's own.

    Where a service tells no number the answer is taken as it is.

    :raises WrongNumber: another phone is linked.
    """
    linked = "".join(c for c in found.linked_number if c.isdigit())
    if not linked or linked in (channel.phone_digits, *variants(channel.phone_digits)):
        return found
    raise WrongNumber(
        f"The linked phone has the number +{linked}, but this channel is for {channel.phone_number}.",
        action=f"Log out, then link the phone with the number {channel.phone_number};"
        f" or make another inbox for +{linked}.",
        code="wrong_number",
    )


# --- what is known ----------------------------------------------------------------------------------------------------


def keep_connection(
    core: Core,
    handle: ProviderHandle,
    channel_id: int,
    found: vocabulary.Connection,
    asked_at: datetime,
    *,
    wanted: bool = False,
) -> None:
    """Store a service's answer about the connection.

    :param asked_at: when it was asked; an answer older than what is known changes nothing.
    :param wanted: a person asked for the state, so it is no alarm.
    """
    apart = "login_required" if found.login_required else "disconnected"
    word = CONNECTED if found.connected else apart
    with core.db.write("keep connection") as connection:
        merge_state(connection, core, handle, channel_id, found.state)
        notices = note_connection(
            connection, channel_id, word, found.reason, found.action, asked_at, wanted=wanted
        )
        if found.facts:
            _keep_facts(connection, channel_id, found)
    _tell(core, notices)


def _keep_facts(connection: Connection, channel_id: int, found: vocabulary.Connection) -> None:
    facts = connection.execute(
        sa.select(_channels.c.facts).where(_channels.c.id == channel_id)
    ).scalar_one()
    merged = {**(facts or {}), **storable_json(dict(found.facts))}
    connection.execute(
        sa.update(_channels).where(_channels.c.id == channel_id).values(facts=merged)
    )


def keep_failure(core: Core, channel_id: int, error: ProviderError, asked_at: datetime) -> None:
    """Store that a service did not tell about the connection."""
    word = connection_word(error)
    if word:
        with core.db.write("keep connection") as connection:
            notices = note_connection(
                connection, channel_id, word, str(error), error.action, asked_at
            )
        _tell(core, notices)


def connection_word(error: ProviderError) -> str:
    """What an error says about the connection; empty when nothing."""
    if isinstance(error, AuthenticationFailed):
        return "unauthorised"
    if isinstance(error, NotConnected):
        return "disconnected"
    return "unreachable" if error.error_class is ErrorClass.UNREACHABLE else ""


def note_connection(
    connection: Connection,
    channel_id: int,
    word: str,
    reason: str,
    action: str,
    asked_at: datetime,
    *,
    wanted: bool = False,
) -> list[Notice]:
    """Set a channel's connection, raise or resolve its alerts; in the caller's transaction.

    :returns: notices to publish after the commit.
    """
    row = connection.execute(
        sa.select(_channels).where(_channels.c.id == channel_id).with_for_update(key_share=True)
    ).one()
    if row.connection_checked_at is not None and row.connection_checked_at > asked_at:
        return []
    values: dict[str, Any] = {
        "connection": word,
        "connection_reason": storable(reason),
        "connection_action": storable(action),
        "connection_checked_at": asked_at,
    }
    if word == CONNECTED:
        values |= {"paused_until": None, "pause_reason": ""}
        _recovered(connection, row)
    elif not wanted:
        _warn(connection, row, word, reason, action)
    connection.execute(sa.update(_channels).where(_channels.c.id == channel_id).values(**values))
    return [_health_notice(connection, row, word)] if row.connection != word else []


def _recovered(connection: Connection, row: Row[Any]) -> None:
    if row.connection == CONNECTED:
        return
    for word in TROUBLE:
        resolve_alert(connection, account_id=row.account_id, dedupe_key=_alert_key(row.id, word))
    if row.connection in TROUBLE:
        # What arrived while the service was away may have been lost on its way to us.
        request_reconcile(connection, row)


def _warn(connection: Connection, row: Row[Any], word: str, reason: str, action: str) -> None:
    if word == "login_required" and row.connection in ("unknown", word):
        return  # not linked yet, or told already
    if word in _PASSING and row.connection != word:
        return
    kind, title = TROUBLE[word]
    raise_alert(
        connection,
        account_id=row.account_id,
        channel_id=row.id,
        kind=kind,
        dedupe_key=_alert_key(row.id, word),
        title=title.format(number=row.phone_number),
        body=reason,
        action=action,
    )


def _alert_key(channel_id: int, word: str) -> str:
    return f"channel:{channel_id}:{word}"


def _health_notice(connection: Connection, row: Row[Any], word: str) -> Notice:
    inbox_id = connection.execute(
        sa.select(Inbox.id).where(Inbox.channel_id == row.id)
    ).scalar_one_or_none()
    return Notice(
        NoticeKind.CHANNEL_HEALTH_CHANGED,
        row.account_id,
        inbox_id=inbox_id,
        data={"channel_id": row.id, "connection": word},
    )


def _tell(core: Core, notices: list[Notice]) -> None:
    if notices:
        core.publish(notices)
        core.bells.ring_calls()


def schedule_poll(
    connection: Connection,
    account_id: int,
    channel_id: int,
    *,
    delay: float,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Ask for the connection after ``delay`` seconds, whatever time a question that waits already has."""
    added = add_task(
        connection,
        kind="poll_connection",
        account_id=account_id,
        channel_id=channel_id,
        dedupe_key=str(channel_id),
        payload=payload,
        delay=delay,
    )
    if added is None:
        hurry_task(connection, "poll_connection", str(channel_id), delay=delay, payload=payload)
