"""Sends per second through a service that takes 200 ms for each answer, beside what the provider's declared
concurrency allows.

The baseline is a bare client that has as many requests on their way at once as the provider declares, to the same
service, and does nothing else: no queue, no database, no order.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import requests
import sqlalchemy as sa

from chatport.db.tables import Channel
from chatport.db.types import utcnow
from chatport_testkit.gowa import GowaSimulator
from chatport_whatsapp_web.features import FEATURES

from .latency import numbers
from .product import Product, listening, running

ANSWER_SECONDS = 0.2
CHATS = 40


def measure(folder: Path, *, rounds: int, sends: int) -> dict[str, object]:
    """Queue messages to many customers, and count what the service took."""
    rates, bare = [], []
    with GowaSimulator(tick="manual") as gowa, running(folder) as product:
        gowa.faults.set("/send/*", "slow", count=None, seconds=ANSWER_SECONDS)
        product.add_channels(numbers(1), gowa.url)
        chats = _chats(product)
        for number in range(rounds):
            rates.append(_round(product, gowa, chats, number, sends))
            bare.append(_bare(gowa, sends))
    return {
        "per_second": {"chatport": round(median(rates), 1), "bare_client": round(median(bare), 1)},
        "at_once": FEATURES.concurrency,
        "share_of_allowed": round(median(a / b for a, b in zip(rates, bare, strict=True)), 3),
    }


def _pause(product: Product, until: datetime | None) -> None:
    """Let nothing leave, so that the whole queue is there when the clock starts."""
    with product.core() as core:
        with core.db.write("pause") as connection:
            connection.execute(sa.update(Channel).values(paused_until=until))
        core.bells.ring_calls()


def _bare(gowa: GowaSimulator, sends: int) -> float:
    """The pace of a client that only sends."""
    sessions = threading.local()

    def one(index: int) -> float:
        if not hasattr(sessions, "one"):
            sessions.one = requests.Session()
            sessions.one.auth = ("admin", "secret")
        answer = sessions.one.post(
            f"{gowa.url}/send/message",
            json={
                "phone": f"5491155{index % CHATS:06d}@s.whatsapp.net",
                "message": f"bare {index}",
            },
            headers={"X-Device-Id": gowa.device_id},
            timeout=30,
        )
        assert answer.ok, answer.text
        return time.perf_counter()

    with ThreadPoolExecutor(FEATURES.concurrency) as pool:
        times = sorted(pool.map(one, range(sends)))
    first, last = sends // 5, sends * 4 // 5
    return (last - first) / (times[last] - times[first])


def _chats(product: Product) -> list[int]:
    (number,) = product.numbers
    with listening(product) as seen:
        for index in range(CHATS):
            product.post(number, f"OPEN{index:04d}", f"5491155{index:06d}")
        seen.wait_for(CHATS)
    found: list[int] = []
    page = 1
    while len(found) < CHATS:
        listed = product.installation.get("/conversations", page=page)["data"]["payload"]
        found += [chat["id"] for chat in listed]
        page += 1
    return found


def _round(
    product: Product, gowa: GowaSimulator, chats: list[int], number: int, sends: int
) -> float:
    gowa.wait_idle(30)
    before = len(gowa.sent)
    times: list[float] = []

    def watch() -> None:
        deadline = time.monotonic() + 120
        while len(times) < sends and time.monotonic() < deadline:
            new = len(gowa.sent) - before - len(times)
            times.extend([time.perf_counter()] * new)
            time.sleep(0.005)

    _pause(product, utcnow() + timedelta(hours=1))
    for index in range(sends):
        chat = chats[index % len(chats)]
        product.installation.post(
            f"/conversations/{chat}/messages", {"content": f"{number} {index}"}
        )
    _pause(product, None)
    watch()
    assert len(times) >= sends, f"only {len(times)} of {sends} left"
    # The beginning, while the queue fills, and the end, while it runs dry, are no measure of the pace.
    first, last = sends // 5, sends * 4 // 5
    return (last - first) / (times[last] - times[first])
