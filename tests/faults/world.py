"""One installation of real processes, a simulated GoWA, customers and agents, all of it written to a ledger.

Owns: putting them together, and the words in which scenarios are written. Must not know: what is checked.
"""

from __future__ import annotations

import json
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from installation import Installation

from chatport_testkit.gowa import GowaSimulator
from chatport_testkit.gowa.records import Delivery
from support import eventually

from . import processes
from .ledger import Incoming, Ledger, Outgoing
from .observed import Observed
from .points import VARIABLE as POINTS
from .points import file_of
from .postgres import OwnPostgres

OWN = "5491100000000"
PASSWORD = "pw"


@dataclass
class World:
    """The system under test and its surroundings.

    :param database_url: an empty database.
    :param installed: what is tested, where it is not one ``chatport up``.
    """

    folder: Path
    database_url: str
    environment: dict[str, str] = field(default_factory=dict)
    installed: Installation | None = None
    rng: random.Random = field(default_factory=random.Random)
    #: Factor on the time that may pass until all is quiet; below 1 where trouble is expected.
    patience: float = 1.0

    def __post_init__(self) -> None:
        self.gowa = GowaSimulator(
            username="admin", password=PASSWORD, own_phone=OWN, tick="auto", era="v9"
        )
        self.postgres: OwnPostgres | None = None
        self.installation = self.installed or Installation(
            self.folder / "data",
            environment={
                "CHATPORT_DATABASE_URL": self.database_url,
                "CHATPORT_PROVIDERS": "whatsapp_web",
                "CHATPORT_WORKERS": "2",
                **self.environment,
            },
        )
        self.observed = Observed(self.database_url)
        self.ledger = Ledger(self.folder / "setup.jsonl", "setup", 0)
        self._first_delivery = 0
        self._chats: dict[str, int] = {}
        self._numbers = iter(range(1, 10_000))
        self._backwards: list[str] = []

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.database_url.startswith("sqlite")

    def set_up(self) -> None:
        """Start everything and connect the inbox as an administrator does."""
        self.gowa.start()
        self.installation.start()
        made = self.installation.post(
            "/inboxes",
            {
                "name": "Shop",
                "channel": {
                    "type": "whatsapp",
                    "phone_number": f"+{OWN}",
                    "provider": "whatsapp_web",
                    "provider_config": {
                        "api_base_url": self.gowa.url,
                        "basic_auth_username": "admin",
                        "basic_auth_password": PASSWORD,
                    },
                },
            },
        )
        path = f"/inboxes/{made['id']}/health"
        eventually(
            lambda: self.installation.get(path)["provisioning"].get("state") == "done",
            30,
            message=lambda: f"the inbox is not set up:\n{self.installation.log[-4000:]}",
        )

    @property
    def lives(self) -> bool:
        """Whether ``chatport up`` runs."""
        process = self.installation.process
        return process is not None and process.poll() is None

    def close(self) -> None:
        """End everything."""
        self.gowa.stop()
        if self.installation.process is not None:
            self.installation.stop()

    # --- a scenario's frame -------------------------------------------------------------------------------------------

    def begin(self, name: str, seed: int) -> None:
        """Open a new ledger; everything from now on belongs to it."""
        self.rng = random.Random(seed)
        number, self._first_delivery = next(self._numbers), len(self.gowa.deliveries)
        self.ledger = Ledger(self.folder / f"{number:02d}-{name}-{seed}.jsonl", name, seed)
        self._backwards = []
        self.gowa.faults.clear()
        self.gowa.config.ack_first = False
        self.gowa.config.tick = "auto"

    @property
    def deliveries(self) -> list[Delivery]:
        """Webhooks since the scenario began."""
        return self.gowa.deliveries[self._first_delivery :]

    def settle(self, within: float = 60.0) -> None:
        """Wait until nothing is under way on either side."""
        assert self.gowa.wait_idle(40), "the simulated service is still delivering"
        quiet = 0

        def is_quiet() -> bool:
            nonlocal quiet
            left = self.observed.unfinished(self.ledger.poison)
            quiet = 0 if left or not self.gowa.wait_idle(0.01) else quiet + 1
            return quiet > 1

        try:
            eventually(
                is_quiet,
                within * self.patience,
                message=lambda: "\n".join(self.observed.unfinished(self.ledger.poison)[:20]),
            )
        finally:
            self._note_acknowledged()

    def _note_acknowledged(self) -> None:
        for delivery in self.deliveries:
            if not delivery.delivered:
                continue
            found = payload_of(delivery.body).get("id")
            known = self.ledger.incoming.get(found) if isinstance(found, str) else None
            if known is not None:
                known.acknowledged = True

    # --- customers ----------------------------------------------------------------------------------------------------

    def new_phone(self) -> str:
        """A number that nobody had before."""
        return f"54911{uuid4().int % 10**8:08d}"

    def write(self, phone: str, text: str = "", *, at: datetime | None = None, **more: Any) -> str:
        """A customer writes; returns the source id."""
        text = text or f"in-{uuid4().hex[:12]}"
        moment = (at or datetime.now(UTC)).replace(microsecond=0)
        source_id = f"3A{uuid4().hex[:18].upper()}"
        # Into the ledger first: the delivery may be quicker than we are.
        self.ledger.wrote(Incoming(source_id, phone, text, moment))
        self.customer(phone).text(text, at=moment, source_id=source_id, **more)
        return source_id

    def customer(self, phone: str) -> Any:
        """The phone of a customer."""
        return self.gowa.customer(phone, name=f"Customer {phone[-4:]}")

    def edit(self, source_id: str, text: str) -> None:
        """A customer changes a message."""
        message = self.ledger.incoming[source_id]
        message.text = text
        self.ledger.note("customer edited", id=source_id, text=text)
        self.customer(message.phone).edit(source_id, text)

    def revoke(self, source_id: str) -> None:
        """A customer deletes a message."""
        message = self.ledger.incoming[source_id]
        message.revoked = True
        self.ledger.note("customer deleted", id=source_id)
        self.customer(message.phone).revoke(source_id)

    def react(self, source_id: str, emoji: str) -> None:
        """A customer reacts to a message of theirs."""
        message = self.ledger.incoming[source_id]
        message.reactions[message.phone] = emoji
        self.ledger.note("customer reacted", id=source_id, emoji=emoji)
        self.customer(message.phone).react(source_id, emoji)

    def post(self, body: bytes) -> Delivery:
        """Post exactly these bytes, signed; returns at once."""
        target = self.gowa.service.outbox.target(self.gowa.device())
        assert target is not None
        return self.gowa.service.sender.post("raw", body, target)[0]

    def message_body(self, phone: str, *, at: datetime | None = None, **payload: Any) -> bytes:
        """The body of a webhook as GoWA would post it; written to the ledger as a message when it has a usable id."""
        moment = (at or datetime.now(UTC)).replace(microsecond=0)
        fields = {
            "body": f"in-{uuid4().hex[:12]}",
            "chat_id": f"{phone}@s.whatsapp.net",
            "from": f"{phone}@s.whatsapp.net",
            "from_name": f"Customer {phone[-4:]}",
            "id": f"3A{uuid4().hex[:18].upper()}",
            "is_from_me": False,
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            **payload,
        }
        usual = "timestamp" not in payload
        if isinstance(fields["id"], str) and isinstance(fields["body"], str):
            self.ledger.wrote(
                Incoming(fields["id"], phone, fields["body"], moment if usual else None)
            )
        fields = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(
            {
                "device_id": f"{OWN}@s.whatsapp.net",
                "event": "message",
                "payload": fields,
                "session_id": "device-1",
            }
        ).encode()

    # --- agents -------------------------------------------------------------------------------------------------------

    def open_chat(self, phone: str) -> int:
        """The number of the conversation with a customer, who writes first where there is none."""
        if phone not in self._chats:
            self.write(phone)
            self._chats[phone] = eventually(
                lambda: self.observed.one(
                    "SELECT v.display_id FROM conversations v JOIN contacts c ON c.id = v.contact_id"
                    " WHERE c.phone_number = :phone",
                    phone=f"+{phone}",
                ),
                30,
                message=f"no conversation with +{phone}",
            )
        return self._chats[phone]

    def say(self, phone: str, text: str = "", *, within: float = 40.0) -> Outgoing:
        """An agent answers through the API, and asks again with the same key until an answer comes."""
        chat = self.open_chat(phone)
        asked = Outgoing(uuid4().hex, phone, text or f"out-{uuid4().hex[:12]}")
        self.ledger.asked(asked)
        deadline = time.monotonic() + within
        while asked.message_id is None and time.monotonic() < deadline:
            try:
                answer = self.installation.call(
                    "POST",
                    f"/conversations/{chat}/messages",
                    json={"content": asked.text},
                    headers={"Idempotency-Key": asked.key},
                )
            except requests.RequestException as error:
                self.ledger.note("agent got no answer", key=asked.key, error=type(error).__name__)
            else:
                self.ledger.note("agent was told", key=asked.key, status=answer.status_code)
                if answer.ok:
                    asked.message_id = int(answer.json()["id"])
                    return asked
            time.sleep(0.2)
        return asked

    # --- faults -------------------------------------------------------------------------------------------------------

    def kill(self, role: str, part: str = "all") -> list[int]:
        """SIGKILL the processes of a role."""
        hit = processes.kill(self.installation, role, part)
        self.ledger.killed(f"{role} ({part})", hit)
        return hit

    def kill_one(self, role: str) -> list[int]:
        """SIGKILL one process at random of those below a role's."""
        found = processes.pids(self.installation, role, "below")
        hit = processes.send(signal.SIGKILL, [self.rng.choice(found)]) if found else []
        self.ledger.killed(f"one of {role}", hit)
        return hit

    def kill_at(self, point: str, within: float = 40.0) -> None:
        """SIGKILL the first process that passes a point (:mod:`faults.points`), and wait until one did."""
        file = file_of(Path(self.environment[POINTS]), point)
        hit = file.with_suffix(".hit")
        hit.unlink(missing_ok=True)
        file.write_text("kill", encoding="ascii")
        eventually(hit.exists, within, message=f"did not bite: nobody passed {point!r}")
        self.ledger.killed(f"at {point!r}", [])

    @contextmanager
    def delay_at(self, point: str, seconds: float) -> Iterator[None]:
        """Every process waits at a point while the block runs."""
        file = file_of(Path(self.environment[POINTS]), point)
        file.write_text(f"sleep {seconds}", encoding="ascii")
        self.ledger.fault("delay", point=point, seconds=seconds)
        try:
            yield
        finally:
            file.unlink()

    def step_clock(self, seconds: float) -> None:
        """The clock of every process of the installation is so many seconds off from now on."""
        self.ledger.clock_stepped = self.ledger.clock_stepped or datetime.now(UTC)
        file = Path(self.environment[POINTS]) / "clock"
        fresh = file.with_suffix(".new")
        fresh.write_text(str(seconds), encoding="ascii")
        fresh.rename(file)
        self.ledger.fault("clock", seconds=seconds)

    def power_cut(self) -> None:
        """SIGKILL everything, supervisor included."""
        self.ledger.killed("everything", processes.kill_everything(self.installation))
        eventually(
            lambda: not processes.left_over(self.installation),
            10,
            message=lambda: f"outlived its supervisor: {processes.left_over(self.installation)}",
        )

    def start_again(self) -> None:
        """Start the installation that was stopped or killed."""
        self.ledger.note("start")
        self.installation.start(within=90)

    @contextmanager
    def watching_statuses(self) -> Iterator[None]:
        """Look at every shown status all the time; what goes backwards is a violation."""
        rank = {"sent": 1, "delivered": 2, "read": 3, "played": 4}
        stop, highest = threading.Event(), dict[int, str]()

        def look() -> None:
            for message_id, status in self.observed.statuses().items():
                before = highest.get(message_id, "")
                if rank.get(status, 0) < rank.get(before, 0):
                    self._backwards.append(f"message {message_id} went from {before} to {status}")
                if status in rank:
                    highest[message_id] = status

        thread = threading.Thread(target=_repeat, args=(look, stop, 0.15), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)

    @property
    def backwards(self) -> list[str]:
        """Statuses that were seen to go backwards."""
        return self._backwards


def _repeat(what: Callable[[], None], stop: threading.Event, pause: float) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    while not stop.wait(pause):
        try:
            what()
        except SQLAlchemyError:
            continue  # the database is what a scenario disturbs


def payload_of(body: bytes) -> dict[str, Any]:
    """The payload of a webhook body; empty for what has none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    payload = found.get("payload") if isinstance(found, dict) else None
    return payload if isinstance(payload, dict) else {}


@contextmanager
def world(
    database_url: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    installation: Installation | None = None,
) -> Iterator[World]:
    """A world that runs, and is ended whatever happens."""
    made = World(
        folder or Path(tempfile.mkdtemp(prefix="chatport-faults-")),
        database_url,
        environment or {},
        installation,
    )
    try:
        made.set_up()
        yield made
    finally:
        made.close()
