"""Tiny factories for the provider's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from chatport import Channel

MakeChannel = Callable[..., Channel]

TOKEN = "EAAtokenOfTheSystemUser0001"
SECRET = "5ec5e7a0b1c2d3e4f5a6b7c8d9e0f1a2"
VERIFY = "7e51f0c0ffee00112233445566778899"
CALLBACK = "https://chat.test/webhooks/whatsapp/15557001234"
CONFIG: dict[str, Any] = {
    "api_key": TOKEN,
    "phone_number_id": "109870000333444",
    "business_account_id": "214700000111222",
    "app_secret": [SECRET],
    "webhook_verify_token": VERIFY,
    "registration_pin": "",
    "api_base_url": "https://graph.test",
    "api_version": "v23.0",
}


@pytest.fixture
def make_channel() -> MakeChannel:
    """A channel; keywords replace values of its configuration."""

    def make(*, state: dict[str, Any] | None = None, **config: Any) -> Channel:
        return Channel(
            7,
            1,
            "whatsapp_cloud",
            "+15557001234",
            config={**CONFIG, **config},
            state=state or {},
            callback_url=CALLBACK,
        )

    return make


@pytest.fixture
def channel(make_channel: MakeChannel) -> Channel:
    return make_channel()


class Graph:
    """Meta, as far as a test says what it answers."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        self.mock = mock
        self.root = "https://graph.test/v23.0/"

    def says(self, method: str, path: str, body: Any, status: int = 200, **more: Any) -> Any:
        """An answer."""
        return self.mock.register_uri(
            method, self.root + path, json=body, status_code=status, **more
        )

    def refuses(
        self,
        method: str,
        path: str,
        code: int,
        status: int = 400,
        *,
        details: str = "",
        **more: Any,
    ) -> Any:
        """An error in Graph's form."""
        error: dict[str, Any] = {"message": f"(#{code}) no", "type": "OAuthException", "code": code}
        if details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        return self.says(method, path, {"error": {**error, **more}}, status)

    @property
    def calls(self) -> list[str]:
        """What was asked, in order."""
        return [f"{r.method} {r.path.removeprefix('/v23.0/')}" for r in self.mock.request_history]


@pytest.fixture
def graph(requests_mock: requests_mock.Mocker) -> Graph:
    """Meta; what a test does not declare is no answer."""
    return Graph(requests_mock)
