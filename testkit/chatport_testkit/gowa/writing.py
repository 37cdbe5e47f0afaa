"""Somebody who writes into a chat: the message, its stored copy and the event that reports it.

Owns what writing means for the service. The kinds of messages are in ``kinds``.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from .accept import stored_filename
from .events import Account, Action, Media, Message, Party
from .jids import GROUP, media_name, own_message_id, phone_message_id, user_part
from .service import Service
from .state import Device, Person, StaticFile, StoredMessage

_EXTENSIONS = {
    "image/jpeg": ".jpeg",
    "audio/ogg; codecs=opus": ".ogg",
    "video/mp4": ".mp4",
    "image/webp": ".webp",
    "application/pdf": ".pdf",
}


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a person sends."""

    kind: str
    data: bytes
    content_type: str
    caption: str = ""
    filename: str = ""


class NoSession(RuntimeError):
    """No device is logged in, so nobody can write to the business."""


class Writer:
    """Somebody who writes into a chat: a customer, or we on our own phone."""

    def __init__(self, service: Service, device: str | None = None) -> None:
        self._service = service
        self._device_name = device

    @property
    def device(self) -> Device:
        """The device whose account the person writes to."""
        found = self._service.state.active_device(self._device_name)
        if found is None:
            raise NoSession(
                "No device is logged in. Use GowaSimulator(device=True) or scan_qr() first."
            )
        return found

    def _who(self) -> Person:
        raise NotImplementedError

    def _chat(self, to: str | None) -> Party:
        raise NotImplementedError

    def _from_me(self) -> bool:
        return False

    def write(
        self,
        text: str = "",
        *,
        to: str | None = None,
        attached: Attached | None = None,
        parts: dict[str, Any] | None = None,
        reply_to: str = "",
        kind: str = "text",
        source_id: str | None = None,
        at: datetime | None = None,
        **fields: Any,
    ) -> str:
        """Write one message of any kind; returns its id.

        Args:
            to: JID of a group; None for the chat with the business.
            fields: ``forwarded``, ``view_once``, ``device`` (number of a linked device), ``failed`` (the
                service cannot download the file).
        """
        service, device, who = self._service, self.device, self._who()
        at = at or service.clock.now()
        failed = bool(fields.pop("failed", False))
        media = self._store_file(attached, at, failed=failed) if attached else None
        quoted = service.state.message(reply_to, device.id) if reply_to else None
        chat = self._chat(to)
        event = Message(
            id=source_id or (own_message_id() if self._from_me() else phone_message_id()),
            at=at,
            account=Account(device.jid, device.id),
            chat=chat,
            sender=who.party,
            from_me=self._from_me(),
            push_name=who.name,
            display_name=who.display_name,
            text=self._resolved_mentions(text),
            media=media,
            parts=parts or {},
            reply_to=reply_to,
            quoted=quoted.content if quoted else "",
            **fields,
        )
        stored = _stored(event, attached, text, kind)
        with service.state.lock:
            service.state.messages.append(stored)
        service.outbox.report(event, device)
        return event.id

    def react(self, source_id: str, emoji: str) -> str:
        """React to a message; an empty ``emoji`` takes the reaction back."""
        stored = self._service.state.message(source_id)
        if stored is not None:
            stored.reactions.pop(self._who().party.jid, None)
            if emoji:
                stored.reactions[self._who().party.jid] = emoji
        return self._change("reaction", source_id, emoji=emoji)

    def edit(self, source_id: str, text: str, *, extended: bool = False) -> str:
        """Change a text or a caption. ``extended`` is the form that phones use for texts with links."""
        stored = self._service.state.message(source_id)
        caption = stored is not None and bool(stored.media_type)
        if stored is not None:
            stored.content, stored.edited = text, True
        return self._change("edited", source_id, text=text, extended=extended, caption_edit=caption)

    def revoke(self, source_id: str) -> str:
        """Delete for everyone."""
        stored = self._service.state.message(source_id)
        if stored is not None:
            stored.revoked = True
        to = stored.chat if stored is not None and stored.chat.endswith(GROUP) else None
        chat = to or (self._partner(stored) if self._from_me() else self.device.jid)
        return self._change("revoked", source_id, revoked_chat=chat)

    def _change(self, action: Action, source_id: str, **fields: Any) -> str:
        service, device, who = self._service, self.device, self._who()
        stored = service.state.message(source_id)
        in_group = stored is not None and stored.chat.endswith(GROUP)
        to = stored.chat if stored is not None and (in_group or self._from_me()) else None
        event = Message(
            id=own_message_id() if self._from_me() else phone_message_id(),
            at=service.clock.now(),
            account=Account(device.jid, device.id),
            chat=self._chat(to),
            sender=who.party,
            action=action,
            from_me=self._from_me(),
            push_name=who.name,
            display_name=who.display_name,
            target_id=source_id,
            **fields,
        )
        service.outbox.report(event, device)
        return event.id

    def _partner(self, stored: StoredMessage | None) -> str:
        return stored.chat if stored is not None else self.device.jid

    def _store_file(self, attached: Attached, at: datetime, *, failed: bool) -> Media:
        """Write the file first; the webhook names its path."""
        config = self._service.config
        failed = failed or len(attached.data) > config.max_download
        media = Media(
            attached.kind,
            "",
            attached.content_type,
            attached.caption,
            attached.filename,
            failed=failed,
        )
        if failed:
            return media
        if not config.auto_download:
            address = f"https://mmg.whatsapp.net/v/t62.7118-24/{uuid4().int % 10**9}_enc?ccb=11-4&mms3=true"
            return replace(media, cdn_url=address)
        extension = self._extension(attached)
        path = f"statics/media/{media_name(at, extension)}"
        with self._service.state.lock:
            self._service.state.files[path] = StaticFile(attached.data, at)
        return replace(media, path=path)

    def _extension(self, attached: Attached) -> str:
        chosen = self._service.config.media_extensions.get(attached.content_type)
        if chosen is not None:
            return chosen
        if attached.kind == "document" and "." in attached.filename:
            return "." + attached.filename.rpartition(".")[2]
        known = _EXTENSIONS.get(attached.content_type)
        return known or mimetypes.guess_extension(attached.content_type) or ""

    def _resolved_mentions(self, text: str) -> str:
        """``@`` and the digits of a known LID become the phone number (v6.0.3+)."""
        if "@" not in text or not self._service.since("v6.0.3"):
            return text
        with self._service.state.lock:
            known = [
                one for one in self._service.state.people.values() if one.lid and one.lid_known
            ]
        for one in known:
            text = text.replace(f"@{user_part(one.lid)}", f"@{user_part(one.jid)}")
        return text


def _stored(event: Message, attached: Attached | None, text: str, kind: str) -> StoredMessage:
    """The copy that chat storage keeps."""
    stored = StoredMessage(
        id=event.id,
        device_id=event.account.session_id or "",
        chat=event.chat.jid,
        sender=event.sender.jid,
        at=event.at,
        content=text,
        kind=kind,
        from_me=event.from_me,
        reply_to=event.reply_to,
    )
    if attached:
        stored.kind = stored.media_type = attached.kind
        stored.content = text or attached.caption
        stored.data, stored.content_type = attached.data, attached.content_type
        stored.url = f"https://mmg.whatsapp.net/v/{event.id}"
        stored.filename = stored_filename(
            attached.kind, event.at, attached.caption, attached.filename
        )
    return stored
