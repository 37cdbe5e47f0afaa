"""One installation of a given age, and what growth measures on it.

Owns: making the installation, its active customers, one round of each measure. Must not know: which sizes are compared.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from grown import Loaded, load
from grown_rows import Place, Spread, phone_of

from chatport.app import create_app
from chatport.context import Core
from chatport.db.tables import Channel, DeadLetter, Inbox, Message, RawRequest
from chatport.db.types import utcnow
from chatport.db.upsert import insert
from chatport.services import accounts
from chatport.services.ingest import drain
from chatport.settings import Settings

from . import ack
from . import load as client
from .drain import OWN, store
from .ports import free_port

EMAIL, PASSWORD = "growth@example.com", "correct horse battery"
#: Customers who write during a round: as many at each size, from all of its years. Three of four messages are theirs or
#: ticks of answers to them; one of twenty messages comes from somebody new.
ACTIVE = 100
PAGES = 20
ACK_SECONDS = 2.0
EVENTS = 2000


@dataclass
class Installation:
    """An installation with a past.

    :param figures: what each round gave, by measure.
    """

    core: Core
    app: Flask
    loaded: Loaded
    spread: Spread
    token: str = ""
    browser: FlaskClient | None = None
    events: int = 0
    first_conversation: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def round(self) -> None:
        """Measure everything once."""
        for name, measure in MEASURES.items():
            self.figures.setdefault(name, []).append(measure(self))

    def customer(self, number: int) -> int:
        """The number of an active contact of the first inbox, which are the odd ones."""
        step = max(self.spread.contacts // 2 // ACTIVE, 1)
        return 2 * (number % ACTIVE * step) + 1


def make(folder: Path, database_url: str, redis_url: str, spread: Spread) -> Installation:
    """Make it: migrations, one administrator, four numbers, and ``spread``."""
    settings = Settings.from_env(
        {}, data_dir=str(folder), database_url=database_url, redis_url=redis_url
    )
    ack.make_installation(settings)
    core = Core.build(settings, pool_size=4)
    user_id = accounts.create_user(
        core, account_id=1, email=EMAIL, name="Ana", role="administrator", password=PASSWORD
    )
    channels = [(1, 1)]
    with core.db.write("more numbers") as connection:
        for n in range(3):
            number = {
                "account_id": 1,
                "phone_number": f"+5491100000{n + 100}",
                "provider": "whatsapp_web",
            }
            channel_id = insert(connection, Channel.__table__, number)
            inbox = {"account_id": 1, "channel_id": channel_id, "name": f"Inbox {n}"}
            channels.append((channel_id, insert(connection, Inbox.__table__, inbox)))
    loaded = load(core.db, Place(1, channels, [user_id]), spread)
    app = create_app(core)
    made = Installation(core, app, loaded, spread, accounts.create_token(core, user_id, "growth"))
    made.first_conversation = loaded.long_chat - spread.conversations
    made.browser = _sign_in(app)
    return made


def _sign_in(app: Flask) -> FlaskClient:
    browser = app.test_client()
    token = re.search(r'name="csrf" content="([^"]+)"', browser.get("/login").text)
    assert token is not None
    form = {"csrf_token": token[1], "email": EMAIL, "password": PASSWORD}
    assert browser.post("/login", data=form).status_code == 303
    return browser


# --- measures ---------------------------------------------------------------------------------------------------------


def acknowledged(it: Installation) -> float:
    """Webhooks on disk and answered, a second."""
    port = free_port()
    number = ack.NUMBER[1:]
    bodies = [_text(it, n) for n in range(it.events, it.events + int(6000 * ACK_SECONDS))]
    it.events += len(bodies)
    requests = ack.requests_for(f"/webhooks/whatsapp/{number}", port, bodies)
    environment = it.core.settings.as_environment()
    with ack.server("chatport.runtime.server:application", port, "asgi", environment):
        options = {"connections": ack.CONNECTIONS, "seconds": ACK_SECONDS}
        client.run("127.0.0.1", port, requests[:300], connections=ack.CONNECTIONS, seconds=1)
        result = client.run("127.0.0.1", port, requests[300:], **options)  # type: ignore[arg-type]
    _forget(it)
    return result.rate


def _forget(it: Installation) -> None:
    """What was acknowledged only is not worked on later."""
    with it.core.db.write("forget") as connection:
        connection.execute(
            sa.update(RawRequest).where(RawRequest.state == "pending").values(state="done")
        )


def drained(it: Installation) -> float:
    """Events applied, a second: three messages, two ticks."""
    ours = _answers(it, EVENTS // 5)
    items = []
    for n in range(EVENTS // 5):
        items += [_text(it, it.events + 3 * n + k) for k in range(3)]
        items += [_tick(*ours[n], state) for state in ("delivered", "read")]
    it.events += 3 * (EVENTS // 5)
    store(it.core, items)
    began = time.perf_counter()
    while drain(it.core, budget_seconds=10).more:
        pass
    seconds = time.perf_counter() - began
    with it.core.db.read() as connection:
        dead = sa.select(DeadLetter.error).where(DeadLetter.state == "dead").limit(1)
        assert connection.execute(dead).scalar() is None, "an event could not be applied"
    return len(items) / seconds


def _answers(it: Installation, count: int) -> list[tuple[str, str]]:
    """Messages of ours to active customers, which nobody has ticked yet: ids and numbers."""
    found, rows = [], []
    for n in range(count):
        index = it.customer(n)
        source_id = f"OURS{it.events + n:016X}"
        found.append((source_id, phone_of(index)))
        rows.append(
            {
                "account_id": 1,
                "inbox_id": 1,
                "conversation_id": it.first_conversation + it.spread.contacts + index,
                "message_type": "outgoing",
                "content": "hello",
                "status": "sent",
                "source_id": source_id,
                "sent_at": utcnow(),
            }
        )
    with it.core.db.write("answers") as connection:
        connection.execute(sa.insert(Message), rows)
    return found


def _text(it: Installation, number: int) -> bytes:
    """A message of about 900 bytes, as a GoWA service delivers it."""
    digits = f"54922{number:08d}" if number % 20 == 0 else phone_of(it.customer(number))
    payload = {
        "id": f"3EB0{number:016X}",
        "chat_id": f"{digits}@s.whatsapp.net",
        "from": f"{digits}@s.whatsapp.net",
        "from_name": f"Customer {number}",
        "timestamp": f"{utcnow() - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        "is_from_me": False,
        "body": "where is my parcel " * 33,
    }
    return json.dumps({"event": "message", "device_id": OWN, "payload": payload}).encode()


def _tick(source_id: str, digits: str, state: str) -> bytes:
    payload = {
        "ids": [source_id],
        "chat_id": f"{digits}@s.whatsapp.net",
        "from": f"{digits}@s.whatsapp.net",
        "receipt_type": state,
        "timestamp": f"{utcnow():%Y-%m-%dT%H:%M:%SZ}",
    }
    return json.dumps({"event": "message.ack", "device_id": OWN, "payload": payload}).encode()


def _milliseconds(call: Callable[[], int]) -> float:
    """The median of some calls."""
    taken = []
    for _ in range(PAGES):
        began = time.perf_counter()
        status = call()
        taken.append((time.perf_counter() - began) * 1000)
        assert status == 200, status
    return median(taken)


def _api(it: Installation, path: str) -> float:
    browser = it.app.test_client()
    headers = {"api_access_token": it.token}
    return _milliseconds(
        lambda: browser.get(f"/api/v1/accounts/1/{path}", headers=headers).status_code
    )


def _dashboard(it: Installation, path: str) -> float:
    browser = it.browser
    assert browser is not None
    return _milliseconds(lambda: browser.get(f"/app/accounts/1/{path}").status_code)


def message_page(it: Installation) -> float:
    """Twenty messages in the middle of the longest thread."""
    newest = sa.select(sa.func.max(Message.id)).where(
        Message.conversation_id == it.first_conversation + it.spread.conversations
    )
    with it.core.db.read() as connection:
        last = int(connection.execute(newest).scalar_one())
    step = it.spread.long_chat
    middle = last - it.spread.messages // step // 2 * step
    return _api(it, f"conversations/{it.loaded.long_chat}/messages?before={middle}")


def answering_thread(it: Installation) -> float:
    """The dashboard's page with the list and the longest thread."""
    return _dashboard(it, f"conversations/{it.loaded.long_chat}")


#: Name of a figure: how it is measured. Those in milliseconds end so.
MEASURES: dict[str, Callable[[Installation], float]] = {
    "ack/s": acknowledged,
    "drain/s": drained,
    "list ms": lambda it: _api(it, "conversations"),
    "message page ms": message_page,
    "dashboard list ms": lambda it: _dashboard(it, "conversations"),
    "dashboard list, every status ms": lambda it: _dashboard(it, "conversations?status=any"),
    "dashboard thread ms": answering_thread,
}
