"""Changes of groups, whoever makes them, and the webhooks that tell of them. Must not know HTTP."""

from __future__ import annotations

from .events import Account, GroupChange, Notice
from .service import Service
from .state import Device, Group, Member, Person


def change_members(
    service: Service, device: Device, group: Group, kind: str, people: list[Person]
) -> None:
    """``kind`` is join, leave, promote or demote; every change is one webhook."""
    with service.state.lock:
        for person in people:
            if kind == "join":
                group.members.setdefault(person.jid, Member(person.jid))
            elif kind == "leave":
                group.members.pop(person.jid, None)
            elif person.jid in group.members:
                group.members[person.jid].admin = kind == "promote"
    parties = tuple(person.party for person in people)
    event = GroupChange(
        group.jid, kind, parties, service.clock.now(), Account(device.jid, device.id)
    )
    service.outbox.report(event, device)


def add_us(service: Service, device: Device, group: Group, reason: str = "invite") -> None:
    """Our account is in the group from now on (``group.joined``, v8.2.0+)."""
    with service.state.lock:
        group.us = True
    payload = {"chat_id": group.jid, "type": "join", "jids": [device.jid], "reason": reason}
    if group.name:
        payload["group_name"] = group.name
    account = Account(device.jid, device.id)
    service.outbox.report(
        Notice("group.joined", service.clock.now(), account, payload, since="v8.2.0"), device
    )
