"""Making requests durable, many in one transaction.

Owns: the committer thread of a process: what arrives within two milliseconds shares one commit, and its senders wait
for it. Must not know: HTTP, authentication.

The thread starts lazily and after a fork anew. It wakes once for a batch, and tells an event loop once of a batch:
waking for each request would cost more than storing it. The backlog is bounded: when the database cannot keep up,
callers are told at once and refuse the request, so that the service tries again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chatport.db.append import Appender
from chatport.db.tables import RawRequest
from chatport.services.ingest.drain import is_database_fault

if TYPE_CHECKING:
    from chatport.db import Database

logger = logging.getLogger(__name__)

#: Seconds for which the first request waits for company.
WINDOW = 0.002
#: Requests in one transaction.
MOST = 200
#: Requests that may wait.
BACKLOG = 1_000
#: Seconds between two rings: what is committed meanwhile shares the next one.
RING_EVERY = 0.02
#: Seconds that a request waits for its commit at most.
PATIENCE = 5.0

_table = RawRequest.__table__

#: Who waits: a thread, or a coroutine with its loop.
Waiting = tuple[dict[str, Any], "Future[None] | asyncio.Future[None]"]


class NotDurable(Exception):
    """The request could not be stored; it must not be acknowledged."""


class Committer:
    """Stores requests of one process.

    :param on_commit: called in another thread after each commit, to ring the bell; never waited for.
    """

    def __init__(self, db: Database, on_commit: Callable[[], object]) -> None:
        self._db = db
        self._on_commit = on_commit
        self._pid = 0
        self._appender = Appender(db, "store requests")
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._since = 0.0
        self._work = threading.Event()
        self._ring = threading.Event()

    def store(self, row: Mapping[str, Any]) -> None:
        """Store one request; returns once it is on disk.

        :raises NotDurable: the backlog is full, the database refused, or it took too long.
        """
        future: Future[None] = Future()
        self._add(row, future)
        try:
            future.result(PATIENCE)
        except TimeoutError:
            # It may still be committed; without an answer the service sends it again, which is harmless.
            raise NotDurable("the database takes too long") from None

    async def store_async(self, row: Mapping[str, Any]) -> None:
        """As :meth:`store`, for a coroutine."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._add(row, future)
        # A bare timer: the usual context manager costs more than the rest of this function.
        late = loop.call_later(PATIENCE, _give_up, future)
        try:
            await future
        finally:
            late.cancel()

    def _add(self, row: Mapping[str, Any], future: Future[None] | asyncio.Future[None]) -> None:
        if self._pid != os.getpid():
            self._start()
        with self._lock:
            if len(self._waiting) >= BACKLOG:
                raise NotDurable("too many requests wait for the database")
            self._waiting.append((dict(row), future))
            first = len(self._waiting) == 1
            if first:
                self._since = time.monotonic()
                self._work.set()

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._waiting = []
            self._appender = Appender(self._db, "store requests")
            self._work = threading.Event()
            self._ring = threading.Event()
            threading.Thread(target=self._commit_forever, name="committer", daemon=True).start()
            threading.Thread(target=self._ring_forever, name="committer-bell", daemon=True).start()
            self._pid = os.getpid()

    def _commit_forever(self) -> None:
        while True:
            self._work.wait()
            # What came while the last batch was committed has waited for company long enough.
            left = self._since + WINDOW - time.monotonic()
            if left > 0:
                time.sleep(left)
            with self._lock:
                batch = self._waiting[:MOST]
                del self._waiting[:MOST]
                if not self._waiting:
                    self._work.clear()
            if batch:
                self._commit(batch)

    def _commit(self, batch: list[Waiting]) -> None:
        try:
            self._appender.append(_table, [row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 (whatever it is, nobody may be acknowledged)
            if len(batch) == 1 or is_database_fault(error):
                logger.error("%s requests cannot be stored: %s", len(batch), type(error).__name__)
                _tell(batch, NotDurable("the database does not take the request"))
                return
            # One row may be at fault: singly, so that it costs nobody else.
            for one in batch:
                self._commit([one])
            return
        _tell(batch, None)
        self._ring.set()

    def _ring_forever(self) -> None:
        while True:
            self._ring.wait()
            self._ring.clear()
            try:
                self._on_commit()
            except Exception:
                logger.exception("the bell cannot be rung")
            time.sleep(RING_EVERY)


def _tell(batch: list[Waiting], error: NotDurable | None) -> None:
    """Say the outcome to everybody who waits; one call for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for _, future in batch:
        if isinstance(future, asyncio.Future):
            loops.setdefault(future.get_loop(), []).append(future)
        else:
            _settle(future, error)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # the loop is closed: the server ends
            loop.call_soon_threadsafe(_settle_all, futures, error)


def _give_up(future: asyncio.Future[None]) -> None:
    _settle(future, NotDurable("the database takes too long"))


def _settle_all(futures: list[asyncio.Future[None]], error: NotDurable | None) -> None:
    for future in futures:
        _settle(future, error)


def _settle(future: Future[None] | asyncio.Future[None], error: NotDurable | None) -> None:
    with suppress(InvalidStateError, asyncio.InvalidStateError):  # a sender that gave up
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
