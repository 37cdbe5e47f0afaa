"""The rule "no network and no plugin code while a database transaction is open", as a check.

Owns: the marker of an open transaction and the check against it. Must not know: how transactions are opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_open: ContextVar[str] = ContextVar("chatport_open_transaction", default="")


class NetworkInTransaction(AssertionError):
    """A hook, an HTTP call or a Redis call was made inside a database transaction. Always a bug of the core."""


@contextmanager
def transaction_marker(name: str) -> Iterator[None]:
    """Mark the block as running inside a database transaction."""
    token = _open.set(name)
    try:
        yield
    finally:
        _open.reset(token)


def forbid_in_transaction(what: str) -> None:
    """Raise when a transaction is open in this thread.

    :param what: what was about to happen, for the message.
    :raises NetworkInTransaction: always a bug.
    """
    name = _open.get()
    if name:
        raise NetworkInTransaction(
            f"{what} inside the database transaction {name!r}: move it after the commit"
        )
