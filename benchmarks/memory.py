"""What the whole product's memory does: a file of 100 MB that passes, and 100,000 events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from chatport.db.tables import RawRequest
from chatport_testkit.gowa import GowaSimulator

from .latency import numbers
from .product import Product, listening, running
from .whole import below, pss

FILE_BYTES = 100_000_000


def mebibytes(product: Product) -> float:
    """Proportional set size of all processes."""
    process = product.installation.process
    assert process is not None
    return sum(pss(pid) for pid in (process.pid, *below(process.pid))) / 1024


def _peak(product: Product, work: Callable[[], None]) -> float:
    """The largest memory while something is done."""
    stop, found = threading.Event(), [mebibytes(product)]

    def watch() -> None:
        while not stop.wait(0.05):
            found.append(mebibytes(product))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        stop.set()
        watcher.join()
    return max(found)


def measure_file(folder: Path) -> dict[str, object]:
    """A video of 100 MB from the service to our disk and to a browser, beside one of a thousandth of that."""
    with (
        GowaSimulator(max_video=FILE_BYTES * 2) as gowa,
        running(folder, environment={"CHATPORT_MAX_MEDIA_BYTES": str(FILE_BYTES * 2)}) as product,
    ):
        made = product.installation.post(
            "/inboxes",
            {
                "name": "Files",
                "channel": {
                    "type": "whatsapp",
                    "phone_number": f"+{gowa.own_phone}",
                    "provider": "whatsapp_web",
                    "provider_config": {
                        "api_base_url": gowa.url,
                        "basic_auth_username": "admin",
                        "basic_auth_password": "secret",
                    },
                },
            },
        )
        rosa = gowa.customer("+5491155550001", "Rosa")
        tries = 0
        while not _files(product, made["id"]):  # the service is being set up
            rosa.video(b"\0\0\0\x18ftypmp42" + b"a" * 50_000)
            tries += 1
            assert tries < 30, "no file arrives"
            time.sleep(2)
        time.sleep(2)

        def pass_through(size: int) -> None:
            rosa.video(b"\0\0\0\x18ftypmp42" + b"v" * (size - 12))
            fetched = product.download(_wait_for_file(product, made["id"], size))
            assert fetched == size, fetched

        def several() -> None:
            # As long as the large one takes, so that the processes that work on a file are seen at work here too.
            for number in range(10):
                pass_through(FILE_BYTES // 1000 + number)

        small = _peak(product, several)
        peak = _peak(product, lambda: pass_through(FILE_BYTES))
    return {
        "bytes": FILE_BYTES,
        "peak_mib_with_a_small_file": round(small),
        "peak_mib": round(peak),
        "growth_mib": round(peak - small, 1),
    }


def _files(product: Product, inbox_id: int) -> list[dict[str, Any]]:
    """Fetched files of the inbox's conversation."""
    chats = product.installation.get("/conversations", inbox_id=inbox_id)["data"]["payload"]
    if not chats:
        return []
    messages = product.installation.get(f"/conversations/{chats[0]['id']}/messages")["payload"]
    files = [file for message in messages for file in message.get("attachments") or ()]
    return [file for file in files if file["state"] == "ready"]


def _wait_for_file(product: Product, inbox_id: int, size: int) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for file in _files(product, inbox_id):
            if file["file_size"] == size:
                return str(file["data_url"])
        time.sleep(0.2)
    raise TimeoutError(f"the file of {size} bytes is not there")


def measure_events(folder: Path, *, events: int) -> dict[str, object]:
    """Memory before and after many events; the first tenth warms everything up."""
    with running(folder) as product:
        product.add_channels(numbers(20))
        with listening(product) as seen:
            _deliver(product, 0, events // 10)
            seen.wait_for(events // 10, within=600)
        time.sleep(5)
        before = mebibytes(product)
        _deliver(product, events // 10, events)
        drained(product)
        time.sleep(5)
        after = mebibytes(product)
    return {
        "events": events,
        "before_mib": round(before),
        "after_mib": round(after),
        "growth_mib": round(after - before, 1),
    }


def _deliver(product: Product, first: int, last: int) -> None:
    def one(index: int) -> None:
        number = product.numbers[index % len(product.numbers)]
        product.post(number, f"M{index:08X}", f"54911{index % 2000:08d}", "x" * 300)

    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(one, range(first, last)):
            pass


def drained(product: Product) -> None:
    """Wait until every event is applied."""
    deadline = time.monotonic() + 1800
    pending = (
        sa.select(sa.func.count()).select_from(RawRequest).where(RawRequest.state == "pending")
    )
    with product.core() as core:
        while time.monotonic() < deadline:
            with core.db.read("pending") as connection:
                if not connection.execute(pending).scalar_one():
                    return
            time.sleep(1)
    raise TimeoutError("events are left")
