"""Posts webhooks as GoWA does: signature, headers, attempts, redirects, several addresses.

Owns delivery and its record. Must not know what a body means.
"""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from .eras import Version
from .faults import WEBHOOK, Faults
from .records import Attempt, Delivery
from .wire import SIGNATURE_HEADER, sign

PAUSES = (1.0, 2.0, 4.0, 8.0)
TIMEOUT = 10.0
BUDGET = 30.0
MAX_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Target:
    """Where one event goes: addresses in order, one secret for all."""

    urls: tuple[str, ...]
    secret: str
    insecure: bool = False


class WebhookSender:
    """Delivers bodies in the background and keeps a record of every attempt."""

    def __init__(
        self,
        version: Version,
        faults: Faults,
        now: Callable[[], datetime],
        deliveries: list[Delivery],
        *,
        time_scale: float = 1.0,
        parallel: bool = True,
    ) -> None:
        self._version = version
        self._faults = faults
        self._now = now
        self._deliveries = deliveries
        self._scale = time_scale
        self._parallel = parallel
        self._stopping = threading.Event()
        self._idle = threading.Condition()
        self._busy = 0
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._worker: threading.Thread | None = None

    def post(
        self, event: str, body: bytes, target: Target, headers: dict[str, str] | None = None
    ) -> list[Delivery]:
        """Deliver ``body`` to every address of ``target``; returns at once with the records.

        ``headers`` replace or add some of the usual ones.
        """
        made = [self._record(event, body, url, target) for url in target.urls]
        for delivery in made:
            delivery.headers |= headers or {}
        if self._faults.take(WEBHOOK, "lost") is not None:
            for delivery in made:
                delivery.done = True
            return made
        if self._faults.take(WEBHOOK, "duplicate") is not None:
            made += [self._record(event, body, url, target) for url in target.urls]
        self.run(lambda: self._deliver_all(made, target))
        return made

    def run(self, task: Callable[[], None]) -> None:
        """Do ``task`` in the background, counted by :meth:`wait_idle`."""
        with self._idle:
            self._busy += 1

        def counted() -> None:
            try:
                task()
            finally:
                with self._idle:
                    self._busy -= 1
                    self._idle.notify_all()

        if self._parallel:
            threading.Thread(target=counted, name="gowa-webhook", daemon=True).start()
            return
        self._queue.put(counted)
        with self._idle:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="gowa-webhook", daemon=True)
                self._worker.start()

    def pause(self, seconds: float) -> bool:
        """Wait ``seconds``; False if the service was stopped meanwhile."""
        return not self._stopping.wait(seconds)

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is under way; False if it took longer than ``timeout`` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, timeout)

    def stop(self) -> None:
        """Give up what is under way."""
        self._stopping.set()
        with self._idle:
            if self._worker is not None:
                self._queue.put(None)
                self._worker = None

    def start(self) -> None:
        self._stopping.clear()

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            task()

    def _record(self, event: str, body: bytes, url: str, target: Target) -> Delivery:
        headers = {
            "Host": urlsplit(url).netloc,
            "User-Agent": "Go-http-client/1.1",
            "Content-Length": str(len(body)),
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(body, target.secret),
            "Accept-Encoding": "gzip",
        }
        if self._version.since("v7.4.0") and not self._version.since("v9.0.1"):
            del headers["Content-Length"]
            headers["Transfer-Encoding"] = "chunked"
        if not self._version.since("v4.18.0") or self._faults.take(WEBHOOK, "unsigned"):
            del headers[SIGNATURE_HEADER]
        elif self._faults.take(WEBHOOK, "bad_signature"):
            headers[SIGNATURE_HEADER] = sign(body, target.secret + "?")
        delivery = Delivery(url, event, body, headers)
        self._deliveries.append(delivery)
        return delivery

    def _deliver_all(self, made: list[Delivery], target: Target) -> None:
        slow = self._faults.take(WEBHOOK, "slow")
        if slow is not None and self._stopping.wait(slow.seconds(1.0)):
            return
        budget = BUDGET * self._scale if self._version.since("v8.0.0") else float("inf")
        deadline = time.monotonic() + budget
        for delivery in made:
            self._deliver(delivery, target.insecure, deadline)
            delivery.done = True
            if not (delivery.delivered or self._version.since("v7.8.0")):
                return

    def _deliver(self, delivery: Delivery, insecure: bool, deadline: float) -> None:
        for pause in (*PAUSES, None):
            left = deadline - time.monotonic()
            if self._stopping.is_set() or left <= 0:
                return
            attempt = self._attempt(delivery, insecure, min(TIMEOUT * self._scale, left))
            delivery.attempts.append(attempt)
            answered = attempt.status is not None
            success = answered and (
                200 <= (attempt.status or 0) < 300 or not self._version.since("v7.4.0")
            )
            if success:
                delivery.delivered = True
                return
            left = deadline - time.monotonic()
            if pause is None or self._stopping.wait(min(pause * self._scale, max(left, 0.0))):
                return

    def _attempt(self, delivery: Delivery, insecure: bool, timeout: float) -> Attempt:
        at = self._now()
        if self._faults.take(WEBHOOK, "down") is not None:
            return Attempt(at, None, "connection refused (simulated)")
        try:
            return Attempt(at, follow(delivery, insecure, max(timeout, 0.05)))
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Attempt(at, None, f"{type(error).__name__}: {error}")


def follow(delivery: Delivery, insecure: bool, timeout: float) -> int:
    """Post once and follow redirects as Go does: 301, 302 and 303 become a GET without body.

    Raises:
        OSError, HTTPException: no answer.
        ValueError: the address is unusable, e.g. it starts with a blank.
    """
    method, url, body = "POST", delivery.url, delivery.body
    headers = dict(delivery.headers)
    for _ in range(MAX_REDIRECTS):
        status, location = _request(method, url, body, headers, insecure, timeout)
        if status not in {301, 302, 303, 307, 308} or not location:
            return status
        url = urljoin(url, location)
        headers["Host"] = urlsplit(url).netloc
        if status in {301, 302, 303}:
            method, body = "GET", b""
            for name in ("Content-Length", "Transfer-Encoding", "Content-Type"):
                headers.pop(name, None)
    raise OSError(f"stopped after {MAX_REDIRECTS} redirects")


def _request(
    method: str, url: str, body: bytes, headers: dict[str, str], insecure: bool, timeout: float
) -> tuple[int, str | None]:
    parts = urlsplit(url)
    if url != url.strip() or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"unsupported address {url!r}")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        chunked = headers.get("Transfer-Encoding") == "chunked"
        connection.endheaders(body or None, encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location")
    finally:
        connection.close()
