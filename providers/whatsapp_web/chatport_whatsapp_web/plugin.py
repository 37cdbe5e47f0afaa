"""The provider ``whatsapp_web``: what it declares, and its hooks.

Owns: the declaration and the way from each hook to the module that does it. Must not know: how any of it is done.
"""

from __future__ import annotations

from datetime import datetime

from chatport import (
    HOOK_API,
    AuthScheme,
    Channel,
    Connection,
    ContactInfo,
    GroupInfo,
    HealthFact,
    HistoryPage,
    Identity,
    InboundRequest,
    MediaRequest,
    OutboundMessage,
    PairingPrompt,
    ProviderInfo,
    Provisioned,
    Recipient,
    Sent,
    SentLookup,
    hookimpl,
)
from chatport.events import AnyEvent, MediaRef
from chatport.messages import MessageRef

from . import files, health, history, inbound, outbound, own, pairing, people, provisioning, session
from .features import FEATURES
from .schema import WhatsAppWebSchema

PROVIDER = ProviderInfo(
    title="WhatsApp Web",
    hook_api=HOOK_API,
    schema=WhatsAppWebSchema,
    features=FEATURES,
    authentication=AuthScheme(
        kind="hmac_sha256",
        secret_keys=("webhook_verify_token",),
        header="X-Hub-Signature-256",
        prefix="sha256=",
    ),
    description="An ordinary WhatsApp number, linked like WhatsApp Web, through a GoWA service that you run.",
    documentation="https://github.com/aldinokemal/go-whatsapp-web-multidevice",
)


# --- required ---------------------------------------------------------------------------------------------------------


@hookimpl
def validate_config(channel: Channel) -> Connection:
    return session.validate(channel)


@hookimpl
def send_message(channel: Channel, message: OutboundMessage) -> Sent:
    return outbound.send(channel, message)


@hookimpl
def media_url(channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
    return files.media_request(channel, media, attempt)


@hookimpl
def handle_event(channel: Channel, request: InboundRequest) -> list[AnyEvent]:
    return inbound.read_body(channel, request.body)


# --- setting up -------------------------------------------------------------------------------------------------------


@hookimpl
def channel_addresses(channel: Channel) -> frozenset[str]:
    return own.addresses(channel)


@hookimpl
def provision(channel: Channel) -> Provisioned:
    return provisioning.provision(channel)


@hookimpl
def unprovision(channel: Channel) -> Provisioned:
    return provisioning.unprovision(channel)


# --- the WhatsApp login -----------------------------------------------------------------------------------------------


@hookimpl
def start_pairing(channel: Channel, method: str, phone_number: str) -> PairingPrompt:
    return pairing.prompt(channel, method, phone_number)


@hookimpl
def connection_status(channel: Channel) -> Connection:
    return session.status(channel)


@hookimpl
def logout(channel: Channel) -> Connection:
    return session.logout(channel)


@hookimpl
def reconnect(channel: Channel) -> Connection:
    return session.reconnect(channel)


# --- conversations ----------------------------------------------------------------------------------------------------


@hookimpl
def mark_read(channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]) -> bool:
    return people.mark_read(channel, recipient, messages)


@hookimpl
def send_typing(channel: Channel, recipient: Recipient, state: str) -> bool:
    return people.send_typing(channel, recipient, state)


@hookimpl
def group_info(channel: Channel, group: Identity) -> GroupInfo:
    return people.group_info(channel, group)


@hookimpl
def contact_info(channel: Channel, contact: tuple[Identity, ...]) -> ContactInfo:
    return people.contact_info(channel, contact)


@hookimpl
def fetch_history(channel: Channel, since: datetime, cursor: str | None) -> HistoryPage:
    return history.fetch(channel, since, cursor)


@hookimpl
def find_sent(channel: Channel, lookup: SentLookup) -> tuple[Sent, ...]:
    return history.find_sent(channel, lookup)


@hookimpl
def check_health(channel: Channel) -> list[HealthFact]:
    return health.check(channel)
