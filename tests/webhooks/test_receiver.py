"""The receiver: who is let in, what is stored, what is answered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from services.fake_provider import NUMBER, World, make_world
from sqlalchemy.exc import OperationalError

from chatport.db import tables as t
from chatport.db import utcnow
from chatport_webhooks import committer
from chatport_webhooks.committer import NotDurable
from chatport_webhooks.receiver import Receiver, phone_digits
from chatport_webhooks.wsgi import ReceiverMiddleware

SECRET = "s3cret"
HMAC = {"kind": "hmac_sha256", "header": "X-Hub-Signature-256", "prefix": "sha256="}
BODY = b'{"event": "message"}'
META = {
    "secret_key": "webhook_verify_token",
    "mode_parameter": "hub.mode",
    "mode_value": "subscribe",
    "token_parameter": "hub.verify_token",
    "challenge_parameter": "hub.challenge",
}


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(database_url, tmp_path)
    made.core.settings.max_body_bytes = 1000
    made.set(
        t.Channel,
        auth_scheme=HMAC,
        content_types=["application/json"],
        challenge_scheme=META,
        auth_secrets=made.core.vault.seal({"webhook": [SECRET], "challenge": ["tok"]}),
    )
    yield made
    made.core.db.dispose()


@pytest.fixture
def receiver(world: World) -> Receiver:
    return Receiver(world.core)


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}


def post(receiver: Receiver, body: bytes = BODY, phone: str = NUMBER, **headers: str) -> int:
    return receiver.receive(phone, {**signed(body), **headers}, {}, body).status


def together(calls: list[Callable[[], object]]) -> None:
    """Run calls at the same time."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_receiver_stores_a_signed_request_before_it_answers(
    receiver: Receiver, world: World
) -> None:
    assert post(receiver) == 200

    row = world.one(t.RawRequest)
    assert (row.body, row.state, row.verdict) == (BODY, "pending", "accepted")
    assert SECRET not in str(row.headers)
    assert "signature" not in str(row.headers)


def test_receiver_accepts_the_number_with_and_without_plus(receiver: Receiver) -> None:
    assert post(receiver, phone=NUMBER.lstrip("+")) == 200
    assert post(receiver, phone=NUMBER) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256=00"},
        {"x-hub-signature-256": "sha256=é"},
        {"x-hub-signature-256": "sha256"},
        {"x-hub-signature-256": "="},
        {},
        signed(BODY, "other"),
        signed(BODY + b" "),
    ],
)
def test_receiver_refuses_what_its_secret_did_not_sign(
    receiver: Receiver, world: World, headers: dict[str, str]
) -> None:
    assert receiver.receive(NUMBER, headers, {}, BODY).status == 401
    assert world.rows(t.RawRequest) == []


@pytest.mark.parametrize("secrets", [[], [""]])
def test_receiver_lets_nobody_in_where_there_is_no_secret(world: World, secrets: list[str]) -> None:
    world.set(t.Channel, auth_secrets=world.core.vault.seal({"webhook": secrets}))
    receiver = Receiver(world.core)

    assert receiver.receive(NUMBER, signed(BODY, ""), {}, BODY).status == 401
    assert receiver.receive(NUMBER, {}, {}, BODY).status == 401
    assert world.rows(t.RawRequest) == []


def test_receiver_answers_strangers_like_wrong_signatures(receiver: Receiver) -> None:
    known = receiver.receive(NUMBER, {}, {}, BODY)
    unknown = receiver.receive("+4900000000", {}, {}, BODY)
    nonsense = receiver.receive("../../etc", {}, {}, BODY)

    assert known == unknown == nonsense


def test_receiver_accepts_the_replaced_secret_for_a_while(world: World) -> None:
    world.set(
        t.Channel,
        previous_secrets=world.core.vault.seal({"webhook": ["old"]}),
        previous_secrets_until=sa.func.coalesce(t.Channel.updated_at, t.Channel.created_at),
    )
    assert Receiver(world.core).receive(NUMBER, signed(BODY, "old"), {}, BODY).status == 401

    world.set(t.Channel, previous_secrets_until=utcnow() + timedelta(hours=1))
    assert Receiver(world.core).receive(NUMBER, signed(BODY, "old"), {}, BODY).status == 200


def test_receiver_refuses_what_is_too_long_and_what_is_not_json(receiver: Receiver) -> None:
    long = b'"' + b"x" * 1000 + b'"'

    assert post(receiver, long) == 413
    assert post(receiver, b"{") == 400
    assert post(receiver, b"[" * 900) == 400
    assert post(receiver, b"\xff\xfe{}") == 400


