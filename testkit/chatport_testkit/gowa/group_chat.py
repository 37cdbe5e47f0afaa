"""A group chat seen from outside: who writes, joins, leaves, is promoted. Owns nothing of HTTP."""

from __future__ import annotations

from typing import Any

from .customer import Customer
from .groups import add_us, change_members
from .service import Service
from .state import Device
from .state import Group as GroupState
from .writing import Writer


class Group:
    """A group chat that the business may be in."""

    def __init__(self, service: Service, state: GroupState, device: str | None = None) -> None:
        self._service = service
        self._device = device
        self.state = state

    @property
    def jid(self) -> str:
        return self.state.jid

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(self.state.members)

    def text(self, customer: Customer, text: str, **fields: Any) -> str:
        return customer.write(text, to=self.jid, **fields)

    def image(
        self, customer: Customer, data: bytes | None = None, caption: str = "", **fields: Any
    ) -> str:
        return customer.image(data, caption, to=self.jid, **fields)

    def reply(self, customer: Customer, source_id: str, text: str, **fields: Any) -> str:
        return customer.write(text, to=self.jid, reply_to=source_id, **fields)

    def join(self, *customers: Customer) -> None:
        self._changed("join", customers)

    def leave(self, *customers: Customer) -> None:
        self._changed("leave", customers)

    def promote(self, *customers: Customer) -> None:
        self._changed("promote", customers)

    def demote(self, *customers: Customer) -> None:
        self._changed("demote", customers)

    def add_us(self, reason: str = "invite") -> None:
        """Somebody added the business."""
        add_us(self._service, self._active(), self.state, reason)

    def remove_us(self) -> None:
        """Somebody removed the business."""
        device = self._active()
        with self._service.state.lock:
            self.state.us = False
        change_members(
            self._service, device, self.state, "leave", [self._service.state.person(device.jid)]
        )

    def _changed(self, kind: str, customers: tuple[Customer, ...]) -> None:
        people = [customer.person for customer in customers]
        change_members(self._service, self._active(), self.state, kind, people)

    def _active(self) -> Device:
        return Writer(self._service, self._device).device
