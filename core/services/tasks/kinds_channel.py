"""Tasks about a channel: setting it up, its connection, templates, health, history.

Owns: these kinds. Must not know: how a provider does it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...channels import ManualStep, Provisioned
from ...db.tables import Channel, Inbox
from ...db.types import storable, storable_json, utcnow
from ...errors import ProviderError, UnsupportedFeature
from ...notices import Notice, NoticeKind
from .. import pairing, reconcile
from ..alerts import raise_alert, resolve_alert
from ..channels import merge_state
from .kinds import Again, Kind, open_channel, words
from .queue import add_task

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

_channels = Channel.__table__
#: Seconds between two looks at the connection while a phone is being linked.
PAIRING_POLL = 2.0


# --- setting up -------------------------------------------------------------------------------------------------------


def provision(core: Core, task: Row[Any]) -> None:
    """Prepare the service: device, webhook address, secret. What it could not do itself is kept as steps to show."""
    opened = open_channel(core, task)
    if opened is None:
        return
    result = Provisioned()
    if opened.handle.implements("provision"):
        result = opened.call(lambda: opened.handle.provision(opened.channel))
    with core.db.write("keep provisioning") as connection:
        merge_state(connection, core, opened.handle, opened.row.id, result.state)
        _keep_provisioning(
            connection,
            opened.row.id,
            {
                "state": "done",
                "done": list(result.done),
                "steps": [_step(core, step) for step in result.steps],
            },
        )
        resolve_alert(
            connection, account_id=opened.row.account_id, dedupe_key=_provision_key(opened.row.id)
        )
        if opened.handle.implements("connection_status"):
            pairing.schedule_poll(connection, opened.row.account_id, opened.row.id, delay=0.0)
        if opened.handle.implements("check_health"):
            # What was found before, an address that leads elsewhere for example, has just been mended.
            add_task(
                connection,
                kind="check_health",
                account_id=opened.row.account_id,
                channel_id=opened.row.id,
                dedupe_key=str(opened.row.id),
                again=True,
            )
    _tell_health(core, opened.row)


def provision_failed(core: Core, task: Row[Any], error: Exception, last: bool) -> None:
    """Show why, from the first failure; alert when it is given up."""
    text, action = words(error)
    with core.db.write("provisioning failed") as connection:
        row = connection.execute(
            sa.select(_channels).where(_channels.c.id == task.channel_id)
        ).one()
        _keep_provisioning(
            connection,
            row.id,
            {
                "state": "failed" if last else "retrying",
                "done": (row.provisioning or {}).get("done", []),
                "steps": (row.provisioning or {}).get("steps", []),
                "error": storable(text),
                "action": storable(action),
            },
        )
        if last:
            raise_alert(
                connection,
                account_id=row.account_id,
                channel_id=row.id,
                kind="provisioning",
                dedupe_key=_provision_key(row.id),
                title=f"The service could not be set up for {row.phone_number}",
                body=text,
                action=action or "Mend the cause, then set the channel up again.",
            )
    _tell_health(core, row)


def _provision_key(channel_id: int) -> str:
    return f"channel:{channel_id}:provisioning"


def _step(core: Core, step: ManualStep) -> dict[str, Any]:
    """A step as it is stored; values of a secret one are sealed until they are shown, once."""
    shown: dict[str, Any] = {
        "title": step.title,
        "instruction": step.instruction,
        "secret": step.secret,
    }
    if step.secret:
        return {**shown, "values": {}, "sealed": core.vault.seal(dict(step.values))}
    return {**shown, "values": dict(step.values)}


def take_steps(core: Core, account_id: int, channel_id: int) -> list[dict[str, Any]]:
    """The steps that an administrator has to do by hand. Secret values are given out once and forgotten then."""
    with core.db.write("show steps") as connection:
        row = connection.execute(
            sa.select(_channels)
            .where(_channels.c.id == channel_id, _channels.c.account_id == account_id)
            .with_for_update()
        ).one()
        provisioning = row.provisioning or {}
        stored = provisioning.get("steps", [])
        kept = [{key: value for key, value in step.items() if key != "sealed"} for step in stored]
        connection.execute(
            sa.update(_channels)
            .where(_channels.c.id == channel_id)
            .values(provisioning={**provisioning, "steps": kept})
        )
    return [
        {**plain, "values": core.vault.open(step["sealed"])} if "sealed" in step else plain
        for step, plain in zip(stored, kept, strict=True)
    ]


def _keep_provisioning(connection: Connection, channel_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(
        sa.update(_channels)
        .where(_channels.c.id == channel_id)
        .values(provisioning=storable_json({**values, "at": utcnow().isoformat()}))
    )


def unprovision(core: Core, task: Row[Any]) -> None:
    """Undo the setting up of a deleted channel."""
    opened = open_channel(core, task, deleted=True)
    if opened is not None and opened.handle.implements("unprovision"):
        opened.call(lambda: opened.handle.unprovision(opened.channel))


def unprovision_failed(core: Core, task: Row[Any], error: Exception, last: bool) -> None:
    """Say what is left behind at the service."""
    if not last:
        return
    text, action = words(error)
    with core.db.write("unprovisioning failed") as connection:
        row = connection.execute(
            sa.select(_channels).where(_channels.c.id == task.channel_id)
        ).one()
        raise_alert(
            connection,
            account_id=row.account_id,
            channel_id=row.id,
            kind="provisioning",
            dedupe_key=f"channel:{row.id}:unprovisioning",
            title=f"Something of {row.phone_number} may be left at the service",
            body=text,
            action=action or "Remove the channel's webhook address at the service by hand.",
        )


# --- connection, health -----------------------------------------------------------------------------------------------


def poll_connection(core: Core, task: Row[Any]) -> Again | None:
    """Ask whether messages can be sent; a lost login is told, a recovered one resolves that. Comes back by itself."""
    opened = open_channel(core, task)
    if opened is None or not opened.handle.implements("connection_status"):
        return None
    connected = False
    try:
        found = pairing.connection_status(core, task.account_id, opened.row.id)
        connected = found.connected
    except ProviderError as error:
        logger.info("connection of channel %s: %s", opened.row.id, error)
    fast = int(task.payload.get("fast", 0))
    if fast > 0 and not connected:
        return Again(PAIRING_POLL, {"fast": fast - 1})
    every = opened.features.connection_poll_seconds
    return None if every is None else Again(float(every), {})


def check_health(core: Core, task: Row[Any]) -> None:
    """Collect evidence about the channel at the service."""
    opened = open_channel(core, task)
    if opened is None or not opened.handle.implements("check_health"):
        return
    found = opened.call(lambda: opened.handle.check_health(opened.channel))
    facts = {
        "health": [asdict(fact) for fact in found],
        "health_checked_at": utcnow().isoformat(),
    }
    with core.db.write("keep health") as connection:
        current = connection.execute(
            sa.select(_channels.c.facts)
            .where(_channels.c.id == opened.row.id)
            .with_for_update(key_share=True)
        ).scalar_one()
        connection.execute(
            sa.update(_channels)
            .where(_channels.c.id == opened.row.id)
            .values(facts=storable_json({**(current or {}), **facts}))
        )
    if (current or {}).get("health") != facts["health"]:
        _tell_health(core, opened.row)


def _tell_health(core: Core, row: Row[Any]) -> None:
    with core.db.read("inbox of a channel") as connection:
        inbox_id = connection.execute(
            sa.select(Inbox.id).where(Inbox.channel_id == row.id)
        ).scalar_one_or_none()
    kind = NoticeKind.CHANNEL_HEALTH_CHANGED
    core.publish([Notice(kind, row.account_id, inbox_id=inbox_id, data={"channel_id": row.id})])


# --- templates --------------------------------------------------------------------------------------------------------


def sync_templates(core: Core, task: Row[Any]) -> None:
    """Fetch all templates, or keep what is there."""
    opened = open_channel(core, task)
    if opened is None or not opened.handle.implements("fetch_templates"):
        return
    templates = opened.call(lambda: opened.handle.fetch_templates(opened.channel))
    with core.db.write("keep templates") as connection:
        connection.execute(
            sa.update(_channels)
            .where(_channels.c.id == opened.row.id)
            .values(
                message_templates=storable_json(list(templates)),
                message_templates_last_updated=utcnow(),
                templates_error=None,
            )
        )
    _tell_health(core, opened.row)


def sync_failed(core: Core, task: Row[Any], error: Exception, last: bool) -> None:
    """Keep the error beside the old templates; the time is set, so that a broken channel is not asked all the time."""
    values: dict[str, Any] = {"templates_error": storable(" ".join(words(error)).strip())}
    if last:
        values["message_templates_last_updated"] = utcnow()
    with core.db.write("templates failed") as connection:
        connection.execute(
            sa.update(_channels).where(_channels.c.id == task.channel_id).values(**values)
        )


# --- history ----------------------------------------------------------------------------------------------------------


def run_reconcile(core: Core, task: Row[Any]) -> None:
    """Fetch what the service received while we could not."""
    opened = open_channel(core, task)
    if opened is None or not opened.features.history:
        return
    note: dict[str, Any] = {"at": utcnow().isoformat()}
    try:
        note["events"] = reconcile.reconcile(
            core, opened.row.id, datetime.fromisoformat(task.payload["since"])
        )
    except UnsupportedFeature as error:
        note |= {"error": str(error), "action": error.action}
    _note_history(core, opened.row.id, note)


def reconcile_failed(core: Core, task: Row[Any], error: Exception, last: bool) -> None:
    """Say that history was not fetched."""
    if last:
        text, action = words(error)
        _note_history(
            core, task.channel_id, {"at": utcnow().isoformat(), "error": text, "action": action}
        )


def _note_history(core: Core, channel_id: int, note: Mapping[str, Any]) -> None:
    with core.db.write("note history") as connection:
        current = connection.execute(
            sa.select(_channels.c.facts)
            .where(_channels.c.id == channel_id)
            .with_for_update(key_share=True)
        ).scalar_one()
        connection.execute(
            sa.update(_channels)
            .where(_channels.c.id == channel_id)
            .values(facts=storable_json({**(current or {}), "history": dict(note)}))
        )


KINDS: Mapping[str, Kind] = {
    "provision": Kind(provision, exclusive=True, failed=provision_failed),
    "unprovision": Kind(unprovision, exclusive=True, failed=unprovision_failed),
    "poll_connection": Kind(poll_connection),
    "check_health": Kind(check_health),
    "sync_templates": Kind(sync_templates, failed=sync_failed),
    # The lock keeps a second one away for as long as it takes; the lease is how soon a killed one is taken up again.
    "reconcile": Kind(run_reconcile, lease=20.0, exclusive=True, failed=reconcile_failed),
}
