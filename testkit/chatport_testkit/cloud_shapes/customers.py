"""A customer on their phone: every method does one thing that a person can do in the app.

Builds the Cloud form of messages; the simulation translates and delivers them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from . import samples
from .catalogue import webhook_error
from .identifiers import bsuid_of
from .messages import (
    card,
    forwarded,
    location_content,
    media_content,
    number_change,
    quote,
)
from .people import Person

if TYPE_CHECKING:
    from .simulation import Simulation

JSON = dict[str, Any]


class MessageOptions(TypedDict, total=False):
    """What may go with any message. ``number`` is the phone number id that is written to."""

    number: str
    #: The id that the new message gets; made up when left out.
    message_id: str
    timestamp: int
    reply_to: str
    forwarded: bool
    frequently_forwarded: bool
    referral: JSON
    product: JSON
    group_id: str
    extra: JSON


class Customer:
    """Somebody who writes to the business. Every sending method returns the message's id."""

    def __init__(self, simulation: Simulation, person: Person) -> None:
        self._sim = simulation
        self.person = person

    @property
    def phone(self) -> str:
        return self.person.wa_id

    @property
    def received(self) -> list[Any]:
        """What the business sent to this customer, oldest first."""
        mine = {self.person.wa_id, self.person.bsuid}
        return [m for m in self._sim.sent if m.recipient in mine]

    # -- plain content ------------------------------------------------------------------------------

    def text(self, body: str, **options: Unpack[MessageOptions]) -> str:
        return self._send("text", {"body": body}, options)

    def reply(self, wamid: str, body: str, **options: Unpack[MessageOptions]) -> str:
        """A text that quotes ``wamid``."""
        return self.text(body, **_quoting(options, wamid))

    def image(
        self,
        data: bytes = samples.JPEG,
        caption: str | None = None,
        *,
        mime: str = "image/jpeg",
        **options: Unpack[MessageOptions],
    ) -> str:
        return self._send_media("image", data, mime, caption, options)

    def video(
        self,
        data: bytes = samples.MP4,
        caption: str | None = None,
        *,
        mime: str = "video/mp4",
        **options: Unpack[MessageOptions],
    ) -> str:
        return self._send_media("video", data, mime, caption, options)

    def audio(
        self,
        data: bytes = samples.MP3,
        *,
        mime: str = "audio/mpeg",
        **options: Unpack[MessageOptions],
    ) -> str:
        """An audio file."""
        return self._send_media("audio", data, mime, None, options, flags={"voice": False})

    def voice(
        self,
        data: bytes = samples.OGG_OPUS,
        *,
        mime: str = "audio/ogg; codecs=opus",
        **options: Unpack[MessageOptions],
    ) -> str:
        """A recorded voice note."""
        return self._send_media("audio", data, mime, None, options, flags={"voice": True})

    def document(
        self,
        data: bytes = samples.PDF,
        filename: str | None = "document.pdf",
        caption: str | None = None,
        *,
        mime: str = "application/pdf",
        **options: Unpack[MessageOptions],
    ) -> str:
        return self._send_media("document", data, mime, caption, options, filename=filename)

    def sticker(
        self,
        data: bytes = samples.WEBP,
        *,
        animated: bool = False,
        **options: Unpack[MessageOptions],
    ) -> str:
        flags = {"animated": animated}
        return self._send_media("sticker", data, "image/webp", None, options, flags=flags)

    def location(
        self,
        latitude: float,
        longitude: float,
        *,
        name: str | None = None,
        address: str | None = None,
        url: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str:
        content = location_content(latitude, longitude, name=name, address=address, url=url)
        return self._send("location", content, options)

    def contacts(
        self, cards: Sequence[JSON | tuple[str, str]], **options: Unpack[MessageOptions]
    ) -> str:
        """Contact cards: whole elements, or pairs of name and phone."""
        content = [card(*c) if isinstance(c, tuple) else c for c in cards]
        return self._send("contacts", content, options)

    def share_phone(self, wamid: str, **options: Unpack[MessageOptions]) -> str:
        """Answer to a request for contact information: the customer's own number."""
        phone = self.person.wa_id
        lines = ("BEGIN:VCARD", "VERSION:3.0", f"TEL;type=CELL;waid={phone}:+{phone}", "END:VCARD")
        own = {
            "phones": [{"phone": f"+{phone}", "wa_id": phone, "type": "CELL"}],
            "vcard": "\r\n".join(lines),
            "origin": "contact_request",
        }
        return self.contacts([own], **_quoting(options, wamid))

    # -- answers to what the business sent --------------------------------------------------------------

    def button_reply(
        self,
        wamid: str,
        button_id: str,
        title: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str:
        """Press a reply button; the title is looked up in the sent message when left out."""
        title = title if title is not None else self._label(wamid, button_id)
        reply = {"type": "button_reply", "button_reply": {"id": button_id, "title": title}}
        return self._send("interactive", reply, _quoting(options, wamid))

    def list_reply(
        self,
        wamid: str,
        row_id: str,
        title: str | None = None,
        description: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str:
        """Choose a row of a list."""
        row = {"id": row_id, "title": title if title is not None else self._label(wamid, row_id)}
        if description is not None:
            row["description"] = description
        reply = {"type": "list_reply", "list_reply": row}
        return self._send("interactive", reply, _quoting(options, wamid))

    def flow_reply(
        self,
        wamid: str,
        answers: JSON | str,
        *,
        name: str = "flow",
        body: str = "Sent",
        **options: Unpack[MessageOptions],
    ) -> str:
        """Finish a flow. ``answers`` travels as a string of JSON, as it does in reality."""
        packed = answers if isinstance(answers, str) else json.dumps(answers, ensure_ascii=False)
        content = {"name": name, "body": body, "response_json": packed}
        reply = {"type": "nfm_reply", "nfm_reply": content}
        return self._send("interactive", reply, _quoting(options, wamid))

    def template_button(
        self,
        wamid: str | None,
        text: str,
        payload: str | None = None,
        **options: Unpack[MessageOptions],
    ) -> str:
        """Press a quick-reply button of a template; ``payload`` defaults to the text."""
        if wamid is not None:
            options["reply_to"] = wamid
        content = {"payload": text if payload is None else payload, "text": text}
        return self._send("button", content, options)

    def react(self, wamid: str, emoji: str, **options: Unpack[MessageOptions]) -> str:
        return self._send("reaction", {"message_id": wamid, "emoji": emoji}, options)

    def unreact(
        self, wamid: str, *, empty_emoji: bool = False, **options: Unpack[MessageOptions]
    ) -> str:
        """Take the reaction back: the ``emoji`` key is absent, or empty as older versions sent it."""
        content = {"message_id": wamid, "emoji": ""} if empty_emoji else {"message_id": wamid}
        return self._send("reaction", content, options)

    # -- changes of earlier messages ---------------------------------------------------------------------

    def edit(
        self,
        wamid: str,
        text: str,
        *,
        as_unsupported: bool = False,
        **options: Unpack[MessageOptions],
    ) -> str:
        """Edit an own text (or the caption of an own picture)."""
        if as_unsupported:
            return self.unsupported("edit", **options)
        original = self._sim.inbound_by_id(wamid)
        inner: JSON = {"context": {"id": "M0"}, "type": "text", "text": {"body": text}}
        if original is not None and original.kind in {"image", "video", "document"}:
            content = {
                "caption": text,
                **{k: v for k, v in original.content.items() if k != "caption"},
            }
            inner = {"context": {"id": "M0"}, "type": original.kind, original.kind: content}
        return self._send("edit", {"original_message_id": wamid, "message": inner}, options)

    def revoke(self, wamid: str, **options: Unpack[MessageOptions]) -> str:
        """Delete an own message for everyone."""
        original = self._sim.inbound_by_id(wamid)
        if original is not None:
            original.revoked = True
        return self._send("revoke", {"original_message_id": wamid}, options)

    # -- the rarer kinds --------------------------------------------------------------------------------

    def order(
        self,
        items: Sequence[JSON],
        *,
        text: str = "",
        catalog_id: str = "384500000777001",
        **options: Unpack[MessageOptions],
    ) -> str:
        """A cart. Items hold product_retailer_id, quantity, item_price (a number), currency."""
        content = {"catalog_id": catalog_id, "text": text, "product_items": list(items)}
        return self._send("order", content, options)

    def referral(
        self,
        body: str,
        *,
        source_url: str = "https://fb.me/3AbCdEfGh",
        source_type: str = "ad",
        details: JSON | None = None,
        **options: Unpack[MessageOptions],
    ) -> str:
        """A first text after a click on an ad or post. ``details`` adds headline, ctwa_clid, …"""
        source = {"source_url": source_url, **(details or {}), "source_type": source_type}
        return self.text(body, **_with_referral(options, source))

    def unsupported(
        self,
        what: str | None = "poll_creation",
        *,
        code: int = 131051,
        **options: Unpack[MessageOptions],
    ) -> str:
        """Something that the API cannot express; 131060 is the placeholder of an unavailable message."""
        details = {
            131051: "Message type is currently not supported.",
            131060: "This message is currently unavailable.",
        }.get(code, "")
        error = webhook_error(code, details)
        del error["href"]
        options["extra"] = {"errors": [error], **options.get("extra", {})}
        return self._send("unsupported", {"type": what} if what else None, options)

    def welcome(self, **options: Unpack[MessageOptions]) -> str:
        """Open the chat for the first time without writing."""
        return self._send("request_welcome", None, options)

    def unknown(self, kind: str, content: Any, **options: Unpack[MessageOptions]) -> str:
        """A message of a type that did not exist when the receiver was written."""
        return self._send(kind, content, options)

    def change_number(
        self, new_phone: str, *, legacy: bool = False, **options: Unpack[MessageOptions]
    ) -> str:
        """Move to another number. Later messages come from the new one."""
        new_bsuid = bsuid_of(new_phone) if self.person.bsuid else None
        new = replace(self.person, wa_id=new_phone, bsuid=new_bsuid)
        content = number_change(self.person, new, legacy=legacy)
        wamid = self._sim.receive(self.person, "system", content, options, contacts=False)
        self._sim.rename(self, new)
        return wamid

    def stop_marketing(self) -> None:
        """Opt out of marketing messages; marketing templates then fail with 131050."""
        self._sim.marketing_preference(self.person, stop=True)

    def resume_marketing(self) -> None:
        self._sim.marketing_preference(self.person, stop=False)

    def block_business(self) -> None:
        """Block the business: messages to this customer fail with 131026."""
        self._sim.blocking_us.add(self.person.wa_id)

    def open_window(self, number: str | None = None) -> None:
        """Count as having written just now, without a webhook."""
        self._sim.touch_window(self.person, number)

    # -- building ---------------------------------------------------------------------------------------

    def _send_media(
        self,
        kind: str,
        data: bytes,
        mime: str,
        caption: str | None,
        options: MessageOptions,
        *,
        filename: str | None = None,
        flags: JSON | None = None,
    ) -> str:
        sim = self._sim
        number = sim.number_of(options.get("number"))
        with sim.lock:
            medium = sim.media.add(
                number.id,
                mime,
                data,
                sim.clock.now(),
                inbound=True,
                filename=filename,
                media_id=sim.inbound_media_id(),
            )
            content = media_content(
                media_id=medium.id,
                mime=mime,
                sha256_base64=medium.sha256_base64,
                url=sim.webhook_media_url(medium),
                caption=caption,
                filename=filename,
                flags=flags,
            )
        return self._send(kind, content, options)

    def _send(self, kind: str, content: Any, options: MessageOptions) -> str:
        return self._sim.receive(self.person, kind, content, options)

    def _label(self, wamid: str, identity: str) -> str:
        """Title of a button or row in a message that the business sent."""
        message = next((m for m in self._sim.sent if m.wamid == wamid), None)
        action = message.payload.get("interactive", {}).get("action", {}) if message else {}
        options = [b.get("reply", {}) for b in action.get("buttons", [])]
        for section in action.get("sections", []):
            options += section.get("rows", [])
        title = next((o.get("title") for o in options if o.get("id") == identity), None)
        if title is None:
            raise LookupError(f"Message {wamid!r} offers no choice {identity!r}; give its title.")
        return str(title)


def _quoting(options: MessageOptions, wamid: str) -> MessageOptions:
    quoting = options.copy()
    quoting["reply_to"] = wamid
    return quoting


def _with_referral(options: MessageOptions, source: JSON) -> MessageOptions:
    referred = options.copy()
    referred["referral"] = source
    return referred


def context_of(options: MessageOptions, business: str, author: str | None) -> JSON | None:
    """``context`` for these options; ``author`` wrote the quoted message (the business when unknown)."""
    if options.get("forwarded") or options.get("frequently_forwarded"):
        return forwarded(often=bool(options.get("frequently_forwarded")))
    if "reply_to" in options:
        return quote(author or business, options["reply_to"], options.get("product"))
    return None
