"""The simulated service in one object: settings, state, clock, failures and the way out to webhooks.

Owns the life of sessions (pairing, logging out, reconnecting). Must not know HTTP.
"""

from __future__ import annotations

import io
import re
import secrets
import time
import uuid
from datetime import timedelta

import segno

from .config import Config
from .faults import Faults
from .jids import GROUP, PERSON
from .outbox import Outbox
from .sender import WebhookSender
from .state import Device, Group, Member, Person, State, StaticFile
from .times import Clock

QR_SECONDS = 30
_PAIR_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"


class Service:
    """What REST routes, the customers' phones and the control interface all work on."""

    def __init__(self, config: Config, *, own_phone: str, own_name: str) -> None:
        self.config = config
        self.own_phone = own_phone
        self.own_name = own_name
        self.clock = Clock()
        self.faults = Faults()
        self.state = State()
        self.sender = WebhookSender(
            config.version,
            self.faults,
            self.clock.now,
            self.state.deliveries,
            time_scale=config.time_scale,
            parallel=config.parallel,
        )
        self.outbox = Outbox(config, self.state, self.sender)

    def since(self, version: str) -> bool:
        return self.config.version.since(version)

    def add_device(self, name: str) -> Device:
        """Make a slot that nobody is logged in to."""
        device = Device(name, self.clock.now())
        with self.state.lock:
            self.state.devices[name] = device
        return device

    def start_qr(self, device: Device) -> str:
        """Begin pairing; return the path of the QR picture, which is public and soon gone."""
        now = self.clock.now()
        with self.state.lock:
            device.state = "connected"
            device.login_number += 1
            path = f"statics/qrcode/scan-qr-{uuid.uuid4()}.png"
            expires = now + timedelta(seconds=QR_SECONDS)
            self.state.files[path] = StaticFile(qr_picture(secrets.token_urlsafe(90)), now, expires)
        return path

    def start_code(self, device: Device, phone: str) -> str:
        """Begin pairing by code; return the code, e.g. ``ABCD-EFGH``."""
        with self.state.lock:
            device.state = "connected"
            device.login_number += 1
            device.pairing_phone = re.sub(r"\D", "", phone)
        code = "".join(secrets.choice(_PAIR_ALPHABET) for _ in range(8))
        return f"{code[:4]}-{code[4:]}"

    def log_in(self, device: Device, phone: str | None = None) -> None:
        """What a scan of the QR code does; ``phone`` is the scanning phone's number."""
        with self.state.lock:
            device.phone = phone or device.pairing_phone or self.own_phone
            device.pairing_phone = ""
            device.name = self.own_name
            device.state = "logged_in"
            self._drop_qr_pictures()
            person = self.state.person(device.jid)
            person.name = person.name or self.own_name
        self.outbox.reconnected(device)

    def log_out(self, device: Device) -> None:
        """The session is gone, whoever ended it. No webhook tells."""
        with self.state.lock:
            device.phone = ""
            device.state = "disconnected"
            device.waiting.clear()

    def disconnect(self, device: Device) -> None:
        """The connection to WhatsApp breaks; the session stays."""
        with self.state.lock:
            device.state = "disconnected"

    def reconnect(self, device: Device) -> None:
        with self.state.lock:
            if device.phone:
                device.state = "logged_in"
        self.outbox.reconnected(device)

    def new_group(
        self, name: str, members: list[Person], *, us: bool = True, jid: str = ""
    ) -> Group:
        """Make a group whose first member owns it."""
        with self.state.lock:
            jid = jid or f"12036304{secrets.randbelow(10**10):010d}{GROUP}"
            group = Group(jid, name, self.clock.now(), us=us, invite=secrets.token_urlsafe(16))
            for number, person in enumerate(members):
                group.members[person.jid] = Member(person.jid, admin=number == 0, owner=number == 0)
            self.state.groups[jid] = group
        return group

    def on_whatsapp(self, jid: str) -> bool:
        """The answer to a lookup; a lookup that fails or hangs looks the same as an unknown number."""
        if not jid.endswith(PERSON):
            return True
        if self.state.lookup_hangs:
            time.sleep(self.config.lookup_timeout * self.config.time_scale)
            return False
        with self.state.lock:
            unknown = {
                re.sub(r"\D", "", number.partition("@")[0]) for number in self.state.unknown_numbers
            }
            digits = jid.partition("@")[0]
            return not self.state.lookup_fails and digits.isdigit() and digits not in unknown

    def _drop_qr_pictures(self) -> None:
        for path in [path for path in self.state.files if path.startswith("statics/qrcode/")]:
            del self.state.files[path]


def qr_picture(text: str) -> bytes:
    """Return a PNG of a QR code."""
    out = io.BytesIO()
    segno.make_qr(text).save(out, kind="png", scale=6, border=4)
    return out.getvalue()
