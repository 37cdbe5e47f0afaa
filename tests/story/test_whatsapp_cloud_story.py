"""A shop at Meta's Cloud API: set up and written to, over real processes and the API alone."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from installation import Installation
from story.cloud_shop import ACCOUNT_ID, OWN, SECRET, TOKEN, begun, body_of, sent
from story.cloud_story import FILES, RECEIVED, SENT, check_file, check_received
from story.steps import Chat, new_phone, wait_for_setup

from chatport_testkit.meta import GraphSimulator
from support import eventually

pytestmark = pytest.mark.processes


# --- setting up -------------------------------------------------------------------------------------------------------


def test_new_inbox_sets_this_numbers_address_at_meta(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    callback = graph.number_of().callback

    assert callback is not None
    assert callback.url == inbox["callback_webhook_url"]
    assert callback.verify_token == inbox["generated_secrets"]["webhook_verify_token"]
    assert graph.wabas[ACCOUNT_ID].subscribed
    assert inbox["connection_result"]["connected"] is True
    assert inbox["connection_result"]["facts"]["verified_name"] == "Kiosk am Park"


def test_no_secret_is_in_an_answer(chatport: Installation, inbox: dict[str, Any]) -> None:
    shown = chatport.call("GET", f"/inboxes/{inbox['id']}").text

    for secret in (TOKEN, SECRET, inbox["generated_secrets"]["webhook_verify_token"]):
        assert secret not in shown
        assert secret not in chatport.log


def test_challenge_is_answered_for_the_verify_token_only(
    graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    right = inbox["generated_secrets"]["webhook_verify_token"]

    assert graph.verify_webhook(inbox["callback_webhook_url"], right).ok
    wrong = graph.verify_webhook(inbox["callback_webhook_url"], "wrong")
    assert (wrong.ok, wrong.status) == (False, 401)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"api_key": "EAAGwrong"}, "api_key"),
        ({"phone_number_id": "1"}, "phone_number_id"),
        ({"business_account_id": "2"}, "business_account_id"),
        ({"app_secret": "f" * 32}, "app_secret"),
    ],
    ids=["token", "number", "account", "secret"],
)
def test_wrong_configuration_is_refused_by_the_field_that_fails(
    chatport: Installation,
    graph: GraphSimulator,
    inbox: dict[str, Any],
    changes: dict[str, str],
    field: str,
) -> None:
    config = {"phone_number_id": "109870000777666", **changes}
    graph.add_number("109870000777666", "15557007766")
    answer = chatport.call("POST", "/inboxes/test", json=body_of(graph, "15557007766", **config))
    told = answer.json()

    assert (answer.status_code, bool(told["action"])) == (422, True), told
    assert [name.rpartition(".")[2] for name in told["attributes"]] == [field]


def test_app_secret_is_required(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    answer = chatport.call("POST", "/inboxes", json=body_of(graph, "15557007766", app_secret=""))

    assert answer.status_code == 422
    assert [name.rpartition(".")[2] for name in answer.json()["attributes"]] == ["app_secret"]


@pytest.mark.parametrize("fault", ["bad_signature", "no_signature", "sha1_only"])
def test_event_without_the_right_signature_is_refused_until_it_has_one(
    graph: GraphSimulator, chat: Chat, fault: str
) -> None:
    graph.faults.set("webhook", fault, 1)
    source_id = chat.customer.text(f"at first not believed: {fault}")
    chat.arrived(source_id)
    delivery = next(one for one in graph.webhooks.log if source_id.encode() in one.body)

    assert [one.status for one in delivery.attempts] == [401, 200]
    assert len([one for one in chat.messages() if one["source_id"] == source_id]) == 1


def test_forged_event_is_refused_like_one_for_an_unknown_number(
    graph: GraphSimulator, inbox: dict[str, Any], chat: Chat
) -> None:
    source_id = chat.customer.text("echt")
    chat.arrived(source_id)
    real = next(one for one in graph.webhooks.log if source_id.encode() in one.body)
    forged = real.body.replace(source_id.encode(), b"wamid.FORGED")
    address = inbox["callback_webhook_url"]
    refused = requests.post(address, data=forged, headers=real.headers, timeout=5)
    unknown = requests.post(
        address.replace(OWN, "4930000"), data=real.body, headers=real.headers, timeout=5
    )

    assert refused.status_code == 401
    assert (refused.status_code, refused.content) == (unknown.status_code, unknown.content)
    chat.arrived(chat.customer.text("danach"))
    assert "wamid.FORGED" not in [one["source_id"] for one in chat.messages()]


# --- receiving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case[0])
def test_each_type_arrives(chat: Chat, case: Any) -> None:
    check_received(chat, case)


@pytest.mark.parametrize("case", FILES, ids=lambda case: case[0])
def test_each_kind_of_file_arrives_with_its_bytes(chat: Chat, case: Any) -> None:
    _, file = check_file(chat, case)

    if case[0] == "document":
        assert file["filename"] == "Angebot ü.pdf"


def test_contacts_arrive_as_cards(chat: Chat) -> None:
    source_id = chat.customer.contacts([("Bea Ruiz", "+4915112340009"), ("Carl", "+4915112340008")])
    parts = chat.all_arrived(source_id, 2)

    assert [part["kind"] for part in parts] == ["contact", "contact"]
    assert [part["content"] for part in parts] == ["Bea Ruiz", "Carl"]
    assert parts[0]["attachments"][0]["fallback_title"] == "+4915112340009"


def test_reply_names_the_message_that_it_answers(chat: Chat) -> None:
    ours = chat.taken(chat.say("¿Algo más?"))
    reply = chat.arrived(chat.customer.reply(ours["source_id"], "No, gracias"))

    assert reply["content_attributes"]["in_reply_to"] == ours["id"]
    assert reply["content_attributes"]["in_reply_to_external_id"] == ours["source_id"]


def test_customers_reaction_shows_and_goes(chat: Chat) -> None:
    ours = chat.taken(chat.say("gracias"))

    def emojis() -> list[str]:
        return [one["emoji"] for one in chat.message(ours["id"])["reactions"]]

    began = int(time.time()) - 2  # times are whole seconds: within one, nothing tells the order
    chat.customer.react(ours["source_id"], "👍", timestamp=began)
    eventually(lambda: emojis() == ["👍"])
    chat.customer.react(ours["source_id"], "❤️", timestamp=began + 1)
    eventually(lambda: emojis() == ["❤️"])
    chat.customer.unreact(ours["source_id"], timestamp=began + 2)
    eventually(lambda: emojis() == [])


def test_answers_to_buttons_lists_and_flows_keep_their_ids(chat: Chat) -> None:
    asked = chat.taken(chat.say(**SENT[3][1]))
    listed = chat.taken(chat.say(**SENT[4][1]))
    button = chat.arrived(chat.customer.button_reply(asked["source_id"], "n"))
    row = chat.arrived(chat.customer.list_reply(listed["source_id"], "pan-3"))
    flow = chat.arrived(chat.customer.flow_reply(asked["source_id"], {"day": "Mo", "n": 2}))

    def told(message: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        found = message["content_attributes"]["structured"]
        return message["content"], found["kind"], found["data"]

    assert told(button) == ("No", "button_reply", {"id": "n", "title": "No"})
    assert told(row)[:2] == ("Pan 3", "list_reply")
    assert told(row)[2]["id"] == "pan-3"
    assert told(flow)[:2] == ("day: Mo\nn: 2", "flow_reply")
    assert told(flow)[2]["response"] == {"day": "Mo", "n": 2}
    assert button["content_attributes"]["in_reply_to"] == asked["id"]


def test_order_shows_its_lines_and_keeps_its_products(chat: Chat) -> None:
    item = {"product_retailer_id": "SKU-1", "quantity": 2, "item_price": 3.5, "currency": "EUR"}
    order = chat.arrived(chat.customer.order([item], text="mañana"))

    assert order["content"] == "2 × SKU-1 (3.5 EUR)\nmañana"
    assert order["content_attributes"]["structured"]["data"]["product_items"] == [item]


def test_unsupported_message_is_a_placeholder_with_its_reason(chat: Chat) -> None:
    message = chat.arrived(chat.customer.unsupported("poll_creation"))
    new = chat.arrived(chat.customer.unknown("hologram", {"id": "1"}))

    assert message["kind"] == "unsupported"
    assert message["content_attributes"]["is_unsupported"] is True
    assert "poll_creation" in message["content_attributes"]["unsupported_reason"]
    assert "hologram" in new["content_attributes"]["unsupported_reason"]


def test_customer_edits_and_deletes_a_message(chat: Chat) -> None:
    message = chat.arrived(chat.customer.text("helo"))
    chat.customer.edit(message["source_id"], "hello")
    edited = chat.becomes(message, content="hello")
    assert edited["edited_at"]

    chat.customer.revoke(message["source_id"])
    eventually(lambda: chat.message(message["id"])["deleted_at"])
    assert "hello" not in str(chat.message(message["id"]))


def test_customer_changes_number_and_keeps_the_conversation(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    chat = begun(chatport, graph)
    before = chat.conversation()
    new = new_phone()
    chat.customer.change_number(new)
    chat.customer.text("mi nuevo número")
    after = chat.conversation()

    assert chat.customer.phone == new
    assert after["id"] == before["id"]
    assert after["meta"]["sender"]["id"] == before["meta"]["sender"]["id"]
    assert after["meta"]["sender"]["phone_number"] == f"+{new}"
    eventually(lambda: chat.messages()[-1]["content"] == "mi nuevo número")
    assert sent(graph, chat.taken(chat.say("anotado"))).recipient == new


def test_customer_without_a_phone_number_is_answered_by_user_id(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    customer = graph.customer(new_phone(), "Sin Número", hide_phone=True, username="sin.numero")
    source_id = customer.text("hola")

    def found() -> Any:
        listed = chatport.get("/conversations")["data"]["payload"]
        return next((c for c in listed if c["meta"]["sender"]["name"] == "Sin Número"), None)

    conversation = eventually(found, timeout=15)
    path = f"/conversations/{conversation['id']}/messages"
    assert conversation["meta"]["sender"]["phone_number"] is None
    assert chatport.get(path)["payload"][-1]["source_id"] == source_id
    made = chatport.post(path, {"content": "buenas"})
    eventually(lambda: chatport.get(f"{path}/{made['id']}")["state"] == "sent", timeout=20)
    assert (graph.sent[-1].addressed_by, graph.sent[-1].to) == (
        "recipient",
        customer.person.bsuid,
    )


def test_advertisement_is_kept_with_the_first_message(chat: Chat) -> None:
    message = chat.arrived(chat.customer.referral("vi su anuncio", details={"headline": "Pan"}))

    assert message["content_attributes"]["referral"]["headline"] == "Pan"
    assert message["content_attributes"]["referral"]["source_type"] == "ad"


def test_echo_of_the_phone_app_is_an_outgoing_message(graph: GraphSimulator, chat: Chat) -> None:
    message = chat.arrived(graph.echo(chat.customer.phone, "desde el teléfono"))

    assert (message["message_type"], message["content"]) == (1, "desde el teléfono")
    assert message["content_attributes"]["external_echo"] is True


def test_one_address_serves_the_numbers_of_an_account(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    """The app's own address is the first inbox's; a number without an address of its own is delivered there too."""
    number = graph.add_number("109870000444333", "15557004321")
    second = chatport.post("/inboxes", body_of(graph, "15557004321", phone_number_id=number.id))
    wait_for_setup(chatport, second)
    number.callback = None
    customer = graph.customer(new_phone(), "Two Numbers")
    with graph.batch("changes"):
        to_first = customer.text("for the first")
        to_second = customer.text("for the second", number=number.id)

    def arrived() -> dict[int, list[Any]]:
        listed = chatport.get("/conversations", status="all")["data"]["payload"]
        own = [c for c in listed if c["meta"]["sender"]["phone_number"] == f"+{customer.phone}"]
        return {
            c["inbox_id"]: [
                m["source_id"]
                for m in chatport.get(f"/conversations/{c['id']}/messages")["payload"]
            ]
            for c in own
        }

    wanted = {inbox["id"]: [to_first], second["id"]: [to_second]}
    eventually(lambda: arrived() == wanted, timeout=15, message=arrived)


def test_doubled_delivery_makes_one_message(graph: GraphSimulator, chat: Chat) -> None:
    graph.faults.set("webhook", "doubled", 1)
    source_id = chat.customer.text("una sola vez")
    chat.arrived(source_id)
    chat.arrived(chat.customer.text("después"))

    assert len([one for one in chat.messages() if one["source_id"] == source_id]) == 1


def test_history_of_the_phone_app_fills_the_conversation_without_opening_the_window(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    phone, began = new_phone(), int(time.time()) - 7 * 86400
    graph.history(
        {
            phone: [
                {"text": "¿Tienen torta?", "at": began},
                {"text": "Sí, de manzana", "by": "business", "at": began + 60},
            ]
        }
    )
    chat = Chat(chatport, graph.customer(phone, "Olga"))
    conversation = chat.conversation()
    eventually(lambda: len(chat.messages()) == 2)

    assert [(m["message_type"], m["content"], m["created_at"]) for m in chat.messages()] == [
        (0, "¿Tienen torta?", began),
        (1, "Sí, de manzana", began + 60),
    ]
    assert (conversation["can_reply"], conversation["unread_count"]) == (False, 0)


def test_question_about_a_product_keeps_the_product(chat: Chat) -> None:
    product = {"catalog_id": "384500000777001", "product_retailer_id": "SKU-7"}
    ours = chat.taken(chat.say("Mire nuestro catálogo"))
    question = chat.customer.text("¿Queda uno?", reply_to=ours["source_id"], product=product)
    message = chat.arrived(question)

    assert message["content_attributes"]["in_reply_to"] == ours["id"]
    assert message["content_attributes"]["referral"]["referred_product"] == product


def test_unavailable_message_of_a_coexisting_phone_says_so(chat: Chat) -> None:
    message = chat.arrived(chat.customer.unsupported(None, code=131060))

    assert message["kind"] == "unsupported"
    assert "only on the phone" in message["content_attributes"]["unsupported_reason"]


def test_group_is_a_conversation_of_its_own(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    group = "Y2FwaV9ncm91cDoxNTU1NzAwMTIzNDoxMjAzNjMwNDExMjIzMzQ0NTUZD"
    before = chat.conversation()["id"]
    source_id = chat.customer.text("hola a todos", group_id=group)

    def found() -> Any:
        listed = chatport.get("/conversations", status="all")["data"]["payload"]
        for one in listed:
            for message in chatport.get(f"/conversations/{one['id']}/messages")["payload"]:
                if message["source_id"] == source_id:
                    return one, message
        return None

    conversation, message = eventually(found, timeout=15)
    assert conversation["id"] != before
    assert message["sender"]["phone_number"] == f"+{chat.customer.phone}"
    path = f"/conversations/{conversation['id']}/messages"
    made = chatport.post(path, {"content": "hola, grupo"})
    eventually(lambda: chatport.get(f"{path}/{made['id']}")["state"] == "sent", timeout=20)
    assert (graph.sent[-1].addressed_by, graph.sent[-1].to) == ("group", group)


def test_customer_who_opens_the_chat_only_makes_no_conversation(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    quiet = graph.customer(new_phone(), "Callado")
    quiet.welcome()
    chat.arrived(chat.customer.text("yo sí escribo"))
    listed = chatport.get("/conversations", status="all")["data"]["payload"]

    assert f"+{quiet.phone}" not in [one["meta"]["sender"]["phone_number"] for one in listed]


def test_deliveries_in_another_order_lose_nothing(graph: GraphSimulator, chat: Chat) -> None:
    graph.faults.set("webhook", "reordered", 1)
    ids = [chat.customer.text(f"parte {number}") for number in range(3)]
    for source_id in ids:
        chat.arrived(source_id)
    shown = [one["source_id"] for one in chat.messages() if one["source_id"] in ids]

    assert sorted(shown) == sorted(ids)
