"""Evidence about a channel at the service.

Owns: what is looked at and what is wrong about it. Must not know: where it is shown.
"""

from __future__ import annotations

from chatport import Channel, HealthFact
from chatport.errors import ProviderError, UnsupportedFeature

from . import own, session
from .client import QUICK, Gowa
from .devices import path, usable_id


def check(channel: Channel) -> list[HealthFact]:
    """Version, login, device and webhook.

    :raises ProviderError: the service could not be asked at all.
    """
    service = Gowa(channel)
    found = session.status(channel)
    facts = [
        HealthFact("GoWA", session.service_version(service) or "version not told"),
        HealthFact(
            "WhatsApp login",
            found.linked_number or "linked" if found.connected else found.reason,
            level="ok" if found.connected else "error",
            action=found.action,
        ),
    ]
    device = own.device_id(channel)
    if device:
        facts.append(HealthFact("Device", device))
    facts.append(_webhook(channel, device))
    if not service.authorization():
        facts.append(
            HealthFact(
                "Credentials",
                "none",
                level="warning",
                action="Start GoWA with APP_BASIC_AUTH: whoever reaches it can read and write as this number.",
            )
        )
    return facts


def _webhook(channel: Channel, device: str) -> HealthFact:
    hand = HealthFact(
        "Webhook",
        "set where GoWA is started",
        action="Make sure that WHATSAPP_WEBHOOK holds the address of this inbox.",
    )
    if not device or not usable_id(device):
        return hand
    try:
        told = Gowa(channel, device=device).get(path(device, "/webhook"), deadline=QUICK).mapping()
    except UnsupportedFeature:
        return hand
    except ProviderError as error:
        return HealthFact("Webhook", error.message, level="warning", action=error.action)
    repair = "Set the inbox up again under its settings."
    if told.get("webhook_url") != channel.callback_url:
        return HealthFact("Webhook", "leads elsewhere", level="error", action=repair)
    if told.get("webhook_secret") != channel.config.get("webhook_verify_token"):
        return HealthFact("Webhook", "has another secret", level="error", action=repair)
    if told.get("webhook_events"):
        return HealthFact("Webhook", "is limited to some events", level="warning", action=repair)
    return HealthFact("Webhook", "leads to Chatport")
