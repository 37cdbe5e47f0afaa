"""The hooks that a plugin can implement, and nothing else.

Owns: names, arguments and meaning of the hooks. Must not know: who calls them, where things are stored.

Rules for all: synchronous; called with keyword arguments; frozen records in and out; ``None`` is never an answer;
raise only what is named, anything else counts as a bug of the plugin; no database, Flask or RQ object crosses the line.
Hooks never run inside a database transaction, and each has a time limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from datetime import datetime

    from .channels import (
        Channel,
        Connection,
        ContactInfo,
        GroupInfo,
        HealthFact,
        HistoryPage,
        InboundRequest,
        MediaRequest,
        PairingPrompt,
        Provisioned,
        SentLookup,
    )
    from .events import AnyEvent, MediaRef
    from .identities import Identity
    from .messages import MessageRef, OutboundMessage, Recipient, Sent
    from .notices import Notice

hookspec = pluggy.HookspecMarker("chatport")
hookimpl = pluggy.HookimplMarker("chatport")


# --- required -----------------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def validate_config(channel: Channel) -> Connection:
    """Ask the service whether the configuration works. Only reads; may be repeated. Called on creation and update of a
    channel and for *test connection*, in a web thread.

    :param channel: with its loaded config; ``id`` is 0 on creation.
    :raises ConfigInvalid: with field errors.
    :raises AuthenticationFailed: the service refuses the credentials.
    :raises ServiceUnreachable: nothing answers, or not this kind of service.
    """


@hookspec(firstresult=True)
def send_message(channel: Channel, message: OutboundMessage) -> Sent:
    """Send one message. Called in a job.

    :raises ProviderError: of the class that says what happened; see ``chatport.errors.ErrorClass``. Raise
        ``OutcomeUnknown`` when the request left and no answer came; the core then never resends by itself.
    """


@hookspec(firstresult=True)
def media_url(channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
    """Say how to fetch a file of an event. Called in a job; may ask the service.

    :param attempt: 0 at first; higher after a fetch found nothing or an expired address, so that the provider can ask
        the service for the file again.
    :raises MediaGone: the provider no longer has it.
    :raises ProviderError: as ``send_message``.
    """


@hookspec(firstresult=True)
def handle_event(channel: Channel, request: InboundRequest) -> list[AnyEvent]:
    """Turn a stored webhook request into events: one for every entry, change, message and status, ``UnknownEvent`` for
    what is not known. Pure: no network, no clock. Called in a job, and again on replay.

    :raises AnomalousPayload: not that sender's shape at all.
    """


# --- optional: setting up ---------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def channel_addresses(channel: Channel) -> frozenset[str]:
    """Addresses by which the service's items name this channel (a phone number id, a device), compared with an event's
    ``addressees``. Pure. Default: none, and every item is taken as the channel's own."""


@hookspec(firstresult=True)
def provision(channel: Channel) -> Provisioned:
    """Prepare the service for this channel: register device, webhook address, secret. A job after the channel is
    stored, and on request; idempotent. A failure is shown and never blocks.

    :raises ProviderError: with the action to take.
    """


@hookspec(firstresult=True)
def unprovision(channel: Channel) -> Provisioned:
    """Undo ``provision`` when the channel is deleted. Deletion goes on whatever happens here.

    :raises ProviderError: with what is left behind.
    """


@hookspec(firstresult=True)
def authenticate_request(channel: Channel, request: InboundRequest) -> bool:
    """Only for the authentication scheme ``custom``: ``True`` accepts the request, anything else refuses it. Called in
    the receiver: fast, no network."""


# --- optional: the WhatsApp login -----------------------------------------------------------------------------------


@hookspec(firstresult=True)
def start_pairing(channel: Channel, method: str, phone_number: str) -> PairingPrompt:
    """Begin, or go on with, linking a phone.

    :param method: ``qr`` or ``code``, one that the features declare.
    :param phone_number: E.164 of the phone, for ``code``.
    :raises ProviderError: with the action to take.
    """


@hookspec(firstresult=True)
def connection_status(channel: Channel) -> Connection:
    """Whether messages can be sent now. Polled where the service sends no event for a lost login.

    :raises ProviderError: as ``validate_config``.
    """


@hookspec(firstresult=True)
def logout(channel: Channel) -> Connection:
    """Unlink the phone."""


@hookspec(firstresult=True)
def reconnect(channel: Channel) -> Connection:
    """Ask the service to connect its existing session again."""


# --- optional: conversations ------------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def mark_read(channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]) -> bool:
    """Tell the customer that we read these messages. ``True`` when done.

    :raises ProviderError: shown in the log only; never blocks.
    """


@hookspec(firstresult=True)
def send_typing(
    channel: Channel, recipient: Recipient, state: str, last_message: MessageRef | None
) -> bool:
    """Show the customer that an agent types.

    :param state: ``composing``, ``recording`` or ``paused``.
    :param last_message: the customer's latest message, which some services need.
    """


@hookspec(firstresult=True)
def group_info(channel: Channel, group: Identity) -> GroupInfo:
    """Name and members of a group.

    :raises ProviderError: the group keeps its fallback name.
    """


@hookspec(firstresult=True)
def contact_info(channel: Channel, contact: tuple[Identity, ...]) -> ContactInfo:
    """Name and picture of a person."""


@hookspec(firstresult=True)
def fetch_history(channel: Channel, since: datetime, cursor: str | None) -> HistoryPage:
    """Messages in the service's own store since a moment, as events with the same keys as their webhooks have and
    ``history=True``.

    :param since: aware, UTC.
    :raises UnsupportedFeature: this version of the service has no history; said to the administrator.
    """


@hookspec(firstresult=True)
def find_sent(channel: Channel, lookup: SentLookup) -> tuple[Sent, ...]:
    """Look for a send of unknown outcome in the service's store; empty when it is not there."""


# --- optional: templates, health ----------------------------------------------------------------------------------


@hookspec(firstresult=True)
def fetch_templates(channel: Channel) -> list[dict[str, object]]:
    """All message templates, all pages, in the shape ``{"name", "language", "status", "category", "namespace",
    "parameter_format", "components"}``. All or nothing.

    :raises ProviderError: the stored templates stay, the error is kept and shown.
    """


@hookspec(firstresult=True)
def check_health(channel: Channel) -> list[HealthFact]:
    """Evidence about the channel at the service: quality, limits, webhook address, version, settings to mend."""


# --- observers: any plugin ------------------------------------------------------------------------------------------


@hookspec
def observe(notice: Notice) -> None:
    """Something happened: a message was created or updated, a conversation changed, an event became a dead letter, a
    channel's health changed. Called after commit, in a job; the answer is not used; an exception is logged against the
    plugin and disturbs nobody."""
