"""Where 360dialog delivers a number's events, and with which secret.

Owns: the webhook's configuration. Must not know: sending, storage.

360dialog signs nothing. The secret is a request header that it sends along; only where it does not keep headers, the
secret stands in the address. Each setting replaces all of the former, headers too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from chatport import Channel, ManualStep, Provisioned
from chatport.errors import ProviderError

from .errors import NO_WEBHOOK
from .gateway import Gateway

SECRET_HEADER = "X-Hook-Secret"  # noqa: S105 (a header's name)
SECRET_PARAMETER = "secret"  # noqa: S105 (a parameter's name)


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that events go to, with the headers that go along."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def presents_secret_of(self, wanted: Destination) -> bool:
        """Whether the wanted secret goes along, as a header or in the address."""
        secret = wanted.headers.get(SECRET_HEADER, "")
        given = [v for name, v in self.headers.items() if name.lower() == SECRET_HEADER.lower()]
        given += parse_qs(urlsplit(self.url).query).get(SECRET_PARAMETER, [])
        return bool(secret) and secret in given


def wanted_destination(channel: Channel) -> Destination:
    """This channel's address and secret."""
    secret = str(channel.config.get("webhook_verify_token") or "")
    return Destination(channel.callback_url, {SECRET_HEADER: secret} if secret else {})


def current_destination(gateway: Gateway) -> Destination:
    """What is set for the number.

    :raises ProviderError: 360dialog could not be asked.
    """
    return _found(gateway, gateway.config("webhook"))


def _found(gateway: Gateway, path: str) -> Destination:
    """What is set at a path; the older stack answers an error where nothing is."""
    try:
        return _destination(gateway.get(path))
    except ProviderError as error:
        if error.code != NO_WEBHOOK:
            raise
        return Destination("")


def _destination(answer: Mapping[str, Any]) -> Destination:
    url, headers = answer.get("url"), answer.get("headers")
    known = headers if isinstance(headers, dict) else {}
    return Destination(
        url if isinstance(url, str) else "",
        {str(name): value for name, value in known.items() if isinstance(value, str)},
    )


def provision(channel: Channel) -> Provisioned:
    """Send the number's events here, with the secret. May be repeated.

    :raises ProviderError: with the action to take.
    """
    gateway, wanted = Gateway(channel), wanted_destination(channel)
    try:
        _set(gateway, gateway.config("webhook"), wanted)
    except ProviderError as error:
        error.action = (
            f"{error.action} The address must be public https, without a port, without an underscore in the host"
            f" name. Here it is {channel.callback_url}."
        ).strip()
        raise
    done = ["360dialog delivers this number's events to Chatport."]
    if gateway.old:
        return Provisioned(done=tuple(done))
    steps = _account_events(gateway, wanted, done)
    return Provisioned(done=tuple(done), steps=steps)


def _set(gateway: Gateway, path: str, wanted: Destination, **more: Any) -> None:
    found = _found(gateway, path)
    if found.url.partition("?")[0] == wanted.url and found.presents_secret_of(wanted):
        return
    body = {"url": wanted.url, "headers": dict(wanted.headers), **more}
    answer = gateway.post(path, body)
    kept = _destination(answer) if "headers" in answer else _found(gateway, path)
    if wanted.headers and not kept.presents_secret_of(wanted):
        query = urlencode({SECRET_PARAMETER: wanted.headers[SECRET_HEADER]})
        gateway.post(path, {"url": f"{wanted.url}?{query}", "headers": {}, **more})


def _account_events(
    gateway: Gateway, wanted: Destination, done: list[str]
) -> tuple[ManualStep, ...]:
    """Events of the whole account (templates, quality, restrictions) have one address for all of its numbers; it is
    taken where nobody has it yet."""
    try:
        found = _found(gateway, "waba_webhook")
        if not found.url or found.url.partition("?")[0] == wanted.url:
            _set(gateway, "waba_webhook", wanted, override_all=False)
            done.append("360dialog delivers the account's events to Chatport.")
        return ()
    except ProviderError as error:
        return (
            ManualStep(
                title="Events of the account",
                instruction="360dialog did not take the address for events about templates and quality:"
                f" {error.message} Messages arrive all the same.",
            ),
        )
