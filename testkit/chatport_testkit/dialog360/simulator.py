"""The 360dialog simulator: one number, its webhook destinations, and the switch between generations."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

from flask import Flask, Response, g

from ..cloud_shapes import Simulation
from ..cloud_shapes.accounts import Number, Waba
from ..cloud_shapes.answers import send_answer
from ..cloud_shapes.emission import Route
from ..cloud_shapes.envelope import Change
from ..cloud_shapes.faults import Fault
from ..cloud_shapes.gate import json_answer
from ..cloud_shapes.media import Medium
from ..cloud_shapes.numbers import digits_of
from ..cloud_shapes.people import Person
from ..cloud_shapes.records import RequestRecord
from ..cloud_shapes.serving import Server
from ..cloud_shapes.wire import answer_json, meta_json
from .flat import flat_bodies
from .gateway import GatewayRefusal, build_app
from .lookaside import build_lookaside

JSON = dict[str, Any]

#: The host that addresses of media name, where there is no listener in its place.
MEDIA_HOST = "https://lookaside.fbsbx.com"
_MEDIA_ERRORS = 20
_MEDIA_ERROR_WINDOW = 3600.0
_MEDIA_BLOCK = 1800.0


@dataclass(frozen=True, slots=True)
class Destination:
    """A webhook address with the headers that were configured for it."""

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)


class Dialog360Simulator(Simulation):
    """360dialog on this machine, with the phones of customers attached.

    ``generation`` "v1" (``/v1/messages``, flat webhooks) or "v2" (``/messages``, Cloud webhooks);
    :meth:`migrate` switches. ``webhook`` and ``webhook_headers`` stand for a configuration made earlier.
    ``error_shape`` is that of key errors: snake, camel, says_404. With ``media_listener`` the addresses of media lead
    to a listener in the place of Meta's host, which hands nothing out and records who came. More keyword arguments: see
    :class:`~chatport_testkit.cloud_shapes.Simulation`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        api_key: str = "simulated-d360-key",
        generation: str = "v2",
        phone: str = "4930700001234",
        phone_number_id: str = "109870000333444",
        waba_id: str = "214700000111222",
        tick: str = "auto",
        webhook: str | None = None,
        webhook_headers: dict[str, str] | None = None,
        strict_webhook_urls: bool = False,
        sandbox: bool = False,
        error_shape: str = "snake",
        contacts_in_answer: bool = False,
        media_listener: bool = False,
        keeps_headers: bool = True,
        **options: Any,
    ) -> None:
        options.setdefault("webhook_timeout", 5.0)
        super().__init__(port=port, tick=tick, **options)
        if generation not in {"v1", "v2"}:
            raise ValueError(f"generation must be v1 or v2, not {generation!r}.")
        self.api_key = api_key
        self.generation = generation
        #: Form of webhook bodies, apart from the generation so that a migration can be half done.
        self.shape = "flat" if generation == "v1" else "cloud"
        self.strict_webhook_urls = strict_webhook_urls
        self.sandbox = sandbox
        self.error_shape = error_shape
        self.contacts_in_answer = contacts_in_answer
        self.media_listener = media_listener
        #: Whether headers of a webhook configuration are kept; without, only the address can hold a secret.
        self.keeps_headers = keeps_headers
        #: Requests to Meta's media host, with ``media_listener``; ``authorized`` there is a leak of the API key.
        self.elsewhere: list[RequestRecord] = []
        self._lookaside: Server | None = None
        self.destination: Destination | None = None
        self.waba_destination: Destination | None = None
        self.override_all = False
        self.further: dict[str, Destination] = {}
        self._learned: set[str] = set()
        self._media_errors: deque[float] = deque()
        self._media_blocked_until = 0.0
        self.templates.default_waba = waba_id
        self.wabas[waba_id] = Waba(waba_id, subscribed=True)
        self.numbers[phone_number_id] = Number(phone_number_id, waba_id, digits_of(phone))
        if webhook:
            self.set_webhook(webhook, webhook_headers or {})

    def app(self) -> Flask:
        return build_app(self)

    def start(self) -> Self:
        if self.media_listener and self._lookaside is None:
            self._lookaside = Server(build_lookaside(self))
        return super().start()

    def stop(self) -> None:
        super().stop()
        if self._lookaside is not None:
            self._lookaside.stop()
            self._lookaside = None

    @property
    def media_host(self) -> str:
        """The host that addresses of media name. Clients must ask their own base address instead, with the key."""
        return self._lookaside.url if self._lookaside is not None else MEDIA_HOST

    def migrate(self, generation: str = "v2") -> None:
        """Move the number to the other generation: paths, answers, ids, and webhook bodies."""
        if generation not in {"v1", "v2"}:
            raise ValueError(f"generation must be v1 or v2, not {generation!r}.")
        with self.lock:
            self.generation = generation
            self.shape = "flat" if generation == "v1" else "cloud"

    # -- destinations -------------------------------------------------------------------------------

    def set_webhook(self, url: str, headers: dict[str, str] | None = None) -> None:
        """Set the number's destination; headers that are not repeated are gone."""
        with self.lock:
            self.destination = Destination(url, dict(headers or {}))

    def set_waba_webhook(
        self, url: str, headers: dict[str, str] | None = None, *, override_all: bool = False
    ) -> None:
        """Set the account's destination; with ``override_all`` it gets the number's events, too."""
        with self.lock:
            self.waba_destination = Destination(url, dict(headers or {}))
            self.override_all = override_all

    def add_destination(self, name: str, url: str, headers: dict[str, str]) -> None:
        """One more destination, served after the main one answered 200."""
        with self.lock:
            self.further[name] = Destination(url, dict(headers))

    @staticmethod
    def destination_json(destination: Destination | None) -> JSON:
        if destination is None:
            return {"url": None, "headers": {}}
        return {"url": destination.url, "headers": destination.headers}

    def route(self, change: Change) -> Route | str:
        with self.lock:
            destination = self.destination
            if change.account_level:
                if self.shape == "flat":
                    return "The on-premise generation has no account events."
                destination = self.waba_destination
            elif self.shape == "flat" and change.field != "messages":
                return f"The on-premise generation has no field {change.field!r}."
            elif self.override_all and self.waba_destination is not None:
                destination = self.waba_destination
        if destination is None:
            return "No webhook is configured."
        return _route(destination)

    def render(self, changes: list[Change], layout: str, *, reversed_contacts: bool) -> list[bytes]:
        if self.shape == "flat":
            base = "https://waba.360dialog.io/v1/media"
            return [answer_json(body) for body in flat_bodies(changes, base)]
        return super().render(changes, layout, reversed_contacts=reversed_contacts)

    def deliver(
        self, route: Route, body: bytes, changes: list[Change], *, doubled: bool, delay: float
    ) -> None:
        fields = tuple(change.field for change in changes)

        def serve_the_others() -> None:
            with self.lock:
                further = [_route(d) for d in self.further.values()]
            for other in further:
                self.webhooks.send(other.url, body, other.make_headers, fields=fields)

        main = self.destination is not None and route.url == self.destination.url
        self.webhooks.send(
            route.url,
            body,
            route.make_headers,
            fields=fields,
            doubled=doubled,
            delay=delay,
            after=serve_the_others if main else None,
        )

    def partner_event(self, event: str, data: JSON | None = None) -> None:
        """A partner event that reached the number's destination by mistake.

        Raises:
            RuntimeError: no webhook is configured.
        """
        identity = self.ids.uuid()
        self.replay(meta_json({"id": identity, "event": event, "data": data or {}}))

    # -- the on-premise generation ------------------------------------------------------------------

    def inbound_id(self, person: Person) -> str:
        if self.generation == "v1":
            return self.ids.flat_inbound_id()
        return super().inbound_id(person)

    def outbound_id(self, person: Person) -> str:
        if self.generation == "v1":
            return self.ids.flat_outbound_id()
        return super().outbound_id(person)

    def inbound_media_id(self) -> str | None:
        return self.ids.uuid() if self.generation == "v1" else None

    def knows(self, digits: str) -> bool:
        """Whether a v1 send may go to this number: it wrote, or ``/v1/contacts`` asked for it."""
        with self.lock:
            wrote = any(m.customer == digits for m in self.inbound)
            return wrote or self.person_at(digits, "to").wa_id in self._learned

    def learn(self, digits: str) -> str:
        """Remember a checked contact; the wa_id that the service has for it."""
        with self.lock:
            wa_id = self.person_at(digits, "to").wa_id
            self._learned.add(wa_id)
            return wa_id

    # -- the cloud generation -----------------------------------------------------------------------

    def send_v2(self, body: JSON) -> Response:
        """A message or read receipt in the Cloud form."""
        if "status" in body:
            self.outbox.mark_read(self.number_of(), body)
            return json_answer({"success": True})
        message = self.outbox.accept(self.number_of(), body)
        if self.ticks.before_answer:
            self.flush(2.0)
        return json_answer(send_answer(message))

    def webhook_media_url(self, medium: Medium) -> str | None:
        return self.address_of(medium, source="webhook")

    def address_of(self, medium: Medium, *, source: str | None = None) -> str:
        """Meta's address, valid for five minutes; 360dialog serves its path and query on the own host."""
        query = self.media.query(medium, self.clock.now(), source=source)
        return f"{self.media_host}/whatsapp_business/attachments/?{query}"

    def media_response(self, medium: Medium) -> Response:
        """The bytes, changed when a media fault is set for this request."""
        fault: Fault | None = g.get("fault")
        data = medium.data
        match fault.mode if fault else "":
            case "wrong_sha256":
                data = data[:-1] + bytes([data[-1] ^ 1]) if data else b"x"
            case "truncated":
                data = data[: len(data) // 2]
            case "oversize" if fault is not None:
                data = data.ljust(int(fault.number("size", 30 * 1024 * 1024)), b"\0")
            case "redirect":
                return Response(
                    "", status=302, headers={"Location": f"{self.media_host}/{medium.id}"}
                )
        return Response(data, content_type=medium.mime)

    def check_media_block(self) -> None:
        """Refuse media requests while the number is blocked for hammering failing ids.

        Raises:
            GatewayRefusal: more than 20 errors within 60 minutes, for 30 minutes.
        """
        with self.lock:
            if self.clock.now() < self._media_blocked_until:
                raise GatewayRefusal(429, "Media requests are blocked after many errors", "message")

    def count_media_error(self) -> None:
        with self.lock:
            now = self.clock.now()
            errors = self._media_errors
            errors.append(now)
            while errors and errors[0] <= now - _MEDIA_ERROR_WINDOW:
                errors.popleft()
            if len(errors) > _MEDIA_ERRORS:
                self._media_blocked_until = now + _MEDIA_BLOCK
                errors.clear()


def _route(destination: Destination) -> Route:
    headers = {"Content-Type": "application/json", **destination.headers}
    return Route(destination.url, lambda _body, _fault: dict(headers))
