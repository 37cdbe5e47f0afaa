"""Webhook bodies of the Graph simulator against the example files: the same input gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import pytest

from chatport_testkit.cloud_shapes import Customer, meta_json, sign_sha256
from chatport_testkit.meta import GraphSimulator

OUR_TEMPLATE = "wamid.HBgNNDkxNTExMjM0MDAwMRUCABEYEjFDREVGNkU1MzZFRkM1NkE1QQA="
OUR_MENU = "wamid.HBgNNDkxNTExMjM0MDAwMRUCABEYEjk2RTJERThENzVENUNDODRCNgA="
THEIR_IMAGE = "wamid.HBgNNDkxNTExMjM0MDAwMRUCABIYFDNBNDA5RTIwQzRGRTc1Qzg2N0I0AA=="


def corpus(name: str) -> Any:
    file = resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud" / f"{name}.json"
    return json.loads(file.read_text("utf-8"))


class Received:
    """A webhook endpoint without a socket: takes bodies, answers 200."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        self.bodies.append(body)
        self.headers.append(dict(headers))
        return 200


def emitted(act: Callable[[GraphSimulator, Customer], Any], **person: Any) -> bytes:
    received = Received()
    with GraphSimulator(webhook="http://127.0.0.1:1/hook", transport=received) as sim:
        who = {"name": "Rosa Feldmann", "bsuid": "DE.58203377411902456", **person}
        act(sim, sim.customer("4915112340001", **who))
        assert sim.flush()
    assert len(received.bodies) == 1
    return received.bodies[0]


def of_file(body: dict[str, Any]) -> dict[str, Any]:
    """Id and time of the file's message, as options of a customer's method."""
    message = body["entry"][0]["changes"][0]["value"]["messages"][0]
    return {"message_id": message["id"], "timestamp": int(message["timestamp"])}


PLAIN: dict[str, Callable[[Customer, dict[str, Any]], Any]] = {
    "message_text": lambda c, o: c.text("Hallo, ist der Laden morgen geöffnet? 😀", **o),
    "message_text_reply": lambda c, o: c.reply(OUR_TEMPLATE, "Ja, genau diese Bestellung", **o),
    "message_text_forwarded": lambda c, o: c.text("Schau mal, interessant!", forwarded=True, **o),
    "message_location_current": lambda c, o: c.location(52.5, 13, **o),
    "message_contacts_minimal": lambda c, o: c.contacts(
        [{"name": {"formatted_name": "Notruf"}, "phones": [{"phone": "112"}]}], **o
    ),
    "message_interactive_button_reply": lambda c, o: c.button_reply(
        OUR_MENU, "confirm_yes", "Ja, bestätigen", **o
    ),
    "message_interactive_list_reply": lambda c, o: c.list_reply(
        OUR_MENU, "slot_0930", "09:30 Uhr", "Montag, Filiale Mitte", **o
    ),
    "message_interactive_list_reply_no_description": lambda c, o: c.list_reply(
        OUR_MENU, "slot_1000", "10:00 Uhr", **o
    ),
    "message_interactive_nfm_reply": lambda c, o: c.flow_reply(
        OUR_MENU,
        {"flow_token": "tok-77-demo", "firstname": "Rosa", "appointment": "2026-09-01"},
        **o,
    ),
    "message_button": lambda c, o: c.template_button(
        OUR_TEMPLATE, "Nicht mehr senden", "STOP_PROMO", **o
    ),
    "message_button_no_context": lambda c, o: c.template_button(None, "Ja", **o),
    "message_reaction": lambda c, o: c.react(OUR_TEMPLATE, "👍🏽", **o),
    "message_reaction_removed_no_emoji": lambda c, o: c.unreact(OUR_TEMPLATE, **o),
    "message_reaction_removed_empty_emoji": lambda c, o: c.unreact(
        OUR_TEMPLATE, empty_emoji=True, **o
    ),
    "message_order": lambda c, o: c.order(
        [
            {
                "product_retailer_id": "SKU-4471",
                "quantity": 2,
                "item_price": 12.5,
                "currency": "EUR",
            },
            {
                "product_retailer_id": "SKU-9001",
                "quantity": 1,
                "item_price": 30,
                "currency": "EUR",
            },
        ],
        text="Bitte als Geschenk verpacken",
        **o,
    ),
    "message_edit_text": lambda c, o: c.edit(
        "wamid.HBgNNDkxNTExMjM0MDAwMRUCABIYFDNBMUNEMjE3QzdCMUFCN0NBRTU3AA==",
        "Ich meinte Dienstag",
        **o,
    ),
    "message_unsupported_edit": lambda c, o: c.edit("wamid.x", "neu", as_unsupported=True, **o),
    "message_revoke": lambda c, o: c.revoke(THEIR_IMAGE, **o),
    "message_unsupported_131051": lambda c, o: c.unsupported("poll_creation", **o),
    "message_unsupported_131060": lambda c, o: c.unsupported(None, code=131060, **o),
    "message_request_welcome": lambda c, o: c.welcome(**o),
    "message_text_referral_minimal": lambda c, o: c.referral(
        "Hi", source_url="https://fb.me/4ZyXwVuTs", **o
    ),
}


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_customer_writes_the_bytes_of_the_example(name: str) -> None:
    body = corpus(name)
    assert emitted(lambda sim, c: PLAIN[name](c, of_file(body))) == meta_json(body)


