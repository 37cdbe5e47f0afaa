"""Making requests durable, many in one transaction.

Owns: the committer thread of a process: what arrives within two milliseconds shares one commit, and its senders wait
for it. Must not know: HTTP, authentication.

The thread starts lazily and after a fork anew. The queue is bounded: when the database cannot keep up, callers are told
at once and refuse the request, so that the service tries again.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

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
QUEUE = 1_000
#: Seconds that a request waits for its commit at most.
PATIENCE = 5.0

_table = RawRequest.__table__


class NotDurable(Exception):
    """The request could not be stored; it must not be acknowledged."""


class Committer:
    """Stores requests of one process.

    :param on_commit: called in another thread after each commit, to ring the bell; never waited for.
    """

    def __init__(self, db: Database, on_commit: Callable[[], object]) -> None:
        self._db = db
        self._on_commit = on_commit
        self._lock = threading.Lock()
        self._pid = 0
        self._waiting: queue.Queue[tuple[dict[str, Any], Future[int]]] = queue.Queue(QUEUE)
        self._ring = threading.Event()

    def store(self, row: Mapping[str, Any]) -> int:
        """Store one request and return its id once it is on disk.

        :raises NotDurable: the queue is full, the database refused, or it took too long.
        """
        future = self.submit(row)
        try:
            return future.result(PATIENCE)
        except TimeoutError:
            # It may still be committed; without an answer the service sends it again, which is harmless.
            raise NotDurable("the database takes too long") from None

    def submit(self, row: Mapping[str, Any]) -> Future[int]:
        """Hand one request over; the future gets its id once it is on disk, or ``NotDurable``.

        :raises NotDurable: the queue is full.
        """
        self._ensure_started()
        future: Future[int] = Future()
        try:
            self._waiting.put_nowait((dict(row), future))
        except queue.Full:
            raise NotDurable("too many requests wait for the database") from None
        return future

    def _ensure_started(self) -> None:
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._waiting = queue.Queue(QUEUE)
            self._ring = threading.Event()
            threading.Thread(target=self._commit_forever, name="committer", daemon=True).start()
            threading.Thread(target=self._ring_forever, name="committer-bell", daemon=True).start()
            self._pid = os.getpid()

    def _commit_forever(self) -> None:
        while True:
            batch = [self._waiting.get()]
            end = time.monotonic() + WINDOW
            while len(batch) < MOST:
                left = end - time.monotonic()
                try:
                    batch.append(
                        self._waiting.get(timeout=left) if left > 0 else self._waiting.get_nowait()
                    )
                except queue.Empty:
                    break
            self._commit(batch)

    def _commit(self, batch: list[tuple[dict[str, Any], Future[int]]]) -> None:
        try:
            ids = self._insert([row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 (whatever it is, nobody may be acknowledged)
            if len(batch) == 1 or is_database_fault(error):
                logger.error("%s requests cannot be stored: %s", len(batch), type(error).__name__)
                for _, future in batch:
                    with suppress(InvalidStateError):  # a sender that gave up
                        future.set_exception(NotDurable("the database does not take the request"))
                return
            # One row may be at fault: singly, so that it costs nobody else.
            for one in batch:
                self._commit([one])
            return
        for (_, future), row_id in zip(batch, ids, strict=True):
            with suppress(InvalidStateError):  # a sender that gave up
                future.set_result(row_id)
        self._ring.set()

    def _insert(self, rows: list[dict[str, Any]]) -> list[int]:
        with self._db.write("store requests") as connection:
            statement = sa.insert(_table).returning(_table.c.id, sort_by_parameter_order=True)
            return [row[0] for row in connection.execute(statement, rows)]

    def _ring_forever(self) -> None:
        while True:
            self._ring.wait()
            self._ring.clear()
            try:
                self._on_commit()
            except Exception:
                logger.exception("the bell cannot be rung")
