"""``chatport user``: the people who sign in.

Owns: the commands, and finding a person by mail address. Must not know: how users are stored.
"""

from __future__ import annotations

import click
import sqlalchemy as sa

from ..context import Core
from ..db.tables import User
from ..services import accounts, people
from .failures import missing
from .ids import ID
from .opening import open_core, require_account
from .output import answer, answering, table
from .secrets_in import ask, can_ask, read_secret


@click.group()
def user() -> None:
    """People who sign in."""


def find_user(core: Core, email: str) -> int | None:
    """The id of the user with a mail address."""
    with core.db.read("look for user") as connection:
        found: int | None = connection.execute(
            sa.select(User.id).where(User.email == email.strip().lower())
        ).scalar_one_or_none()
    return found


def require_user(core: Core, email: str) -> int:
    """The id of the user with a mail address.

    :raises NotFound: there is none.
    """
    user_id = find_user(core, email)
    if user_id is None:
        raise missing(
            f"There is no user {email}.",
            f"List them with: chatport user list. Make one with: chatport user create {email}",
        )
    return user_id


@user.command("list")
@click.option("--account", "account_id", type=ID, help="Of this account only.")
@answering
def list_users(account_id: int | None) -> None:
    """List users with their role in each account."""
    with open_core() as core:
        if account_id is not None:
            require_account(core, account_id)
        found = people.list_people(core, account_id)
    answer(
        {"users": [person.document() for person in found]},
        table(
            ("id", "email", "name", "roles", "second factor", "created"),
            [
                (
                    person.id,
                    person.email,
                    person.name,
                    ", ".join(f"{role} of {account}" for account, role in person.roles.items()),
                    person.second_factor,
                    person.created_at,
                )
                for person in found
            ],
            empty="There is no user. Make one with: chatport user create EMAIL",
        ),
    )


@user.command("create")
@click.argument("email")
@click.option("--account", "account_id", type=ID, default=1, show_default=True)
@click.option("--name", default="", help="Shown name; by default the first part of the address.")
@click.option(
    "--role",
    type=click.Choice(accounts.ROLES),
    help="By default agent; given for a member of the account, it changes the role.",
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
    email: str,
    account_id: int,
    name: str,
    role: str | None,
    password_file: str | None,
    no_password: bool,
) -> None:
    """Make a user, or add one who exists to the account; his name and password stay then.

    The password is asked for, or read from --password-file.
    """
    if no_password and password_file:
        raise click.UsageError("--no-password and --password-file exclude each other.")
    with open_core() as core:
        require_account(core, account_id)
        known = find_user(core, email) is not None
        password = None
        if not known and not no_password:
            password = _password(password_file, or_else=", or --no-password")
        user_id = accounts.create_user(
            core,
            account_id=account_id,
            email=email,
            name=name,
            role=role or accounts.AGENT,
            password=password,
            change_role=role is not None,
        )
    role = role or accounts.AGENT
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


@user.command("password")
@click.argument("email")
@click.option(
    "--password-file",
    metavar="FILE",
    help="File whose first line is the new password; - reads standard input.",
)
@answering
def set_password(email: str, password_file: str | None) -> None:
    """Give the user EMAIL a new password, and sign all browsers of this person out.

    The password is asked for, or read from --password-file. A second factor and API tokens stay.
    """
    with open_core() as core:
        user_id = require_user(core, email)
        accounts.set_password(core, user_id, _password(password_file))
    answer(
        {"user_id": user_id},
        f"User {user_id} has a new password and is signed out everywhere. API tokens still work.",
    )


@user.command("reset-totp")
@click.argument("email")
@answering
def reset_totp(email: str) -> None:
    """Turn off the second factor of the user EMAIL, whose app with the codes is lost.

    The person is signed out everywhere and signs in with the password alone.
    """
    with open_core() as core:
        user_id = require_user(core, email)
        had_one = people.reset_second_factor(core, user_id)
    text = (
        f"The second factor of user {user_id} is off, and the person is signed out everywhere."
        " A new one is set up in the profile."
        if had_one
        else f"User {user_id} has no second factor. Nothing was changed."
    )
    answer({"user_id": user_id, "had_second_factor": had_one}, text)


def _password(source: str | None, *, or_else: str = "") -> str:
    if source is not None:
        return read_secret(source)
    if not can_ask():
        raise click.UsageError(
            "Nobody can be asked for the password here: give --password-file FILE"
            f" (- for standard input){or_else}."
        )
    return ask("Password", twice=True)
