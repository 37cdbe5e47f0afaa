"""Setting Meta up for a channel: registration, subscription, and where this number's events go.

Owns: these calls and what to do by hand where one fails. Must not know: sending, storage.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chatport import Channel, ManualStep, Provisioned
from chatport.errors import ContentRefused, ProviderError

from .graph import PROOF_NEEDED, Graph
from .session import NUMBER_FIELDS

#: Meta takes no longer address.
MAX_ADDRESS = 200
_PENDING = ("PENDING", "DISCONNECTED", "UNVERIFIED")


@dataclass(slots=True)
class _Progress:
    done: list[str] = field(default_factory=list)
    steps: list[ManualStep] = field(default_factory=list)


def provision(channel: Channel) -> Provisioned:
    """Register the number where needed, subscribe the app, send this number's events here. May be repeated.

    :raises ProviderError: the address could not be set; with the action to take.
    """
    graph, progress = Graph(channel), _Progress()
    number = _look(graph)
    if number is None:
        progress.steps.append(
            ManualStep(
                title="Check the number's registration",
                instruction="Meta does not let the state of the number be read, so it was not registered again: that"
                " could set another PIN, or take the number from a phone. If sending fails with the code 133010,"
                " register it in WhatsApp Manager.",
            )
        )
    elif _needs_registration(number):
        _register(channel, graph, progress)
    _subscribe(channel, graph, progress)
    _set_override(channel, graph, number, progress)
    return Provisioned(
        done=tuple(progress.done),
        steps=tuple(progress.steps),
        state={PROOF_NEEDED: True} if graph.uses_proof else {},
    )


def unprovision(channel: Channel) -> Provisioned:
    """Take this number's address away, if it is ours; registration and subscription may serve others.

    :raises ProviderError: with what is left behind.
    """
    graph = Graph(channel)
    try:
        if (
            override_of(graph.get(graph.number(), {"fields": NUMBER_FIELDS}))
            != channel.callback_url
        ):
            return Provisioned()
        configuration = {"override_callback_uri": "", "verify_token": ""}
        graph.post(graph.number(), {"webhook_configuration": configuration})
    except ProviderError as error:
        error.action = (
            f"Remove the webhook address of the number {channel.phone_number} at Meta by hand."
        )
        raise
    return Provisioned(done=("Meta does not deliver this number's events here any more.",))


def override_of(number: dict[str, Any]) -> str:
    """The address that a number's events go to instead of the app's own; empty where it has none."""
    configuration = number.get("webhook_configuration")
    found = configuration.get("phone_number") if isinstance(configuration, dict) else None
    return found if isinstance(found, str) else ""


def _look(graph: Graph) -> dict[str, Any] | None:
    """The number's state; ``None`` where it cannot be read."""
    try:
        return graph.get(graph.number(), {"fields": NUMBER_FIELDS})
    except ProviderError as error:
        if error.code in ("0", "190"):
            raise
        return None


# --- registration -------------------------------------------------------------------------------


def _needs_registration(number: dict[str, Any]) -> bool:
    """A number that is connected is registered, whatever its verification says: the code's validity just ran out."""
    state = str(number.get("status") or "")
    if str(number.get("platform_type") or "CLOUD_API") != "CLOUD_API" or state in _PENDING:
        return True
    return not state and str(number.get("code_verification_status") or "") == "NOT_VERIFIED"


def _register(channel: Channel, graph: Graph, progress: _Progress) -> None:
    """A failure is shown and does not keep the rest from being done: events may arrive all the same."""
    given = str(channel.config.get("registration_pin") or "")
    pin = given or derived_pin(channel)
    try:
        graph.post(graph.number("register"), {"messaging_product": "whatsapp", "pin": pin})
    except ProviderError as error:
        progress.steps.append(
            ManualStep(
                title="Register the number",
                instruction=f"Registering the number failed: {error.message} {error.action}".strip(),
            )
        )
        return
    progress.done.append("The number is registered at the Cloud API.")
    if not given:
        progress.steps.append(
            ManualStep(
                title="Keep the number's PIN",
                instruction="The number was registered with this two-step verification PIN. You need it to move the"
                " number elsewhere.",
                values={"pin": pin},
                secret=True,
            )
        )


