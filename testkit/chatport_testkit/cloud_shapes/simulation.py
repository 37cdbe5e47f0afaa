"""The simulated service without its HTTP API: people, numbers, messages, time, and webhooks.

The simulators of the Graph API and of 360dialog derive from :class:`Simulation` and add routes, the place
where webhooks go, and the form of their bodies.
"""

from __future__ import annotations

import threading
from typing import Any, Self

from flask import Flask

from .accounts import Number, Waba
from .business_events import BusinessEvents
from .catalogue import THROTTLES, GraphError
from .clock import SimulatedClock
from .customers import Customer, MessageOptions, context_of
from .delivery import (
    RETRY_DELAYS,
    RetryPolicy,
    Transport,
    WebhookSender,
    post_over_http,
)
from .emission import Emission
from .faults import FaultBoard
from .identifiers import Identifiers, bsuid_of
from .limits import Limits, RateMeter
from .media import MediaStore, Medium
from .messages import message
from .numbers import canonical, digits_of, predicted_wa_id
from .outbox import WINDOW, Outbox, Ticks
from .people import Person
from .records import InboundMessage, ReadReceipt, RequestRecord, SentMessage, Undelivered
from .scheduler import Scheduler
from .serving import Server
from .templates import TemplateStore

JSON = dict[str, Any]

#: Messages that are no word of the customer: they do not open the 24-hour window.
_NO_WINDOW = frozenset({"system"})


