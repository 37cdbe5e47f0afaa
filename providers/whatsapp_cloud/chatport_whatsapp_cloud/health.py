"""Evidence about a channel at Meta.

Owns: what is looked at and what is wrong about it. Must not know: where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chatport import Channel, HealthFact
from chatport.errors import ProviderError
from chatport_meta.health import health_facts

from .graph import Graph
from .provisioning import override_of
from .session import NUMBER_FIELDS, connection_problem

_MANAGER = "Look into WhatsApp Manager."
_AGAIN = "Set the inbox up again under its settings."


def check(channel: Channel) -> list[HealthFact]:
    """State, quality, limits, name, webhook address.

    :raises ProviderError: Meta could not be asked at all.
    """
    graph = Graph(channel)
    number = graph.get(graph.number(), {"fields": NUMBER_FIELDS})
    facts = [*_number(number), _webhook(channel, number)]
    facts += health_facts(_health(graph))
    return facts


def _number(number: Mapping[str, Any]) -> Iterator[HealthFact]:
    problem = connection_problem(number)
    state = _word(number, "status") or "CONNECTED"
    bad = state in ("FLAGGED", "RESTRICTED")
    yield HealthFact(
        "Number",
        problem or f"{_word(number, 'display_phone_number')} {state}".strip(),
        level="error" if problem else "warning" if bad else "ok",
        action=_AGAIN if problem else _MANAGER if bad else "",
    )
    quality = _word(number, "quality_rating")
    if quality:
        low = quality in ("YELLOW", "RED")
        yield HealthFact(
            "Quality",
            quality,
            level="error" if quality == "RED" else "warning" if low else "ok",
            action="Too many people block or report the number: send less, and only what is wanted."
            if low
            else "",
        )
    name = _word(number, "verified_name")
    if name:
        state = _word(number, "name_status")
        declined = state in ("DECLINED", "EXPIRED")
        yield HealthFact(
            "Display name",
            f"{name} ({state})" if state else name,
            level="warning" if declined else "ok",
            action=_MANAGER if declined else "",
        )
    throughput = number.get("throughput")
    level = throughput.get("level") if isinstance(throughput, dict) else None
    if isinstance(level, str) and level:
        yield HealthFact("Throughput", level)


def _webhook(channel: Channel, number: dict[str, Any]) -> HealthFact:
    override = override_of(number)
    configuration = number.get("webhook_configuration")
    app = configuration.get("application") if isinstance(configuration, dict) else None
    if channel.callback_url and channel.callback_url in (override, app):
        return HealthFact("Webhook", "leads to Chatport")
    if not override and configuration is None:
        return HealthFact("Webhook", "is not told by Meta", level="warning", action=_AGAIN)
    words = "leads elsewhere" if override else "is the app's own, which is another address"
    return HealthFact("Webhook", words, level="error", action=_AGAIN)


def _health(graph: Graph) -> Any:
    """What Meta itself says about sending; nothing where it does not say it."""
    try:
        return graph.get(graph.number(), {"fields": "health_status"}).get("health_status")
    except ProviderError:
        return None


def _word(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value[:300] if isinstance(value, str) else ""