PEOPLE: dict[str, tuple[dict[str, Any], str]] = {
    "message_text_legacy_no_bsuid": (
        {"bsuid": ""},
        "Legacy payload before April 2026 (no BSUID keys)",
    ),
    "message_text_bsuid_only": (
        {"name": "rosa.f", "username": "rosa.feldmann", "hide_phone": True},
        "Nachricht ohne sichtbare Telefonnummer",
    ),
    "message_text_username_parent_bsuid": (
        {"username": "rosa.feldmann", "parent_bsuid": "DE.ENT.77120394415566012"},
        "Username und Nummer vorhanden",
    ),
}


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_customer_identity_gives_the_example(name: str) -> None:
    person, text = PEOPLE[name]
    body = corpus(name)
    raw = emitted(lambda sim, c: c.text(text, **of_file(body)), **person)
    assert json.loads(raw) == body


MEDIA: dict[str, Callable[[Customer, dict[str, Any]], Any]] = {
    "message_image": lambda c, o: c.image(caption="Der Schaden am Paket", **o),
    "message_video": lambda c, o: c.video(caption="Kurzes Video", **o),
    "message_audio": lambda c, o: c.audio(**o),
    "message_audio_voice": lambda c, o: c.voice(**o),
    "message_sticker_static": lambda c, o: c.sticker(**o),
    "message_sticker_animated": lambda c, o: c.sticker(animated=True, **o),
}


@pytest.mark.parametrize("name", sorted(MEDIA))
def test_customer_media_have_the_keys_of_the_example_in_order(name: str) -> None:
    body = corpus(name)
    raw = emitted(lambda sim, c: MEDIA[name](c, of_file(body)))
    given = json.loads(raw)
    message = body["entry"][0]["changes"][0]["value"]["messages"][0]
    made = given["entry"][0]["changes"][0]["value"]["messages"][0]
    kind = message["type"]
    for key in ("id", "sha256", "url"):
        assert made[kind][key] != message[kind][key]
        made[kind][key] = message[kind][key]
    assert meta_json(given) == meta_json(body)


def test_number_change_gives_the_example() -> None:
    body = corpus("message_system_user_changed_number_pre_bsuid")
    raw = emitted(lambda sim, c: c.change_number("4915112349999", **of_file(body)), bsuid="")
    assert raw == meta_json(body)


def test_echo_gives_the_example() -> None:
    body = corpus("smb_message_echoes_text")
    element = body["entry"][0]["changes"][0]["value"]["message_echoes"][0]
    raw = emitted(
        lambda sim, c: sim.echo(
            c.phone,
            "Vom Handy der Inhaberin gesendet",
            wamid=element["id"],
            timestamp=int(element["timestamp"]),
        )
    )
    assert raw == meta_json(body)


