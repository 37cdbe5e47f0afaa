"""Tiny factories for the provider's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests_mock

from chatport import Channel
from chatport.http import NetworkPolicy, network_policy, set_network_policy
from chatport_testkit.gowa import GowaSimulator

MakeChannel = Callable[..., Channel]

CONFIG = {
    "api_base_url": "http://gowa.test:3000",
    "basic_auth_username": "alice",
    "basic_auth_password": "s3cr3t-pässword",
    "phone_number": "+6281100000009",
    "device_id": "",
    "webhook_verify_token": "0123456789abcdef0123456789abcdef",
}


@pytest.fixture
def make_channel() -> MakeChannel:
    """A channel; keywords replace values of its configuration."""

    def make(
        *, state: dict[str, Any] | None = None, number: str = "+6281100000009", **config: Any
    ) -> Channel:
        return Channel(
            7,
            1,
            "whatsapp_web",
            number,
            config={**CONFIG, "phone_number": number, **config},
            state=state or {},
            callback_url="https://chat.test/webhooks/whatsapp/6281100000009",
        )

    return make


@pytest.fixture
def channel(make_channel: MakeChannel) -> Channel:
    """A channel with a device that the service told."""
    return make_channel(state={"device_id": "sales-1", "jid": "6281100000009@s.whatsapp.net"})


class Service:
    """GoWA, as far as a test says what it answers."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        self.mock = mock
        self.root = "http://gowa.test:3000/"

    def says(self, method: str, path: str, results: Any = None, *, message: str = "ok") -> Any:
        """A success in GoWA's envelope."""
        body: dict[str, Any] = {"code": "SUCCESS", "message": message}
        if results is not None:
            body["results"] = results
        return self.mock.register_uri(method, self.root + path, json=body)

    def fails(self, method: str, path: str, status: int, code: str, message: str = "no") -> Any:
        """An error in GoWA's envelope."""
        body = {"code": code, "message": message}
        return self.mock.register_uri(method, self.root + path, status_code=status, json=body)

    def plain(self, method: str, path: str, status: int, text: str) -> Any:
        """An answer of the server itself."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return self.mock.register_uri(
            method, self.root + path, status_code=status, text=text, headers=headers
        )

    @property
    def calls(self) -> list[str]:
        """What was asked, in order."""
        return [f"{r.method} {r.path.lstrip('/')}" for r in self.mock.request_history]


@pytest.fixture
def service(requests_mock: requests_mock.Mocker) -> Service:
    """GoWA at the channel's address; what a test does not declare is no answer."""
    return Service(requests_mock)


Simulate = Callable[..., GowaSimulator]


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """Starts a simulated GoWA for the number of the channels; keywords are the simulator's."""
    former, running = network_policy(), []
    set_network_policy(NetworkPolicy(("127.0.0.1",)))

    def start(**options: Any) -> GowaSimulator:
        simulator = GowaSimulator(
            username="alice",
            password="s3cr3t-pässword",
            own_phone="6281100000009",
            **{"tick": "manual", **options},
        )
        running.append(simulator)
        simulator.start()
        return simulator

    yield start
    for simulator in running:
        simulator.stop()
    set_network_policy(former)
