"""A thousand open pages: what they cost the receiver, and how soon each hears of a message.

The pages are held by a process of their own with low priority, as if they were elsewhere; the machine is still one.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from installation import TOKEN

from .latency import RATE, numbers
from .memory import drained, mebibytes
from .product import Product, percentile, running

PAGES = 1000
#: Messages that are sent one by one, to see when each page was told.
SINGLES = 5


def measure(folder: Path, *, rounds: int, seconds: float) -> dict[str, object]:
    """Acknowledgements at a steady pace with no page and with all of them, in turn."""
    alone, beside, spread = [], [], []
    full = 0.0
    with running(folder) as product:
        product.add_channels(numbers(50))
        _paced(product, "WARM", 3.0)
        empty = mebibytes(product)
        for number in range(rounds):
            alone.append(_paced(product, f"A{number}", seconds))
            with _pages(product) as pages:
                spread += [_single(product, pages, f"S{number}{one}") for one in range(SINGLES)]
                full = max(full, mebibytes(product))
                beside.append(_paced(product, f"B{number}", seconds))
    return {
        "pages": PAGES,
        "events_per_second": RATE,
        "ack_p99_ratio": round(median(b / a for a, b in zip(alone, beside, strict=True)), 2),
        "ack_p99_ms_without_pages": round(median(alone) * 1000, 1),
        "ack_p99_ms_with_pages": round(median(beside) * 1000, 1),
        "last_page_told_ms": round(median(spread) * 1000, 1),
        "kib_per_page": round((full - empty) * 1024 / PAGES, 1),
    }


def _paced(product: Product, mark: str, seconds: float) -> float:
    """The 99th percentile of the acknowledgements, in seconds."""
    product.acks.clear()
    product.pace(product.numbers, mark=mark, rate=RATE, seconds=seconds)
    drained(product)
    time.sleep(1)
    return percentile(product.acks, 0.99)


def _single(product: Product, pages: subprocess.Popen[str], mark: str) -> float:
    """Seconds from a POST until the last of all pages was told."""
    assert pages.stdin is not None and pages.stdout is not None
    pages.stdin.write("mark\n")
    pages.stdin.flush()
    assert pages.stdout.readline().strip() == "marked"
    began = product.post(product.numbers[0], mark, "5491166660001")
    return float(pages.stdout.readline()) - began


@contextmanager
def _pages(product: Product) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.pages", str(product.installation.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline().strip() == "open"
        time.sleep(1)
        yield process
    finally:
        process.stdin.close()
        process.wait(30)


class _Page(asyncio.Protocol):
    """One open page."""

    def __init__(self, told: set[int], number: int) -> None:
        self._told, self._number = told, number
        self.ready = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.ready.set()
        if b"event: message.created" in data:
            self._told.add(self._number)


async def _hold(port: int) -> None:
    """Hold the pages open; for each line ``mark`` tell when the last page heard of the next message."""
    loop = asyncio.get_running_loop()
    told: set[int] = set()
    request = f"GET /api/v1/accounts/1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\napi_access_token: {TOKEN}\r\n\r\n"
    for number in range(PAGES):
        transport, page = await loop.create_connection(
            lambda number=number: _Page(told, number),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        transport.write(request.encode())
        await asyncio.wait_for(page.ready.wait(), 30)
    print("open", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        told.clear()
        print("marked", flush=True)
        while len(told) < PAGES:
            await asyncio.sleep(0.001)
        print(time.perf_counter(), flush=True)


if __name__ == "__main__":
    os.nice(10)
    asyncio.run(_hold(int(sys.argv[1])))
