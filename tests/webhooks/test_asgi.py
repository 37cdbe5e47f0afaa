"""The receiver under an ASGI server: bodies in pieces, limits, clients that leave."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services.fake_provider import NUMBER, World, make_world

from chatport.db import tables as t
from chatport_webhooks.asgi import receive_webhook
from chatport_webhooks.receiver import Receiver

BODY = b'{"event": "message"}'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    made.core.settings.max_body_bytes = 1000
    made.set(
        t.Channel,
        auth_scheme={"kind": "hmac_sha256", "header": "X-Signature", "prefix": ""},
        content_types=["application/json"],
    )
    yield made
    made.core.db.dispose()


def call(
    receiver: Receiver, *pieces: dict[str, Any], method: str = "POST", body: bytes = BODY
) -> tuple[int, bytes]:
    """One request; ``pieces`` are what the server hands over."""
    signature = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    scope = {
        "type": "http",
        "method": method,
        "path": f"/webhooks/whatsapp/{NUMBER}",
        "query_string": b"",
        "headers": [(b"x-signature", signature.encode()), (b"content-type", b"application/json")],
    }
    waiting = list(pieces) or [{"type": "http.request", "body": body}]
    answer: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(event: dict[str, Any]) -> None:
        answer.append(event)

    asyncio.run(receive_webhook(receiver, scope, receive, send))
    return answer[0]["status"], answer[1]["body"]


def piece(data: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def test_asgi_joins_a_body_that_comes_in_pieces(world: World) -> None:
    receiver = Receiver(world.core)

    assert call(receiver, piece(BODY[:5], True), piece(BODY[5:], False))[0] == 200
    assert world.one(t.RawRequest).body == BODY


def test_asgi_answers_alike_with_and_without_a_fresh_channel(world: World) -> None:
    receiver = Receiver(world.core)

    assert not receiver.can_judge_at_once(NUMBER, BODY)
    assert call(receiver)[0] == 200
    assert receiver.can_judge_at_once(NUMBER, BODY)
    assert not receiver.can_judge_at_once(NUMBER, b"x" * 100_000)
    assert call(receiver)[0] == 200
    assert len(world.rows(t.RawRequest)) == 2


def test_asgi_refuses_a_long_body_before_it_is_whole(world: World) -> None:
    assert call(Receiver(world.core), piece(b"x" * 1001, True))[0] == 413


def test_asgi_stores_nothing_of_a_client_that_left(world: World) -> None:
    status, _ = call(Receiver(world.core), piece(BODY, True), {"type": "http.disconnect"})

    assert status == 401
    assert world.rows(t.RawRequest) == []


def test_asgi_knows_its_methods(world: World) -> None:
    receiver = Receiver(world.core)

    assert call(receiver, method="PUT")[0] == 405
    assert call(receiver, method="GET")[0] == 405
    assert call(receiver, method="HEAD") == (405, b"")
