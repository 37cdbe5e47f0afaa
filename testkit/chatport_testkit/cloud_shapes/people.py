"""A customer as webhooks show them: phone, name, business-scoped id, username. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Person:
    """``wa_id`` digits only. With ``hide_phone`` no webhook shows the number: its keys are absent, not null."""

    wa_id: str
    name: str = ""
    bsuid: str | None = None
    username: str | None = None
    parent_bsuid: str | None = None
    hide_phone: bool = False

    @property
    def address(self) -> str:
        """What identifies the person in message ids: the wa_id, or the business-scoped id when hidden."""
        return self.bsuid if self.hide_phone and self.bsuid else self.wa_id

    def contact(self) -> dict[str, Any]:
        """Element of ``value.contacts``."""
        profile: dict[str, Any] = {"name": self.name}
        if self.username:
            profile["username"] = self.username
        entry: dict[str, Any] = {"profile": profile}
        if not self.hide_phone:
            entry["wa_id"] = self.wa_id
        if self.bsuid:
            entry["user_id"] = self.bsuid
        if self.parent_bsuid:
            entry["parent_user_id"] = self.parent_bsuid
        return entry

    def author(self) -> dict[str, Any]:
        """The keys of a message that tell who wrote it."""
        keys: dict[str, Any] = {}
        if not self.hide_phone:
            keys["from"] = self.wa_id
        if self.bsuid:
            keys["from_user_id"] = self.bsuid
        if self.parent_bsuid:
            keys["from_parent_user_id"] = self.parent_bsuid
        return keys

    def recipient(self) -> dict[str, Any]:
        """The keys of a status that tell whom the message went to."""
        keys: dict[str, Any] = {}
        if not self.hide_phone:
            keys["recipient_id"] = self.wa_id
        if self.bsuid:
            keys["recipient_user_id"] = self.bsuid
        if self.parent_bsuid:
            keys["recipient_parent_user_id"] = self.parent_bsuid
        return keys
