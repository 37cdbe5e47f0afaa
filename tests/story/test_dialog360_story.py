"""A shop at 360dialog, in both of its generations: set up, written to, answered, over real processes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from installation import Installation
from story.cloud_story import (
    CARDS,
    CTA,
    FILES,
    RECEIVED,
    SENT,
    TEMPLATE,
    TEMPLATE_PARAMS,
    UPLOADS,
    check_file,
    check_received,
)
from story.steps import Chat, inbox_body, new_phone, wait_for_setup

from chatport_testkit.cloud_shapes import samples
from chatport_testkit.dialog360 import Dialog360Simulator
from support import eventually

pytestmark = pytest.mark.processes
KEY = "simulated-d360-key"
HEADER = "X-Hook-Secret"
NUMBERS = {"v1": "4930700000001", "v2": "4930700000002"}


@dataclass
class Line:
    """One number at 360dialog, its inbox, and a customer who began a conversation."""

    chatport: Installation
    service: Dialog360Simulator
    inbox: dict[str, Any]
    chat: Chat

    @property
    def old(self) -> bool:
        return self.service.generation == "v1"

    def begun(self, **options: Any) -> Chat:
        customer = self.service.customer(new_phone(), "Ana Gómez")
        customer.text("hola", **options)
        made = Chat(self.chatport, customer)
        made.conversation()
        return made

    def sent(self, message: dict[str, Any]) -> Any:
        """What 360dialog took for this message of ours."""
        return next(one for one in self.service.sent if one.wamid == message["source_id"])

    def templates(self) -> dict[str, Any]:
        shown = self.chatport.get(f"/inboxes/{self.inbox['id']}")
        return {one["name"]: one for one in shown["message_templates"]}

    def synchronised(self) -> dict[str, Any]:
        if not self.templates():
            self.chatport.post(f"/inboxes/{self.inbox['id']}/sync_templates")
        return dict(eventually(self.templates, timeout=20))


def made_line(chatport: Installation, service: Dialog360Simulator, generation: str) -> Line:
    inbox = chatport.post("/inboxes", body_of(service, generation))
    wait_for_setup(chatport, inbox)
    customer = service.customer(new_phone(), "Ana Gómez")
    customer.text("hola")
    chat = Chat(chatport, customer)
    chat.conversation()
    return Line(chatport, service, inbox, chat)


def simulated(generation: str, number: str, **options: Any) -> Dialog360Simulator:
    service = Dialog360Simulator(
        api_key=KEY,
        generation=generation,
        phone=number,
        tick="manual",
        waba_id="214700000111222",
        media_listener=True,
        **options,
    )
    service.templates.add(*TEMPLATE)
    service.templates.add("winter_sale", "es_AR", "MARKETING", "Rebajas", status="PENDING")
    return service


def body_of(service: Dialog360Simulator, generation: str, **changes: Any) -> dict[str, Any]:
    number = changes.pop("number", NUMBERS[generation])
    address = service.url + ("/v1" if generation == "v1" else "")
    config = {"api_key": KEY, "api_base_url": address, **changes}
    return inbox_body("dialog360", number, **config)


@pytest.fixture(scope="module", params=["v1", "v2"])
def line(request: pytest.FixtureRequest, chatport: Installation) -> Iterator[Line]:
    """A number in the older and in the newer generation."""
    with simulated(request.param, NUMBERS[request.param]) as service:
        yield made_line(chatport, service, request.param)


# --- setting up -------------------------------------------------------------------------------------------------------


def test_new_inbox_sets_its_address_and_a_secret_header(line: Line) -> None:
    destination = line.service.destination
    secret = line.inbox["generated_secrets"]["webhook_verify_token"]

    assert destination is not None
    assert destination.url == line.inbox["callback_webhook_url"]
    assert destination.headers == {HEADER: secret}
    assert line.inbox["connection_result"]["connected"] is True
    shown = line.chatport.call("GET", f"/inboxes/{line.inbox['id']}").text
    assert (KEY in shown, secret in shown) == (False, False)
    assert (KEY in line.chatport.log, secret in line.chatport.log) == (False, False)


def test_event_without_the_secret_is_refused_like_an_unknown_number(line: Line) -> None:
    source_id = line.chat.customer.text("echt")
    line.chat.arrived(source_id)
    real = next(one for one in line.service.webhooks.log if source_id.encode() in one.body)
    forged = real.body.replace(source_id.encode(), b"wamid.FORGED")
    address = line.inbox["callback_webhook_url"]
    wrong = {**real.headers, HEADER: "wrong"}
    without = {key: value for key, value in real.headers.items() if key != HEADER}
    answers = [
        requests.post(address, data=forged, headers=without, timeout=5),
        requests.post(address, data=forged, headers=wrong, timeout=5),
        requests.post(
            address.rpartition("/")[0] + "/4930000", data=forged, headers=real.headers, timeout=5
        ),
    ]

    assert [one.status_code for one in answers] == [401, 401, 401]
    assert len({one.content for one in answers}) == 1
    line.chat.arrived(line.chat.customer.text("danach"))
    assert "wamid.FORGED" not in [one["source_id"] for one in line.chat.messages()]


@pytest.mark.parametrize("generation", ["v1", "v2"])
def test_secret_stands_in_the_address_where_headers_are_lost(
    chatport: Installation, generation: str
) -> None:
    number = "493070000006" + generation[1]
    with simulated(generation, number, keeps_headers=False) as service:
        inbox = chatport.post("/inboxes", body_of(service, generation, number=number))
        wait_for_setup(chatport, inbox)
        secret = inbox["generated_secrets"]["webhook_verify_token"]
        chat = Chat(chatport, service.customer(new_phone(), "Ida"))
        source_id = chat.customer.text("kommt an")
        chat.arrived(source_id)
        real = next(one for one in service.webhooks.log if source_id.encode() in one.body)
        address = inbox["callback_webhook_url"]
        answers = [
            requests.post(url, data=real.body, headers=real.headers, timeout=5).status_code
            for url in (real.url, address, f"{address}?secret=wrong", f"{address}?secret=")
        ]

        assert real.url.startswith(f"{address}?secret=")
        assert answers == [200, 401, 401, 401]
        assert secret not in chatport.call("GET", f"/inboxes/{inbox['id']}").text
        assert secret not in chatport.log
        assert chatport.call("DELETE", f"/inboxes/{inbox['id']}").status_code == 200


def test_events_are_answered_with_200_within_its_five_seconds(line: Line) -> None:
    line.chat.arrived(line.chat.customer.text("schnell"))
    attempts = [one for delivery in line.service.webhooks.log for one in delivery.attempts]

    assert {one.status for one in attempts} == {200}
    assert max(one.seconds for one in attempts) < 5


def test_wrong_key_is_refused_with_what_to_do(line: Line) -> None:
    generation = line.service.generation
    body = body_of(line.service, generation, number="4930700000099", api_key="not-the-key")
    answer = line.chatport.call("POST", "/inboxes", json=body)

    assert answer.status_code == 422
    assert answer.json()["action"]
    assert "not-the-key" not in answer.text


# --- receiving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case[0])
def test_each_type_arrives(line: Line, case: Any) -> None:
    check_received(line.chat, case)


@pytest.mark.parametrize("case", FILES, ids=lambda case: case[0])
def test_each_kind_of_file_arrives_with_its_bytes(line: Line, case: Any) -> None:
    _, file = check_file(line.chat, case)

    if case[0] == "document":
        assert file["filename"] == "Angebot ü.pdf"
    assert (
        line.service.elsewhere == []
    )  # the key never goes to Meta, and Meta's host serves nobody else


def test_contacts_arrive_as_cards(line: Line) -> None:
    pair = [("Bea Ruiz", "+4915112340009"), ("Carl", "+4915112340008")]
    parts = line.chat.all_arrived(line.chat.customer.contacts(pair), 2)

    assert [part["content"] for part in parts] == ["Bea Ruiz", "Carl"]
    assert parts[0]["attachments"][0]["fallback_title"] == "+4915112340009"


def test_reply_and_reactions_name_our_message(line: Line) -> None:
    ours = line.chat.taken(line.chat.say("¿Algo más?"))
    reply = line.chat.arrived(line.chat.customer.reply(ours["source_id"], "No"))
    assert reply["content_attributes"]["in_reply_to"] == ours["id"]

    def emojis() -> list[str]:
        return [one["emoji"] for one in line.chat.message(ours["id"])["reactions"]]

    began = int(time.time()) - 1  # times are whole seconds: within one, nothing tells the order
    line.chat.customer.react(ours["source_id"], "👍", timestamp=began)
    eventually(lambda: emojis() == ["👍"])
    line.chat.customer.unreact(ours["source_id"], empty_emoji=line.old, timestamp=began + 1)
    eventually(lambda: emojis() == [])


def test_answers_to_buttons_lists_and_flows_keep_their_ids(line: Line) -> None:
    chat = line.chat
    asked = chat.taken(chat.say(**SENT[3][1]))
    listed = chat.taken(chat.say(**SENT[4][1]))
    button = chat.arrived(chat.customer.button_reply(asked["source_id"], "n"))
    row = chat.arrived(chat.customer.list_reply(listed["source_id"], "pan-3"))
    flow = chat.arrived(chat.customer.flow_reply(asked["source_id"], {"day": "Mo"}))

    def told(message: dict[str, Any]) -> tuple[str, str, Any]:
        found = message["content_attributes"]["structured"]
        return message["content"], found["kind"], found["data"].get("id")

    assert told(button) == ("No", "button_reply", "n")
    assert told(row) == ("Pan 3", "list_reply", "pan-3")
    assert told(flow) == ("day: Mo", "flow_reply", None)


def test_order_shows_its_lines(line: Line) -> None:
    item = {"product_retailer_id": "SKU-1", "quantity": 2, "item_price": 3.5, "currency": "EUR"}
    order = line.chat.arrived(line.chat.customer.order([item], text="mañana"))

    assert order["content"] == "2 × SKU-1 (3.5 EUR)\nmañana"


def test_unsupported_message_is_a_placeholder_with_its_reason(line: Line) -> None:
    message = line.chat.arrived(line.chat.customer.unsupported("poll_creation"))

    assert message["kind"] == "unsupported"
    assert message["content_attributes"]["unsupported_reason"]


@pytest.mark.parametrize("line", ["v2"], indirect=True)  # the older one tells of neither
def test_customer_edits_and_deletes_a_message(line: Line) -> None:
    message = line.chat.arrived(line.chat.customer.text("helo"))
    line.chat.customer.edit(message["source_id"], "hello")
    line.chat.becomes(message, content="hello")
    line.chat.customer.revoke(message["source_id"])

    eventually(lambda: line.chat.message(message["id"])["deleted_at"])


def test_customer_changes_number_and_keeps_the_conversation(line: Line) -> None:
    chat = line.begun()
    before, new = chat.conversation(), new_phone()
    chat.customer.change_number(new)
    chat.customer.text("mi nuevo número")
    after = chat.conversation()

    assert (after["id"], after["meta"]["sender"]["id"]) == (
        before["id"],
        before["meta"]["sender"]["id"],
    )
    assert after["meta"]["sender"]["phone_number"] == f"+{new}"
    assert line.sent(chat.taken(chat.say("anotado"))).recipient == new


# --- answering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", SENT, ids=lambda case: case[0])
def test_each_type_is_sent(line: Line, case: Any) -> None:
    _, request, kind, wanted = case
    took = line.sent(line.chat.taken(line.chat.say(**request)))

    assert took.type == kind
    assert took.recipient == line.chat.customer.phone
    assert {key: took.payload[kind][key] for key in wanted} == wanted


@pytest.mark.parametrize("case", UPLOADS, ids=lambda case: case[0])
def test_each_kind_of_file_is_sent_with_its_bytes(line: Line, case: Any) -> None:
    _, name, data, mime, form, kind, wanted = case
    took = line.sent(line.chat.taken(line.chat.attach(name, data, mime, **form)))

    assert took.type == kind
    assert took.media_sha256 == hashlib.sha256(data).hexdigest()
    if line.old:  # it tells voice notes by their type alone
        wanted = {key: value for key, value in wanted.items() if key != "voice"}
    assert {key: took.payload[kind][key] for key in wanted} == wanted


def test_link_button_is_sent_where_the_generation_has_it(line: Line) -> None:
    made = line.chat.say(**CTA)
    if line.old:
        failed = line.chat.becomes(made, state="failed")
        assert (failed["error_code"], bool(failed["error_action"])) == ("unsupported", True)
        return
    interactive = line.sent(line.chat.taken(made)).payload["interactive"]
    parameters = {"display_text": "Abrir", "url": "https://example.com/menu"}

    assert interactive["action"] == {"name": "cta_url", "parameters": parameters}


def test_contacts_are_sent(line: Line) -> None:
    made = line.chat.say(content_type="contact", content_attributes={"contacts": CARDS})
    card = line.sent(line.chat.taken(made)).payload["contacts"][0]

    assert card["name"]["formatted_name"] == "Ana Gómez"
    assert card["phones"][0]["wa_id"] == "4915112340001"


def test_reply_is_sent_with_its_context(line: Line) -> None:
    question = line.chat.arrived(line.chat.customer.text("¿Abren hoy?"))
    made = line.chat.say("Sí", content_attributes={"in_reply_to": question["id"]})

    assert line.sent(line.chat.taken(made)).quoted == question["source_id"]


def test_our_reaction_is_sent_and_taken_back(line: Line) -> None:
    message = line.chat.arrived(line.chat.customer.text("¡Listo!"))
    path = f"{line.chat.path}/messages/{message['id']}/reactions"

    def reactions() -> list[tuple[str, str]]:
        found = [one.payload["reaction"] for one in line.service.sent if one.type == "reaction"]
        return [(one["message_id"], one["emoji"]) for one in found][-1:]

    line.chatport.post(path, {"emoji": "🎉"})
    eventually(lambda: reactions() == [(message["source_id"], "🎉")])
    eventually(lambda: len(line.chat.message(message["id"])["reactions"]) == 1)
    line.chatport.post(path, {"emoji": ""})
    eventually(lambda: reactions() == [(message["source_id"], "")])


def test_first_message_to_somebody_who_never_wrote_is_a_template(line: Line) -> None:
    line.synchronised()
    phone = new_phone()
    contact = line.chatport.post(
        "/contacts",
        {"name": "Dora", "phone_number": f"+{phone}", "inbox_id": line.inbox["id"]},
    )["payload"]["contact"]
    line.chatport.post(
        "/conversations",
        {
            "inbox_id": line.inbox["id"],
            "contact_id": contact["id"],
            "message": {"template_params": TEMPLATE_PARAMS},
        },
    )
    found = eventually(
        lambda: [one for one in line.service.sent if one.recipient == phone], timeout=20
    )

    assert found[0].payload["template"]["name"] == "order_ready"


# --- ticks, failures --------------------------------------------------------------------------------------------------


def test_ticks_follow_and_never_go_back(line: Line) -> None:
    ours = line.chat.taken(line.chat.say("pedido listo"))
    line.service.delivered(ours["source_id"])
    line.chat.becomes(ours, status="delivered")
    line.service.read(ours["source_id"])
    line.chat.becomes(ours, status="read")
    line.service.delivered(ours["source_id"])
    line.chat.arrived(line.chat.customer.text("visto"))

    assert line.chat.message(ours["id"])["status"] == "read"


def test_failed_message_says_why_and_what_to_do(line: Line) -> None:
    ours = line.chat.taken(line.chat.say("¿Me lees?"))
    line.service.failed(ours["source_id"], 131026)
    failed = line.chat.becomes(ours, status="failed")

    assert failed["error_code"] == ("1013" if line.old else "131026")
    assert failed["external_error"]
    assert failed["error_action"]


def test_refused_message_says_why_and_can_be_sent_again(line: Line) -> None:
    line.service.faults.set("messages", "gateway_error", 1, status=400, message="No such thing")
    ours = line.chat.say("otra vez")
    failed = line.chat.becomes(ours, state="failed")
    assert "No such thing" in failed["external_error"]

    line.chatport.post(f"{line.chat.path}/messages/{ours['id']}/retry")
    assert line.sent(line.chat.taken(ours)).text == "otra vez"


def test_page_instead_of_an_answer_is_tried_again(line: Line) -> None:
    line.service.faults.set("messages", "rate_limited", 1)
    ours = line.chat.say("espera")

    assert line.sent(line.chat.taken(ours)).text == "espera"
    assert len([one for one in line.service.sent if one.text == "espera"]) == 1


def test_answer_without_an_id_is_an_unknown_outcome(line: Line) -> None:
    line.service.faults.set("messages", "ok_without_messages", 1)
    unknown = line.chat.becomes(line.chat.say("¿llegó?"), state="unknown")

    assert unknown["status"] == "failed"


# --- the window, templates --------------------------------------------------------------------------------------------


def test_window_counts_from_the_customers_message(line: Line) -> None:
    conversation = line.chat.conversation()
    left = conversation["can_reply_until"] - time.time()

    assert conversation["can_reply"] is True
    assert 86400 - 300 < left <= 86400 + 2


def test_closed_window_takes_templates_only(line: Line) -> None:
    line.synchronised()
    silent = line.begun(timestamp=int(time.time()) - 25 * 3600)
    told = silent.refused("¿Sigues ahí?")
    ours = silent.taken(silent.say(template_params=TEMPLATE_PARAMS))

    assert silent.conversation()["can_reply"] is False
    assert told["code"] == "window_closed"
    assert "template" in told["action"]
    assert ours["content"] == "Su pedido N-77 está listo a las 17:00."
    assert line.sent(ours).payload["template"]["components"][1]["parameters"] == [
        {"type": "text", "text": "N-77"},
        {"type": "text", "text": "17:00"},
    ]


def test_templates_are_fetched_with_their_state(line: Line) -> None:
    found = line.synchronised()

    assert found["order_ready"]["status"] == "APPROVED"
    assert found["winter_sale"]["status"] == "PENDING"
    told = line.chat.refused(template_params={"name": "winter_sale", "language": "es_AR"})
    assert told["code"] == "template_not_approved"


# --- files, names, moving ---------------------------------------------------------------------------------------------


@contextmanager
def other_host() -> Iterator[tuple[str, list[str]]]:
    """A host that is not 360dialog's; its address, and the requests that reached it."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.requestline}\n{self.headers}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(samples.PNG)

        def log_message(self, *args: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/file", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("line", ["v2"], indirect=True)  # the older one hands the bytes over itself
def test_key_never_goes_along_to_another_host(line: Line) -> None:
    with other_host() as (address, seen):
        line.service.faults.set(
            "whatsapp_business/attachments", "status", 1, code=302, headers={"Location": address}
        )
        message = line.chat.arrived(line.chat.customer.image(samples.PNG, mime="image/png"))

        def file() -> dict[str, Any]:
            return dict(line.chat.message(message["id"])["attachments"][0])

        eventually(lambda: file()["error"], timeout=20, message=file)
        assert file()["state"] != "ready"
        assert "redirect" in file()["error"]

    assert seen == []


def test_old_name_of_the_provider_is_accepted(chatport: Installation) -> None:
    with simulated("v2", "4930700000050") as service:
        body = body_of(service, "v2", number="4930700000050")
        body["channel"]["provider"] = "default"
        made = chatport.post("/inboxes", body)
        wait_for_setup(chatport, made)

        assert made["provider"] == "dialog360"
        assert service.destination is not None
        assert chatport.call("DELETE", f"/inboxes/{made['id']}").status_code == 200


def test_number_that_moves_to_the_newer_generation_keeps_its_conversation(
    chatport: Installation,
) -> None:
    number = "4930700000051"
    with simulated("v1", number) as service:
        inbox = chatport.post("/inboxes", body_of(service, "v1", number=number))
        wait_for_setup(chatport, inbox)
        chat = Chat(chatport, service.customer(new_phone(), "Eva"))
        chat.arrived(chat.customer.text("antes"))
        before = chat.conversation()["id"]
        service.migrate("v2")
        chat.arrived(chat.customer.text("después"))
        change = {"channel": {"provider_config": {"api_base_url": service.url}}}
        chatport.call("PATCH", f"/inboxes/{inbox['id']}", json=change).raise_for_status()
        ours = chat.taken(chat.say("aquí seguimos"))

        assert chat.conversation()["id"] == before
        assert service.sent[-1].wamid == ours["source_id"]
        assert chatport.call("DELETE", f"/inboxes/{inbox['id']}").status_code == 200
