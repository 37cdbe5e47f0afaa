"""The provider ``dialog360``: what it declares, and its hooks.

Owns: the declaration and the way from each hook to the module that does it. Must not know: how any of it is done.
"""

from __future__ import annotations

from chatport import (
    HOOK_API,
    AuthScheme,
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
from chatport_meta import addresses, outbound, templates

from . import files, inbound, old_sending, provisioning, session, template_list
from .features import FEATURES
from .gateway import Gateway
from .provisioning import SECRET_HEADER, SECRET_PARAMETER
from .schema import Dialog360Schema

PROVIDER = ProviderInfo(
    title="360dialog",
    hook_api=HOOK_API,
    schema=Dialog360Schema,
    features=FEATURES,
    authentication=AuthScheme(
        kind="header_secret",
        secret_keys=("webhook_verify_token",),
        header=SECRET_HEADER,
        query_parameter=SECRET_PARAMETER,
    ),
    description="A number at 360dialog, with templates and the 24-hour window.",
    aliases=("default",),
    documentation="https://docs.360dialog.com",
)


# --- required -----------------------------------------------------------------------------------


@hookimpl
def validate_config(channel: Channel) -> Connection:
    return session.validate(channel)


@hookimpl
def send_message(channel: Channel, message: OutboundMessage) -> Sent:
    gateway = Gateway(channel)
    if gateway.old:
        return old_sending.send(gateway, message)
    return outbound.send(gateway, gateway.edges, message, FEATURES)


@hookimpl
def media_url(channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
    return files.media_request(channel, media, attempt)


@hookimpl
def handle_event(channel: Channel, request: InboundRequest) -> list[AnyEvent]:
    return inbound.read_request(request, channel_addresses(channel))


# --- setting up ---------------------------------------------------------------------------------


@hookimpl
def channel_addresses(channel: Channel) -> frozenset[str]:
    return addresses.of_channel(
        number=channel.phone_number,
        phone_number_id=str(channel.state.get(addresses.PHONE_NUMBER_ID) or ""),
        account_id=str(channel.state.get(addresses.BUSINESS_ACCOUNT_ID) or ""),
    )


@hookimpl
def provision(channel: Channel) -> Provisioned:
    return provisioning.provision(channel)


# --- conversations ------------------------------------------------------------------------------


@hookimpl
def mark_read(channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]) -> bool:
    gateway = Gateway(channel)
    if gateway.old:
        return old_sending.mark_read(gateway, messages)
    return outbound.mark_read(gateway, gateway.edges.messages, messages)


@hookimpl
def send_typing(
    channel: Channel, recipient: Recipient, state: str, last_message: MessageRef | None
) -> bool:
    gateway = Gateway(channel)
    if gateway.old:  # it has no such call
        return False
    return outbound.show_typing(gateway, gateway.edges.messages, state, last_message)


# --- templates, health --------------------------------------------------------------------------


@hookimpl
def fetch_templates(channel: Channel) -> list[dict[str, object]]:
    gateway = Gateway(channel)
    if gateway.old:
        return template_list.fetch(gateway)
    return templates.fetch(gateway, "message_templates")


@hookimpl
def check_health(channel: Channel) -> list[HealthFact]:
    return session.check_health(channel)
