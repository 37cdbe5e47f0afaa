"""Sends per second through a service that takes 200 ms for each answer, beside what the provider's declared
concurrency allows: so many at once, each 200 ms."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from statistics import median

from chatport_testkit.gowa import GowaSimulator
from chatport_whatsapp_web.features import FEATURES

from .latency import numbers
from .product import Product, listening, running

ANSWER_SECONDS = 0.2
CHATS = 40


def measure(folder: Path, *, rounds: int, sends: int) -> dict[str, object]:
    """Queue messages to many customers, and count what the service took."""
    allowed = FEATURES.concurrency / ANSWER_SECONDS
    rates = []
    with GowaSimulator(tick="manual") as gowa, running(folder) as product:
        gowa.faults.set("/send/*", "slow", count=None, seconds=ANSWER_SECONDS)
        product.add_channels(numbers(1), gowa.url)
        chats = _chats(product)
        for number in range(rounds):
            rates.append(_round(product, gowa, chats, number, sends))
    return {
        "per_second": round(median(rates), 1),
        "allowed_per_second": allowed,
        "share_of_allowed": round(median(rates) / allowed, 3),
    }


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
    before = len(gowa.sent)
    times: list[float] = []

    def watch() -> None:
        deadline = time.monotonic() + 120
        while len(times) < sends and time.monotonic() < deadline:
            new = len(gowa.sent) - before - len(times)
            times.extend([time.perf_counter()] * new)
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for index in range(sends):
        chat = chats[index % len(chats)]
        product.installation.post(
            f"/conversations/{chat}/messages", {"content": f"{number} {index}"}
        )
    watcher.join()
    assert len(times) >= sends, f"only {len(times)} of {sends} left"
    # The beginning, while the queue fills, and the end, while it runs dry, are no measure of the pace.
    first, last = sends // 5, sends * 4 // 5
    return (last - first) / (times[last] - times[first])
