"""The database session of a web request.

Owns: ``db.session`` on the process's own engine, the marker of an open transaction around it. Must not know: routes,
services.

In a web request ``db.session`` reads: on SQLite its transactions are read-only whatever the method, because a writing
transaction would hold the writers' turn while a service of the same request waits for it. Writing goes through
services, or ``core.db.write`` and ``core.db.session``, in transactions that say what they are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import SessionTransaction

from ..guards import transaction_marker
from .base import Base
from .engine import transaction_mode

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from .engine import Database

_PROVIDER = "chatport.database"
_MARKER = "chatport_marker"


class RequestDatabase(SQLAlchemy):
    """Flask-SQLAlchemy on an engine that is not its own: that of the process's :class:`~chatport.db.Database`, which is
    built after a fork and keeps the rules of transactions."""

    def __init__(self) -> None:
        super().__init__(model_class=Base, session_options={"expire_on_commit": False})
        sa.event.listen(self.session, "after_begin", _begun)
        sa.event.listen(self.session, "after_transaction_end", _ended)

    def init_app(self, app: Flask, database: Callable[[], Database] | None = None) -> None:
        """Attach to an application.

        :param database: gives the process's database when a session first needs it.
        """
        if database is None:
            raise TypeError("the application's database must be given")
        # Not the parent's init_app: it makes engines at once, and ours must not exist before a fork.
        app.extensions["sqlalchemy"] = self
        app.extensions[_PROVIDER] = database
        app.teardown_appcontext(self._teardown_session)
        app.before_request(_read_only)
        app.teardown_request(_as_before)

    @property
    def engines(self) -> Mapping[str | None, Engine]:
        """The one engine."""
        return {None: self._make_engine(None, {}, current_app)}

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        provide: Callable[[], Database] = app.extensions[_PROVIDER]
        return provide().engine


def _read_only() -> None:
    transaction_mode.set("read")


def _as_before(_error: BaseException | None) -> None:
    # A server's thread outlives the request, and may do something else next.
    transaction_mode.set("write")


def _begun(session: OrmSession, _transaction: SessionTransaction, _connection: Connection) -> None:
    if _MARKER not in session.info:
        marker = transaction_marker("web request")
        marker.__enter__()
        session.info[_MARKER] = marker


def _ended(session: OrmSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None and _MARKER in session.info:
        session.info.pop(_MARKER).__exit__(None, None, None)


db = RequestDatabase()
