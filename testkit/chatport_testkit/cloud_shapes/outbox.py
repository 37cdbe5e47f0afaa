"""What the business sends: acceptance, outcome, statuses. Knows the state, not the HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from .accounts import Number
from .catalogue import CATALOGUE, GraphError
from .media import kind_of
from .people import Person
from .records import ReadReceipt, SentMessage
from .statuses import BARE, status
from .template_parameters import check_parameters, find_template
from .validation import MEDIA_TYPES, Outgoing, check_product, check_send

if TYPE_CHECKING:
    from .simulation import Simulation

JSON = dict[str, Any]

WINDOW = 86400.0
#: A recipient of these digits plus six digits of an error code fails with that code.
MAGIC_WEBHOOK = "99900"
MAGIC_ANSWER = "99901"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(slots=True)
class Ticks:
    """Which statuses follow a send by themselves, and the seconds between them."""

    auto: bool = True
    steps: tuple[str, ...] = ("sent", "delivered", "read")
    interval: float = 0.02
    #: Emit the first status and have it delivered before the send call is answered.
    before_answer: bool = False


class Outbox:
    """Accepts messages, decides their fate, emits their statuses."""

    def __init__(self, simulation: Simulation, ticks: Ticks) -> None:
        self._sim = simulation
        self.ticks = ticks
        self.sent: list[SentMessage] = []
        self.receipts: list[ReadReceipt] = []
        self._recipients: dict[str, Person] = {}
        self._typing: set[tuple[str, str]] = set()

    def accept(self, number: Number, body: JSON) -> SentMessage:
        """Take a Cloud send body.

        Raises:
            GraphError: the service refuses it.
        """
        sim = self._sim
        outgoing = check_send(body)
        with sim.lock:
            person = self._recipient(number, outgoing)
            self._check_number(number)
            self._check_limits(number, person)
            category = self._check_template(number, outgoing, person)
            medium = self._medium(number, outgoing)
            failure = self._failure(number, outgoing, person, category)
            self._refuse_now(outgoing, failure)
            message = SentMessage(
                wamid=sim.outbound_id(person),
                phone_number_id=number.id,
                to=outgoing.address,
                recipient=person.address if outgoing.addressed_by == "to" else outgoing.address,
                type=outgoing.kind,
                payload=body,
                at=sim.clock.now(),
                addressed_by=outgoing.addressed_by,
                media_id=medium[0],
                media_sha256=medium[1],
                biz_opaque_callback_data=outgoing.callback_data,
                quoted=outgoing.quoted,
                marked_read=tuple(r.wamid for r in self.receipts if r.customer == person.wa_id),
                typing=(number.id, person.wa_id) in self._typing,
                message_status=sim.message_status if outgoing.kind == "template" else "accepted",
            )
            self._typing.discard((number.id, person.wa_id))
            self.sent.append(message)
            self._recipients[message.wamid] = person
        self._schedule(message, failure or medium[2], outgoing)
        return message

    def mark_read(self, number: Number, body: JSON) -> None:
        """Take a read receipt; older messages of the thread are read with it.

        Raises:
            GraphError: 131009 for an id that no customer's message has.
        """
        check_product(body)
        sim = self._sim
        if body.get("status") != "read":
            raise GraphError(100, message="Param status must be one of {READ}")
        wamid = body.get("message_id")
        if not isinstance(wamid, str):
            raise GraphError(100, message="The parameter message_id is required.")
        typing = body.get("typing_indicator")
        if typing is not None and (not isinstance(typing, dict) or typing.get("type") != "text"):
            raise GraphError(131009, "typing_indicator must be an object of type text")
        with sim.lock:
            message = next((m for m in sim.inbound if m.wamid == wamid), None)
            if message is None or message.number_id != number.id:
                raise GraphError(131009, "message_id is not the id of a received message")
            for other in sim.inbound:
                if other.customer == message.customer and other.at <= message.at:
                    other.read = True
            receipt = ReadReceipt(
                wamid, number.id, message.customer, typing is not None, sim.clock.now()
            )
            self.receipts.append(receipt)
            if typing is not None:
                self._typing.add((number.id, message.customer))

    def by_id(self, wamid: str) -> SentMessage:
        """Raises LookupError when the business sent no such message."""
        found = next((m for m in self.sent if m.wamid == wamid), None)
        if found is None:
            raise LookupError(f"The business sent no message {wamid!r}.")
        return found

    def emit_status(
        self,
        wamid: str,
        name: str,
        *,
        error: int | None = None,
        details: str = "",
        timestamp: int | None = None,
    ) -> None:
        """Emit one status webhook now, whatever came before it."""
        sim = self._sim
        with sim.lock:
            message = self.by_id(wamid)
            person = self._recipients[wamid]
            number = sim.numbers[message.phone_number_id]
            message.statuses.append(name)
            if name == "failed":
                message.failed_code = error
            element = status(
                wamid,
                name,
                timestamp if timestamp is not None else int(sim.clock.now()),
                person,
                category=self._category(number, message),
                conversation=sim.status_style == "v23",
                callback_data=message.biz_opaque_callback_data,
                error=error,
                details=details,
                addressed_by=message.addressed_by,
            )
            content: JSON = {"statuses": [element]}
            if name not in BARE:
                content = {"contacts": [person.contact()], **content}
        sim.emit_for_number(number, "messages", content)

    # -- acceptance ---------------------------------------------------------------------------------

    def _recipient(self, number: Number, outgoing: Outgoing) -> Person:
        sim = self._sim
        if outgoing.addressed_by == "group":
            return Person(outgoing.address, outgoing.address)
        person = sim.person_at(outgoing.address, outgoing.addressed_by)
        if person.wa_id == number.display:
            raise GraphError(131021, "Sender and recipient phone number is the same")
        if sim.allow_list is not None and person.wa_id not in sim.allow_list:
            raise GraphError(131030, "Add the number to the recipients of the test number first")
        return person

    def _check_number(self, number: Number) -> None:
        if not number.registered:
            raise GraphError(133010, "Register the number first")
        if number.restricted:
            raise GraphError(number.restricted, "The account or number is restricted")

    def _check_limits(self, number: Number, person: Person) -> None:
        sim, now = self._sim, self._sim.clock.now()
        if not sim.rates.message_allowed(number.id, now):
            raise sim.throttle(130429, "The sender exceeded its throughput")
        if not sim.rates.pair_allowed(number.id, person.wa_id, now):
            raise sim.throttle(131056, "Too many messages for this sender and recipient")

    def _check_template(self, number: Number, outgoing: Outgoing, person: Person) -> str:
        if outgoing.kind != "template":
            return "service"
        content = outgoing.content
        name, language = content["name"], content["language"]["code"]
        found = self._sim.templates.find(number.waba_id, name, language)
        template = find_template(found, name, language)
        if template.category == "AUTHENTICATION" and outgoing.addressed_by == "recipient":
            raise GraphError(131062, "One-time passwords need a phone number")
        check_parameters(template, content.get("components"))
        return template.category.lower()

    def _medium(self, number: Number, outgoing: Outgoing) -> tuple[str, str, int | None]:
        """Media id, hex digest, and the code with which the medium fails later."""
        if outgoing.kind not in MEDIA_TYPES or "id" not in outgoing.content:
            return "", "", None
        sim = self._sim
        medium = sim.media.get(outgoing.content["id"], sim.clock.now())
        owner = sim.numbers.get(medium.owner) if medium else None
        if medium is None or owner is None or owner.waba_id != number.waba_id:
            raise GraphError(131009, f"{outgoing.kind}['id'] is not the id of an uploaded medium")
        wrong = outgoing.kind != "document" and kind_of(medium.mime) != outgoing.kind
        if outgoing.content.get("voice") and not medium.mime.startswith("audio/ogg"):
            wrong = True
        return medium.id, medium.sha256_hex, 131053 if wrong else None

    def _failure(
        self, number: Number, outgoing: Outgoing, person: Person, category: str
    ) -> int | None:
        sim = self._sim
        if outgoing.addressed_by == "group":
            return None
        magic = _magic(person.wa_id)
        if magic:
            return magic
        if person.wa_id in sim.not_on_whatsapp or person.wa_id in sim.blocking_us:
            return 131026
        if category == "marketing" and person.wa_id in sim.opted_out:
            return 131050
        if outgoing.kind == "reaction":
            return None if self._reaction_target(outgoing.content["message_id"]) else 131009
        if outgoing.kind != "template" and not sim.window_open(number, person):
            return 131047
        return None

    def _reaction_target(self, wamid: str) -> bool:
        sim = self._sim
        earliest = sim.clock.now() - 30 * 86400
        ours = any(m.wamid == wamid and m.type != "reaction" for m in self.sent)
        theirs = any(
            m.wamid == wamid and m.kind != "reaction" and m.at > earliest and not m.revoked
            for m in sim.inbound
        )
        return ours or theirs

    def _refuse_now(self, outgoing: Outgoing, failure: int | None) -> None:
        if failure is None:
            return
        magic = outgoing.addressed_by == "to" and outgoing.address.lstrip("+").startswith(
            MAGIC_ANSWER
        )
        if magic or (failure == 131047 and self._sim.window_mode == "sync"):
            raise GraphError(failure, "This recipient always fails" if magic else "Window closed")

    def _category(self, number: Number, message: SentMessage) -> str:
        if message.type != "template":
            return "service"
        content = message.payload["template"]
        template = self._sim.templates.find(
            number.waba_id, content["name"], content["language"]["code"]
        )
        return template.category.lower() if template else "utility"

    # -- outcome ------------------------------------------------------------------------------------

    def _schedule(self, message: SentMessage, failure: int | None, outgoing: Outgoing) -> None:
        delay = 0.0 if self.ticks.before_answer else self.ticks.interval
        self._sim.scheduler.call_later(delay, lambda: self._settle(message, failure, outgoing))

    def _settle(self, message: SentMessage, failure: int | None, outgoing: Outgoing) -> None:
        if failure is None and outgoing.kind in MEDIA_TYPES and "link" in outgoing.content:
            failure = self._fetch(message, str(outgoing.content["link"]))
        if failure is not None:
            self.emit_status(message.wamid, "failed", error=failure)
            return
        if not self.ticks.auto or message.message_status != "accepted":
            return
        steps = self.ticks.steps[:1] if outgoing.kind == "reaction" else self.ticks.steps
        for position, step in enumerate(steps):
            self._step(message, step, position * self.ticks.interval)

    def _step(self, message: SentMessage, step: str, delay: float) -> None:
        def emit() -> None:
            if message.failed_code is None:
                self.emit_status(message.wamid, step)

        if delay:
            self._sim.scheduler.call_later(delay, emit)
        else:
            emit()

    def _fetch(self, message: SentMessage, link: str) -> int | None:
        """Fetch a link of this machine as Meta would; others are taken as fetched."""
        if urlsplit(link).hostname not in _LOOPBACK:
            return None
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(link, timeout=10, allow_redirects=False)
        except requests.RequestException:
            return 131053
        mime = answer.headers.get("Content-Type", "")
        wrong = message.type != "document" and kind_of(mime) != message.type
        if answer.status_code != 200 or wrong:
            return 131053
        sim = self._sim
        with sim.lock:
            medium = sim.media.add(message.phone_number_id, mime, answer.content, sim.clock.now())
            message.media_id, message.media_sha256 = medium.id, medium.sha256_hex
        return None


def _magic(wa_id: str) -> int | None:
    for prefix in (MAGIC_WEBHOOK, MAGIC_ANSWER):
        tail = wa_id.removeprefix(prefix)
        if tail != wa_id and len(tail) == 6 and tail.isdigit() and int(tail) in CATALOGUE:
            return int(tail)
    return None
