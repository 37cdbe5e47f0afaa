"""From an event to webhooks: which address, which secret, which events are wanted.

Owns filtering and routing. Bodies come from ``bodies``, delivery is the sender's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .bodies import build
from .config import Config
from .events import Account, Event
from .sender import Target, WebhookSender
from .state import Device, State
from .wire import encode

_FILTERED = ("chat_id", "from", "chat_lid", "from_lid")


class Outbox:
    """Reports events of a device to whoever wants them."""

    def __init__(self, config: Config, state: State, sender: WebhookSender) -> None:
        self._config = config
        self._state = state
        self._sender = sender

    def report(self, event: Event, device: Device) -> None:
        """Post ``event`` for ``device``. A session that is logged in, but offline, gets it on reconnecting."""
        with self._state.lock:
            if not device.phone:
                return
            if not device.is_logged_in:
                device.waiting.append(event)
                return
            account = Account(device.jid, device.id)
        self.post(replace(event, account=account), device)

    def reconnected(self, device: Device) -> None:
        """Post what waited while the session was offline."""
        with self._state.lock:
            waiting, device.waiting = device.waiting, []
        for event in waiting:
            self.report(event, device)

    def post(self, event: Event, device: Device) -> None:
        body = build(event, self._config.version)
        if body is None:
            return
        name = str(body.get("event", "message"))
        target = self.target(device)
        if target is None or not self._wanted(name, device) or self._ignored(body):
            return
        self._sender.post(name, encode(body), target)

    def target(self, device: Device) -> Target | None:
        """The addresses for this device: its own if it has one, else the service's."""
        config, own = self._config, device.webhook
        if own.url:
            insecure = own.insecure or config.insecure_skip_verify
            return Target((own.url,), own.secret or config.webhook_secret, insecure)
        if not config.webhook_urls:
            return None
        urls = tuple(config.webhook_urls.split(","))
        return Target(urls, config.webhook_secret, config.insecure_skip_verify)

    def _wanted(self, name: str, device: Device) -> bool:
        events = self._config.webhook_events
        if device.webhook.url and device.webhook.events:
            events = tuple(device.webhook.events.split(","))
        return not events or name.lower() in {event.strip().lower() for event in events}

    def _ignored(self, body: dict[str, Any]) -> bool:
        if not self._config.version.since("v8.11.0"):
            return False
        payload = body.get("payload", {})
        jids = [payload[name] for name in _FILTERED if payload.get(name)]
        return any(
            jid.endswith(entry) if entry.startswith("@") else jid == entry
            for entry in self._config.ignore_jids
            for jid in jids
        )
