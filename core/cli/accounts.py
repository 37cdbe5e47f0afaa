"""``chatport account``.

Owns: the commands. Must not know: how accounts are stored.
"""

from __future__ import annotations

import click
import sqlalchemy as sa

from ..db.tables import Account
from ..services import accounts
from .ids import ID
from .opening import open_core, require_account
from .output import answer, answering, table


@click.group()
def account() -> None:
    """Accounts: each has its own inboxes, contacts and people."""


@account.command("list")
@answering
def list_accounts() -> None:
    """List all accounts."""
    with open_core() as core, core.db.read("list accounts") as connection:
        rows = connection.execute(
            sa.select(
                Account.id,
                Account.name,
                Account.active,
                Account.providers_allowed,
                Account.created_at,
            ).order_by(Account.id)
        ).all()
    answer(
        {"accounts": [dict(row._mapping) for row in rows]},
        table(
            ("id", "name", "active", "providers", "created"),
            [
                (r.id, r.name, r.active, ", ".join(r.providers_allowed or ["all"]), r.created_at)
                for r in rows
            ],
            empty="There is no account. Make one with: chatport account create NAME",
        ),
    )


@account.command("create")
@click.argument("name")
@click.option(
    "--provider",
    "providers",
    multiple=True,
    metavar="KEY",
    help="A provider that it may use; repeat for several. Left out: all that are installed.",
)
@answering
def create_account(name: str, providers: tuple[str, ...]) -> None:
    """Make the account NAME."""
    with open_core() as core:
        account_id = accounts.create_account(core, name, providers_allowed=providers or None)
    answer(
        {"account_id": account_id, "name": name},
        [
            f"Made account {account_id}.",
            f"Add its first person with: chatport user create EMAIL --account {account_id}",
        ],
    )


@account.command()
@click.argument("account_id", type=ID)
@answering
def suspend(account_id: int) -> None:
    """Suspend an account: it sends nothing, and what arrives is kept and not applied."""
    _set_active(account_id, active=False)


@account.command()
@click.argument("account_id", type=ID)
@answering
def resume(account_id: int) -> None:
    """Let a suspended account work again.

    What arrived meanwhile is applied by: chatport events replay --state held --account ID
    """
    _set_active(account_id, active=True)


def _set_active(account_id: int, *, active: bool) -> None:
    with open_core() as core:
        require_account(core, account_id)
        accounts.set_account_active(core, account_id, active)
    word = "active" if active else "suspended"
    answer({"account_id": account_id, "active": active}, f"Account {account_id} is {word}.")
