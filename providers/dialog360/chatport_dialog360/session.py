"""Whether the configuration works, and what the service knows about the number.

Owns: these checks. Must not know: sending, storage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chatport import Channel, Connection, HealthFact
from chatport.errors import (
    ConfigInvalid,
    ContentRefused,
    PolicyRefused,
    ProviderError,
    ServiceUnreachable,
    TemporarilyRefused,
)
from chatport.phones import variants
from chatport_meta.addresses import BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID, digits
from chatport_meta.health import health_facts

from .gateway import Gateway
from .provisioning import Destination, current_destination, wanted_destination

#: The service's word that its login at WhatsApp works, in the older generation.
_CONNECTED = "connected"
_HUB = "Look at the number in the 360dialog Hub."


def validate(channel: Channel) -> Connection:
    """Ask for the webhook's configuration, which every valid key may read, and for the number's state.

    :raises AuthenticationFailed: the key is not accepted.
    :raises ConfigInvalid: the key belongs to another number.
    :raises ServiceUnreachable: 360dialog does not answer at this address.
    """
    gateway = Gateway(channel)
    current_destination(gateway)
    if gateway.old:
        return _old(channel, gateway)
    status = _tolerant(gateway, "health_status").get("health_status")
    status = status if isinstance(status, dict) else {}
    blocked = status.get("can_send_message") == "BLOCKED"
    return Connection(
        connected=not blocked,
        reason="WhatsApp blocks this number." if blocked else "",
        action=_HUB if blocked else "",
        facts={
            "generation": "cloud hosted",
            "can_send_message": _word(status.get("can_send_message")),
        },
        state=_ids(status),
    )


def _old(channel: Channel, gateway: Gateway) -> Connection:
    number = digits(_word(_tolerant(gateway, gateway.config("phone_number")).get("phone_number")))
    own = channel.phone_digits
    if number and own and number != own and own not in variants(number):
        raise ConfigInvalid(
            {"api_key": [f"This key belongs to the number +{number}, not to +{own}."]},
            action="Copy the key of this inbox's own number, or correct the inbox's number.",
        )
    health = _tolerant(gateway, "health").get("health")
    state = _word(health.get("gateway_status")) if isinstance(health, dict) else ""
    problem = state not in ("", _CONNECTED)
    return Connection(
        connected=not problem,
        reason=f"360dialog's WhatsApp stack is {state}." if problem else "",
        action=_HUB if problem else "",
        linked_number=f"+{number}" if number else "",
        facts={"generation": "on premise", "gateway_status": state},
    )


def _ids(status: Mapping[str, Any]) -> dict[str, Any]:
    """Meta's ids of number and account, by which webhooks name them."""
    kinds = {"PHONE_NUMBER": PHONE_NUMBER_ID, "WABA": BUSINESS_ACCOUNT_ID}
    entities = status.get("entities")
    found: dict[str, Any] = {}
    for entity in entities if isinstance(entities, list) else ():
        kind = kinds.get(_word(entity.get("entity_type"))) if isinstance(entity, dict) else None
        if kind and _word(entity.get("id")):
            found[kind] = entity["id"]
    return found


def _tolerant(gateway: Gateway, path: str) -> dict[str, Any]:
    """An answer that is good to have; some plans do not serve these paths.

    :raises AuthenticationFailed: the key is not accepted.
    """
    try:
        return gateway.get(path)
    except (ContentRefused, PolicyRefused, ServiceUnreachable, TemporarilyRefused) as error:
        if error.code == "unreachable":
            raise
        return {}


# --- health -------------------------------------------------------------------------------------


def check_health(channel: Channel) -> list[HealthFact]:
    """State of the number, webhook address and secret.

    :raises ProviderError: 360dialog could not be asked at all.
    """
    gateway = Gateway(channel)
    webhook = _webhook(channel, current_destination(gateway))
    return [webhook, *(_old_facts(gateway) if gateway.old else _facts(gateway))]


def _webhook(channel: Channel, found: Destination) -> HealthFact:
    wanted = wanted_destination(channel)
    repair = "Set the inbox up again under its settings."
    if found.url.partition("?")[0] != wanted.url:
        return HealthFact("Webhook", "leads elsewhere", level="error", action=repair)
    if not found.presents_secret_of(wanted):
        return HealthFact("Webhook", "does not present the secret", level="error", action=repair)
    return HealthFact("Webhook", "leads to Chatport")


def _facts(gateway: Gateway) -> Iterator[HealthFact]:
    try:
        status = gateway.get("health_status").get("health_status")
    except ProviderError as error:
        yield HealthFact("Sending", error.message, level="warning", action=error.action)
        return
    yield from health_facts(status)


def _old_facts(gateway: Gateway) -> Iterator[HealthFact]:
    yield HealthFact(
        "Generation",
        "on premise",
        level="warning",
        action="Meta switched this generation off; only the sandbox remains. Take the newer address from the Hub.",
    )
    try:
        health = gateway.get("health").get("health")
    except ProviderError as error:
        yield HealthFact("WhatsApp stack", error.message, level="warning", action=error.action)
        return
    state = _word(health.get("gateway_status")) if isinstance(health, dict) else ""
    good = state in ("", _CONNECTED)
    yield HealthFact(
        "WhatsApp stack",
        state or "not told",
        level="ok" if good else "error",
        action="" if good else _HUB,
    )


def _word(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""
