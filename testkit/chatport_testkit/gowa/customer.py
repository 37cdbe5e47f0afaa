"""A customer's phone. Owns what a customer does besides writing: ticks, calls, typing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .events import Account, Notice, Party
from .jids import GROUP, user_part
from .kinds import Sender
from .service import Service
from .state import Person
from .ticks import post_receipt


class Customer(Sender):
    """A person's phone. Every method that writes returns the id of the new message."""

    def __init__(self, service: Service, who: Person, device: str | None = None) -> None:
        super().__init__(service, device)
        self.person = who

    @property
    def jid(self) -> str:
        return self.person.jid

    @property
    def phone(self) -> str:
        return user_part(self.person.jid)

    def _who(self) -> Person:
        return self.person

    def _chat(self, to: str | None) -> Party:
        return Party(to) if to else self.person.party

    def text(self, text: str, **fields: Any) -> str:
        return self.write(text, **fields)

    def reply(self, source_id: str, text: str, **fields: Any) -> str:
        """Answer a message by quoting it."""
        return self.write(text, reply_to=source_id, **fields)

    def from_advertisement(self, text: str, **referral: Any) -> str:
        """The first message after a tap on a Click-to-WhatsApp advertisement (v8.4.0+)."""
        return self.write(text, parts={"referral": referral})

    def call(self, *, group: str | None = None) -> str:
        """Ring; returns the id of the call."""
        call_id = uuid4().hex.upper()
        payload: dict[str, Any] = {
            "call_id": call_id,
            "auto_rejected": False,
            "remote_platform": "android",
        }
        if group:
            payload["group_jid"] = group
        self._notice("call.offer", payload, "v8.3.0", lid_since="v9.0.1")
        return call_id

    def typing(self, *, recording: bool = False, group: str | None = None) -> None:
        """Begin to write, or to record a voice message."""
        self._presence("composing", "audio" if recording else "", group)

    def stops_typing(self, *, group: str | None = None) -> None:
        self._presence("paused", "", group)

    def delivered(self, *source_ids: str) -> None:
        """The phone got messages of the business: one receipt for all of them."""
        self._receipt("delivered", source_ids)

    def read(self, *source_ids: str) -> None:
        """The person saw messages of the business: one receipt for all of them."""
        self._receipt("read", source_ids)

    def _receipt(self, kind: str, source_ids: tuple[str, ...]) -> None:
        sent = self._service.state.sent_message(source_ids[0]) if source_ids else None
        chat = sent.to if sent is not None and sent.to.endswith(GROUP) else self.person.jid
        post_receipt(self._service, self.device, self.person, chat, list(source_ids), kind)

    def _presence(self, state: str, media: str, group: str | None) -> None:
        chat = group or self.person.party.raw
        payload = {"state": state, "media": media, "is_group": group is not None, "chat_id": chat}
        self._notice("chat_presence", payload, "v8.3.4")

    def _notice(
        self, event: str, payload: dict[str, Any], since: str, lid_since: str = "v8.3.4"
    ) -> None:
        device = self.device
        notice = Notice(
            event,
            self._service.clock.now(),
            Account(device.jid, device.id),
            payload,
            since,
            party=self.person.party,
            lid_since=lid_since,
            display_name=self.person.display_name,
        )
        self._service.outbox.report(notice, device)
