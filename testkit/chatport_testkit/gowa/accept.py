"""A send that WhatsApp accepted: the record, the stored copy, the ticks. Owns nothing of HTTP."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .jids import own_message_id
from .records import SentMessage
from .service import Service
from .state import Device, StoredMessage
from .ticks import tick_after_send

_MEDIA_TYPES = {"voice": "audio"}
#: Sign of the row of chat storage for each kind, and the word where there is no caption.
_SIGNS = {
    "image": ("🖼️", "Image"),
    "document": ("📄", "Document"),
    "video": ("🎥", "Video"),
    "audio": ("🎵", "Audio"),
    "voice": ("🎵", "Audio"),
    "sticker": ("🎨", "Sticker"),
    "contact": ("👤", ""),
    "link": ("🔗", ""),
    "poll": ("📊", ""),
    "location": ("📍", ""),
}
FILES = frozenset({"image", "video", "audio", "voice", "document", "sticker"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a send."""

    data: bytes
    content_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the business wants to send, after every check."""

    to: str
    kind: str
    text: str = ""
    caption: str = ""
    upload: Upload | None = None
    reply_to: str = ""
    target_id: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


def accept(service: Service, device: Device, outgoing: Outgoing) -> SentMessage:
    """Record a send and let the recipients react; no webhook echoes it."""
    upload = outgoing.upload or Upload(b"", "", "")
    sent = SentMessage(
        source_id=own_message_id(),
        to=outgoing.to,
        kind=outgoing.kind,
        at=service.clock.now(),
        device_id=device.id,
        text=outgoing.text,
        caption=outgoing.caption,
        filename=upload.filename,
        content_type=upload.content_type,
        data=upload.data,
        size=len(upload.data),
        sha256=hashlib.sha256(upload.data).hexdigest() if outgoing.upload else "",
        reply_to=outgoing.reply_to,
        target_id=outgoing.target_id,
        raw=outgoing.raw,
    )
    with service.state.lock:
        service.state.sent.append(sent)
        if outgoing.kind not in {"reaction", "edit", "revoke"}:
            service.state.messages.append(_stored(sent, device))
    tick_after_send(service, device, sent)
    return sent


def stored_filename(kind: str, at: datetime, caption: str, filename: str) -> str:
    """The name under which chat storage keeps a file: documents their own, others a made one."""
    if filename:
        return filename
    extensions = {"image": ".jpg", "video": ".mp4", "audio": ".ogg", "sticker": ".webp"}
    label = "_" + "_".join(caption.split())[:40] if caption else ""
    return f"{kind}_{at:%Y%m%d_%H%M%S}{label}{extensions.get(kind, '')}"


def store_text(sent: SentMessage) -> str:
    """The text of the row that chat storage keeps of a send."""
    sign, word = _SIGNS.get(sent.kind, ("", ""))
    if not sign:
        return sent.text or sent.caption
    raw = sent.raw
    shown = {
        "contact": raw.get("contact_name", ""),
        "link": sent.caption or raw.get("link", ""),
        "location": f"{raw.get('latitude', '')}, {raw.get('longitude', '')}",
        "poll": sent.text,
        "audio": "",
        "voice": "",
    }.get(sent.kind, sent.caption)
    return f"{sign} {shown or word}"


def _stored(sent: SentMessage, device: Device) -> StoredMessage:
    media_type = _MEDIA_TYPES.get(sent.kind, sent.kind) if sent.kind in FILES else ""
    filename = sent.filename if media_type == "document" else ""
    return StoredMessage(
        id=sent.source_id,
        device_id=device.id,
        chat=sent.to,
        sender=device.jid,
        at=sent.at,
        content=sent.text or sent.caption,
        store_text=store_text(sent),
        kind=sent.kind,
        from_me=True,
        media_type=media_type,
        filename=stored_filename(media_type, sent.at, sent.caption, filename) if media_type else "",
        url=f"https://mmg.whatsapp.net/v/{sent.source_id}" if media_type else "",
        data=sent.data,
        content_type=sent.content_type,
        reply_to=sent.reply_to,
    )
