"""``chatport account``, ``chatport user`` and ``chatport token``.

Owns: the commands. Must not know: how accounts, users and tokens are stored.
"""

from __future__ import annotations

import click
import sqlalchemy as sa

from ..context import Core
from ..db.tables import Account, User
from ..services import accounts
from .failures import missing
from .opening import open_core, require_account
from .output import answer, answering, table
from .secrets_in import ask, can_ask, read_secret

# --- accounts ---------------------------------------------------------------------------------------------------------


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
@click.argument("account_id", type=int)
@answering
def suspend(account_id: int) -> None:
    """Suspend an account: it sends nothing, and what arrives is kept and not applied."""
    _set_active(account_id, active=False)


@account.command()
@click.argument("account_id", type=int)
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


# --- users ------------------------------------------------------------------------------------------------------------


@click.group()
def user() -> None:
    """People who sign in."""


@user.command("create")
@click.argument("email")
@click.option("--account", "account_id", type=int, default=1, show_default=True)
@click.option("--name", default="", help="Shown name; by default the first part of the address.")
@click.option(
    "--role",
    type=click.Choice(accounts.ROLES),
    default=accounts.AGENT,
    show_default=True,
)
@click.option(
    "--password-file",
    metavar="FILE",
    help="File whose first line is the password; - reads standard input.",
)
@click.option(
    "--no-password", is_flag=True, help="A user of the API only, who needs a token and no login."
)
@answering
def create_user(
    email: str, account_id: int, name: str, role: str, password_file: str | None, no_password: bool
) -> None:
    """Make a user, or add one who exists to the account; his name and password stay then.

    The password is asked for, or read from --password-file.
    """
    if no_password and password_file:
        raise click.UsageError("--no-password and --password-file exclude each other.")
    with open_core() as core:
        require_account(core, account_id)
        known = _find_user(core, email) is not None
        password = None if known or no_password else _password(password_file)
        user_id = accounts.create_user(
            core, account_id=account_id, email=email, name=name, role=role, password=password
        )
    text = (
        f"User {user_id} existed and is now {role} of account {account_id}."
        " Name and password stay as they were."
        if known
        else f"Made user {user_id}, {role} of account {account_id}."
    )
    answer(
        {"user_id": user_id, "account_id": account_id, "role": role, "existed": known},
        text,
    )


def _password(source: str | None) -> str:
    if source is not None:
        return read_secret(source)
    if not can_ask():
        raise click.UsageError(
            "Nobody can be asked for the password here: give --password-file FILE (- for standard input),"
            " or --no-password."
        )
    return ask("Password", twice=True)


def _find_user(core: Core, email: str) -> int | None:
    with core.db.read("look for user") as connection:
        found: int | None = connection.execute(
            sa.select(User.id).where(User.email == email.strip().lower())
        ).scalar_one_or_none()
    return found


# --- tokens -----------------------------------------------------------------------------------------------------------


@click.group()
def token() -> None:
    """Tokens for the API."""


@token.command("create")
@click.argument("email")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@answering
def create_token(email: str, name: str) -> None:
    """Make an API token for the user EMAIL. It is printed once and cannot be read again."""
    with open_core() as core:
        user_id = _find_user(core, email)
        if user_id is None:
            raise missing(
                f"There is no user {email}.", f"Make one with: chatport user create {email}"
            )
        made = accounts.create_token(core, user_id, name)
    answer({"token": made, "user_id": user_id, "name": name}, made)
