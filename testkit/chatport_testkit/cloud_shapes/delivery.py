"""Webhook delivery: posts bodies, repeats until the answer is 200, remembers every attempt.

Knows nothing of what the bodies hold; headers (signature or configured ones) come from the caller.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from .clock import SimulatedClock
from .faults import Fault, FaultBoard
from .scheduler import Scheduler

#: Headers of one attempt, from the body and the name of a signature fault ("" for none).
HeaderMaker = Callable[[bytes, str], dict[str, str]]
#: Posts a body: ``(url, headers, body, timeout)`` to the HTTP status. May raise OSError.
Transport = Callable[[str, Mapping[str, str], bytes, float], int]

#: Immediately, then growing; the last one repeats until the horizon.
RETRY_DELAYS = (0.0, 2.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0)
RETRY_HORIZON = 7 * 86400.0

_SIGNATURE_FAULTS = {"bad_signature", "no_signature", "sha1_only", "upper_case_signature"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST. ``status`` None when no answer came, then ``error`` says why."""

    at: float
    status: int | None
    seconds: float
    error: str = ""


@dataclass(slots=True)
class Delivery:
    """A body on its way. ``state``: pending, delivered, given_up, lost."""

    number: int
    url: str
    body: bytes
    created: float
    fields: tuple[str, ...] = ()
    state: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    #: Number of the delivery that this is a copy of.
    copy_of: int | None = None
    #: Headers of the last attempt.
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    timeout: float = 20.0
    delays: tuple[float, ...] = RETRY_DELAYS
    horizon: float = RETRY_HORIZON


def post_over_http(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
    """POST without following redirects and without the environment's proxies."""
    session = _session()
    answer = session.post(
        url, data=body, headers=dict(headers), timeout=timeout, allow_redirects=False
    )
    return answer.status_code


_local = threading.local()


def _session() -> requests.Session:
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = requests.Session()
        session.trust_env = False
        _local.session = session
    return session


class WebhookSender:
    """Hands bodies to the scheduler and keeps the log."""

    def __init__(
        self,
        clock: SimulatedClock,
        scheduler: Scheduler,
        faults: FaultBoard,
        *,
        policy: RetryPolicy,
        transport: Transport = post_over_http,
    ) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._faults = faults
        self.policy = policy
        self.transport = transport
        self._count = itertools.count(1)
        self._lock = threading.Lock()
        self._log: list[Delivery] = []

    @property
    def log(self) -> list[Delivery]:
        with self._lock:
            return list(self._log)

    def send(
        self,
        url: str,
        body: bytes,
        make_headers: HeaderMaker,
        *,
        fields: tuple[str, ...] = (),
        delay: float = 0.0,
        doubled: bool = False,
        after: Callable[[], None] | None = None,
    ) -> Delivery:
        """Queue ``body``; ``after`` runs once it was answered with 200."""
        fault = self._faults.take("webhook")
        mode = fault.mode if fault else ""
        if mode in {"delayed", "reordered"} and fault is not None:
            delay += fault.number("seconds", 1.0 if mode == "delayed" else 0.3)
        delivery = self._record(url, body, fields)
        if mode == "lost":
            delivery.state = "lost"
            return delivery
        job = _Job(delivery, make_headers, fault, after)
        self._scheduler.call_later(delay, lambda: self._attempt(job))
        if doubled or mode == "doubled":
            copy = self._record(url, body, fields, copy_of=delivery.number)
            second = _Job(copy, make_headers, None, None)
            self._scheduler.call_later(delay, lambda: self._attempt(second))
        return delivery

    def _record(
        self, url: str, body: bytes, fields: tuple[str, ...], copy_of: int | None = None
    ) -> Delivery:
        delivery = Delivery(
            next(self._count), url, body, self._clock.now(), fields, copy_of=copy_of
        )
        with self._lock:
            self._log.append(delivery)
        return delivery

    def _attempt(self, job: _Job) -> None:
        delivery = job.delivery
        body = delivery.body
        signature_fault = ""
        if job.fault and not delivery.attempts:
            if job.fault.mode in _SIGNATURE_FAULTS:
                signature_fault = job.fault.mode
            elif job.fault.mode == "truncated":
                body = body[: len(body) // 2]
        # A truncated body keeps the signature of the whole one, as a broken proxy would leave it.
        delivery.headers = job.make_headers(delivery.body, signature_fault)
        started = time.monotonic()
        status, error = None, ""
        try:
            status = self.transport(delivery.url, delivery.headers, body, self.policy.timeout)
        except OSError as failure:  # requests' exceptions are OSErrors
            error = f"{type(failure).__name__}: {failure}"
        attempt = Attempt(self._clock.now(), status, time.monotonic() - started, error)
        delivery.attempts.append(attempt)
        if status == 200:
            delivery.state = "delivered"
            if job.after is not None:
                job.after()
            return
        self._retry(job)

    def _retry(self, job: _Job) -> None:
        delays, tried = self.policy.delays, len(job.delivery.attempts)
        if not delays:
            job.delivery.state = "given_up"
            return
        delay = delays[min(tried - 1, len(delays) - 1)]
        if self._clock.now() + delay > job.delivery.created + self.policy.horizon:
            job.delivery.state = "given_up"
            return
        self._scheduler.call_later(delay, lambda: self._attempt(job), background=True)


@dataclass(frozen=True, slots=True)
class _Job:
    delivery: Delivery
    make_headers: HeaderMaker
    fault: Fault | None
    after: Callable[[], None] | None
