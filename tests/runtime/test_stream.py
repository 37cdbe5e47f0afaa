"""The event stream: nothing missed, nothing twice, rights held."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from services.fake_provider import World, make_world

from chatport.db import tables as t
from chatport.notices import Notice, NoticeKind
from chatport.runtime.stream import BACKLOG, Batch, Client, Entry, EventStream
from chatport.services import accounts
from chatport.services.auth import Principal
from chatport.services.live import Live

_count = itertools.count()


@pytest.fixture
def world(tmp_path: Path, valkey_url: str) -> Iterator[World]:
    made = make_world(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    made.core.live = Live(valkey_url, f"stream{next(_count)}")
    made.core.settings.redis_url = valkey_url
    made.core.settings.session_cookie_name = "s"
    yield made
    made.core.db.dispose()


class Reader:
    """A client of the stream that collects what it gets."""

    def __init__(self, stream: EventStream, account_id: int, **headers: str) -> None:
        self.status = 0
        self.text = ""
        self._left = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/api/v1/accounts/{account_id}/stream",
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
        }
        self.task = asyncio.ensure_future(stream(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, event: dict[str, Any]) -> None:
        self.status = event.get("status", self.status)
        self.text += event.get("body", b"").decode()

    def events(self) -> list[tuple[str, str, Any]]:
        """(id, name, data) of each event."""
        found = []
        for block in self.text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "event" in lines:
                found.append((lines.get("id", ""), lines["event"], json.loads(lines["data"])))
        return found

    async def until(self, count: int) -> list[tuple[str, str, Any]]:
        """Wait for so many events."""
        for _ in range(600):
            if len(self.events()) >= count:
                break
            await asyncio.sleep(0.01)
        return self.events()

    async def started(self) -> None:
        while not self.status:
            await asyncio.sleep(0.005)

    async def leave(self) -> None:
        self._left.set()
        await self.task


def notice(world: World, number: int, **more: Any) -> Notice:
    return Notice(NoticeKind.MESSAGE_CREATED, world.account_id, world.inbox_id, 1, number, **more)


def token(world: World) -> str:
    return accounts.create_token(world.core, world.user_id, "test")


def test_stream_gives_every_notice_from_the_moment_it_answers(world: World) -> None:
    secret = token(world)

    async def play() -> list[int]:
        stream = EventStream(world.core)
        reader = Reader(stream, world.account_id, api_access_token=secret)
        await reader.started()
        for number in range(1, 21):
            await asyncio.to_thread(world.core.live.publish, [notice(world, number)])
        found = await reader.until(20)
        await reader.leave()
        return [data["message_id"] for _, _, data in found]

    assert asyncio.run(play()) == list(range(1, 21))


def test_stream_goes_on_where_a_client_left_off(world: World) -> None:
    secret = token(world)

    async def play() -> list[int]:
        stream = EventStream(world.core)
        first = Reader(stream, world.account_id, api_access_token=secret)
        await first.started()
        await asyncio.to_thread(world.core.live.publish, [notice(world, n) for n in (1, 2, 3)])
        seen = await first.until(3)
        await first.leave()
        await asyncio.to_thread(world.core.live.publish, [notice(world, n) for n in (4, 5)])
        again = Reader(stream, world.account_id, api_access_token=secret, last_event_id=seen[1][0])
        await again.started()
        await asyncio.to_thread(world.core.live.publish, [notice(world, 6)])
        found = await again.until(4)
        await asyncio.sleep(0.2)
        await again.leave()
        assert len(again.events()) == 4
        return [data["message_id"] for _, _, data in found]

    assert asyncio.run(play()) == [3, 4, 5, 6]


def test_stream_says_reset_for_a_place_that_it_does_not_know(world: World) -> None:
    secret = token(world)

    async def play() -> list[str]:
        reader = Reader(
            EventStream(world.core), world.account_id, api_access_token=secret, last_event_id="1-1"
        )
        found = await reader.until(1)
        await reader.leave()
        return [name for _, name, _ in found]

    assert asyncio.run(play()) == ["reset"]


@pytest.mark.parametrize("headers", [{}, {"api_access_token": "nonsense"}])
def test_stream_is_for_people_of_the_account(world: World, headers: dict[str, str]) -> None:
    async def play() -> int:
        reader = Reader(EventStream(world.core), world.account_id, **headers)
        await reader.task
        return reader.status

    assert asyncio.run(play()) == 401


def test_stream_of_another_account_is_refused(world: World) -> None:
    secret = token(world)
    other = accounts.create_account(world.core, "Other")

    async def play() -> int:
        reader = Reader(EventStream(world.core), other, api_access_token=secret)
        await reader.task
        return reader.status

    assert asyncio.run(play()) == 401


def test_stream_shows_an_agent_only_his_inboxes(world: World) -> None:
    secret = token(world)
    with world.core.db.write("agent") as connection:
        connection.execute(sa.update(t.Membership).values(role="agent"))

    async def play() -> list[str]:
        reader = Reader(EventStream(world.core), world.account_id, api_access_token=secret)
        await reader.started()
        hidden = [notice(world, 1), Notice(NoticeKind.ALERT_CREATED, world.account_id)]
        shown = Notice(NoticeKind.CONTACT_UPDATED, world.account_id, data={"contact_id": 1})
        await asyncio.to_thread(world.core.live.publish, [*hidden, shown])
        found = await reader.until(1)
        await reader.leave()
        return [name for _, name, _ in found]

    assert asyncio.run(play()) == ["contact.updated"]


def test_stream_checks_rights_again_however_busy_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatport.runtime.stream.KEEP_ALIVE", 0.3)
    secret = token(world)

    async def play() -> list[str]:
        reader = Reader(EventStream(world.core), world.account_id, api_access_token=secret)
        await reader.started()
        with world.core.db.write("leave") as connection:
            connection.execute(sa.delete(t.Membership))
        for number in range(200):
            if reader.task.done():
                break
            await asyncio.to_thread(world.core.live.publish, [notice(world, number)])
            await asyncio.sleep(0.01)
        assert reader.task.done()
        return [name for _, name, _ in reader.events()]

    assert asyncio.run(play())[-1] == "signed_out"


def test_a_slow_client_is_told_to_fetch_again() -> None:
    client = Client(Principal(1, 1, "administrator"))
    for number in range(1, BACKLOG + 2):
        entry = Entry((number, 0), {"event": "message.created"}, b"%d;" % number)
        client.offer(Batch((entry,), entry.body))
    assert client.take().startswith(b"event: reset")
    later = Entry((9999, 0), {"event": "message.created"}, b"later;")
    client.offer(Batch((later,), later.body))
    assert client.take() == b"later;"


def test_a_client_gets_nothing_twice_after_catching_up() -> None:
    client = Client(Principal(1, 1, "administrator"), sent=(5, 1))
    entries = tuple(Entry((5, n), {}, b"%d;" % n) for n in range(4))
    client.offer(Batch(entries, b"".join(entry.body for entry in entries)))
    assert client.take() == b"2;3;"
    assert client.sent == (5, 3) and client.take() == b""


def test_stream_tells_many_clients_each_what_it_may_see(world: World) -> None:
    secret = token(world)
    other = accounts.create_user(
        world.core,
        email="agent@example.com",
        name="A",
        password="a long password",
        account_id=1,
        role="agent",
    )
    hidden = accounts.create_token(world.core, other, "test")

    async def play() -> tuple[list[int], list[int]]:
        stream = EventStream(world.core)
        admins = [Reader(stream, 1, api_access_token=secret) for _ in range(20)]
        agents = [Reader(stream, 1, api_access_token=hidden) for _ in range(20)]
        for reader in (*admins, *agents):
            await reader.started()
        shown = Notice(NoticeKind.CONTACT_UPDATED, 1, data={"contact_id": 1})
        await asyncio.to_thread(world.core.live.publish, [notice(world, 7), shown])
        for reader in admins:
            await reader.until(2)
        for reader in agents:
            await reader.until(1)
        found = [len(r.events()) for r in admins], [len(r.events()) for r in agents]
        for reader in (*admins, *agents):
            await reader.leave()
        return found

    assert asyncio.run(play()) == ([2] * 20, [1] * 20)
