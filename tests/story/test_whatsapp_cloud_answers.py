"""A shop at Meta's Cloud API answers: each kind of message, ticks, failures, the window, templates; real processes."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from installation import Installation
from story.cloud_shop import NUMBER_ID, begun, body_of, sent
from story.cloud_story import CARDS, CTA, SENT, TEMPLATE_PARAMS, UPLOADS
from story.steps import Chat, new_phone, wait_for_setup

from chatport_testkit.cloud_shapes import samples
from chatport_testkit.meta import GraphSimulator
from support import eventually

pytestmark = pytest.mark.processes
DAY = 86400


# --- answering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SENT, ids=lambda case: case[0])
def test_each_type_is_sent(graph: GraphSimulator, chat: Chat, case: Any) -> None:
    _, request, kind, wanted = case
    took = sent(graph, chat.taken(chat.say(**request)))

    assert took.type == kind
    assert took.recipient == chat.customer.phone
    assert {key: took.payload[kind][key] for key in wanted} == wanted


@pytest.mark.parametrize("case", UPLOADS, ids=lambda case: case[0])
def test_each_kind_of_file_is_sent_with_its_bytes(
    graph: GraphSimulator, chat: Chat, case: Any
) -> None:
    _, name, data, mime, form, kind, wanted = case
    took = sent(graph, chat.taken(chat.attach(name, data, mime, **form)))

    assert took.type == kind
    assert took.media_sha256 == hashlib.sha256(data).hexdigest()
    assert {key: took.payload[kind][key] for key in wanted} == wanted
    assert "link" not in took.payload[kind]


def test_link_button_is_sent(graph: GraphSimulator, chat: Chat) -> None:
    took = sent(graph, chat.taken(chat.say(**CTA)))

    assert took.payload["interactive"] == {
        "type": "cta_url",
        "body": {"text": "Nuestra carta"},
        "action": {
            "name": "cta_url",
            "parameters": {"display_text": "Abrir", "url": "https://example.com/menu"},
        },
    }


def test_contacts_are_sent(graph: GraphSimulator, chat: Chat) -> None:
    made = chat.say(content_type="contact", content_attributes={"contacts": CARDS})
    card = sent(graph, chat.taken(made)).payload["contacts"][0]

    assert card["name"]["formatted_name"] == "Ana Gómez"
    assert card["phones"][0]["wa_id"] == "4915112340001"
    assert card["emails"][0]["email"] == "ana@example.com"


def test_reply_is_sent_with_its_context(graph: GraphSimulator, chat: Chat) -> None:
    question = chat.arrived(chat.customer.text("¿Abren hoy?"))
    made = chat.say("Sí", content_attributes={"in_reply_to": question["id"]})

    assert sent(graph, chat.taken(made)).quoted == question["source_id"]


def test_our_reaction_is_sent_and_taken_back(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    message = chat.arrived(chat.customer.text("¡Listo!"))
    path = f"{chat.path}/messages/{message['id']}/reactions"

    def last_reaction() -> Any:
        found = [one.payload["reaction"] for one in graph.sent if one.type == "reaction"]
        return found[-1] if found else None

    chatport.post(path, {"emoji": "🎉"})
    eventually(lambda: last_reaction() == {"message_id": message["source_id"], "emoji": "🎉"})
    eventually(
        lambda: (
            [(r["emoji"], r["from_me"]) for r in chat.message(message["id"])["reactions"]]
            == [("🎉", True)]
        )
    )
    chatport.post(path, {"emoji": ""})
    eventually(lambda: last_reaction()["emoji"] == "")
    eventually(lambda: chat.message(message["id"])["reactions"] == [])


def test_what_the_cloud_api_cannot_do_is_refused_at_once(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    before = len(graph.sent)
    poll = {"question": "¿Cuál?", "options": ["a", "b"]}
    told = chat.refused(content_type="poll", content_attributes={"poll": poll})
    ours = chat.taken(chat.say("con eror"))
    edit = chatport.call("PATCH", f"{chat.path}/messages/{ours['id']}", json={"content": "x"})

    assert told["action"]
    assert edit.status_code == 422
    assert chat.refused("x" * 5000)["code"] == "text_too_long"
    assert len(graph.sent) == before + 1


def test_reading_tells_the_customer(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    message = chat.arrived(chat.customer.text("¿me leen?"))
    chatport.call(
        "PATCH",
        f"/inboxes/{chat.conversation()['inbox_id']}",
        json={"read_receipts": "on_open"},
    ).raise_for_status()
    chatport.post(f"{chat.path}/update_last_seen")

    eventually(lambda: message["source_id"] in [one.wamid for one in graph.receipts], timeout=20)


def test_typing_shows_at_the_customers(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    message = chat.arrived(chat.customer.text("¿y?"))
    chatport.post(f"{chat.path}/toggle_typing_status", {"typing_status": "on"})

    eventually(
        lambda: [one.wamid for one in graph.receipts if one.typing][-1:] == [message["source_id"]],
        timeout=20,
    )


# --- ticks, failures --------------------------------------------------------------------------------------------------


def test_ticks_follow_and_never_go_back(graph: GraphSimulator, chat: Chat) -> None:
    ours = chat.taken(chat.say("pedido listo"))
    assert ours["status"] == "sent"
    graph.delivered(ours["source_id"])
    chat.becomes(ours, status="delivered")
    graph.read(ours["source_id"])
    chat.becomes(ours, status="read")
    graph.delivered(ours["source_id"])
    graph.status(ours["source_id"], "sent")
    chat.arrived(chat.customer.text("visto"))

    assert chat.message(ours["id"])["status"] == "read"


def test_status_before_the_answer_of_the_send_is_not_lost(
    graph: GraphSimulator, chat: Chat
) -> None:
    graph.ticks.auto, graph.ticks.before_answer = True, True
    try:
        ours = chat.say("rápido")
        chat.becomes(ours, status="read")
    finally:
        graph.ticks.auto, graph.ticks.before_answer = False, False


@pytest.mark.parametrize("code", [131026, 131049])
def test_failed_message_says_why_and_what_to_do(
    graph: GraphSimulator, chat: Chat, code: int
) -> None:
    ours = chat.taken(chat.say("¿Me lees?"))
    graph.failed(ours["source_id"], code)
    failed = chat.becomes(ours, status="failed")

    assert failed["error_code"] == str(code)
    assert failed["external_error"]
    assert failed["error_action"]


def test_refused_message_says_why_and_can_be_sent_again(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    graph.faults.set("messages", "graph_error", 1, code=131030)
    ours = chat.say("a la prueba")
    failed = chat.becomes(ours, state="failed")
    assert failed["error_code"] == "131030"
    assert failed["external_error"]
    assert failed["error_action"]

    chatport.post(f"{chat.path}/messages/{ours['id']}/retry")
    assert sent(graph, chat.taken(ours)).text == "a la prueba"


def test_answer_without_an_id_is_an_unknown_outcome(graph: GraphSimulator, chat: Chat) -> None:
    graph.faults.set("messages", "ok_without_messages", 1)
    unknown = chat.becomes(chat.say("¿llegó?"), state="unknown")

    assert unknown["status"] == "failed"
    assert unknown["external_error"]


def test_connection_cut_after_the_send_heals_by_its_status(
    graph: GraphSimulator, chat: Chat
) -> None:
    graph.faults.set("messages", "cut_after_accept", 1)
    ours = chat.say("cortado")
    chat.becomes(ours, state="unknown")
    took = next(one for one in graph.sent if one.text == "cortado")
    graph.delivered(took.wamid)

    assert chat.becomes(ours, status="delivered")["source_id"] == took.wamid
    assert len([one for one in graph.sent if one.text == "cortado"]) == 1


# --- the window, templates --------------------------------------------------------------------------------------------


def test_window_counts_from_the_customers_message(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    chat = begun(chatport, graph)
    conversation = chat.conversation()
    left = conversation["can_reply_until"] - time.time()

    assert conversation["can_reply"] is True
    assert DAY - 120 < left <= DAY + 2


@pytest.fixture
def silent(chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]) -> Chat:
    """A conversation whose customer wrote 25 hours ago."""
    customer = graph.customer(new_phone(), "Beto")
    customer.text("hola", timestamp=int(time.time()) - 25 * 3600)
    return Chat(chatport, customer)


def test_closed_window_refuses_text_with_a_typed_error(graph: GraphSimulator, silent: Chat) -> None:
    conversation = silent.conversation()
    before = len(graph.sent)
    told = silent.refused("¿Sigues ahí?")

    assert conversation["can_reply"] is False
    assert conversation["can_reply_until"] < time.time()
    assert told["code"] == "window_closed"
    assert "template" in told["action"]
    assert len(graph.sent) == before


def test_window_that_only_meta_holds_closed_fails_with_the_reason(
    graph: GraphSimulator, chat: Chat
) -> None:
    ours = chat.taken(chat.say("¿Sigues ahí?"))
    graph.failed(ours["source_id"], 131047)
    failed = chat.becomes(ours, status="failed")

    assert failed["error_code"] == "131047"
    assert "template" in failed["error_action"]


def templates(chatport: Installation, inbox: dict[str, Any]) -> dict[str, Any]:
    shown = chatport.get(f"/inboxes/{inbox['id']}")
    return {one["name"]: one for one in shown["message_templates"]}


def synchronised(chatport: Installation, inbox: dict[str, Any]) -> dict[str, Any]:
    if not templates(chatport, inbox):
        chatport.post(f"/inboxes/{inbox['id']}/sync_templates")
    return dict(eventually(lambda: templates(chatport, inbox), timeout=20))


def test_templates_are_fetched(chatport: Installation, inbox: dict[str, Any]) -> None:
    found = synchronised(chatport, inbox)

    assert found["order_ready"]["language"] == "es_AR"
    assert found["order_ready"]["status"] == "APPROVED"
    assert found["winter_sale"]["status"] == "PENDING"


def test_template_reaches_a_customer_whose_window_is_closed(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any], silent: Chat
) -> None:
    synchronised(chatport, inbox)
    ours = silent.taken(silent.say(template_params=TEMPLATE_PARAMS))
    template = sent(graph, ours).payload["template"]

    assert ours["content"] == "Su pedido N-77 está listo a las 17:00."
    assert (template["name"], template["language"]["code"]) == ("order_ready", "es_AR")
    assert template["components"][:2] == [
        {"type": "header", "parameters": [{"type": "text", "text": "Ana"}]},
        {
            "type": "body",
            "parameters": [{"type": "text", "text": "N-77"}, {"type": "text", "text": "17:00"}],
        },
    ]


def test_template_that_meta_holds_back_says_so(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any], silent: Chat
) -> None:
    synchronised(chatport, inbox)
    graph.message_status = "held_for_quality_assessment"
    try:
        ours = silent.taken(silent.say(template_params=TEMPLATE_PARAMS))
    finally:
        graph.message_status = "accepted"

    assert "holds this template back" in ours["content_attributes"]["delivery_note"]
    assert graph.outbox.by_id(ours["source_id"]).statuses == []


#: definition, values, components that Meta gets
TEMPLATES: dict[str, tuple[tuple[Any, ...], dict[str, Any], list[dict[str, Any]]]] = {
    "picture_and_named_values": (
        (
            "MARKETING",
            [
                {
                    "type": "HEADER",
                    "format": "IMAGE",
                    "example": {"header_handle": ["https://scontent.whatsapp.net/x"]},
                },
                {"type": "BODY", "text": "Hola {{name}}, hay {{thing}}."},
                {"type": "FOOTER", "text": "Kiosko"},
            ],
        ),
        {
            "header": {"media_url": "https://example.com/torta.png"},
            "body": {"name": "Ana", "thing": "torta"},
        },
        [
            {
                "type": "header",
                "parameters": [
                    {"type": "image", "image": {"link": "https://example.com/torta.png"}}
                ],
            },
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Ana", "parameter_name": "name"},
                    {"type": "text", "text": "torta", "parameter_name": "thing"},
                ],
            },
        ],
    ),
    "coupon_and_address": (
        (
            "MARKETING",
            [
                {"type": "BODY", "text": "Un regalo"},
                {
                    "type": "BUTTONS",
                    "buttons": [
                        {"type": "COPY_CODE", "example": "PAN10"},
                        {
                            "type": "URL",
                            "text": "Ver",
                            "url": "https://example.com/{{1}}",
                            "example": ["https://example.com/x"],
                        },
                    ],
                },
            ],
        ),
        {"buttons": [{"parameter": "PAN10"}, {"parameter": "regalo/7"}]},
        [
            {
                "type": "button",
                "sub_type": "copy_code",
                "index": "0",
                "parameters": [{"type": "coupon_code", "coupon_code": "PAN10"}],
            },
            {
                "type": "button",
                "sub_type": "url",
                "index": "1",
                "parameters": [{"type": "text", "text": "regalo/7"}],
            },
        ],
    ),
    "login_code": (
        (
            "AUTHENTICATION",
            [
                {"type": "BODY", "text": "Su código es {{1}}."},
                {
                    "type": "BUTTONS",
                    "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copiar"}],
                },
            ],
        ),
        {"body": {"1": "481516"}},
        [
            {"type": "body", "parameters": [{"type": "text", "text": "481516"}]},
            {
                "type": "button",
                "sub_type": "url",
                "index": "0",
                "parameters": [{"type": "text", "text": "481516"}],
            },
        ],
    ),
}


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_each_kind_of_template_is_sent(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any], silent: Chat, name: str
) -> None:
    (category, components), values, wanted = TEMPLATES[name]
    named = {"parameter_format": "NAMED"} if "named" in name else {}
    graph.templates.add(name, "es", category, components, **named)
    chatport.post(f"/inboxes/{inbox['id']}/sync_templates")
    eventually(lambda: name in templates(chatport, inbox), timeout=20)
    params = {"name": name, "language": "es", "processed_params": values}
    took = sent(graph, silent.taken(silent.say(template_params=params)))

    assert took.payload["template"]["components"] == wanted


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"name": "no_such", "language": "es_AR"}, "template_missing"),
        ({"name": "order_ready", "language": "de"}, "template_language"),
        (
            {**TEMPLATE_PARAMS, "processed_params": {"body": {"1": "N-77"}}},
            "template_variables",
        ),
        ({"name": "winter_sale", "language": "es_AR"}, "template_not_approved"),
    ],
    ids=["name", "language", "variables", "state"],
)
def test_template_that_does_not_fit_is_refused_at_once(
    chatport: Installation,
    inbox: dict[str, Any],
    silent: Chat,
    params: dict[str, Any],
    code: str,
) -> None:
    synchronised(chatport, inbox)
    told = silent.refused(template_params=params)

    assert told["code"] == code
    assert told["action"]


def test_customers_tap_on_a_templates_button_arrives(
    chatport: Installation, inbox: dict[str, Any], silent: Chat
) -> None:
    synchronised(chatport, inbox)
    ours = silent.taken(silent.say(template_params=TEMPLATE_PARAMS))
    tap = silent.arrived(silent.customer.template_button(ours["source_id"], "Gracias"))

    assert tap["content"] == "Gracias"
    assert tap["content_attributes"]["in_reply_to"] == ours["id"]
    assert silent.conversation()["can_reply"] is True


def test_change_of_a_template_and_of_quality_show(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    synchronised(chatport, inbox)
    graph.template_status("winter_sale", "REJECTED", reason="INVALID_FORMAT")
    graph.quality("FLAGGED")

    eventually(lambda: templates(chatport, inbox)["winter_sale"]["status"] == "REJECTED")

    def notices() -> str:
        return str(chatport.get(f"/inboxes/{inbox['id']}/health")["notices"])

    eventually(lambda: "phone_number_quality_update" in notices(), timeout=20)


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_file_that_arrives_damaged_is_fetched_again(graph: GraphSimulator, chat: Chat) -> None:
    graph.faults.set("whatsapp_business/attachments", "wrong_sha256", 1)
    file = chat.file(chat.customer.image(samples.PNG, mime="image/png"))

    assert file["file_size"] == len(samples.PNG)


def test_revoked_token_is_shown_with_what_to_do(
    chatport: Installation, graph: GraphSimulator, chat: Chat
) -> None:
    graph.faults.set("messages", "expired_token", 1)
    failed = chat.becomes(chat.say("¿hola?"), state="failed")
    shown = chatport.get(f"/inboxes/{chat.conversation()['inbox_id']}")

    assert failed["error_action"]
    assert shown["connection"] == "unauthorised"
    assert shown["connection_action"]


def test_deleted_inbox_takes_its_address_away(
    chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]
) -> None:
    graph.add_number("109870000999888", "15557009876")
    body = body_of(graph, "15557009876", phone_number_id="109870000999888")
    second = chatport.post("/inboxes", body)
    wait_for_setup(chatport, second)
    number = graph.number_of("109870000999888")
    assert number.callback is not None
    assert chatport.call("DELETE", f"/inboxes/{second['id']}").status_code == 200

    eventually(lambda: number.callback is None or not number.callback.url, timeout=20)
    assert graph.number_of(NUMBER_ID).callback is not None
