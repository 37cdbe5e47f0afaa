"""Faults on command: which request fails next, and how. Knows no HTTP."""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import dataclass, field
from typing import Any

REQUEST_MODES = frozenset(
    {
        "down",
        "slow",
        "status",
        "graph_error",
        "gateway_error",
        "html",
        "hang",
        "cut_after_accept",
        "rate_limited",
        "expired_token",
        "ok_error_body",
        "ok_without_messages",
        "redirect",
        "wrong_sha256",
        "oversize",
        "truncated",
    }
)
#: Forms of an error that ``gateway_error`` can take; see ``dialog360.gateway.gateway_answer``.
GATEWAY_SHAPES = frozenset(
    {"snake", "camel", "says_404", "string", "message", "errors", "error", "nested", "html"}
)
WEBHOOK_MODES = frozenset(
    {
        "lost",
        "delayed",
        "doubled",
        "reordered",
        "bad_signature",
        "no_signature",
        "sha1_only",
        "upper_case_signature",
        "truncated",
    }
)


@dataclass(slots=True)
class Fault:
    """One fault: ``mode`` for requests (or webhook posts) that match ``target``, ``left`` more times."""

    target: str
    mode: str
    left: int | None
    options: dict[str, Any] = field(default_factory=dict)

    def matches(self, path: str) -> bool:
        if self.target == "*":
            return path != "webhook"
        wanted, given = self.target.strip("/"), path.strip("/")
        if "*" in wanted:
            return fnmatch.fnmatchcase(given, wanted)
        return given == wanted or given.endswith("/" + wanted)

    def number(self, key: str, default: float) -> float:
        return float(self.options.get(key, default))


class FaultBoard:
    """Faults in the order in which they were set; the first that matches is used.

    Modes for requests: ``down`` (connection closed without an answer), ``slow`` (``seconds``, then as usual),
    ``status`` (``code``, ``body``, ``headers``), ``graph_error`` (``code``, ``subcode``, ``details``,
    ``http_status``), ``gateway_error`` (360dialog; ``status``, ``message``, ``shape``), ``html`` (502 page),
    ``hang`` (no answer for ``seconds``), ``cut_after_accept`` (processed, then closed without an answer),
    ``rate_limited`` (``code``, ``http_status``), ``expired_token``, ``ok_error_body`` (200 with an error),
    ``ok_without_messages`` (200 without a message id), ``redirect`` / ``wrong_sha256`` / ``oversize`` /
    ``truncated`` (media).

    Modes for ``webhook``: ``lost``, ``delayed`` (``seconds``), ``doubled``, ``reordered``, ``bad_signature``,
    ``no_signature``, ``sha1_only``, ``upper_case_signature``, ``truncated``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def set(self, target: str, mode: str, count: int | None = 1, **options: Any) -> Fault:
        """Make the next ``count`` matching requests fail; None means until :meth:`clear`.

        ``target`` is ``"*"``, ``"webhook"``, the end of a path (``"messages"``, ``"/123/messages"``) or a
        pattern with ``*``; paths are compared without the API version. A medium's bytes are
        ``"whatsapp_business/attachments"``.

        Raises:
            ValueError: no such mode for this target, or no such shape.
        """
        modes = WEBHOOK_MODES if target == "webhook" else REQUEST_MODES
        if mode not in modes:
            known = ", ".join(sorted(modes))
            raise ValueError(f"There is no fault {mode!r} for {target!r}. Known: {known}.")
        shape = options.get("shape", "snake")
        if mode == "gateway_error" and shape not in GATEWAY_SHAPES:
            known = ", ".join(sorted(GATEWAY_SHAPES))
            raise ValueError(f"There is no shape {shape!r} of an error. Known: {known}.")
        fault = Fault(target, mode, count, dict(options))
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self, target: str | None = None) -> None:
        """Remove all faults, or those of one target."""
        with self._lock:
            self._faults = [f for f in self._faults if target is not None and f.target != target]

    def take(self, path: str) -> Fault | None:
        """The fault for this request, counted as used."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(path):
                    continue
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def active(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)
