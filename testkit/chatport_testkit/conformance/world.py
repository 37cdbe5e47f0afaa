"""Around each check: a service, a channel, no way out of this machine.

Owns: fixtures' bodies as plain context managers. Must not know: what is checked.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chatport import Channel
from chatport.http import NetworkPolicy, ServiceClient, network_policy, set_network_policy
from chatport.plugins import ProviderHandle

from .case import ProviderCase
from .faults import SHORT_DEADLINE
from .scripted import ScriptedService

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NetworkForbidden(AssertionError):
    """A hook opened a connection where it may not."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A provider with its service."""

    case: ProviderCase
    service: ScriptedService
    channel: Channel
    handle: ProviderHandle
    secrets: tuple[str, ...]

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook as the core does.

        :raises ChatportError: ``ProviderCrashed`` for what a hook may not raise or answer.
        """
        return getattr(self.handle, hook)(channel=self.channel, **arguments)


@contextmanager
def bench(case: ProviderCase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A provider with its service running; connections to other machines fail."""
    _only(monkeypatch, lambda address: _host(address) in LOOPBACK)
    former = network_policy()
    set_network_policy(NetworkPolicy(LOOPBACK))
    try:
        with ScriptedService(case.service) as service:
            channel = case.channel(service.url)
            secrets = tuple(case.secrets(channel))
            yield Bench(case, service, channel, case.handle(), secrets)
    finally:
        set_network_policy(former)


@contextmanager
def no_network() -> Iterator[None]:
    """No connection at all inside the block.

    :raises NetworkForbidden: also when the tried connection's error was swallowed.
    """
    tried: list[str] = []

    def refuse(address: Any) -> bool:
        tried.append(_host(address))
        return False

    with pytest.MonkeyPatch.context() as patch:
        _only(patch, refuse)
        yield
    if tried:
        raise NetworkForbidden(f"a connection to {tried[0]} was opened")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the deadlines of Chatport's HTTP client, so that slow services cost no time."""
    whole = ServiceClient.request

    @functools.wraps(whole)
    def request(self: ServiceClient, method: str, path: str, **kwargs: Any) -> Any:
        return whole(self, method, path, **{**kwargs, "deadline": SHORT_DEADLINE})

    monkeypatch.setattr(ServiceClient, "request", request)


def _only(patch: pytest.MonkeyPatch, allowed: Callable[[Any], bool]) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if not allowed(address):
            raise NetworkForbidden(f"a connection to {_host(address)} was opened")
        connect(self, address)

    patch.setattr(socket.socket, "connect", guarded)


def _host(address: Any) -> str:
    return str(address[0]) if isinstance(address, tuple) else str(address)
