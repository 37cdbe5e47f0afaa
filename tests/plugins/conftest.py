"""Plugins in memory and as installed distributions."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from typing import Any

import pytest

from chatport.channels import (
    HOOK_API,
    AuthScheme,
    Channel,
    Connection,
    Features,
    InboundRequest,
    MediaRequest,
    ProviderInfo,
)
from chatport.events import AnyEvent, MediaRef
from chatport.hookspecs import hookimpl
from chatport.messages import OutboundMessage, Sent
from chatport.schema import ProviderSchema, Secret

#: Source of a sound provider in one file, for distributions on disk.
SOUND = """
from tests_of_plugins import sound
globals().update(sound())
"""


class Schema(ProviderSchema):
    """One secret."""

    secret = Secret(load_default="s3cret-value")


def info(**changes: Any) -> ProviderInfo:
    values: dict[str, Any] = {
        "title": "Sound",
        "hook_api": HOOK_API,
        "schema": Schema,
        "features": Features(),
        "authentication": AuthScheme("header_secret", ("secret",), header="X-Secret"),
        **changes,
    }
    return ProviderInfo(**values)


@hookimpl
def validate_config(channel: Channel) -> Connection:
    return Connection(connected=True)


@hookimpl
def send_message(channel: Channel, message: OutboundMessage) -> Sent:
    return Sent("ID1")


@hookimpl
def media_url(channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
    return MediaRequest("https://files.example/f")


@hookimpl
def handle_event(channel: Channel, request: InboundRequest) -> list[AnyEvent]:
    return []


def sound(**changes: Any) -> dict[str, Any]:
    """The attributes of a provider that may be used; ``None`` takes one away."""
    attributes: dict[str, Any] = {
        "PROVIDER": info(),
        "validate_config": validate_config,
        "send_message": send_message,
        "media_url": media_url,
        "handle_event": handle_event,
        **changes,
    }
    return {name: value for name, value in attributes.items() if value is not None}


@pytest.fixture
def make_provider() -> Callable[..., dict[str, Any]]:
    return sound


@pytest.fixture
def make_info() -> Callable[..., ProviderInfo]:
    return info


@pytest.fixture
def channel() -> Channel:
    return Channel(
        id=1,
        account_id=1,
        provider="sound",
        phone_number="+6281100000009",
        config={"secret": "s3cret-value"},
    )


Install = Callable[..., Distribution]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Write a distribution with one module and its entry points into a folder of ``sys.path``."""
    helper = types.ModuleType("tests_of_plugins")
    helper.sound = sound  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tests_of_plugins", helper)
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def write(
        name: str, *, entries: str = "", code: str = SOUND, version: str = "1.0"
    ) -> Distribution:
        """``entries`` are lines of ``entry_points.txt``; without any, a provider of the same name."""
        module = f"{name}_module"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(code)
        metadata = tmp_path / f"{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: chatport-{name}\nVersion: {version}\n")
        text = entries or f"[chatport.providers]\n{name} = {module}\n"
        (metadata / "entry_points.txt").write_text(text)
        return PathDistribution(metadata)

    yield write
    for module in modules:
        sys.modules.pop(module, None)
