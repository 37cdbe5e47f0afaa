"""The whole product as real processes with many channels, seen from outside.

Owns: starting it, posting signed events at a steady pace, listening to the event stream. Must not know: what is
measured.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from installation import TOKEN, Installation, installed

from chatport.context import Core
from chatport.db.tables import Message
from chatport.runtime.valkey import running_url
from chatport.settings import Settings

from .ack import SECRET, add_channel

#: Connections that post side by side.
POSTERS = 16


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass
class Product:
    """A running installation with the numbers that it has."""

    installation: Installation
    folder: Path
    numbers: list[str] = field(default_factory=list)
    #: seconds that each acknowledgement took
    acks: list[float] = field(default_factory=list)
    _sessions: threading.local = field(default_factory=threading.local)

    @contextmanager
    def core(self) -> Iterator[Core]:
        """The installation's parts in this process, to look into its database."""
        settings = Settings.from_env(
            {}, data_dir=str(self.folder), redis_url=running_url(self.folder)
        )
        core = Core.build(settings, pool_size=2)
        try:
            yield core
        finally:
            core.close()

    def add_channels(
        self, numbers: Sequence[str], base_url: str = "http://127.0.0.1:9"
    ) -> list[int]:
        """Channels that exist without being asked about; returns their inboxes."""
        with self.core() as core, core.db.write("channels") as connection:
            made = [add_channel(core, connection, 1, number, base_url) for number in numbers]
        self.numbers += numbers
        return made

    def post(self, number: str, source_id: str, customer: str, text: str = "hello") -> float:
        """Deliver a text message as GoWA does; returns when it was begun.

        :raises RuntimeError: it was not acknowledged.
        """
        jid = f"{customer}@s.whatsapp.net"
        payload = {
            "id": source_id,
            "chat_id": jid,
            "from": jid,
            "from_name": f"Customer {customer}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "is_from_me": False,
            "body": text,
        }
        own = f"{number[1:]}@s.whatsapp.net"
        body = json.dumps({"event": "message", "device_id": own, "payload": payload}).encode()
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        began = time.perf_counter()
        answer = self._session().post(
            f"{self.installation.url}/webhooks/whatsapp/{number[1:]}",
            data=body,
            headers={"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"},
            timeout=30,
        )
        self.acks.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"not acknowledged: {answer.status_code} {answer.text[:200]}")
        return began

    def download(self, url: str) -> int:
        """Fetch a stored file as an API client; returns its bytes."""
        headers = {"api_access_token": TOKEN}
        with requests.get(url, headers=headers, stream=True, timeout=120) as answer:
            answer.raise_for_status()
            return sum(len(chunk) for chunk in answer.iter_content(1 << 16))

    def _session(self) -> requests.Session:
        if not hasattr(self._sessions, "one"):
            self._sessions.one = requests.Session()
        found: requests.Session = self._sessions.one
        return found

    def pace(
        self, numbers: Sequence[str], *, mark: str, rate: float, seconds: float
    ) -> dict[str, float]:
        """Post events at a steady rate, to the numbers in turn; returns when each was begun, by source id."""
        count = int(rate * seconds)
        start = time.perf_counter() + 0.2

        def one(index: int) -> tuple[str, float]:
            time.sleep(max(0.0, start + index / rate - time.perf_counter()))
            number = numbers[index % len(numbers)]
            source_id = f"{mark}{index:08X}"
            customer = f"5491{index % len(numbers):04d}{index // len(numbers) % 5:04d}"
            return source_id, self.post(number, source_id, customer)

        with ThreadPoolExecutor(POSTERS) as pool:
            return dict(pool.map(one, range(count)))

    def seconds_to_screen(self, posted: dict[str, float], seen: Seen) -> list[float]:
        """Seconds from each POST to its message's notice in the stream; infinite where none came."""
        with self.core() as core, core.db.read("messages") as connection:
            rows = connection.execute(
                sa.select(Message.source_id, Message.id).where(
                    Message.source_id.in_(sorted(posted))
                )
            )
            ids = {row.source_id: row.id for row in rows}
        never = float("inf")
        return [seen.at.get(ids.get(one, -1), never) - began for one, began in posted.items()]


@dataclass
class Seen:
    """When the notice of each message came, by the message's id."""

    at: dict[int, float] = field(default_factory=dict)

    def wait_for(self, count: int, within: float = 60.0) -> None:
        """Wait until so many messages were told, or the time is over."""
        deadline = time.monotonic() + within
        while len(self.at) < count and time.monotonic() < deadline:
            time.sleep(0.05)


@contextmanager
def running(folder: Path, **more: Any) -> Iterator[Product]:
    """The product in a folder of its own, on SQLite with its own Valkey unless variables say otherwise."""
    with installed(folder / "data", **more) as installation:
        yield Product(installation, folder / "data")


@contextmanager
def listening(product: Product) -> Iterator[Seen]:
    """Listen to the event stream as a page does."""
    seen = Seen()
    answer = requests.get(
        f"{product.installation.api}/stream",
        headers={"api_access_token": TOKEN},
        stream=True,
        timeout=60,
    )
    assert answer.status_code == 200, answer.status_code

    def read() -> None:
        name = ""
        try:
            for line in answer.iter_lines(chunk_size=1):
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: ") and name == "message.created":
                    seen.at.setdefault(json.loads(line[6:])["message_id"], time.perf_counter())
        except (requests.RequestException, AttributeError, ValueError):
            return  # closed from this side

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        answer.close()
        thread.join(5)
