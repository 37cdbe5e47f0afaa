"""Failures that a test or a person orders. Owns the orders; carrying them out is the server's task."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

WEBHOOK = "webhook"

REST_MODES = {
    "down": "the connection is reset before the request is read",
    "cut_before_accept": "the request is read, nothing is done, the connection is reset",
    "cut_after_accept": "the work is done, then the connection is reset without an answer",
    "cut_in_answer": "the work is done, half the answer is sent, then the connection is reset",
    "hang": "the request is read and never answered; the connection is reset after `seconds`",
    "slow": "the work begins `seconds` late",
    "slow_answer": "the work is done, the answer comes `seconds` late",
    "slow_whatsapp": "the work is done, WhatsApp says so `seconds` late; past the service's own limit it answers 504",
    "status": "answers `status` with `body` and does nothing",
    "unauthorized_basic": "the plain-text 401 of wrong credentials",
    "unauthorized_session": "the JSON 401 of a WhatsApp session that is not usable",
    "chunked": "works, and sends the answer in chunks without Content-Length",
    "garbage": "200 with a page of HTML, as a misconfigured proxy would send",
}
WEBHOOK_MODES = {
    "down": "an attempt fails without reaching the receiver",
    "lost": "the event is never posted",
    "duplicate": "the event is posted twice",
    "slow": "the first attempt starts `seconds` late",
    "bad_signature": "the signature does not fit the body",
    "unsigned": "there is no signature",
}


@dataclass(slots=True)
class Fault:
    """One order. ``count`` is how often it still applies; None means until it is cleared."""

    path: str
    mode: str
    count: int | None = 1
    options: dict[str, Any] = field(default_factory=dict)

    def seconds(self, default: float) -> float:
        return float(self.options.get("seconds", default))


class Faults:
    """The orders in force, oldest first. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Fault] = []

    def set(self, path: str, mode: str, count: int | None = 1, **options: Any) -> None:
        """Order a failure.

        Args:
            path: ``/send/message``, a pattern such as ``/send/*``, ``*`` for every request of the REST
                interface, or ``webhook`` for webhooks.
            mode: one of ``REST_MODES`` or ``WEBHOOK_MODES``.
            count: how many requests it hits; None for all until :meth:`clear`.
            options: ``seconds``; ``status``, ``body`` (text, bytes or JSON value), ``content_type`` and ``headers``.

        Raises:
            ValueError: the mode does not exist for that path.
        """
        modes = WEBHOOK_MODES if path == WEBHOOK else REST_MODES
        if mode not in modes:
            raise ValueError(f"{mode!r} is no fault of {path!r}; choose one of {', '.join(modes)}.")
        if count is not None and count < 1:
            raise ValueError("count must be 1 or more, or None for all.")
        with self._lock:
            self._orders.append(Fault(path, mode, count, options))

    def clear(self, path: str | None = None) -> None:
        """Withdraw every order, or those with exactly this path."""
        with self._lock:
            self._orders = [one for one in self._orders if path is not None and one.path != path]

    def active(self) -> list[Fault]:
        with self._lock:
            return [Fault(one.path, one.mode, one.count, dict(one.options)) for one in self._orders]

    def take(self, path: str, *modes: str) -> Fault | None:
        """Return the order that hits this request and count it; only those of ``modes``, if given."""
        with self._lock:
            for one in self._orders:
                if _hits(one.path, path) and (not modes or one.mode in modes):
                    if one.count is not None:
                        one.count -= 1
                        if one.count == 0:
                            self._orders.remove(one)
                    return one
        return None


def _hits(pattern: str, path: str) -> bool:
    if WEBHOOK in {pattern, path}:
        return pattern == path
    return fnmatchcase(path, pattern)