def test_receiver_keeps_what_a_switched_off_channel_gets(receiver: Receiver, world: World) -> None:
    world.set(t.Channel, active=False)

    assert post(receiver) == 200
    assert world.one(t.RawRequest).state == "held"


def test_receiver_answers_503_and_stores_nothing_while_the_database_is_locked(
    receiver: Receiver, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(receiver) == 200

    def broken(table: object, rows: object) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    monkeypatch.setattr(receiver.committer._appender, "append", broken)
    assert post(receiver) == 503
    monkeypatch.undo()

    assert post(receiver) == 200
    assert len(world.rows(t.RawRequest)) == 2


def test_committer_stores_the_others_when_one_row_is_at_fault(
    receiver: Receiver, world: World
) -> None:
    row, _ = receiver.judge(NUMBER, signed(BODY), {}, BODY)  # type: ignore[misc]
    refused: list[NotDurable] = []

    def store(channel_id: int) -> None:
        try:
            receiver.committer.store({**row, "channel_id": channel_id})
        except NotDurable as error:
            refused.append(error)

    together([lambda: store(world.channel_id)] * 10 + [lambda: store(999_999)])

    assert len(refused) == 1
    assert len(world.rows(t.RawRequest)) == 10


def test_committer_outlives_senders_that_gave_up(receiver: Receiver, world: World) -> None:
    row, _ = receiver.judge(NUMBER, signed(BODY), {}, BODY)  # type: ignore[misc]

    async def impatient(channel_id: int) -> None:
        waiting = asyncio.ensure_future(
            receiver.committer.store_async({**row, "channel_id": channel_id})
        )
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(impatient(world.channel_id))
    asyncio.run(impatient(999_999))

    assert post(receiver) == 200


def test_committer_refuses_at_once_when_its_backlog_is_full(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post(receiver) == 200
    monkeypatch.setattr(committer, "BACKLOG", 0)

    assert post(receiver) == 503


def test_receiver_shares_commits_between_many_senders(
    receiver: Receiver, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    commit = receiver.committer._commit
    monkeypatch.setattr(
        receiver.committer, "_commit", lambda batch: (batches.append(len(batch)), commit(batch))
    )

    together([lambda: post(receiver)] * 40)

    assert len(world.rows(t.RawRequest)) == 40 == sum(batches)
    assert len(batches) < 40


def test_challenge_is_echoed_for_the_right_token_only(receiver: Receiver) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "tok", "hub.challenge": "12 3"}

    assert receiver.challenge(NUMBER, query).body == b"12 3"
    assert receiver.challenge(NUMBER, {**query, "hub.verify_token": "no"}).status == 401
    assert receiver.challenge(NUMBER, {**query, "hub.mode": "x"}).status == 401
    assert receiver.challenge("+490000", query).status == 401


def test_challenge_is_never_answered_with_success_where_the_provider_has_none(
    receiver: Receiver, world: World
) -> None:
    world.set(t.Channel, challenge_scheme=None)

    assert receiver.challenge(NUMBER, {"hub.challenge": "1"}).status == 405


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+491701234567", "491701234567"),
        ("491701234567", "491701234567"),
        ("%2B49170", "49170"),
        ("49170/x", ""),
        ("", ""),
        ("٣٣٣", ""),
        ("1" * 16, ""),
    ],
)
def test_phone_digits_reads_only_numbers(text: str, digits: str) -> None:
    assert phone_digits(text) == digits


def test_middleware_reads_a_body_without_a_length_and_cuts_it(
    receiver: Receiver, world: World
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("404 NOT FOUND", [])
        return [b"app"]

    middleware = ReceiverMiddleware(app, lambda: receiver)
    statuses: list[str] = []

    def call(body: bytes, **more: str) -> str:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/webhooks/whatsapp/{NUMBER}",
            "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json",
            "HTTP_X_HUB_SIGNATURE_256": signed(body)["x-hub-signature-256"],
            "wsgi.input": io.BytesIO(body),
            **more,
        }
        b"".join(middleware(environ, lambda status, headers: statuses.append(status)))
        return statuses[-1][:3]

    assert call(BODY) == "200"
    assert call(b'"' + b"x" * 2000 + b'"') == "413"
    assert call(BODY, CONTENT_LENGTH="5000") == "413"
    assert call(BODY, CONTENT_LENGTH=str(len(BODY))) == "200"
    assert call(BODY, PATH_INFO="/other") == "404"
