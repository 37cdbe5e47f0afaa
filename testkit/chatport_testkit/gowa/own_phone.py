"""The business's own phone: what is typed there is echoed by webhooks, unlike what the API sends."""

from __future__ import annotations

from typing import Any

from .events import Account, Deletion, Original, Party, Receipt
from .jids import GROUP, person
from .kinds import Sender
from .state import Person


class OwnPhone(Sender):
    """The business's own phone: what is typed there is echoed by webhooks, unlike API sends."""

    def _who(self) -> Person:
        return self._service.state.person(self.device.jid)

    def _from_me(self) -> bool:
        return True

    def _chat(self, to: str | None) -> Party:
        if to is None:
            raise ValueError("Our own phone needs to know the chat: pass `to`.")
        jid = person(to)
        return Party(jid) if jid.endswith(GROUP) else self._service.state.person(jid).party

    def text(self, to: str, text: str, **fields: Any) -> str:
        """Type ``text`` to a phone number, JID or group."""
        return self.write(text, to=to, **fields)

    def reply(self, to: str, source_id: str, text: str, **fields: Any) -> str:
        return self.write(text, to=to, reply_to=source_id, **fields)

    def read(self, *source_ids: str, receipts_on: bool = True) -> None:
        """Open a chat on the phone; with read receipts off the receipt is ``read-self``."""
        stored = self._service.state.message(source_ids[0]) if source_ids else None
        chat = self._partner(stored)
        who = self._service.state.person(chat) if not chat.endswith(GROUP) else None
        device = self.device
        event = Receipt(
            tuple(source_ids),
            "read" if receipts_on else "read-self",
            self._service.clock.now(),
            Account(device.jid, device.id),
            who.party if who else Party(chat),
            self._who().party,
            display_name=self._who().display_name,
        )
        self._service.outbox.report(event, device)

    def delete_for_me(self, source_id: str) -> None:
        """Delete a message on our side only."""
        service, device = self._service, self.device
        stored = service.state.message(source_id, device.id)
        original, author, author_name = None, None, ""
        if stored is not None:
            with service.state.lock:
                service.state.messages.remove(stored)
            original = Original(
                stored.chat,
                stored.sender,
                stored.content,
                stored.at,
                stored.from_me,
                stored.media_type,
                stored.filename,
            )
            if stored.chat.endswith(GROUP):
                who = service.state.person(stored.sender)
                author, author_name = Party(who.party.jid), who.display_name
        event = Deletion(
            source_id,
            service.clock.now(),
            Account(device.jid, device.id),
            author,
            author_name,
            original,
        )
        service.outbox.report(event, device)
