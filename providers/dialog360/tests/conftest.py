"""Tiny factories for the provider's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from chatport import Channel

MakeChannel = Callable[..., Channel]

KEY = "d360-key-0001-of-the-shop"
SECRET = "0123456789abcdef0123456789abcdef"
NEW = "https://waba-v2.test"
OLD = "https://waba.test/v1"
CALLBACK = "https://chat.test/webhooks/whatsapp/4930700001234"


@pytest.fixture
def make_channel() -> MakeChannel:
    """A channel; keywords replace values of its configuration."""

    def make(*, state: dict[str, Any] | None = None, **config: Any) -> Channel:
        given = {"api_key": KEY, "api_base_url": NEW, "webhook_verify_token": SECRET, **config}
        return Channel(
            7,
            1,
            "dialog360",
            "+4930700001234",
            config=given,
            state=state or {},
            callback_url=CALLBACK,
        )

    return make


@pytest.fixture
def channel(make_channel: MakeChannel) -> Channel:
    """A number of the newer generation."""
    return make_channel()


@pytest.fixture
def old_channel(make_channel: MakeChannel) -> Channel:
    """A number of the older generation."""
    return make_channel(api_base_url=OLD)


class Dialog:
    """360dialog, as far as a test says what it answers."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        self.mock = mock

    def says(self, method: str, url: str, body: Any, status: int = 200, **more: Any) -> Any:
        """An answer."""
        return self.mock.register_uri(method, url, json=body, status_code=status, **more)

    @property
    def calls(self) -> list[str]:
        """What was asked, in order."""
        return [f"{r.method} {r.url}" for r in self.mock.request_history]


@pytest.fixture
def dialog(requests_mock: requests_mock.Mocker) -> Dialog:
    """360dialog; what a test does not declare is no answer."""
    return Dialog(requests_mock)