def test_history_gives_the_example() -> None:
    body = corpus("history_threads")
    thread = body["entry"][0]["changes"][0]["value"]["history"][0]["threads"][0]
    given = [
        {
            "by": "business" if "to" in m else "customer",
            "id": m["id"],
            "at": int(m["timestamp"]),
            "type": m["type"],
            "status": m["history_context"]["status"],
            **({"text": m["text"]["body"]} if m["type"] == "text" else {}),
        }
        for m in thread["messages"]
    ]
    raw = emitted(lambda sim, c: sim.history({thread["id"]: given}, progress=55))
    assert raw == meta_json(body)


STATUSES = {
    "status_sent_v24_no_conversation": ("sent", {}),
    "status_delivered_v24": ("delivered", {}),
    "status_read": ("read", {}),
    "status_deleted": ("deleted", {}),
    "status_warning": ("warning", {}),
    "status_failed_131047": (
        "failed",
        {
            "error": 131047,
            "details": "Paraphrased: the 24 h window after the customer's last reply is over",
        },
    ),
    "status_failed_131049": (
        "failed",
        {"error": 131049, "details": "Paraphrased: held back by the per-user marketing cap"},
    ),
}


@pytest.mark.parametrize("name", sorted(STATUSES))
def test_status_gives_the_example(name: str) -> None:
    body = corpus(name)
    status, options = STATUSES[name]
    element = body["entry"][0]["changes"][0]["value"]["statuses"][0]
    received = Received()
    with GraphSimulator(
        webhook="http://127.0.0.1:1/hook", transport=received, tick="manual"
    ) as sim:
        customer = sim.customer("4915112340001", "Rosa Feldmann", bsuid="DE.58203377411902456")
        customer.open_window()
        sim.templates.add("aktion", "de", "MARKETING", "Nur heute")
        message = sim.outbox.accept(
            sim.number_of(),
            {
                "messaging_product": "whatsapp",
                "to": "4915112340001",
                "type": "template",
                "template": {"name": "aktion", "language": {"code": "de"}},
            },
        )
        sim.status(message.wamid, status, timestamp=int(element["timestamp"]), **options)
        assert sim.flush()
    element["id"] = message.wamid
    assert received.bodies == [meta_json(body)]


def test_account_update_gives_the_example() -> None:
    body = corpus("account_update_disabled")
    ban = {
        "waba_ban_state": "SCHEDULE_FOR_DISABLE",
        "waba_ban_date": "August 30, 2026",
    }
    raw = json.loads(emitted(lambda sim, c: sim.account_update("DISABLED_UPDATE", ban_info=ban)))
    raw["entry"][0]["time"] = body["entry"][0]["time"]
    assert meta_json(raw) == meta_json(body)


def test_template_status_gives_the_example() -> None:
    body = corpus("message_template_status_update_approved")

    def act(sim: GraphSimulator, _: Customer) -> None:
        sim.templates.add("termin_erinnerung", "de", template_id="1689000000123456")
        sim.template_status("termin_erinnerung", "APPROVED")

    raw = json.loads(emitted(act))
    raw["entry"][0]["time"] = body["entry"][0]["time"]
    assert meta_json(raw) == meta_json(body)


@pytest.mark.parametrize("vector", corpus("_signature_vectors"), ids=lambda v: str(v["name"]))
def test_signature_vectors(vector: dict[str, str]) -> None:
    raw, secret = vector["raw_body"].encode(), vector["app_secret"]
    assert meta_json(json.loads(raw)) == raw
    assert sign_sha256(raw, secret) == vector["value"]
    reserialised = json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":")).encode()
    assert sign_sha256(reserialised, secret) != vector["value"]


def test_webhook_is_signed_over_the_exact_bytes() -> None:
    received = Received()
    with GraphSimulator(
        webhook="http://127.0.0.1:1/hook", transport=received, app_secret="s3cret"
    ) as sim:
        sim.customer("4915112340001", "Rosa").text("Straße 5/6 <ok> 100 % @home")
        assert sim.flush()
    (body,), (headers,) = received.bodies, received.headers
    assert b"Stra\\u00dfe 5\\/6 \\u003Cok> 100 \\u0025 \\u0040home" in body
    assert headers["X-Hub-Signature-256"] == sign_sha256(body, "s3cret")
