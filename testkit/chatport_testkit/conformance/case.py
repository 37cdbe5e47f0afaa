"""What a provider's author tells the suite.

Owns: the description of a provider under test, and the channel made from it. Must not know: pytest, any provider.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatport import Channel, InboundRequest, ProviderInfo
from chatport.plugins import ProviderHandle, Registry
from chatport.schema import secret_names

from .samples import RECEIVED_AT
from .scripted import Received, Reply

#: Values shorter than this are not looked for in messages: they would be found by chance.
SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Webhook:
    """A body that the service delivers.

    :param expect: classes of the events that it must give, in order. Empty for no check.
    :param own: ``False`` for a body that names another channel; the provider must give other addressees then.
    :param repeats: the body tells facts that another sample tells too, so its keys may be the same.
    """

    name: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    expect: tuple[type, ...] = ()
    own: bool = True
    repeats: bool = False

    def request(self, body: bytes | None = None) -> InboundRequest:
        """As the core hands it to ``handle_event``."""
        return InboundRequest(
            body=self.body if body is None else body,
            headers={"content-type": "application/json", **self.headers},
            received_at=RECEIVED_AT,
            query=dict(self.query),
        )


def webhooks_in(folder: Path, pattern: str = "*.json") -> tuple[Webhook, ...]:
    """One sample for each file of a folder, named like the file.

    :raises FileNotFoundError: no file fits; an empty list would check nothing.
    """
    found = tuple(Webhook(path.stem, path.read_bytes()) for path in sorted(folder.glob(pattern)))
    if not found:
        raise FileNotFoundError(f"no {pattern} in {folder}")
    return found


def is_post(request: Received) -> bool:
    """The usual mark of a request that has an effect."""
    return request.method == "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """A provider under test.

    :param key: its key, as in the entry point.
    :param plugin: its plugin module.
    :param config: makes a valid configuration, as an administrator would type it, for a service at the given base
        address. Give its secrets values of six or more characters that occur nowhere else.
    :param service: answers as the real service does when all goes well.
    :param webhooks: bodies of the service; at least one that holds an incoming message.
    :param state: what the hooks asked to keep for the channel.
    :param arguments: for hooks whose sample arguments do not fit: keyword arguments by hook name.
    :param is_sending: whether a request of ``send_message`` is the one that sends. Faults hit only those.
    :param sign: makes the headers of an authentic webhook from its body and the configuration; needed where the
        authentication is ``custom``.
    :param files: bytes for a kind of media that the service refuses to take from the samples.
    """

    key: str
    plugin: types.ModuleType
    config: Callable[[str], Mapping[str, Any]]
    service: Callable[[Received], Reply]
    webhooks: tuple[Webhook, ...]
    phone_number: str = "+6281100000009"
    state: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_sending: Callable[[Received], bool] = is_post
    sign: Callable[[bytes, Mapping[str, Any]], Mapping[str, str]] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def info(self) -> ProviderInfo:
        """What the plugin declares."""
        info = self.plugin.PROVIDER
        assert isinstance(info, ProviderInfo)
        return info

    def handle(self) -> ProviderHandle:
        """The provider as the core calls it.

        :raises PluginMissing: the core would refuse it; with the reason.
        """
        return Registry.from_modules({self.key: self.plugin}).provider(self.key)

    def channel(self, address: str) -> Channel:
        """A channel whose service is at ``address``."""
        config = self.info.schema().load(dict(self.config(address)))
        return Channel(
            id=7,
            account_id=3,
            provider=self.key,
            phone_number=self.phone_number,
            config=config,
            state=dict(self.state),
            callback_url=f"https://chat.example/webhooks/{self.phone_number}",
            name="Sales",
        )

    def secrets(self, channel: Channel) -> list[str]:
        """Values that must never be seen."""
        found: list[Any] = []
        for name in secret_names(self.info.schema):
            value = channel.config.get(name)
            found += value if isinstance(value, list) else [value]
        return [text for text in map(str, filter(None, found)) if len(text) >= SHORTEST_SECRET]
