"""Receipts for what the business sent: the grey and the blue ticks.

Owns who reports a receipt and in which order. Must not know HTTP.
"""

from __future__ import annotations

from dataclasses import replace

from .events import Account, Party, Receipt
from .jids import GROUP
from .records import SentMessage
from .service import Service
from .state import Device, Person

NO_TICKS = frozenset({"reaction", "edit", "revoke"})


def post_receipt(
    service: Service, device: Device, person: Person, chat: str, ids: list[str], kind: str
) -> None:
    """``person`` got or saw ``ids`` in ``chat``. Releases before v8 also hear the linked devices."""
    sender = person.party
    in_group = chat.endswith(GROUP)
    event = Receipt(
        ids=tuple(ids),
        kind=kind,
        at=service.clock.now(),
        account=Account(device.jid, device.id),
        chat=Party(chat) if in_group else sender,
        sender=sender,
        display_name=person.display_name,
    )
    with service.state.lock:
        for source_id in ids:
            sent = service.state.sent_message(source_id)
            if sent is not None:
                sent.acks.append(kind)
    service.outbox.report(event, device)
    if not service.since("v8.0.0"):
        for number in person.companions:
            service.outbox.report(replace(event, device=number), device)


def tick_after_send(service: Service, device: Device, sent: SentMessage) -> None:
    """What happens on the recipients' side by itself, unless the ticks are manual."""
    config = service.config
    if config.tick != "auto" or sent.kind in NO_TICKS:
        return
    people = recipients(service, sent.to)
    if config.ack_first:
        _tick(service, device, sent, people, "delivered")
        service.sender.wait_idle(5)

    def later() -> None:
        for kind, delay in zip(("delivered", "read"), config.tick_delays, strict=True):
            if kind == "delivered" and config.ack_first:
                continue
            if not service.sender.pause(delay):
                return
            _tick(service, device, sent, people, kind)

    service.sender.run(later)


def recipients(service: Service, chat: str) -> list[Person]:
    """Who receives a message to ``chat``: one person, or the members of a group."""
    with service.state.lock:
        if chat.endswith(GROUP):
            group = service.state.groups.get(chat)
            return [service.state.person(jid) for jid in group.members] if group else []
        return [service.state.person(chat)]


def _tick(
    service: Service, device: Device, sent: SentMessage, people: list[Person], kind: str
) -> None:
    for person in people:
        post_receipt(service, device, person, sent.to, [sent.source_id], kind)
