"""``chatport setup``: from an empty database to the first administrator.

Owns: the command. Must not know: how the link works.
"""

from __future__ import annotations

import click

from ..services.accounts import SETUP_LIFETIME, bootstrap
from ..services.first_start import has_users
from ..services.outbox import NotPossible
from .opening import open_core
from .output import answer, answering

_HOURS = int(SETUP_LIFETIME.total_seconds() // 3600)


@click.group()
def setup() -> None:
    """The first administrator."""


@setup.command()
@answering
def link() -> None:
    """Print a link that makes the first administrator, while there is no user at all.

    It works once. A link that was printed before works no more. Where CHATPORT_BOOTSTRAP_EMAIL names an administrator,
    that one is made instead.
    """
    with open_core() as core:
        if has_users(core):
            raise NotPossible(
                "There are users already, so the first administrator is made.",
                action="See them with: chatport user list. Give one a new password with: chatport user password EMAIL",
            )
        made = bootstrap(core)
        email = core.settings.bootstrap_email
    if made.setup_url:
        document = {"setup_url": made.setup_url, "hours": _HOURS}
        text = [made.setup_url, f"It works once, for {_HOURS} hours. Show it to nobody else."]
    else:
        document = {"user_id": made.user_id, "email": email}
        text = [f"Made the administrator {email} of CHATPORT_BOOTSTRAP_EMAIL."]
    answer(document, text)
