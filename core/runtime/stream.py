"""The event stream: notices to open pages and API clients, as server-sent events.

Owns: one reader of Redis per process, a bounded queue per client, ``Last-Event-ID``, the rights of each client.
Must not know: what pages do with it. Best effort: who missed something gets ``reset`` and fetches again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
from sqlalchemy.exc import SQLAlchemyError

from ..services import auth

if TYPE_CHECKING:
    from ..context import Core

logger = logging.getLogger(__name__)

PATH = re.compile(r"/api/v1/accounts/(\d+)/stream")
#: Seconds between two signs of life on an idle stream; rights are checked again then.
KEEP_ALIVE = 15.0
#: Notices that may wait for one client before it is told to fetch again.
BACKLOG = 1000
#: Seconds between two readings for each open stream, and at most. Ten streams are told within a millisecond; a thousand
#: in a flood get five packets per second each.
PAUSE_PER_CLIENT = 0.0002
LONGEST_PAUSE = 0.25
#: Clients that are woken before others, such as webhooks, have their turn.
AT_ONCE = 20
#: Notices that a returning client gets at most.
REPLAY = 500
_ID = re.compile(r"\d+-\d+")

Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A notice with its place in the stream, and the bytes that every client gets."""

    order: tuple[int, int]
    notice: dict[str, Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read at once, as far as some clients may see it. They share its bytes."""

    entries: tuple[Entry, ...]
    body: bytes

    def after(self, order: tuple[int, int]) -> bytes:
        """The bytes of the entries after a place."""
        if self.entries[0].order > order:
            return self.body
        return b"".join(entry.body for entry in self.entries if entry.order > order)


@dataclass(slots=True, eq=False)
class Client:
    """One open stream."""

    principal: auth.Principal
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[Batch] = field(default_factory=list)
    overflowed: bool = False
    gone: bool = False
    #: the last notice that was sent; catching up and reading may find the same
    sent: tuple[int, int] = (0, 0)

    def may_see(self, notice: dict[str, Any]) -> bool:
        """Whether a notice is for this client's eyes."""
        if notice["event"] in ("alert.created", "dead_letter.created", "event.received"):
            return self.principal.is_administrator
        inbox_id = notice.get("inbox_id")
        return inbox_id is None or self.principal.may_see(inbox_id)

    @property
    def view(self) -> tuple[bool, frozenset[int] | None]:
        """All that decides what this client may see; clients with the same view share their bytes."""
        return self.principal.is_administrator, self.principal.inbox_ids

    def offer(self, batch: Batch) -> None:
        """Hand notices over; a slow client loses them and is told so."""
        if sum(len(one.entries) for one in self.waiting) + len(batch.entries) > BACKLOG:
            self.waiting.clear()
            self.overflowed = True
        else:
            self.waiting.append(batch)
        self.woken.set()

    def take(self) -> bytes:
        """All that is to be written now."""
        self.woken.clear()
        found = b""
        if self.overflowed:
            self.overflowed = False
            found = _body("", "reset", {"reason": "too much happened at once; fetch again"})
        for batch in self.waiting:
            found += batch.after(self.sent)
            self.sent = max(self.sent, batch.entries[-1].order)
        self.waiting.clear()
        return found


class EventStream:
    """All open streams of this process."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._clients: dict[int, set[Client]] = {}
        #: The reader's place in each account's notices.
        self._positions: dict[int, str] = {}
        self._reader: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
        """Serve one stream until the client leaves or loses its rights."""
        match = PATH.fullmatch(scope["path"])
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if match is None or scope["method"] != "GET":
            await _refuse(send, 404, "not found")
            return
        account_id = int(match.group(1))
        who = await asyncio.to_thread(self._authenticate, headers, account_id)
        if who is None:
            await _refuse(send, 401, "sign in, or give a token of this account")
            return
        client = Client(who)
        # Known to the reader, and the reader's place fixed, before the client hears that it is served: from then on it
        # misses nothing.
        self._clients.setdefault(account_id, set()).add(client)
        self._start_reader()
        gone = asyncio.ensure_future(_gone(receive, client))
        try:
            await self._fix_position(account_id)
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [
                        (b"content-type", b"text/event-stream; charset=utf-8"),
                        (b"cache-control", b"no-store"),
                        (b"x-accel-buffering", b"no"),
                    ],
                }
            )
            await self._catch_up(client, account_id, headers.get("last-event-id", ""), send)
            await self._serve(client, account_id, headers, send)
        except OSError:
            pass  # the client closed its end while we wrote
        finally:
            gone.cancel()
            self._clients[account_id].discard(client)
            if not self._clients[account_id]:
                del self._clients[account_id]

    async def _serve(
        self, client: Client, account_id: int, headers: dict[str, str], send: SendEvent
    ) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(checked + KEEP_ALIVE):
                    await client.woken.wait()
            if client.gone:
                return
            if loop.time() >= checked + KEEP_ALIVE:
                who = await asyncio.to_thread(self._authenticate, headers, account_id)
                if who is None:
                    await _event(send, "", "signed_out", {})
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
                client.principal = who
                checked = loop.time()
                await send({"type": "http.response.body", "body": b": here\n\n", "more_body": True})
            body = client.take()
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})

    def _authenticate(self, headers: dict[str, str], account_id: int) -> auth.Principal | None:
        """The client's place in the account now."""
        core = self._core
        try:
            token = headers.get("api_access_token") or headers.get("api-access-token") or ""
            kind, _, value = headers.get("authorization", "").partition(" ")
            if kind.lower() == "bearer":
                token = value.strip()
            if token:
                signed_in = auth.authenticate_token(core, token)
            else:
                cookie = _cookie(headers, core.settings.session_cookie_name)
                signed_in = auth.find_session(core, cookie) if cookie else None
            if signed_in is None:
                return None
            with core.db.read("rights of a stream") as connection:
                who = auth.principal(connection, signed_in.user_id, account_id)
        except SQLAlchemyError as error:
            logger.warning("rights cannot be checked: %s", type(error).__name__)
            return None
        return who if who is not None and who.account_active else None

    async def _catch_up(
        self, client: Client, account_id: int, last_id: str, send: SendEvent
    ) -> None:
        """What came since ``Last-Event-ID``; ``reset`` where that is too long ago or unknown."""
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        if not last_id:
            return
        key = self._core.live.key(account_id)
        try:
            connection = self._connection()
            async with connection:
                known = _ID.fullmatch(last_id) and await connection.xrange(key, last_id, last_id)
                entries = (
                    await connection.xrange(key, f"({last_id}", "+", REPLAY + 1) if known else []
                )
        except redis.RedisError:
            known, entries = None, []
        if not known or len(entries) > REPLAY:
            await _event(
                send,
                "",
                "reset",
                {"reason": "what happened meanwhile is not known here; fetch again"},
            )
            return
        for entry_id, fields in entries:
            notice = json.loads(fields[b"n"])
            client.sent = _order(entry_id.decode())
            if client.may_see(notice):
                await _event(send, entry_id.decode(), notice["event"], notice)

    async def _fix_position(self, account_id: int) -> None:
        if account_id in self._positions:
            return
        try:
            async with self._connection() as connection:
                last = await self._last_id(connection, account_id)
        except redis.RedisError as error:
            logger.warning("the live stream cannot be read: %s", type(error).__name__)
            return  # the reader says ``reset`` once it can read again
        self._positions.setdefault(account_id, last)

    async def _last_id(self, connection: Any, account_id: int) -> str:
        last = await connection.xrevrange(self._core.live.key(account_id), count=1)
        return last[0][0].decode() if last else "0-0"

    def _connection(self) -> Any:  # redis-py's annotations mix its two protocols' answers
        url = self._core.settings.redis_url
        if url is None:
            raise redis.ConnectionError("no Redis is configured")
        return redis.asyncio.Redis.from_url(url, socket_connect_timeout=2.0)

    def _start_reader(self) -> None:
        self._wake.set()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.ensure_future(self._read_forever())

    async def close(self) -> None:
        """Read no more: the server ends."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])

    async def _read_forever(self) -> None:
        """One blocking read of Redis for all clients; positions survive a lost connection as ``reset``."""
        positions = self._positions
        while True:
            if not self._clients:
                self._wake.clear()
                positions.clear()
                await self._wake.wait()
            try:
                async with self._connection() as connection:
                    while self._clients:
                        await self._read_once(connection, positions)
            except redis.RedisError as error:
                logger.warning("the live stream cannot be read: %s", type(error).__name__)
                positions.clear()
                for clients in self._clients.values():
                    for client in clients:
                        client.overflowed = True
                        client.woken.set()
                await asyncio.sleep(2.0)

    async def _read_once(self, connection: redis.asyncio.Redis, positions: dict[int, str]) -> None:
        for account_id in set(positions) - set(self._clients):
            del positions[account_id]
        for account_id in set(self._clients) - set(positions):
            positions.setdefault(account_id, await self._last_id(connection, account_id))
        keys = {self._core.live.key(i): i for i in positions}
        answer = await connection.xread(
            {key: positions[i] for key, i in keys.items()}, count=500, block=1000
        )
        for key, found in _pairs(answer):
            account_id = keys[key.decode()]
            entries = [_entry(entry_id.decode(), fields) for entry_id, fields in found]
            positions[account_id] = found[-1][0].decode()
            await self._hand_over(account_id, entries)
        if answer:
            # What happens meanwhile comes together: a busy hour with many pages must not starve the receiver.
            open_now = sum(map(len, self._clients.values()))
            await asyncio.sleep(min(open_now * PAUSE_PER_CLIENT, LONGEST_PAUSE))

    async def _hand_over(self, account_id: int, entries: list[Entry]) -> None:
        batches: dict[Any, Batch | None] = {}
        for number, client in enumerate(tuple(self._clients.get(account_id, ()))):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            view = client.view
            if view not in batches:
                seen = tuple(entry for entry in entries if client.may_see(entry.notice))
                joined = b"".join(entry.body for entry in seen)
                batches[view] = Batch(seen, joined) if seen else None
            batch = batches[view]
            if batch is not None:
                client.offer(batch)


def _entry(entry_id: str, fields: dict[bytes, bytes]) -> Entry:
    notice = json.loads(fields[b"n"])
    return Entry(_order(entry_id), notice, _body(entry_id, notice["event"], notice))


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)


def _pairs(answer: Any) -> Any:
    """XREAD's answer as pairs, in both forms that the protocol's versions have."""
    if isinstance(answer, dict):
        return [
            (key, entries[0] if entries and isinstance(entries[0], list) else entries)
            for key, entries in answer.items()
        ]
    return answer or []


def _cookie(headers: dict[str, str], name: str) -> str:
    with suppress(CookieError):
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
        return morsel.value if morsel is not None else ""
    return ""


async def _gone(receive: Receive, client: Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.gone = True
    client.woken.set()


def _body(entry_id: str, name: str, data: dict[str, Any]) -> bytes:
    place = f"id: {entry_id}\n" if entry_id else ""
    return f"{place}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


async def _event(send: SendEvent, entry_id: str, name: str, data: dict[str, Any]) -> None:
    body = _body(entry_id, name, data)
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _refuse(send: SendEvent, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
