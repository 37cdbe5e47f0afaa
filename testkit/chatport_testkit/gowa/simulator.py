"""The simulator as a Python object: start, stop, and everything a test orders or looks up."""

from __future__ import annotations

import threading
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from .application import create_application
from .config import Config, Tick
from .customer import Customer
from .eras import version_of
from .events import Account, Notice
from .faults import Faults
from .group_chat import Group
from .jids import GROUP, LID, person
from .own_phone import OwnPhone
from .records import Delivery, Request, SentMessage
from .sender import Target
from .server import Server
from .service import Service
from .state import Device, State
from .times import Clock

SETTLE_SECONDS = 10.0
POLL_SECONDS = 0.02  # how long stop() may have to wait for the server to notice


class GowaSimulator:
    """A GoWA service on the loopback interface.

    Args:
        port: 0 takes a free one.
        username, password: basic authentication; an empty user name means an open service.
        webhook_url: one address or several separated by commas without blanks; None for none.
        webhook_secret: key of the signature; the real service's default is the word ``secret``.
        era: shape of the webhook bodies and of the REST interface: v5, v6, v7.2.0, v7, v8.0, v8.2, v8.3, v8
            or v9.
        version: a release such as ``v9.0.0``; the newest of the era if None.
        device: whether a logged-in device exists at the start. Releases before v8 always have one account;
            it is logged out then.
        own_phone, own_name: number (digits) and push name of the business.
        device_id: slot id of that device.
        tick: ``auto`` reports delivered and read after each send by itself, ``manual`` leaves it to
            :meth:`Customer.delivered` and :meth:`Customer.read`.
        options: other fields of :class:`~chatport_testkit.gowa.config.Config`, e.g. ``time_scale=0.01``,
            ``parallel=False``, ``auto_download=False``, ``base_path="/gowa"``, ``ack_first=True``.

    Raises:
        ValueError: unknown era or version.
        TypeError: unknown option.
    """

    def __init__(
        self,
        port: int = 0,
        username: str = "admin",
        password: str = "secret",  # noqa: S107 - the simulator's own
        webhook_url: str | None = None,
        webhook_secret: str = "a-good-webhook-secret",  # noqa: S107 - the simulator's own
        era: str = "v9",
        version: str | None = None,
        device: bool = True,
        own_phone: str = "5491100000000",
        tick: Tick = "auto",
        *,
        own_name: str = "Shop",
        device_id: str = "device-1",
        **options: Any,
    ) -> None:
        self.config = Config(
            version=version_of(era, version),
            users={username: password} if username else {},
            webhook_urls=webhook_url or "",
            webhook_secret=webhook_secret,
            tick=tick,
            **options,
        )
        self.service = Service(self.config, own_phone=own_phone, own_name=own_name)
        self.device_id = device_id
        self.own_phone = own_phone
        self.own_phone_app = OwnPhone(self.service)
        self._port = port
        self._server: Server | None = None
        if device or not self.service.since("v8.0.0"):
            first = self.service.add_device(device_id)
            if device:
                self.service.log_in(first)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen. The port stays the same when started again after :meth:`stop`."""
        if self._server is not None:
            return
        self._server = Server(self.service, create_application(self.service), self._port)
        self._port = self._server.port
        self.service.sender.start()
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(POLL_SECONDS,), name="gowa", daemon=True).start()

    def stop(self) -> None:
        """Stop listening, drop connections and give up webhooks; the state stays."""
        self.service.sender.stop()
        if self._server is not None:
            self._server.close_all()
            self._server = None

    @property
    def url(self) -> str:
        """Address without a trailing slash, base path included."""
        if not self._port:
            raise RuntimeError("The simulator has no port yet; call start() first.")
        return f"http://127.0.0.1:{self._port}{self.config.base_path}"

    @property
    def state(self) -> State:
        return self.service.state

    @property
    def faults(self) -> Faults:
        return self.service.faults

    @property
    def clock(self) -> Clock:
        """``clock.freeze(datetime)`` stops the time that messages and webhooks show."""
        return self.service.clock

    @property
    def own_jid(self) -> str:
        return person(self.own_phone)

    @property
    def sent(self) -> list[SentMessage]:
        """What the business sent, oldest first."""
        with self.state.lock:
            return list(self.state.sent)

    @property
    def actions(self) -> list[tuple[str, dict[str, Any]]]:
        """What the business did without sending: read, chat_presence, presence, delete, star, unstar, reject_call."""
        with self.state.lock:
            return list(self.state.actions)

    @property
    def requests(self) -> list[Request]:
        """Every request to the REST interface, oldest first."""
        with self.state.lock:
            return list(self.state.requests)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook, oldest first; one entry per address."""
        return list(self.state.deliveries)

    def set_webhook(self, url: str | None, secret: str | None = None) -> None:
        """Change the service's own webhook, as a restart with other settings would."""
        self.config.webhook_urls = url or ""
        if secret is not None:
            self.config.webhook_secret = secret

    def wait_idle(self, timeout: float = SETTLE_SECONDS) -> bool:
        """Wait until every webhook and tick is through; False if ``timeout`` seconds were not enough."""
        return self.service.sender.wait_idle(timeout)

    def customer(
        self,
        phone: str,
        name: str = "",
        *,
        saved_name: str = "",
        lid: str = "",
        lid_known: bool = True,
        companions: tuple[int, ...] = (),
        device: str | None = None,
    ) -> Customer:
        """The phone of a person.

        Args:
            phone: number in any spelling, or a JID.
            name: push name; ``saved_name``: name in the business's address book.
            lid: digits of the privacy id; WhatsApp then addresses the person by it.
            lid_known: whether the service can tell the number behind the LID; may be changed later through
                ``customer.person.lid_known``.
            companions: numbers of the person's linked devices (they matter before v8 only).
            device: slot id of the account the person writes to; the first one with an account if None.
        """
        with self.state.lock:
            who = self.state.person(person(phone))
            who.name = name or who.name
            who.saved_name = saved_name or who.saved_name
            if lid:
                who.lid, who.by_lid, who.lid_known = person_lid(lid), True, lid_known
            who.companions = companions or who.companions
        return Customer(self.service, who, device)

    def group(
        self,
        jid_or_name: str,
        members: list[Customer] | tuple[Customer, ...] = (),
        *,
        us: bool = True,
        device: str | None = None,
    ) -> Group:
        """The group with this JID or name; made if there is none."""
        with self.state.lock:
            known = [
                one for one in self.state.groups.values() if jid_or_name in {one.jid, one.name}
            ]
            if known:
                return Group(self.service, known[0], device)
            is_jid = jid_or_name.endswith(GROUP)
            made = self.service.new_group(
                "" if is_jid else jid_or_name,
                [one.person for one in members],
                us=us,
                jid=jid_or_name if is_jid else "",
            )
        return Group(self.service, made, device)

    def add_device(self, device_id: str, *, phone: str | None = None) -> Device:
        """Register another slot; with ``phone`` (digits) it is logged in at once."""
        made = self.service.add_device(device_id)
        if phone:
            self.service.log_in(made, phone)
        return made

    def device(self, device_id: str | None = None) -> Device:
        """The named device, else the first that has an account, else the first.

        Raises:
            LookupError: there is none.
        """
        found = self.state.active_device(device_id)
        if found is None and device_id is None:
            found = next(iter(self.state.devices.values()), None)
        if found is None:
            raise LookupError(f"There is no device {device_id or ''}".rstrip() + ".")
        return found

    def scan_qr(self, device: str | None = None, *, phone: str | None = None) -> Device:
        """Scan the QR code (or enter the pairing code) of the device that waits for it.

        Raises:
            LookupError: no device waits.
        """
        with self.state.lock:
            waiting = [
                one
                for one in self.state.devices.values()
                if device in {None, one.id} and one.state == "connected"
            ]
        if not waiting:
            raise LookupError("No device waits to be paired; ask /app/login for a QR code first.")
        self.service.log_in(waiting[-1], phone)
        return waiting[-1]

    def logout_from_phone(self, device: str | None = None) -> None:
        """The phone unlinks the device. No webhook tells; ``/app/status`` does."""
        self.service.log_out(self.device(device))

    def disconnect(self, device: str | None = None) -> None:
        """The service loses its connection to WhatsApp; messages wait for :meth:`reconnect`."""
        self.service.disconnect(self.device(device))

    def reconnect(self, device: str | None = None) -> None:
        self.service.reconnect(self.device(device))

    def post_raw(
        self, body: bytes, headers: dict[str, str] | None = None, *, device: str | None = None
    ) -> Delivery:
        """Post exactly these bytes, properly signed; ``headers`` replace or add some.

        Waits for the outcome.

        Raises:
            RuntimeError: no webhook address is set.
        """
        target = self.service.outbox.target(self.device(device))
        if target is None:
            raise RuntimeError("No webhook address is set; pass webhook_url or call set_webhook().")
        single = Target(target.urls[:1], target.secret, target.insecure)
        made = self.service.sender.post("raw", body, single, headers)
        self.wait_idle()
        return made[0]

    def emit(self, event: str, payload: dict[str, Any], *, since: str = "v8.2.0") -> None:
        """Report any other event of the envelope eras, e.g. ``label.edit`` or ``newsletter.joined``.

        Releases before ``since`` stay silent.
        """
        device = self.device()
        account = Account(device.jid, device.id)
        notice = Notice(event, self.clock.now(), account, payload, since)
        self.service.outbox.report(notice, device)

    def freeze(self, at: datetime | None) -> None:
        """Stop the clock at ``at``; None lets it run again."""
        self.clock.freeze(at)


def person_lid(lid: str) -> str:
    return lid if lid.endswith(LID) else f"{lid}{LID}"
