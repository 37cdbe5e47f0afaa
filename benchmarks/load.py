"""A load client: prepared requests over many kept connections, with the time of each answer.

Owns: the client. Must not know: what is measured. Requests are built before the clock starts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """What a run gave. ``latencies`` in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers with 2xx per second."""
        good = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        return good / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds that ``share`` (0 to 1) of the answers took at most."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def request(host: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    """Sends one request after the other; the next one when the answer to the last is whole."""

    def __init__(self, feed: _Feed, done: asyncio.Future[None]) -> None:
        self._feed, self._done = feed, done
        self._buffer = b""
        self._started = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        data = self._feed.take()
        if data is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._started = time.perf_counter()
        self._transport.write(data)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        if len(rest) < length:
            return
        self._buffer = b""
        self._feed.note(int(head[9:12]), time.perf_counter() - self._started)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))


class _Feed:
    def __init__(self, requests: Sequence[bytes], seconds: float) -> None:
        self._requests, self._seconds = iter(requests), seconds
        self._end = 0.0
        self.result = Result(0.0)

    def start(self) -> None:
        self._end = time.perf_counter() + self._seconds

    def take(self) -> bytes | None:
        if time.perf_counter() >= self._end:
            return None
        return next(self._requests, None)

    def note(self, status: int, latency: float) -> None:
        self.result.latencies.append(latency)
        self.result.statuses[status] = self.result.statuses.get(status, 0) + 1


def run(
    host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float
) -> Result:
    """Send requests for at most ``seconds`` or until there are no more."""

    async def main() -> Result:
        loop = asyncio.get_running_loop()
        feed = _Feed(requests, seconds)
        feed.start()
        began = time.perf_counter()
        waiting = []
        for _ in range(connections):
            done = loop.create_future()
            await loop.create_connection(lambda d=done: _Connection(feed, d), host, port)  # type: ignore[misc]
            waiting.append(done)
        await asyncio.gather(*waiting)
        feed.result.seconds = time.perf_counter() - began
        return feed.result

    return asyncio.run(main())
