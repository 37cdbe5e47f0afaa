"""``chatport events``: webhook requests as they came, and what became of each item.

Owns: the commands. Must not know: how requests are worked on.
"""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.engine import Row

from ..context import Core
from ..db.tables import RawRequest
from ..services.ingest import replay_request
from ..services.outbox import NotPossible
from .channels import find_channel
from .failures import missing
from .ids import ID
from .opening import open_core, require_account
from .output import answer, answering, details, table

STATES = ("pending", "done", "parked", "dead", "held")
_requests = RawRequest.__table__
#: Most that one replay by state takes.
REPLAY_LIMIT = 10_000


@click.group()
def events() -> None:
    """Webhook requests that were received: stored as they came, replayable while their bodies are kept."""


@events.command("list")
@click.option("--account", "account_id", type=ID, help="Of this account only.")
@click.option("--channel", metavar="CHANNEL", help="Of this channel only (id or +number).")
@click.option("--state", type=click.Choice(STATES), help="In this state only.")
@click.option("--before", type=ID, metavar="ID", help="Older than this one.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@answering
def list_events(
    account_id: int | None, channel: str | None, state: str | None, before: int | None, limit: int
) -> None:
    """List requests, the newest first."""
    with open_core() as core:
        where = _where(core, account_id, channel, state)
        if before is not None:
            where.append(_requests.c.id < before)
        columns = [column for column in _requests.c if column.name not in ("body", "secret_hash")]
        with core.db.read("list events") as connection:
            rows = connection.execute(
                sa.select(*columns).where(*where).order_by(_requests.c.id.desc()).limit(limit)
            ).all()
    answer(
        {"events": [dict(row._mapping) for row in rows]},
        table(
            ("id", "received", "account", "channel", "state", "items", "tries", "error"),
            [
                (
                    row.id,
                    row.received_at,
                    row.account_id,
                    row.channel_id,
                    row.state,
                    len(row.items or ()),
                    row.tries,
                    row.error,
                )
                for row in rows
            ],
            empty="There are none.",
        ),
    )


def _where(
    core: Core, account_id: int | None, channel: str | None, state: str | None
) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = []
    if account_id is not None:
        require_account(core, account_id)
        where.append(_requests.c.account_id == account_id)
    if channel is not None:
        where.append(_requests.c.channel_id == find_channel(core, channel).id)
    if state is not None:
        where.append(_requests.c.state == state)
    return where


@events.command()
@click.argument("event_id", type=ID)
@answering
def show(event_id: int) -> None:
    """Show one request: headers, body, and what became of each item."""
    with open_core() as core:
        row = _load(core, event_id)
    body = None if row.body is None else row.body.decode("utf-8", "replace")
    document = {
        **{k: v for k, v in row._mapping.items() if k not in ("body", "secret_hash")},
        "body": body,
    }
    lines = details({k: v for k, v in document.items() if k not in ("items", "body")})
    if row.items:
        lines += ["", *_item_lines(row)]
    lines += ["", "The body is not kept any more." if body is None else body]
    answer(document, lines)


def _item_lines(row: Row[Any]) -> list[str]:
    return table(
        ("item", "kind", "state", "message", "reason"),
        [
            (
                item.get("key"),
                item.get("kind"),
                item.get("state"),
                item.get("message_id"),
                item.get("reason"),
            )
            for item in row.items
        ],
    )


def _load(core: Core, event_id: int) -> Row[Any]:
    with core.db.read("show event") as connection:
        row = connection.execute(sa.select(_requests).where(_requests.c.id == event_id)).first()
    if row is None:
        raise missing(f"There is no event {event_id}.", "List them with: chatport events list")
    return row


@events.command()
@click.argument("event_ids", type=ID, nargs=-1, metavar="[ID]...")
@click.option("--state", type=click.Choice(("parked", "dead", "held")), help="All in this state.")
@click.option("--account", "account_id", type=ID, help="With --state: of this account only.")
@click.option("--channel", metavar="CHANNEL", help="With --state: of this channel only.")
@answering
def replay(
    event_ids: tuple[int, ...], state: str | None, account_id: int | None, channel: str | None
) -> None:
    """Work on requests again, by today's plugin. Safe to repeat: nothing is doubled."""
    if bool(event_ids) == bool(state):
        raise click.UsageError("Give IDs, or --state.")
    with open_core() as core:
        if state is not None:
            where = [*_where(core, account_id, channel, state), _requests.c.body.is_not(None)]
            with core.db.read("events to replay") as connection:
                event_ids = tuple(
                    connection.execute(
                        sa.select(_requests.c.id)
                        .where(*where)
                        .order_by(_requests.c.id)
                        .limit(REPLAY_LIMIT)
                    ).scalars()
                )
        else:
            for event_id in event_ids:  # all or nothing, as far as it can be known
                if _load(core, event_id).body is None:
                    raise NotPossible(
                        f"The body of event {event_id} is not kept any more.",
                        action="CHATPORT_RAW_RETENTION_DAYS says for how long bodies are kept.",
                    )
        done = [event_id for event_id in event_ids if replay_request(core, event_id)]
    answer({"replayed": done}, f"{len(done)} to be worked on again.")
