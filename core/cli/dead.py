"""``chatport dead``: what Chatport gave up on, with the reason; trying again, or putting away.

Owns: the commands. Must not know: what replaying means for each kind.
"""

from __future__ import annotations

from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.engine import Row

from ..context import Core
from ..db.tables import DeadLetter
from ..errors import ChatportError
from ..services import dead_letters
from ..services.outbox import NotPossible
from .failures import ExitCode, missing
from .ids import ID
from .opening import open_core, require_account
from .output import answer, answering, details, note, table

OPEN = ("dead", "parked")
_letters = DeadLetter.__table__


@click.group()
def dead() -> None:
    """Dead letters: events, sends and files that failed for good, each with its reason."""


@dead.command("list")
@click.option("--account", "account_id", type=ID, help="Of this account only.")
@click.option(
    "--state",
    type=click.Choice(("dead", "parked", "replayed", "resolved", "any")),
    help="In this state; by default those that are dead or parked.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@answering
def list_letters(account_id: int | None, state: str | None, limit: int) -> None:
    """List dead letters, the newest first."""
    query = sa.select(*(column for column in _letters.c if column.name != "payload"))
    if state != "any":
        query = query.where(_letters.c.state.in_(OPEN if state is None else (state,)))
    if account_id is not None:
        query = query.where(_letters.c.account_id == account_id)
    with open_core() as core:
        if account_id is not None:
            require_account(core, account_id)
        with core.db.read("list dead letters") as connection:
            rows = connection.execute(query.order_by(_letters.c.id.desc()).limit(limit)).all()
    answer(
        {"dead_letters": [dict(row._mapping) for row in rows]},
        table(
            ("id", "since", "account", "channel", "kind", "of", "state", "error"),
            [
                (
                    row.id,
                    row.created_at,
                    row.account_id,
                    row.channel_id,
                    row.kind,
                    row.subject_id,
                    row.state,
                    row.error,
                )
                for row in rows
            ],
            empty="There are none.",
        ),
    )


@dead.command()
@click.argument("letter_id", type=ID)
@answering
def show(letter_id: int) -> None:
    """Show one dead letter with its payload and what to do."""
    with open_core() as core:
        row = _load(core, letter_id)
    answer(dict(row._mapping), details(dict(row._mapping)))


def _load(core: Core, letter_id: int) -> Row[Any]:
    with core.db.read("show dead letter") as connection:
        row = connection.execute(sa.select(_letters).where(_letters.c.id == letter_id)).first()
    if row is None:
        raise missing(f"There is no dead letter {letter_id}.", "List them with: chatport dead list")
    return row


@dead.command()
@click.argument("letter_ids", type=ID, nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that are dead or parked.")
@click.option("--account", "account_id", type=ID, help="With --all: of this account only.")
@answering
@click.pass_context
def replay(
    context: click.Context,
    letter_ids: tuple[int, ...],
    everything: bool,
    account_id: int | None,
) -> None:
    """Try again what dead letters hold. One that fails again comes back with the new reason.

    Exit code 1 when one of them cannot be replayed.
    """
    if bool(letter_ids) == everything:
        raise click.UsageError("Give IDs, or --all.")
    with open_core() as core:
        ids = _open_ids(core, account_id) if everything else letter_ids
        rows = [_load(core, letter_id) for letter_id in ids]
        done, refused = _replay_each(core, rows)
    for one in refused:
        note(f"{one['id']}: {one['error']} {one['action']}".rstrip())
    answer({"replayed": done, "refused": refused}, f"{len(done)} replayed.")
    if refused:
        context.exit(ExitCode.FAILED)


def _open_ids(core: Core, account_id: int | None) -> list[int]:
    query = sa.select(_letters.c.id).where(_letters.c.state.in_(OPEN)).order_by(_letters.c.id)
    if account_id is not None:
        require_account(core, account_id)
        query = query.where(_letters.c.account_id == account_id)
    with core.db.read("open dead letters") as connection:
        return list(connection.execute(query).scalars())


def _replay_each(core: Core, rows: list[Row[Any]]) -> tuple[list[int], list[dict[str, Any]]]:
    done: list[int] = []
    refused: list[dict[str, Any]] = []
    for row in rows:
        try:
            dead_letters.replay(core, account_id=row.account_id, letter_id=row.id)
        except ChatportError as error:
            refused.append({"id": row.id, "error": str(error), "action": error.action})
        else:
            done.append(row.id)
    return done, refused


@dead.command()
@click.argument("letter_ids", type=ID, nargs=-1, required=True, metavar="ID...")
@answering
def discard(letter_ids: tuple[int, ...]) -> None:
    """Put dead letters away without trying again. They stay listed with --state resolved."""
    with open_core() as core:
        rows = [_load(core, letter_id) for letter_id in letter_ids]
        for row in rows:
            if row.state not in OPEN:
                raise NotPossible(
                    f"Dead letter {row.id} is {row.state} already.", action="Leave it out."
                )
        for row in rows:
            dead_letters.close(core, account_id=row.account_id, letter_id=row.id)
    answer({"discarded": [row.id for row in rows]}, f"{len(rows)} discarded.")
