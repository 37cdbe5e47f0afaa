"""From the service's POST to the page: seconds until a message is told in the event stream.

``measure`` takes it at a steady 50 events per second over 50 channels. ``measure_many`` takes it for the quiet ones of
200 channels, alone and then while one channel is flooded and another's service takes thirty seconds for each answer.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from statistics import median

from chatport_testkit.gowa import GowaSimulator

from .product import Product, Seen, listening, percentile, running

RATE = 50.0
SLOW_SECONDS = 30.0
#: Messages that wait for the slow service meanwhile.
SLOW_SENDS = 8


def numbers(count: int, first: int = 0) -> list[str]:
    """Telephone numbers of channels."""
    return [f"+5491150{number:06d}" for number in range(first, first + count)]


def measure(folder: Path, *, rounds: int, seconds: float) -> dict[str, object]:
    """Median and 99th percentile of each round; the median of the rounds counts."""
    middles, highs = [], []
    with running(folder) as product:
        product.add_channels(numbers(50))
        with listening(product) as seen:
            _round(product, seen, "WARM", 3.0)
            for number in range(rounds):
                found = _round(product, seen, f"L{number}", seconds)
                middles.append(median(found) * 1000)
                highs.append(percentile(found, 0.99) * 1000)
    return {
        "events_per_second": RATE,
        "channels": 50,
        "median_ms": round(median(middles), 1),
        "p99_ms": round(median(highs), 1),
    }


def _round(product: Product, seen: Seen, mark: str, seconds: float) -> list[float]:
    before = len(seen.at)
    posted = product.pace(product.numbers, mark=mark, rate=RATE, seconds=seconds)
    seen.wait_for(before + len(posted))
    return product.seconds_to_screen(posted, seen)


def measure_many(folder: Path, *, rounds: int, seconds: float) -> dict[str, object]:
    """95th percentiles of the quiet channels; calm and troubled rounds in turn, the median of their ratios counts."""
    calm, troubled = [], []
    with running(folder) as product, GowaSimulator() as slow:
        slow.faults.set("*", "slow", count=None, seconds=SLOW_SECONDS)
        quiet = numbers(198)
        product.add_channels(quiet)
        product.add_channels(numbers(1, 198))
        (slow_inbox,) = product.add_channels(numbers(1, 199), slow.url)
        with listening(product) as seen:
            product.pace(quiet, mark="WARM", rate=20, seconds=10)
            for number in range(rounds):
                calm.append(_quiet(product, seen, quiet, f"C{number}", seconds))
                _queue_slow_sends(product, slow_inbox, number)
                with _flood(product, numbers(1, 198)[0], f"F{number}"):
                    time.sleep(1.0)
                    troubled.append(_quiet(product, seen, quiet, f"T{number}", seconds))
    ratios = [after / before for before, after in zip(calm, troubled, strict=True)]
    return {
        "channels": 200,
        "p95_ms_calm": round(median(calm) * 1000, 1),
        "p95_ms_troubled": round(median(troubled) * 1000, 1),
        "p95_ratio": round(median(ratios), 2),
    }


def _quiet(product: Product, seen: Seen, quiet: list[str], mark: str, seconds: float) -> float:
    posted = product.pace(quiet, mark=mark, rate=20, seconds=seconds)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = product.seconds_to_screen(posted, seen)
        if max(found) < float("inf"):
            return percentile(found, 0.95)
        time.sleep(0.2)
    return percentile(product.seconds_to_screen(posted, seen), 0.95)


def _queue_slow_sends(product: Product, inbox_id: int, number: int) -> None:
    for index in range(SLOW_SENDS):
        contact = product.installation.post(
            "/contacts", {"name": "Slow", "phone_number": f"+54911600{number:03d}{index:02d}"}
        )
        contact_id = contact["payload"]["contact"]["id"]
        chat = product.installation.post(
            "/conversations", {"inbox_id": inbox_id, "contact_id": contact_id}
        )
        product.installation.post(f"/conversations/{chat['id']}/messages", {"content": "slow"})


class _flood:  # noqa: N801 (reads as a verb where it is used)
    """Post to one channel as fast as two connections can, until the block ends."""

    def __init__(self, product: Product, number: str, mark: str) -> None:
        self._product, self._number, self._mark = product, number, mark
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(2)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, part: int) -> None:
        index = 0
        while not self._stop.is_set():
            customer = f"54917{part}{index % 50:06d}"
            self._product.post(self._number, f"{self._mark}{part}{index:08X}", customer)
            index += 1
