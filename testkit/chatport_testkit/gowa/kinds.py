"""Every kind of message that a person can write. Owns their contents; writing itself is in ``writing``."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from ..cloud_shapes.samples import JPEG, MP4, OGG_OPUS, PDF, WEBP
from .wire import Struct
from .writing import Attached, Writer


class Sender(Writer):
    """A writer with a method per kind. Each returns the id of the new message."""

    def image(self, data: bytes | None = None, caption: str = "", **fields: Any) -> str:
        kind = mimetypes.guess_type(fields.pop("filename", "photo.jpeg"))[0] or "image/jpeg"
        return self.write(attached=Attached("image", data or JPEG, kind, caption), **fields)

    def voice(self, data: bytes | None = None, **fields: Any) -> str:
        return self.write(
            attached=Attached("audio", data or OGG_OPUS, "audio/ogg; codecs=opus"), **fields
        )

    def audio(self, data: bytes, content_type: str = "audio/mpeg", **fields: Any) -> str:
        return self.write(attached=Attached("audio", data, content_type), **fields)

    def video(self, data: bytes | None = None, caption: str = "", **fields: Any) -> str:
        return self.write(attached=Attached("video", data or MP4, "video/mp4", caption), **fields)

    def video_note(self, data: bytes | None = None, **fields: Any) -> str:
        return self.write(attached=Attached("video_note", data or MP4, "video/mp4"), **fields)

    def document(
        self,
        filename: str = "document.pdf",
        data: bytes | None = None,
        caption: str = "",
        **fields: Any,
    ) -> str:
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        return self.write(
            attached=Attached("document", data or PDF, kind, caption, filename), **fields
        )

    def sticker(self, data: bytes | None = None, **fields: Any) -> str:
        return self.write(attached=Attached("sticker", data or WEBP, "image/webp"), **fields)

    def location(
        self, lat: float, lon: float, name: str = "", address: str = "", **fields: Any
    ) -> str:
        place = Struct(degreesLatitude=lat, degreesLongitude=lon)
        place |= {key: value for key, value in (("name", name), ("address", address)) if value}
        place["JPEGThumbnail"] = base64.b64encode(JPEG[:4]).decode()
        return self.write(parts={"location": place}, kind="location", **fields)

    def live_location(
        self, lat: float = -34.6037, lon: float = -58.3816, caption: str = "", **fields: Any
    ) -> str:
        place = Struct(degreesLatitude=lat, degreesLongitude=lon, accuracyInMeters=12)
        if caption:
            place["caption"] = caption
        place["sequenceNumber"] = int(self._service.clock.now().timestamp() * 1_000_000)
        return self.write(parts={"live_location": place}, kind="live_location", **fields)

    def contact(self, name: str, phone: str, **fields: Any) -> str:
        return self.write(parts={"contact": _card(name, phone)}, kind="contact", **fields)

    def contacts(self, people: Sequence[tuple[str, str]], **fields: Any) -> str:
        """Several contact cards in one message."""
        cards = [_card(name, phone) for name, phone in people]
        return self.write(parts={"contacts_array": cards}, kind="contacts", **fields)

    def poll(self, question: str = "", options: Sequence[str] = (), **fields: Any) -> str:
        """A poll; the webhook shows nothing of it."""
        return self.write(kind="poll", **fields)

    def poll_vote(self, source_id: str, **fields: Any) -> str:
        """A vote; the webhook shows nothing of it."""
        return self.write(kind="poll_vote", **fields)

    def button_reply(self, **fields: Any) -> str:
        """A tap on a button; the webhook shows nothing of it."""
        return self.write(kind="button_reply", **fields)

    def list(self, title: str, rows: Sequence[str], **fields: Any) -> str:
        """A list message."""
        listed = [Struct(title=row, rowID=str(number)) for number, row in enumerate(rows, 1)]
        menu = Struct(
            title=title,
            description=title,
            buttonText="Open",
            listType=1,
            sections=[Struct(title=title, rows=listed)],
        )
        return self.write(parts={"list": menu}, kind="list", **fields)

    def order(
        self,
        title: str = "Order",
        count: int = 1,
        amount: int = 1000,
        currency: str = "USD",
        **fields: Any,
    ) -> str:
        """An order from the catalogue; ``amount`` in thousandths of ``currency``."""
        order = Struct(
            orderID=str(uuid4().int)[:15],
            itemCount=count,
            status=1,
            surface=1,
            orderTitle=title,
            sellerJID=self.device.jid,
            token="AR6xBKbXZn0==",  # noqa: S106 - a sample
            totalAmount1000=amount,
            totalCurrencyCode=currency,
        )
        return self.write(parts={"order": order}, kind="order", **fields)


def _card(name: str, phone: str) -> Struct:
    digits = "".join(character for character in phone if character.isdigit())
    shown = phone if phone.startswith("+") else f"+{digits}"
    card = (
        f"BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n"
        f"TEL;type=CELL;waid={digits}:{shown}\nEND:VCARD"
    )
    return Struct(displayName=name, vcard=card, phone_number=shown)
