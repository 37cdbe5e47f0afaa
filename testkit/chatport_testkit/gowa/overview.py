"""The whole simulated world as JSON values, for the control interface and the phone page. Read only."""

from __future__ import annotations

from typing import Any

from .jids import user_part
from .service import Service
from .state import StoredMessage
from .times import stamp

SHOWN_DELIVERIES = 20


def overview(service: Service) -> dict[str, Any]:
    """Devices, people, groups, chats with their messages, the latest webhooks, failures in force."""
    with service.state.lock:
        return {
            "version": str(service.config.version),
            "tick": service.config.tick,
            "webhook_url": service.config.webhook_urls,
            "devices": [
                {"id": one.id, "jid": one.jid, "state": one.state, "name": one.name}
                for one in service.state.devices.values()
            ],
            "people": [
                {"jid": one.jid, "phone": user_part(one.jid), "name": one.display_name}
                for one in service.state.people.values()
                if one.jid not in {device.jid for device in service.state.devices.values()}
            ],
            "groups": [
                {
                    "jid": one.jid,
                    "name": one.name,
                    "us": one.us,
                    "members": [
                        {"phone": user_part(member.jid), "admin": member.admin}
                        for member in one.members.values()
                    ],
                }
                for one in service.state.groups.values()
            ],
            "chats": _chats(service),
            "faults": [
                {"path": one.path, "mode": one.mode, "count": one.count}
                for one in service.faults.active()
            ],
            "deliveries": deliveries_shown(service)[-SHOWN_DELIVERIES:],
        }


def sent_shown(service: Service) -> list[dict[str, Any]]:
    """What the business sent, files by size and hash."""
    names = "source_id to kind device_id text caption filename content_type size sha256 reply_to target_id raw acks"
    with service.state.lock:
        return [
            {name: getattr(one, name) for name in names.split()} | {"at": stamp(one.at)}
            for one in service.state.sent
        ]


def deliveries_shown(service: Service) -> list[dict[str, Any]]:
    return [
        {
            "url": one.url,
            "event": one.event,
            "status": one.status,
            "attempts": len(one.attempts),
            "delivered": one.delivered,
            "done": one.done,
            "body": one.body.decode("utf-8", "replace"),
            "headers": one.headers,
        }
        for one in list(service.state.deliveries)
    ]


def _chats(service: Service) -> list[dict[str, Any]]:
    chats: dict[str, list[dict[str, Any]]] = {}
    for message in service.state.messages:
        chats.setdefault(message.chat, []).append(_message(service, message))
    return [{"jid": jid, "messages": messages} for jid, messages in chats.items()]


def _message(service: Service, one: StoredMessage) -> dict[str, Any]:
    sent = service.state.sent_message(one.id) if one.from_me else None
    return {
        "id": one.id,
        "from_me": one.from_me,
        "sender": user_part(one.sender),
        "sender_name": service.state.person(one.sender).display_name,
        "kind": one.kind,
        "text": one.content,
        "filename": one.filename,
        "content_type": one.content_type,
        "has_file": bool(one.media_type),
        "at": stamp(one.at),
        "reply_to": one.reply_to,
        "reactions": list(one.reactions.values()),
        "edited": one.edited,
        "revoked": one.revoked,
        "through_api": sent is not None,
        "acks": list(sent.acks) if sent is not None else [],
    }
