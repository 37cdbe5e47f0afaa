"""Elements of ``value.statuses`` in the Cloud shape. Pure functions."""

from __future__ import annotations

from typing import Any

from .catalogue import webhook_error
from .identifiers import conversation_id
from .people import Person

JSON = dict[str, Any]

#: Statuses that never carry contacts or a price.
BARE = frozenset({"failed", "deleted", "warning"})


def status(
    wamid: str,
    name: str,
    timestamp: int,
    person: Person,
    *,
    category: str = "service",
    conversation: bool = False,
    callback_data: str | None = None,
    error: int | None = None,
    details: str = "",
    addressed_by: str = "to",
) -> JSON:
    """One status. ``conversation`` gives the form of API versions up to v23."""
    element: JSON = {"id": wamid, "status": name, "timestamp": str(timestamp)}
    recipient = person.recipient()
    if name in BARE and addressed_by == "to":
        # Addressed by phone, a failure names the phone only.
        recipient = {"recipient_id": person.wa_id}
    element.update(recipient)
    if name in {"sent", "delivered"}:
        if conversation:
            element["conversation"] = _conversation(wamid, name, timestamp, category)
        element["pricing"] = pricing(category)
    if error is not None:
        element["errors"] = [webhook_error(error, details)]
    if callback_data is not None:
        element["biz_opaque_callback_data"] = callback_data
    return element


def pricing(category: str) -> JSON:
    free = category == "service"
    return {
        "billable": not free,
        "pricing_model": "PMP",
        "category": category,
        "type": "free_customer_service" if free else "regular",
    }


def _conversation(wamid: str, name: str, timestamp: int, category: str) -> JSON:
    element: JSON = {"id": conversation_id(wamid)}
    if name == "sent":
        element["expiration_timestamp"] = str(timestamp + 86400)
    element["origin"] = {"type": category}
    return element
