"""What the simulated GoWA posts: people's doings, ticks, attempts, redirects, filters."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import requests

from chatport_testkit.gowa import GowaSimulator
from chatport_testkit.gowa.receiver import Receiver, webhook_receiver

SECRET = "a-good-webhook-secret"
NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as got:
        yield got


@pytest.fixture
def sim(receiver: Receiver) -> Iterator[GowaSimulator]:
    with simulator(receiver) as made:
        yield made


def simulator(receiver: Receiver, **options: Any) -> GowaSimulator:
    return GowaSimulator(
        webhook_url=receiver.url, **{"time_scale": 0.01, "parallel": False} | options
    )


def send(sim: GowaSimulator, phone: str = "111", message: str = "Hi", **fields: Any) -> str:
    answer = requests.post(
        f"{sim.url}/send/message",
        json={"phone": phone, "message": message} | fields,
        auth=("admin", "secret"),
        timeout=10,
    )
    source_id: str = answer.json()["results"]["message_id"]
    return source_id


# The request


def test_text_arrives_signed_with_exactly_the_headers_of_the_service(
    sim: GowaSimulator, receiver: Receiver
) -> None:
    sim.freeze(NOON)

    source_id = sim.customer("111", "Ana").text("<hi> & “bye”")
    assert sim.wait_idle()

    (hook,) = receiver.hooks
    assert hook.body.decode() == (
        '{"device_id":"5491100000000@s.whatsapp.net","event":"message","payload":'
        '{"body":"\\u003chi\\u003e \\u0026 “bye”","chat_id":"111@s.whatsapp.net","from":"111@s.whatsapp.net",'
        f'"from_name":"Ana","id":"{source_id}","is_from_me":false,"sender_display_name":"Ana",'
        '"timestamp":"2026-08-22T12:00:00Z"},"session_id":"device-1"}'
    )
    signature = hmac.new(SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
    assert hook.headers == {
        "Host": receiver.url.split("/")[2],
        "User-Agent": "Go-http-client/1.1",
        "Content-Length": str(len(hook.body)),
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={signature}",
        "Accept-Encoding": "gzip",
    }


@pytest.mark.parametrize(
    ("era", "version", "chunked"),
    [("v6", None, False), ("v7", "v7.4.0", True), ("v9", "v9.0.0", True), ("v9", "v9.0.1", False)],
)
def test_bodies_were_chunked_for_some_releases(
    receiver: Receiver, era: str, version: str | None, chunked: bool
) -> None:
    with simulator(receiver, era=era, version=version) as sim:
        sim.customer("111").text("hi")
        sim.wait_idle()

    (hook,) = receiver.hooks
    assert ("Transfer-Encoding" in hook.headers) is chunked
    assert ("Content-Length" in hook.headers) is not chunked
    assert b'"hi"' in hook.body


def test_post_raw_sends_exact_bytes(sim: GowaSimulator, receiver: Receiver) -> None:
    delivery = sim.post_raw(b'{"b": 1, "a": "\xff"}', {"X-Extra": "1"})

    (hook,) = receiver.hooks
    expected = hmac.new(SECRET.encode(), b'{"b": 1, "a": "\xff"}', hashlib.sha256).hexdigest()
    assert hook.body == b'{"b": 1, "a": "\xff"}'
    assert hook.headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert hook.headers["X-Extra"] == "1"
    assert (delivery.status, delivery.delivered, delivery.body) == (200, True, hook.body)


# Attempts


def test_attempts_pause_as_documented_and_give_up(receiver: Receiver) -> None:
    receiver.reply = lambda number: (500, {})
    with simulator(receiver, time_scale=0.1) as sim:
        sim.customer("111").text("hi")
        assert sim.wait_idle()
        (delivery,) = sim.deliveries

    offsets = [
        (one.at - delivery.attempts[0].at).total_seconds() / 0.1 for one in delivery.attempts
    ]
    assert [one.status for one in delivery.attempts] == [500] * 5
    for offset, documented in zip(offsets, (0, 1, 3, 7, 15), strict=True):
        assert documented <= offset + 0.01 < documented + 4
    assert delivery.done and not delivery.delivered
    assert len({hook.body for hook in receiver.hooks}) == 1
    assert len({hook.headers["X-Hub-Signature-256"] for hook in receiver.hooks}) == 1


def test_attempt_after_a_failure_succeeds(sim: GowaSimulator, receiver: Receiver) -> None:
    receiver.reply = lambda number: (503 if number < 3 else 202, {})

    sim.customer("111").text("hi")
    sim.wait_idle()

    assert [one.status for one in sim.deliveries[0].attempts] == [503, 503, 202]
    assert sim.deliveries[0].delivered


def test_any_answer_was_success_before_retries_existed(receiver: Receiver) -> None:
    receiver.reply = lambda number: (500, {})
    with simulator(receiver, era="v7", version="v7.3.0") as sim:
        sim.customer("111").text("hi")
        sim.wait_idle()

    assert len(receiver.hooks) == 1 and sim.deliveries[0].delivered


def test_hanging_receiver_is_tried_until_the_budget_is_spent(receiver: Receiver) -> None:
    def hang(number: int) -> tuple[int, dict[str, str]]:
        time.sleep(0.6)
        return 200, {}

    receiver.reply = hang
    with simulator(receiver, time_scale=0.03) as sim:
        sim.customer("111").text("hi")
        assert sim.wait_idle()
        (delivery,) = sim.deliveries

    assert [one.status for one in delivery.attempts] == [None, None, None]
    gaps = [(two.at - one.at).total_seconds() / 0.03 for one, two in pairwise(delivery.attempts)]
    assert 10.5 < gaps[0] < 14 and 11.5 < gaps[1] < 15


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", False), (301, "GET", False), (307, "POST", True)]
)
def test_redirects_are_followed_as_go_does(
    sim: GowaSimulator, receiver: Receiver, status: int, method: str, body: bool
) -> None:
    receiver.reply = lambda number: (status, {"Location": "/other"}) if number == 1 else (200, {})

    sim.customer("111").text("hi")
    sim.wait_idle()

    assert [hook.method for hook in receiver.hooks] == ["POST", method]
    assert receiver.hooks[1].path == "/other" and bool(receiver.hooks[1].body) is body
    assert sim.deliveries[0].delivered and len(sim.deliveries[0].attempts) == 1


def test_several_addresses_are_served_and_a_blank_breaks_one(receiver: Receiver) -> None:
    with simulator(receiver) as sim:
        sim.set_webhook(f"{receiver.url},http://127.0.0.1:1/x, {receiver.url}")
        sim.customer("111").text("hi")
        sim.wait_idle()

    assert [one.delivered for one in sim.deliveries] == [True, False, False]
    assert "unsupported address" in sim.deliveries[2].attempts[0].error


def test_faults_of_webhooks(sim: GowaSimulator, receiver: Receiver) -> None:
    ana = sim.customer("111")
    for mode in ("down", "lost", "duplicate", "bad_signature", "unsigned"):
        sim.faults.set("webhook", mode)
        ana.text(mode)
        sim.wait_idle()

    bodies = [one["body"] for one in receiver.payloads()]
    assert bodies == ["down", "duplicate", "duplicate", "bad_signature", "unsigned"]
    assert len(sim.deliveries[0].attempts) == 2 and not sim.deliveries[1].attempts
    forged, unsigned = receiver.hooks[3], receiver.hooks[4]
    expected = hmac.new(SECRET.encode(), forged.body, hashlib.sha256).hexdigest()
    assert forged.headers["X-Hub-Signature-256"] != f"sha256={expected}"
    assert "X-Hub-Signature-256" not in unsigned.headers


# Where to, and what


def test_webhook_of_a_device_replaces_the_global_one(
    sim: GowaSimulator, receiver: Receiver
) -> None:
    with webhook_receiver() as own:
        requests.patch(
            f"{sim.url}/devices/device-1/webhook",
            json={"webhook_url": own.url, "webhook_secret": "other", "webhook_events": "Message"},
            auth=("admin", "secret"),
            timeout=5,
        )
        ana = sim.customer("111")
        ana.react(ana.text("hi"), "👍")
        sim.wait_idle()

    (hook,) = own.hooks
    expected = hmac.new(b"other", hook.body, hashlib.sha256).hexdigest()
    assert receiver.hooks == [] and hook.json["event"] == "message"
    assert hook.headers["X-Hub-Signature-256"] == f"sha256={expected}"


def test_filters_of_events_and_chats(receiver: Receiver) -> None:
    options = {"webhook_events": ("message",), "ignore_jids": ("222@s.whatsapp.net", "@g.us")}
    with simulator(receiver, **options) as sim:
        ana, bob = sim.customer("111"), sim.customer("222")
        ana.typing()
        ana.text("seen")
        bob.text("ignored")
        sim.group("Friends", [ana]).text(ana, "ignored too")
        sim.wait_idle()

    assert [one["body"] for one in receiver.payloads()] == ["seen"]


# People


def test_ticks_follow_a_send_by_themselves(receiver: Receiver) -> None:
    with simulator(receiver, tick_delays=(0.01, 0.01)) as sim:
        sim.customer("111", "Ana")
        source_id = send(sim)
        sim.wait_idle()

    assert [(one["receipt_type"], one["ids"]) for one in receiver.payloads()] == [
        ("delivered", [source_id]),
        ("read", [source_id]),
    ]
    assert receiver.payloads()[0]["from"] == "111@s.whatsapp.net"
    assert sim.sent[0].acks == ["delivered", "read"]


def test_ticks_by_hand_name_several_messages(receiver: Receiver) -> None:
    with simulator(receiver, tick="manual") as sim:
        first, second = send(sim), send(sim)
        sim.wait_idle()
        silent = list(receiver.hooks)
        sim.customer("111").read(first, second)
        sim.wait_idle()

    assert silent == []
    assert receiver.payloads()[0]["ids"] == [first, second]
    assert receiver.bodies()[0]["event"] == "message.ack"


def test_tick_may_come_before_the_answer(receiver: Receiver) -> None:
    with simulator(receiver, ack_first=True, tick_delays=(0, 5), parallel=True) as sim:
        source_id = send(sim)
        hooks_at_the_answer = [one["ids"] for one in receiver.payloads()]

    assert hooks_at_the_answer == [[source_id]]


def test_group_ticks_come_from_each_member(receiver: Receiver) -> None:
    with simulator(receiver, tick_delays=(0, 0)) as sim:
        group = sim.group("Friends", [sim.customer("111"), sim.customer("222")])
        send(sim, phone=group.jid)
        sim.wait_idle()

    seen = [(one["from"], one["receipt_type"]) for one in receiver.payloads()]
    assert sorted(seen) == [
        ("111@s.whatsapp.net", "delivered"),
        ("111@s.whatsapp.net", "read"),
        ("222@s.whatsapp.net", "delivered"),
        ("222@s.whatsapp.net", "read"),
    ]
    assert {one["chat_id"] for one in receiver.payloads()} == {group.jid}


def test_companions_tick_before_v8_only(receiver: Receiver) -> None:
    for era in ("v7", "v8"):
        with simulator(receiver, era=era, tick="manual") as sim:
            ana = sim.customer("111", companions=(17,))
            ana.delivered(send(sim))
            sim.wait_idle()

    senders = [one.get("sender_id", "v8") for one in receiver.payloads()]
    assert senders == ["111@s.whatsapp.net", "111:17@s.whatsapp.net", "v8"]


def test_api_sends_have_no_echo_and_the_own_phone_has(
    sim: GowaSimulator, receiver: Receiver
) -> None:
    sim.config.tick = "manual"
    send(sim)
    sim.own_phone_app.text("+111", "typed on the phone")
    sim.wait_idle()

    (payload,) = receiver.payloads()
    assert payload["is_from_me"] is True and payload["body"] == "typed on the phone"
    assert payload["chat_id"] == "111@s.whatsapp.net" and payload["from"] == sim.own_jid
    assert payload["id"].startswith("3EB0")


def test_picture_is_stored_before_its_webhook(sim: GowaSimulator, receiver: Receiver) -> None:
    fetched: list[bytes] = []

    def fetch(number: int) -> tuple[int, dict[str, str]]:
        path = receiver.payloads()[-1]["image"]["path"]
        fetched.append(requests.get(f"{sim.url}/{path}", timeout=5).content)
        return 200, {}

    receiver.reply = fetch
    sim.customer("111").image(b"\xff\xd8picture", "look")
    sim.wait_idle()

    assert fetched == [b"\xff\xd8picture"]
    assert receiver.payloads()[0]["body"] == "look"


def test_files_without_automatic_download(receiver: Receiver) -> None:
    with simulator(receiver, auto_download=False) as sim:
        ana = sim.customer("111")
        source_id = ana.document("Invoice 42.pdf", b"%PDF-1", "August")
        ana.voice()
        sim.wait_idle()
        download = requests.get(
            f"{sim.url}/message/{source_id}/download?phone=111", auth=("admin", "secret"), timeout=5
        )

    document, voice = receiver.payloads()
    assert document["document"]["filename"] == "Invoice 42.pdf"
    assert document["document"]["url"].startswith("https://mmg.whatsapp.net/")
    assert list(voice["audio"]) == ["url"]
    assert download.json()["results"]["file_size"] == 6
    assert sim.state.files.keys() == {download.json()["results"]["file_path"]}


def test_file_above_the_limit_is_not_fetched(receiver: Receiver) -> None:
    with simulator(receiver) as sim:
        sim.config.max_download = 10
        ana = sim.customer("111")
        ana.image(b"0123456789")
        ana.image(b"0123456789a")
        sim.wait_idle()

    fetched, left = receiver.payloads()
    assert "image" in fetched and "image" not in left


def test_odd_extensions_and_failed_downloads(receiver: Receiver) -> None:
    with simulator(receiver, media_extensions={"image/jpeg": ".jpe"}) as sim:
        ana = sim.customer("111")
        ana.image()
        ana.image(failed=True)
        sim.wait_idle()

    stored, failed = receiver.payloads()
    assert stored["image"].endswith(".jpe")
    assert "image" not in failed and "body" not in failed


def test_every_kind_of_message(sim: GowaSimulator, receiver: Receiver) -> None:
    ana = sim.customer("111", "Ana")
    ana.voice()
    ana.video(caption="clip")
    ana.video_note()
    ana.sticker()
    ana.location(-34.5, 58.0, "Obelisco")
    ana.live_location()
    ana.contact("Budi", "+62 813")
    ana.contacts([("A", "1"), ("B", "2")])
    ana.list("Menu", ["Tea"])
    ana.order("Shoes", 2, 5000, "EUR")
    ana.poll("?", ["a", "b"])
    ana.from_advertisement("Info", source_id="9")
    sim.wait_idle()

    got = receiver.payloads()
    base = {"chat_id", "from", "from_name", "id", "is_from_me", "sender_display_name", "timestamp"}
    shown = [sorted(set(payload) - base) for payload in got]
    assert shown == [
        ["audio"],
        ["body", "video"],
        ["video_note"],
        ["sticker"],
        ["location"],
        ["live_location"],
        ["contact"],
        ["contacts_array"],
        ["list"],
        ["order"],
        [],
        ["body", "referral"],
    ]
    assert got[4]["location"]["degreesLongitude"] == 58
    assert b'"degreesLatitude":-34.5,"degreesLongitude":58,' in receiver.hooks[4].body
    assert got[6]["contact"]["phone_number"] == "+62 813"


def test_replies_edits_reactions_and_revocations(sim: GowaSimulator, receiver: Receiver) -> None:
    sim.config.tick = "manual"
    ana = sim.customer("111", "Ana")
    question = send(sim, message="Size?")
    answer = ana.reply(question, "42")
    ana.edit(answer, "43")
    ana.react(question, "👍")
    ana.react(question, "")
    ana.revoke(answer)
    picture = ana.image(caption="old")
    ana.edit(picture, "new")
    sim.wait_idle()

    names = [body["event"] for body in receiver.bodies()]
    reply, edit, like, unlike, revoked, _, caption = receiver.payloads()
    assert names == [
        "message",
        "message.edited",
        "message.reaction",
        "message.reaction",
        "message.revoked",
        "message",
        "message.edited",
    ]
    assert (reply["replied_to_id"], reply["quoted_body"]) == (question, "Size?")
    assert (edit["original_message_id"], edit["body"]) == (answer, "43")
    assert (like["reacted_message_id"], like["reaction"], unlike["reaction"]) == (
        question,
        "👍",
        "",
    )
    assert (revoked["revoked_message_id"], revoked["revoked_chat"]) == (answer, sim.own_jid)
    assert caption["original_message_id"] == picture and "body" not in caption


def test_calls_and_typing(sim: GowaSimulator, receiver: Receiver) -> None:
    ana = sim.customer("111", lid="999")
    call_id = ana.call()
    ana.typing(recording=True)
    ana.stops_typing()
    sim.wait_idle()

    call, recording, paused = receiver.payloads()
    assert (call["call_id"], call["from"], call["from_lid"]) == (
        call_id,
        "111@s.whatsapp.net",
        "999@lid",
    )
    assert (recording["state"], recording["media"], recording["chat_id"]) == (
        "composing",
        "audio",
        "999@lid",
    )
    assert paused["state"] == "paused"


def test_other_events_are_emitted(sim: GowaSimulator, receiver: Receiver) -> None:
    sim.emit("label.edit", {"label_id": "7", "name": "Urgent"}, since="v8.6.0")
    sim.emit("label.edit", {"label_id": "8"}, since="v9.9.0")
    sim.wait_idle()

    (body,) = receiver.bodies()
    assert (body["event"], body["payload"]) == ("label.edit", {"label_id": "7", "name": "Urgent"})
    assert body["timestamp"].endswith("Z")


def test_lid_is_resolved_once_it_is_known(sim: GowaSimulator, receiver: Receiver) -> None:
    ana = sim.customer("111", "Ana", lid="999", lid_known=False)
    ana.text("who?")
    ana.person.lid_known = True
    ana.text("me")
    ana.text("@999 is me")
    sim.wait_idle()

    unknown, known, mention = receiver.payloads()
    assert (unknown["from"], unknown["chat_id"]) == ("999@lid", "999@lid")
    assert (known["from"], known["chat_lid"]) == ("111@s.whatsapp.net", "999@lid")
    assert mention["body"] == "@111 is me"


def test_group_life(sim: GowaSimulator, receiver: Receiver) -> None:
    ana, bob = sim.customer("111", "Ana"), sim.customer("222", "Bob")
    group = sim.group("Friends", [ana], us=False)
    group.add_us()
    group.join(bob)
    group.promote(bob)
    group.demote(bob)
    text = group.text(bob, "hello")
    bob.edit(text, "hello all")
    group.leave(bob)
    sim.wait_idle()

    names = [(body["event"], body["payload"].get("type")) for body in receiver.bodies()]
    assert names == [
        ("group.joined", "join"),
        ("group.participants", "join"),
        ("group.participants", "promote"),
        ("group.participants", "demote"),
        ("message", None),
        ("message.edited", None),
        ("group.participants", "leave"),
    ]
    assert receiver.payloads()[0]["group_name"] == "Friends"
    assert receiver.payloads()[0]["jids"] == [sim.own_jid]
    assert {one["chat_id"] for one in receiver.payloads()} == {group.jid}
    assert receiver.payloads()[4]["from"] == "222@s.whatsapp.net"


def test_own_phone_deletes_and_reads(sim: GowaSimulator, receiver: Receiver) -> None:
    source_id = sim.customer("111").text("hi")
    sim.own_phone_app.read(source_id, receipts_on=False)
    sim.own_phone_app.delete_for_me(source_id)
    sim.own_phone_app.delete_for_me("3EB0UNKNOWN")
    sim.wait_idle()

    _, read, deleted, unknown = receiver.payloads()
    assert (read["receipt_type"], read["from"], read["chat_id"]) == (
        "read-self",
        sim.own_jid,
        "111@s.whatsapp.net",
    )
    assert (deleted["deleted_message_id"], deleted["original_content"], deleted["from"]) == (
        source_id,
        "hi",
        "",
    )
    assert set(unknown) == {"deleted_message_id", "from", "timestamp"}


@pytest.mark.parametrize("era", ["v5", "v6", "v7.2.0", "v7", "v8.0", "v8.2", "v8.3", "v8", "v9"])
def test_every_era_delivers_a_conversation(receiver: Receiver, era: str) -> None:
    with simulator(receiver, era=era, tick="manual") as sim:
        ana = sim.customer("111", "Ana")
        source_id = ana.text("hi")
        ana.image(caption="look")
        ana.react(source_id, "👍")
        ana.delivered(send(sim))
        assert sim.wait_idle()

    expected = 3 if era in {"v5", "v6", "v7.2.0"} else 4
    assert len(receiver.hooks) == expected
    assert (b'"event"' in receiver.hooks[0].body) is era.startswith(("v8", "v9"))


def test_offline_session_gets_its_messages_on_reconnecting(
    sim: GowaSimulator, receiver: Receiver
) -> None:
    sim.disconnect()
    sim.customer("111").text("hi")
    sim.wait_idle()
    before = list(receiver.hooks)
    sim.reconnect()
    sim.wait_idle()

    assert before == [] and receiver.payloads()[0]["body"] == "hi"


def test_logging_out_is_silent_and_nobody_can_write(sim: GowaSimulator, receiver: Receiver) -> None:
    sim.logout_from_phone()

    with pytest.raises(RuntimeError, match="No device is logged in"):
        sim.customer("111").text("hi")
    assert sim.wait_idle() and receiver.hooks == []


def test_customer_writes_to_the_chosen_account(sim: GowaSimulator, receiver: Receiver) -> None:
    sim.add_device("support", phone="777")
    sim.customer("111", device="support").text("hi")
    sim.wait_idle()

    body = receiver.bodies()[0]
    assert (body["device_id"], body["session_id"]) == ("777@s.whatsapp.net", "support")