class Simulation(BusinessEvents, Emission):
    """State and behaviour that both simulators share. All methods may be called from any thread."""

    def __init__(
        self,
        *,
        port: int,
        tick: str,
        seed: str | None = None,
        bsuids: bool = True,
        limits: Limits | None = None,
        window_mode: str = "webhook",
        map_wa_ids: bool = False,
        status_style: str = "v24",
        throttle_status: int = 429,
        webhook_timeout: float = 20.0,
        retry_delays: tuple[float, ...] = RETRY_DELAYS,
        webhook_workers: int = 1,
        transport: Transport = post_over_http,
    ) -> None:
        super().__init__()
        if tick not in {"auto", "manual"}:
            raise ValueError(f"tick must be 'auto' or 'manual', not {tick!r}.")
        if window_mode not in {"webhook", "sync", "off"}:
            raise ValueError(f"window_mode must be webhook, sync or off, not {window_mode!r}.")
        self.lock = threading.RLock()
        self.clock = SimulatedClock()
        self.ids = Identifiers(seed)
        self.scheduler = Scheduler(self.clock, workers=webhook_workers)
        self.faults = FaultBoard()
        self.media = MediaStore(self.ids)
        self.templates = TemplateStore(self.ids)
        self.rates = RateMeter(limits or Limits())
        self.webhooks = WebhookSender(
            self.clock,
            self.scheduler,
            self.faults,
            policy=RetryPolicy(timeout=webhook_timeout, delays=retry_delays),
            transport=transport,
        )
        self.outbox = Outbox(self, Ticks(auto=tick == "auto"))
        self.bsuids = bsuids
        self.window_mode = window_mode
        self.map_wa_ids = map_wa_ids
        self.status_style = status_style
        self.throttle_status = throttle_status
        #: What the answers to templates say. What is not accepted is not on its way, and no status follows.
        self.message_status = "accepted"
        self.allow_list: set[str] | None = None
        self.not_on_whatsapp: set[str] = set()
        self.blocking_us: set[str] = set()
        self.opted_out: set[str] = set()
        self.wabas: dict[str, Waba] = {}
        self.numbers: dict[str, Number] = {}
        self.customers: list[Customer] = []
        self.inbound: list[InboundMessage] = []
        self.undelivered: list[Undelivered] = []
        self.requests: list[RequestRecord] = []
        self._strangers: dict[str, Person] = {}
        self._windows: dict[tuple[str, str], float] = {}
        self._port = port
        self._server: Server | None = None

    # -- life ---------------------------------------------------------------------------------------

    def app(self) -> Flask:
        """The HTTP API. Implemented by the simulators."""
        raise NotImplementedError

    def start(self) -> Self:
        """Serve on 127.0.0.1; with port 0 the system chooses one."""
        if self._server is None:
            self._server = Server(self.app(), self._port)
            self.scheduler.start()
        return self

    def stop(self) -> None:
        """Stop serving and delivering. Undelivered webhooks are dropped."""
        self.scheduler.stop()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Base address, without a slash at the end.

        Raises:
            RuntimeError: the simulator has not been started.
        """
        if self._server is None:
            raise RuntimeError("The simulator has no address before start().")
        return self._server.url

    def advance(self, seconds: float) -> None:
        """Move the simulated time forward: windows close, addresses expire, retries become due."""
        self.clock.advance(seconds)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all webhooks that are due, and all automatic statuses, have been posted.

        Retries that wait for a later time are not waited for. Returns False after ``timeout`` seconds.
        """
        return self.scheduler.flush(timeout)

    # -- people -------------------------------------------------------------------------------------

    def customer(
        self,
        phone: str,
        name: str = "",
        *,
        bsuid: str | None = None,
        username: str | None = None,
        parent_bsuid: str | None = None,
        hide_phone: bool = False,
    ) -> Customer:
        """A customer with this phone (digits; punctuation is removed). The same phone is the same customer.

        ``bsuid`` "" leaves business-scoped ids out; None derives one from the phone unless the simulator was
        made with ``bsuids=False``.
        """
        digits = digits_of(phone)
        with self.lock:
            known = next((c for c in self.customers if c.person.wa_id == digits), None)
            if known is not None:
                if name:
                    known.person.name = name
                return known
            if bsuid is None and (self.bsuids or hide_phone):
                bsuid = bsuid_of(digits)
            person = Person(digits, name, bsuid or None, username, parent_bsuid, hide_phone)
            customer = Customer(self, person)
            self.customers.append(customer)
            return customer

    def rename(self, customer: Customer, person: Person) -> None:
        """Let ``customer`` be ``person`` from now on (a number change)."""
        with self.lock:
            customer.person = person

    def person_at(self, address: str, addressed_by: str) -> Person:
        """Whom an address of a send call reaches: a customer, or a stranger who never wrote."""
        with self.lock:
            if addressed_by == "recipient":
                for customer in self.customers:
                    if customer.person.bsuid == address:
                        return customer.person
                return self._strangers.setdefault(
                    address, Person(address, "", address, hide_phone=True)
                )
            digits = digits_of(address)
            exact = [c for c in self.customers if c.person.wa_id == digits]
            similar = [c for c in self.customers if canonical(c.person.wa_id) == canonical(digits)]
            if exact or similar:
                return (exact or similar)[0].person
            wa_id = predicted_wa_id(digits) if self.map_wa_ids else digits
            bsuid = bsuid_of(wa_id) if self.bsuids else None
            return self._strangers.setdefault(wa_id, Person(wa_id, "", bsuid))

    # -- numbers ------------------------------------------------------------------------------------

    def number_of(self, number_id: str | None = None) -> Number:
        """The number with this id; the first one when None.

        Raises:
            LookupError: there is no such number.
        """
        with self.lock:
            if number_id is None:
                return next(iter(self.numbers.values()))
            if number_id not in self.numbers:
                raise LookupError(f"There is no number {number_id!r}.")
            return self.numbers[number_id]

    def window_open(self, number: Number, person: Person) -> bool:
        """Whether free-form messages may go out: the person wrote within 24 hours."""
        if self.window_mode == "off":
            return True
        last = self._windows.get((number.id, person.wa_id))
        return last is not None and self.clock.now() - last < WINDOW

    def touch_window(self, person: Person, number_id: str | None = None) -> None:
        with self.lock:
            number = self.number_of(number_id)
            self._windows[number.id, person.wa_id] = self.clock.now()

    # -- what customers send ------------------------------------------------------------------------

    def receive(
        self,
        person: Person,
        kind: str,
        content: Any,
        options: MessageOptions,
        *,
        contacts: bool = True,
    ) -> str:
        """A message of ``person`` came in: remember it and emit the webhook. Returns its id."""
        number = self.number_of(options.get("number"))
        with self.lock:
            wamid = options.get("message_id") or self.inbound_id(person)
            now = self.clock.now()
            self.inbound.append(InboundMessage(wamid, number.id, person.wa_id, kind, content, now))
            if kind not in _NO_WINDOW:
                self._windows[number.id, person.wa_id] = now
            element = message(
                person,
                wamid,
                options.get("timestamp", int(now)),
                kind,
                content,
                context=context_of(options, number.display, self._author(options)),
                referral=options.get("referral"),
                group_id=options.get("group_id"),
                before=options.get("extra"),
            )
            value: JSON = {"messages": [element]}
            if contacts:
                value = {"contacts": [person.contact()], **value}
        self.emit_for_number(number, "messages", value)
        return wamid

    def inbound_by_id(self, wamid: str) -> InboundMessage | None:
        with self.lock:
            return next((m for m in self.inbound if m.wamid == wamid), None)

    def _author(self, options: MessageOptions) -> str | None:
        quoted = self.inbound_by_id(options.get("reply_to", ""))
        return quoted.customer if quoted else None

    def inbound_id(self, person: Person) -> str:
        return self.ids.inbound_wamid(person.address)

    def outbound_id(self, person: Person) -> str:
        return self.ids.outbound_wamid(person.address)

    def set_webhook(self, url: str) -> None:
        """Set where webhooks go. Implemented by the simulators, which take more arguments."""
        raise NotImplementedError

    def inbound_media_id(self) -> str | None:
        """Id for a medium that a customer sends; None for the usual decimal one."""
        return None

    def webhook_media_url(self, medium: Medium) -> str | None:
        """Download address that the webhook carries. Implemented by the simulators."""
        raise NotImplementedError

    # -- what the business sent ---------------------------------------------------------------------

    @property
    def sent(self) -> list[SentMessage]:
        """Messages of the business that were accepted, oldest first."""
        with self.lock:
            return list(self.outbox.sent)

    @property
    def receipts(self) -> list[ReadReceipt]:
        """Read receipts (and typing indicators) of the business, oldest first."""
        with self.lock:
            return list(self.outbox.receipts)

    @property
    def ticks(self) -> Ticks:
        return self.outbox.ticks

    def status(self, wamid: str, name: str, **options: Any) -> None:
        """Emit any status, also out of order; options: ``error``, ``details``, ``timestamp``."""
        self.outbox.emit_status(wamid, name, **options)

    def delivered(self, wamid: str) -> None:
        self.outbox.emit_status(wamid, "delivered")

    def read(self, wamid: str) -> None:
        self.outbox.emit_status(wamid, "read")

    def failed(self, wamid: str, code: int, details: str = "") -> None:
        self.outbox.emit_status(wamid, "failed", error=code, details=details)

    def throttle(self, code: int, details: str = "") -> GraphError:
        """A throttling error with the HTTP status that this simulator was set to."""
        status = self.throttle_status if code in THROTTLES else None
        return GraphError(code, details, http_status=status)
