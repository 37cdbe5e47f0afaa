"""``chatport token``: what programs sign in with.

Owns: the commands. Must not know: how tokens are stored and checked.
"""

from __future__ import annotations

import click

from ..services import accounts, people
from .failures import missing
from .ids import ID
from .opening import open_core
from .output import answer, answering, table
from .users import require_user


@click.group()
def token() -> None:
    """Tokens for the API."""


@token.command("list")
@click.option("--user", "email", metavar="EMAIL", help="Of this user only.")
@answering
def list_tokens(email: str | None) -> None:
    """List tokens that work, each with its last four characters. The tokens themselves are not kept."""
    with open_core() as core:
        found = people.list_tokens(core, None if email is None else require_user(core, email))
    answer(
        {"tokens": [one.document() for one in found]},
        table(
            ("id", "user", "name", "ends in", "created", "last used"),
            [
                (one.id, one.email, one.name, one.hint, one.created_at, one.last_used_at)
                for one in found
            ],
            empty="There is none. Make one with: chatport token create EMAIL",
        ),
    )


@token.command("create")
@click.argument("email")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@answering
def create_token(email: str, name: str) -> None:
    """Make an API token for the user EMAIL. It is printed once and cannot be read again."""
    with open_core() as core:
        user_id = require_user(core, email)
        made = accounts.create_token(core, user_id, name)
    answer({"token": made, "user_id": user_id, "name": name}, made)


@token.command("revoke")
@click.argument("token_ids", type=ID, nargs=-1, required=True, metavar="ID...")
@answering
def revoke_tokens(token_ids: tuple[int, ...]) -> None:
    """Make tokens useless at once; all of those named, or none when one is not there."""
    with open_core() as core:
        known = {one.id for one in people.list_tokens(core, None)}
        for token_id in token_ids:
            if token_id not in known:
                raise missing(
                    f"There is no token {token_id} that works.",
                    "List them with: chatport token list",
                )
        done = [token_id for token_id in token_ids if accounts.revoke_token(core, token_id)]
    answer({"revoked": done}, f"{len(done)} revoked.")
