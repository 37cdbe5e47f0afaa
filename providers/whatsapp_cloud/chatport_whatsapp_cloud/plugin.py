"""The provider ``whatsapp_cloud``: what it declares, and its hooks.

Owns: the declaration and the way from each hook to the module that does it. Must not know: how any of it is done.
"""

from __future__ import annotations

from chatport import (
    HOOK_API,
    AuthScheme,
    ChallengeScheme,
    Channel,
    Connection,
    HealthFact,
    InboundRequest,
    MediaRequest,
    OutboundMessage,
    ProviderInfo,
    Provisioned,
    Recipient,
    Sent,
    hookimpl,
)
from chatport.events import AnyEvent, MediaRef
from chatport.messages import MessageRef
from chatport.reader import load_json
from chatport_meta import addresses, inbound, outbound, templates

from . import files, health, provisioning, session
from .features import FEATURES
from .graph import Graph
from .schema import WhatsAppCloudSchema

PROVIDER = ProviderInfo(
    title="WhatsApp Cloud API",
    hook_api=HOOK_API,
    schema=WhatsAppCloudSchema,
    features=FEATURES,
    authentication=AuthScheme(
        kind="hmac_sha256",
        secret_keys=("app_secret",),
        header="X-Hub-Signature-256",
        prefix="sha256=",
    ),
    challenge=ChallengeScheme(secret_key="webhook_verify_token"),  # noqa: S106 (a key's name)
    description="A number at Meta itself, with templates and the 24-hour window, through an app of your own.",
    documentation="https://developers.facebook.com/docs/whatsapp/cloud-api",
)


# --- required -----------------------------------------------------------------------------------


@hookimpl
def validate_config(channel: Channel) -> Connection:
    return session.validate(channel)


@hookimpl
def send_message(channel: Channel, message: OutboundMessage) -> Sent:
    graph = Graph(channel)
    return outbound.send(graph, graph.edges, message, FEATURES)


@hookimpl
def media_url(channel: Channel, media: MediaRef) -> MediaRequest:
    return files.media_request(channel, media)


@hookimpl
def handle_event(channel: Channel, request: InboundRequest) -> list[AnyEvent]:
    return inbound.read_envelope(
        load_json(request.body),
        request.received_at,
        channel_addresses(channel),
        needs_number_id=True,
    )


# --- setting up ---------------------------------------------------------------------------------


@hookimpl
def channel_addresses(channel: Channel) -> frozenset[str]:
    return addresses.of_channel(
        number=channel.phone_number,
        phone_number_id=str(channel.config.get("phone_number_id") or ""),
        account_id=str(channel.config.get("business_account_id") or ""),
    )


@hookimpl
def provision(channel: Channel) -> Provisioned:
    return provisioning.provision(channel)


@hookimpl
def unprovision(channel: Channel) -> Provisioned:
    return provisioning.unprovision(channel)


# --- conversations ------------------------------------------------------------------------------


@hookimpl
def mark_read(channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]) -> bool:
    graph = Graph(channel)
    return outbound.mark_read(graph, graph.edges.messages, messages)


@hookimpl
def send_typing(
    channel: Channel, recipient: Recipient, state: str, last_message: MessageRef | None
) -> bool:
    graph = Graph(channel)
    return outbound.show_typing(graph, graph.edges.messages, state, last_message)


# --- templates, health --------------------------------------------------------------------------


@hookimpl
def fetch_templates(channel: Channel) -> list[dict[str, object]]:
    graph = Graph(channel)
    return templates.fetch(graph, graph.account("message_templates"))


@hookimpl
def check_health(channel: Channel) -> list[HealthFact]:
    return health.check(channel)
