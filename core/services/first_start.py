"""The first start where no ``chatport up`` prepared anything: a web process alone, under somebody else's server.

Owns: making the configured administrator there, and saying how else to get one. Must not know: servers, routes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ..db import migrate
from ..db.tables import User
from .accounts import bootstrap

if TYPE_CHECKING:
    from ..context import Core

logger = logging.getLogger(__name__)


def begin(core: Core) -> None:
    """Make the first administrator of the settings; without one, and while there is no user, log what to run.

    The link itself is never logged: whoever reads it may become administrator. Never raises for a database that does
    not work or is of another version; ``/readyz`` tells that.
    """
    try:
        if migrate.current(core.db) != migrate.head():
            return
        if core.settings.bootstrap_email:
            bootstrap(core)
        elif not has_users(core):
            logger.warning(
                "There is no user yet. Run `chatport setup link` with the settings of this process: it prints a link"
                " that makes the first administrator."
            )
    except SQLAlchemyError as error:
        logger.warning("whether there is an administrator is not known: %s", type(error).__name__)


def has_users(core: Core) -> bool:
    """Whether anybody was made yet."""
    with core.db.read("look for users") as connection:
        return connection.execute(sa.select(User.id).limit(1)).first() is not None
