"""What Meta says about whether messages can be sent.

Owns: facts from ``health_status``, which looks the same wherever it comes from. Must not know: HTTP, channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chatport import HealthFact

_MANAGER = "Look into WhatsApp Manager."


def health_facts(status: Any) -> Iterator[HealthFact]:
    """Facts from a ``health_status``; none where it is none."""
    if not isinstance(status, dict):
        return
    overall = _word(status, "can_send_message")
    if overall:
        levels = {"AVAILABLE": "ok", "LIMITED": "warning"}
        level = levels.get(overall, "error")
        yield HealthFact("Sending", overall, level=level, action="" if level == "ok" else _MANAGER)
    entities = status.get("entities")
    for entity in entities if isinstance(entities, list) else ():
        if isinstance(entity, dict) and _word(entity, "can_send_message") not in ("", "AVAILABLE"):
            yield _entity(entity)


def _entity(entity: Mapping[str, Any]) -> HealthFact:
    errors = entity.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    error = first if isinstance(first, dict) else {}
    words = _word(error, "error_description") or _word(entity, "can_send_message")
    return HealthFact(
        f"Sending: {_word(entity, 'entity_type').replace('_', ' ').lower()}",
        words,
        level="warning",
        action=_word(error, "possible_solution") or _MANAGER,
    )


def _word(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value[:300] if isinstance(value, str) else ""
