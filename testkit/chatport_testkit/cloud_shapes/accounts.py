"""Accounts and numbers of the business. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .numbers import pretty


@dataclass(frozen=True, slots=True)
class Callback:
    """Where webhooks go, and the token of the verification request."""

    url: str
    verify_token: str = field(default="", repr=False)


@dataclass(slots=True)
class Waba:
    """A WhatsApp Business Account. ``subscribed`` tells whether the app gets its events."""

    id: str
    name: str = "Kiosk am Park"
    subscribed: bool = False
    callback: Callback | None = None


@dataclass(slots=True)
class Number:
    """A business number. ``display`` digits only; the two-step ``pin`` is None until it is set."""

    id: str
    waba_id: str
    display: str
    verified_name: str = "Kiosk am Park"
    registered: bool = True
    pin: str | None = field(default=None, repr=False)
    quality_rating: str = "GREEN"
    status: str = "CONNECTED"
    platform_type: str = "CLOUD_API"
    throughput: str = "STANDARD"
    code_verification_status: str = "VERIFIED"
    name_status: str = "APPROVED"
    callback: Callback | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)
    pin_failures: int = 0
    registrations: list[float] = field(default_factory=list)
    #: An error code that makes health BLOCKED, and every send fail with it.
    restricted: int | None = None

    @property
    def pretty(self) -> str:
        return pretty(self.display)

    def health(self) -> dict[str, Any]:
        """The ``health_status`` object."""
        if self.restricted:
            state, errors = "BLOCKED", [{"error_code": self.restricted}]
        elif not self.registered:
            state, errors = "BLOCKED", [{"error_code": 141000}]
        else:
            state, errors = "AVAILABLE", []
        number: dict[str, Any] = {
            "entity_type": "PHONE_NUMBER",
            "id": self.id,
            "can_send_message": state,
        }
        if errors:
            number["errors"] = errors
        waba = {"entity_type": "WABA", "id": self.waba_id, "can_send_message": "AVAILABLE"}
        return {"can_send_message": state, "entities": [number, waba]}
