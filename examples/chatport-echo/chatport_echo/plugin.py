"""The provider ``echo``: what it declares, and its hooks.

Owns: the declaration, the configuration, the way from each hook to the module that does it. Must not know: storage.
"""

from __future__ import annotations

from marshmallow import fields, validate

from chatport import (
    HOOK_API,
    AuthScheme,
    Channel,
    Connection,
    Features,
    InboundRequest,
    MediaKind,
    MediaLimit,
    MediaRequest,
    OutboundMessage,
    ProviderInfo,
    ProviderSchema,
    Secret,
    Sent,
    hookimpl,
)
from chatport.events import AnyEvent, MediaRef

from . import inbound, service


class EchoSchema(ProviderSchema):
    """What an administrator fills in for a channel."""

    url = fields.Url(
        required=True,
        require_tld=False,
        schemes={"http", "https"},
        metadata={"label": "Address of Echo", "placeholder": "https://echo.example"},
    )
    token = Secret(
        required=True,
        validate=validate.Length(min=6),
        metadata={"label": "Token", "help": "Echo shows it under Settings, Access."},
    )
    webhook_secret = Secret(
        metadata={
            "label": "Webhook secret",
            "help": "Made for you. Enter it in Echo beside the webhook address.",
            "generate": True,
        },
    )


PROVIDER = ProviderInfo(
    title="Echo",
    hook_api=HOOK_API,
    schema=EchoSchema,
    features=Features(
        media={MediaKind.IMAGE: MediaLimit(5_000_000, ("image/jpeg", "image/png"))},
        max_text=2000,
        reply=True,
    ),
    authentication=AuthScheme(
        kind="hmac_sha256",
        secret_keys=("webhook_secret",),
        header="X-Echo-Signature",
        prefix="sha256=",
    ),
    description="An imaginary service that shows how a provider is written.",
)


@hookimpl
def validate_config(channel: Channel) -> Connection:
    return service.check(channel)


@hookimpl
def send_message(channel: Channel, message: OutboundMessage) -> Sent:
    return service.send(channel, message)


@hookimpl
def media_url(channel: Channel, media: MediaRef) -> MediaRequest:
    return service.file_request(channel, media)


@hookimpl
def handle_event(request: InboundRequest) -> list[AnyEvent]:
    return inbound.read(request.body)


@hookimpl
def channel_addresses(channel: Channel) -> frozenset[str]:
    return frozenset({channel.phone_digits})