def derived_pin(channel: Channel) -> str:
    """Six digits for a number without PIN: the same each time, and known only to who knows the channel's own secret."""
    key = str(channel.config.get("webhook_verify_token") or "")
    text = f"pin:{channel.config.get('phone_number_id')}"
    number = int.from_bytes(hmac.digest(key.encode(), text.encode(), hashlib.sha256)[:8])
    return f"{number % 1_000_000:06d}"


# --- events -------------------------------------------------------------------------------------


def _subscribe(channel: Channel, graph: Graph, progress: _Progress) -> None:
    """Subscribe the app to the account. The call would wipe an address that was set for this app and the whole
    account, so it is left out where there is one: a foreign one is not ours to take away, and ours may serve other
    numbers of the account. What other apps have is their own."""
    path = graph.account("subscribed_apps")
    try:
        addresses = _own_addresses(graph, graph.get(path).get("data"))
        if any(address != channel.callback_url for address in addresses):
            progress.steps.append(
                ManualStep(
                    title="Check the app's subscription",
                    instruction="The account has a webhook address of its own, which subscribing again would remove,"
                    " so it was left alone. Make sure in the app's dashboard that this app is subscribed to the"
                    " account with the field messages.",
                )
            )
            return
        if not addresses:
            graph.post(path)
    except ProviderError as error:
        progress.steps.append(
            ManualStep(
                title="Subscribe the app to the account",
                instruction=f"Meta delivers no events until this is done: {error.message} {error.action}".strip(),
            )
        )
        return
    progress.done.append("The app is subscribed to the WhatsApp Business account.")


def _own_addresses(graph: Graph, apps: Any) -> list[str]:
    """The addresses that are set for our app and the whole account."""
    entries = [app for app in (apps if isinstance(apps, list) else ()) if isinstance(app, dict)]
    entries = [app for app in entries if app.get("override_callback_uri")]
    own = _own_app(graph) if entries else ""
    # Where Meta does not say which app is ours, any of them may be.
    return [
        str(app["override_callback_uri"]) for app in entries if not own or _app_id(app) in ("", own)
    ]


def _app_id(entry: Mapping[str, Any]) -> str:
    told = entry.get("whatsapp_business_api_data")
    return str(told.get("id") or "") if isinstance(told, dict) else ""


def _own_app(graph: Graph) -> str:
    """The id of the app that the token belongs to; empty where Meta does not tell."""
    try:
        told = graph.get(graph.path("debug_token"), {"input_token": graph.token}).get("data")
    except ProviderError:
        return ""
    return str(told.get("app_id") or "") if isinstance(told, dict) else ""


def _set_override(
    channel: Channel, graph: Graph, number: dict[str, Any] | None, progress: _Progress
) -> None:
    """Send this number's events here, whatever address the app itself has."""
    address = channel.callback_url
    if not address or len(address) > MAX_ADDRESS:
        raise ContentRefused(
            f"The inbox's webhook address has {len(address)} characters; Meta takes 1 to {MAX_ADDRESS}.",
            action="Give a shorter CHATPORT_PUBLIC_URL, or a callback address for this inbox.",
            code="callback_url",
        )
    configuration = {
        "override_callback_uri": address,
        "verify_token": str(channel.config.get("webhook_verify_token") or ""),
    }
    try:
        graph.post(graph.number(), {"webhook_configuration": configuration})
    except ProviderError as error:
        error.action = (
            f"{error.action} Or enter the address {address} and the verify token in the app's dashboard under"
            " WhatsApp, Configuration, and tick the field messages."
        ).strip()
        raise
    progress.done.append("Meta delivers this number's events to Chatport.")
