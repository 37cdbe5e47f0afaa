"""Flat bodies of the on-premise generation against the example files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import pytest

from chatport_testkit.cloud_shapes import Customer
from chatport_testkit.dialog360 import Dialog360Simulator

OURS = "gBEGkZEVEjQAAQIJInv0901xYzQkLmN"


def corpus(name: str) -> Any:
    file = resources.files("chatport_testkit") / "payloads" / "dialog360" / f"{name}.json"
    return json.loads(file.read_text("utf-8"))


def emitted(act: Callable[[Customer], Any]) -> Any:
    bodies: list[bytes] = []

    def take(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        bodies.append(body)
        return 200

    with Dialog360Simulator(generation="v1", webhook="http://127.0.0.1:1/", transport=take) as sim:
        act(sim.customer("4915112340001", "Rosa Feldmann"))
        assert sim.flush()
    (body,) = bodies
    return json.loads(body)


CASES: dict[str, Callable[[Customer, dict[str, Any]], Any]] = {
    "v1_message_text": lambda c, o: c.text("Hallo aus der flachen Form", **o),
    "v1_message_text_reply": lambda c, o: c.reply(
        "gBEGkZEVEjQAAQIJInv0900xYzQkLmN", "Ja bitte", **o
    ),
    "v1_message_text_forwarded": lambda c, o: c.text("weitergeleitet", forwarded=True, **o),
    "v1_message_text_frequently_forwarded": lambda c, o: c.text(
        "oft weitergeleitet", frequently_forwarded=True, **o
    ),
    "v1_message_location": lambda c, o: c.location(
        52.520008,
        13.404954,
        name="Kiosk am Park",
        address="Beispielallee 12, 10115 Berlin",
        url="https://example.org/kiosk",
        **o,
    ),
    "v1_message_interactive_button_reply": lambda c, o: c.button_reply(
        OURS, "confirm_yes", "Ja", **o
    ),
    "v1_message_interactive_list_reply": lambda c, o: c.list_reply(
        OURS, "slot_0930", "09:30 Uhr", "Montag", **o
    ),
    "v1_message_interactive_nfm_reply": lambda c, o: c.flow_reply(
        OURS, '{"flow_token":"tok-1","rating":"5"}', **o
    ),
    "v1_message_order": lambda c, o: c.order(
        [
            {
                "product_retailer_id": "SKU-4471",
                "quantity": 2,
                "item_price": 12.5,
                "currency": "EUR",
            }
        ],
        text="bitte als Geschenk",
        **o,
    ),
    "v1_message_unsupported": lambda c, o: c.unsupported(**o),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_flat_message_gives_the_example(name: str) -> None:
    body = corpus(name)
    message = body["messages"][0]
    options = {"message_id": message["id"], "timestamp": int(message["timestamp"])}
    assert emitted(lambda c: CASES[name](c, options)) == body


MEDIA: dict[str, Callable[[Customer, dict[str, Any]], Any]] = {
    "v1_message_image": lambda c, o: c.image(caption="Schaden", **o),
    "v1_message_video": lambda c, o: c.video(**o),
    "v1_message_audio": lambda c, o: c.audio(**o),
    "v1_message_voice": lambda c, o: c.voice(**o),
}


@pytest.mark.parametrize("name", sorted(MEDIA))
def test_flat_media_have_the_keys_of_the_example(name: str) -> None:
    body = corpus(name)
    message = body["messages"][0]
    options = {"message_id": message["id"], "timestamp": int(message["timestamp"])}
    made = emitted(lambda c: MEDIA[name](c, options))
    kind = message["type"]
    content = made["messages"][0][kind]
    assert len(content["sha256"]) == 64
    assert content["link"].endswith(content["id"])
    for key in ("file", "id", "link", "sha256"):
        content[key] = message[kind][key]
    assert json.dumps(made) == json.dumps(body)


def test_flat_number_change() -> None:
    made = emitted(lambda c: c.change_number("4915112349999"))
    assert "contacts" not in made
    system = made["messages"][0]["system"]
    assert (system["type"], system["new_wa_id"]) == ("customer_changed_number", "4915112349999")


def test_flat_batch_may_hold_one_message_twice() -> None:
    def act(customer: Customer) -> None:
        with customer._sim.batch():
            for _ in range(2):
                customer.text(
                    "Hallo aus der flachen Form",
                    message_id="ABEGkZEVEjQAAQIQInv0001xYzQkLmN",
                    timestamp=1650000001,
                )

    assert emitted(act) == corpus("v1_batch_duplicate_in_one_post")
