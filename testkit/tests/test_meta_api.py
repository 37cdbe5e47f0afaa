"""The Graph simulator's HTTP API: authentication, objects, sends, errors, media, templates, registration."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from chatport_testkit.cloud_shapes import Limits
from chatport_testkit.cloud_shapes.samples import JPEG, OGG_OPUS
from chatport_testkit.meta import GraphSimulator

PNID = "109870000333444"
WABA = "214700000111222"
HOOK = "http://127.0.0.1:1/app"
ANA = "5491122223333"


class Api:
    """A started simulator with a client that has its token."""

    def __init__(self, **options: Any) -> None:
        self.posts: list[Any] = []
        self.sim = GraphSimulator(webhook=HOOK, transport=self._hook, **options)
        self.token = next(iter(self.sim.tokens))

    def _hook(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        self.posts.append(json.loads(body))
        return 200

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = f"{self.sim.url}/v23.0/{path}"
        return requests.request(method, url, headers=headers, timeout=10, **options)

    def send(self, **body: Any) -> requests.Response:
        body = {"messaging_product": "whatsapp", "to": ANA, **body}
        return self.call("POST", f"{PNID}/messages", json=body)

    def text(self, text: str = "hi", **body: Any) -> requests.Response:
        return self.send(type="text", text={"body": text}, **body)

    def error(self, response: requests.Response) -> tuple[int, int, int | None]:
        error = response.json()["error"]
        return response.status_code, error["code"], error.get("error_subcode")

    def statuses(self) -> list[tuple[str, int | None]]:
        assert self.sim.flush()
        return [
            (s["status"], s["errors"][0]["code"] if "errors" in s else None)
            for post in self.posts
            for entry in post["entry"]
            for change in entry["changes"]
            for s in change["value"].get("statuses", [])
        ]


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    with made.sim:
        made.sim.customer(ANA, "Ana").open_window()
        yield made


# -- authentication and objects -------------------------------------------------------------------------


def test_request_without_token_is_refused_first(api: Api) -> None:
    answer = requests.get(f"{api.sim.url}/v23.0/unknown", timeout=5)
    assert api.error(answer) == (401, 104, None)
    wrong = api.call("GET", PNID, headers={"Authorization": "Bearer nonsense"})
    assert api.error(wrong) == (401, 190, None)
    assert wrong.json()["error"]["fbtrace_id"] == wrong.headers["x-fb-trace-id"]


def test_token_expires_and_is_revoked(api: Api) -> None:
    api.sim.tokens[api.token].expires_at = int(api.sim.clock.now()) + 60
    assert api.call("GET", PNID).status_code == 200
    api.sim.advance(61)
    assert api.error(api.call("GET", PNID)) == (401, 190, 463)
    api.sim.revoke_tokens(460)
    assert api.error(api.call("GET", PNID)) == (401, 190, 460)


def test_appsecret_proof_is_checked(api: Api) -> None:
    key, token = api.sim.app_secret.encode(), api.token.encode()
    right = hmac.new(key, token, hashlib.sha256).hexdigest()
    assert api.call("GET", PNID, params={"appsecret_proof": right}).status_code == 200
    assert api.error(api.call("GET", PNID, params={"appsecret_proof": "00"})) == (400, 100, None)
    api.sim.require_appsecret_proof = True
    assert api.error(api.call("GET", PNID)) == (400, 100, None)


def test_scopes_and_account_rights_are_checked(api: Api) -> None:
    api.sim.tokens[api.token].scopes = ("whatsapp_business_management",)
    assert api.error(api.text()) == (403, 10, None)
    api.sim.tokens[api.token].wabas = frozenset({"1"})
    assert api.error(api.text()) == (400, 100, 33)


def test_unknown_object_and_edge(api: Api) -> None:
    for path in ("1098700003334449/messages", f"{PNID}/nothing", "0"):
        answer = api.call("POST", path, json={})
        assert api.error(answer) == (400, 100, 33)
        assert answer.json()["error"]["type"] == "GraphMethodException"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", f"{PNID}/messages"), ("PATCH", PNID), ("DELETE", f"{PNID}/messages")],
)
def test_wrong_method_is_an_error_of_graph_and_no_page(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path, json={})
    assert api.error(answer) == (400, 100, 33)
    assert answer.json()["error"]["type"] == "GraphMethodException"


def test_number_node_selects_fields(api: Api) -> None:
    answer = api.call("GET", PNID, params={"fields": "display_phone_number,quality_rating"}).json()
    assert answer == {
        "display_phone_number": "+1 555-700-1234",
        "quality_rating": "GREEN",
        "id": PNID,
    }
    assert api.error(api.call("GET", PNID, params={"fields": "nope"})) == (400, 100, None)
    assert (
        requests.get(f"{api.sim.url}/{PNID}", params={"access_token": api.token}, timeout=5).json()[
            "id"
        ]
        == PNID
    )


def test_phone_numbers_are_paged_without_next_on_the_last_page(api: Api) -> None:
    for index in range(3):
        api.sim.add_number(f"20{index}", f"1555700900{index}")
    ids: list[str] = []
    path: str | None = f"{WABA}/phone_numbers?limit=3&fields=id"
    while path:
        page = api.call("GET", path).json()
        ids += [n["id"] for n in page["data"]]
        following = page["paging"].get("next")
        path = following.split("/v23.0/")[1] if following else None
    assert ids == [PNID, "200", "201", "202"]
    assert set(page["paging"]["cursors"]) == {"before", "after"}
    assert api.call("GET", f"{WABA}/phone_numbers?after=bjQ=").json() == {"data": []}
    assert api.error(api.call("GET", f"{WABA}/phone_numbers?after=!!")) == (400, 131059, None)


def test_debug_token(api: Api) -> None:
    url = f"{api.sim.url}/debug_token"
    app_token = f"{api.sim.app_id}|{api.sim.app_secret}"
    query = {"input_token": api.token, "access_token": app_token}
    data = requests.get(url, params=query, timeout=5).json()["data"]
    assert (data["is_valid"], data["expires_at"], data["app_id"]) == (True, 0, api.sim.app_id)
    assert data["granular_scopes"][0]["target_ids"] == [WABA]
    query["input_token"] = "unknown"
    assert requests.get(url, params=query, timeout=5).json()["data"]["is_valid"] is False
    query["access_token"] = f"{api.sim.app_id}|wrong"
    assert api.error(requests.get(url, params=query, timeout=5)) == (401, 190, None)
    assert all("input_token" not in r.query for r in api.sim.requests)


# -- sending --------------------------------------------------------------------------------------------


def test_text_is_accepted_and_goes_through_its_statuses(api: Api) -> None:
    answer = api.text("hola", biz_opaque_callback_data="msg:1")
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert body["contacts"] == [{"input": ANA, "wa_id": ANA}]
    (sent,) = api.sim.sent
    assert (sent.wamid, sent.text, sent.to, sent.type) == (
        body["messages"][0]["id"],
        "hola",
        ANA,
        "text",
    )
    assert sent.biz_opaque_callback_data == "msg:1"
    assert [name for name, _ in api.statuses()] == ["sent", "delivered", "read"]
    status = api.posts[0]["entry"][0]["changes"][0]["value"]["statuses"][0]
    assert status["biz_opaque_callback_data"] == "msg:1"
    assert api.sim.customers[0].received == [sent]


def test_manual_ticks() -> None:
    api = Api(tick="manual")
    with api.sim as sim:
        sim.customer(ANA).open_window()
        wamid = api.text().json()["messages"][0]["id"]
        assert api.statuses() == []
        sim.read(wamid)
        sim.delivered(wamid)
        sim.failed(wamid, 131026)
        assert api.statuses() == [("read", None), ("delivered", None), ("failed", 131026)]
        assert sim.sent[0].failed_code == 131026
        with pytest.raises(LookupError):
            sim.read("wamid.unknown")


def test_status_may_come_before_the_answer() -> None:
    api = Api()
    with api.sim as sim:
        sim.customer(ANA).open_window()
        sim.ticks.before_answer = True
        sim.ticks.steps = ("sent",)
        api.text()
        assert len(api.posts) == 1


def test_window_closes_24_hours_after_the_last_message(api: Api) -> None:
    api.sim.advance(86401)
    assert api.text().status_code == 200
    assert api.statuses() == [("failed", 131047)]
    api.sim.customer(ANA).text("back")
    api.text()
    assert api.statuses()[1] == ("sent", None)


def test_window_error_in_the_answer() -> None:
    api = Api(window_mode="sync")
    with api.sim as sim:
        sim.customer(ANA)
        answer = api.text()
        assert api.error(answer) == (400, 131047, None)
        assert answer.json()["error"]["message"] == "(#131047) Re-engagement message"
        assert sim.sent == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"messaging_product": "sms", "type": "text", "text": {"body": "x"}}, 100),
        ({"to": "", "type": "text", "text": {"body": "x"}}, 100),
        ({"to": "abc", "type": "text", "text": {"body": "x"}}, 131009),
        ({"to": None, "recipient": "de.1", "type": "text", "text": {"body": "x"}}, 131009),
        ({"type": "poll", "poll": {}}, 100),
        ({"type": "text"}, 131008),
        ({"type": "text", "text": {"body": ""}}, 131009),
        ({"type": "text", "text": {"body": "x" * 4097}}, 131009),
        ({"type": "image", "image": {}}, 131008),
        ({"type": "image", "image": {"id": "1", "link": "https://x.example"}}, 131009),
        ({"type": "image", "image": {"id": "1"}}, 131009),
        ({"type": "audio", "audio": {"link": "https://x.example", "caption": "c"}}, 131009),
        ({"type": "video", "video": {"link": "ftp://x.example"}}, 131009),
        ({"type": "location", "location": {"latitude": "1"}}, 131008),
        ({"type": "location", "location": {"latitude": "91", "longitude": "0"}}, 131009),
        ({"type": "contacts", "contacts": [{"name": {"formatted_name": "A"}}]}, 131009),
        ({"type": "reaction", "reaction": {"message_id": "x"}}, 131008),
        ({"type": "template", "template": {"name": "x"}}, 131008),
        ({"type": "text", "text": {"body": "x"}, "context": {}}, 131009),
        ({"type": "text", "text": {"body": "x"}, "biz_opaque_callback_data": "x" * 513}, 131009),
        ({"to": "15557001234", "type": "text", "text": {"body": "x"}}, 131021),
    ],
)
def test_send_refuses(api: Api, body: dict[str, Any], code: int) -> None:
    status, given, _ = api.error(api.send(**body))
    assert (status, given) == (400, code)
    assert api.sim.sent == []


def button(title: str = "Yes", identity: str = "y") -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": identity, "title": title}}


def row(identity: str, **more: str) -> dict[str, str]:
    return {"id": identity, "title": "Row", **more}


INTERACTIVE: list[tuple[str, dict[str, Any], str]] = [
    ("button", {"buttons": [button("x" * 21)]}, "Button title length invalid"),
    ("button", {"buttons": [button(), button()]}, "titles must be unique"),
    ("button", {"buttons": [button(), button("No")]}, "ids must be unique"),
    ("button", {"buttons": []}, "Invalid buttons count"),
    ("button", {"buttons": [button(str(i), str(i)) for i in range(4)]}, "Invalid buttons count"),
    ("button", {"buttons": [button("A", " a")]}, "cannot start or end with a space"),
    ("list", {"button": "x" * 21, "sections": [{"rows": [row("1")]}]}, "Button length"),
    (
        "list",
        {"button": "B", "sections": [{"rows": [row(str(i)) for i in range(11)]}]},
        "Total row",
    ),
    ("list", {"button": "B", "sections": [{"rows": [row("1", description="d" * 73)]}]}, "descr"),
    ("list", {"button": "B", "sections": [{"rows": [row("1")]}] * 2}, "Section title"),
    ("cta_url", {"name": "cta_url", "parameters": {"display_text": "D", "url": "tel:1"}}, "http"),
    ("location_request_message", {"name": "x"}, "send_location"),
    ("poll", {}, "not one of the supported"),
]


@pytest.mark.parametrize(("kind", "action", "words"), INTERACTIVE)
def test_interactive_limits(api: Api, kind: str, action: dict[str, Any], words: str) -> None:
    content = {"type": kind, "body": {"text": "?"}, "action": action}
    answer = api.send(type="interactive", interactive=content)
    assert answer.json()["error"]["code"] in {131008, 131009}
    assert words in answer.json()["error"]["error_data"]["details"]


def test_buttons_are_answered_with_their_title(api: Api) -> None:
    content = {"type": "button", "body": {"text": "?"}, "action": {"buttons": [button("Yes", "y")]}}
    wamid = api.send(type="interactive", interactive=content).json()["messages"][0]["id"]
    api.sim.customers[0].button_reply(wamid, "y")
    assert api.sim.flush()
    message = next(
        p["entry"][0]["changes"][0]["value"]["messages"][0]
        for p in api.posts
        if "messages" in p["entry"][0]["changes"][0]["value"]
    )
    assert message["context"] == {"from": "15557001234", "id": wamid}
    assert message["interactive"]["button_reply"] == {"id": "y", "title": "Yes"}


def test_business_scoped_id_answers_without_wa_id(api: Api) -> None:
    hidden = api.sim.customer("4915112340001", "Rosa", bsuid="DE.582", hide_phone=True)
    hidden.open_window()
    body = api.send(to=None, recipient="DE.582", type="text", text={"body": "x"}).json()
    assert body["contacts"] == [{"input": "DE.582", "user_id": "DE.582"}]
    assert api.statuses()[0] == ("sent", None)
    status = api.posts[0]["entry"][0]["changes"][0]["value"]["statuses"][0]
    assert status["recipient_user_id"] == "DE.582"
    assert "recipient_id" not in status
    both = api.send(recipient="DE.582", type="text", text={"body": "x"}).json()
    assert both["contacts"][0]["wa_id"] == ANA


@pytest.mark.parametrize(
    ("dialled", "wa_id"),
    [
        ("+55 11 98765-4321", "551187654321"),
        ("+525512345678", "5215512345678"),
        ("+541123456789", "5491123456789"),
        ("+4915112340001", "4915112340001"),
    ],
)
def test_wa_id_of_the_answer_differs_where_whatsapp_maps(dialled: str, wa_id: str) -> None:
    api = Api(map_wa_ids=True)
    with api.sim:
        answer = api.send(to=dialled, type="text", text={"body": "x"}).json()
    assert answer["contacts"] == [{"input": dialled, "wa_id": wa_id}]


def test_magic_recipients_fail_with_their_code(api: Api) -> None:
    api.text(to="99900131049")
    assert api.statuses() == [("failed", 131049)]
    assert api.error(api.text(to="99901131016")) == (500, 131016, None)


def test_allow_list_unregistered_and_unreachable(api: Api) -> None:
    api.sim.not_on_whatsapp.add("4915100000000")
    api.text(to="4915100000000")
    assert api.statuses() == [("failed", 131026)]
    api.sim.allow_list = {"1"}
    assert api.error(api.text()) == (400, 131030, None)
    api.sim.allow_list = None
    api.call("POST", f"{PNID}/deregister")
    assert api.error(api.text()) == (400, 133010, None)


def test_reaction_ends_at_sent_and_needs_a_target(api: Api) -> None:
    wamid = api.sim.customers[0].text("hi")
    api.send(type="reaction", reaction={"message_id": wamid, "emoji": "👍"})
    assert api.statuses() == [("sent", None)]
    api.send(type="reaction", reaction={"message_id": "wamid.unknown", "emoji": "👍"})
    assert api.statuses()[1:] == [("failed", 131009)]


def test_mark_read_with_typing(api: Api) -> None:
    customer = api.sim.customers[0]
    customer.text("1")
    wamid = customer.text("2")
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    typing = {"typing_indicator": {"type": "text"}}
    assert api.call("POST", f"{PNID}/messages", json={**body, **typing}).json() == {"success": True}
    (receipt,) = api.sim.receipts
    assert (receipt.wamid, receipt.customer, receipt.typing) == (wamid, ANA, True)
    assert all(m.read for m in api.sim.inbound)
    api.text()
    assert (api.sim.sent[0].typing, api.sim.sent[0].marked_read) == (True, (wamid,))
    unknown = api.call("POST", f"{PNID}/messages", json={**body, "message_id": "wamid.x"})
    assert api.error(unknown) == (400, 131009, None)


def test_rate_limits() -> None:
    api = Api(limits=Limits(pair_burst=2, messages_per_second=3), throttle_status=400)
    with api.sim as sim:
        sim.customer(ANA).open_window()
        assert [api.text().status_code for _ in range(2)] == [200, 200]
        assert api.error(api.text()) == (400, 131056, None)
        assert api.error(api.text(to="4915112340001")) == (400, 130429, None)
        sim.advance(6)
        assert api.text().status_code == 200


# -- templates ------------------------------------------------------------------------------------------


def template(name: str = "order", language: str = "de", **more: Any) -> dict[str, Any]:
    return {"type": "template", "template": {"name": name, "language": {"code": language}, **more}}


def body_parameters(*texts: str, **more: Any) -> dict[str, Any]:
    return {"type": "body", "parameters": [{"type": "text", "text": t, **more} for t in texts]}


def test_template_needs_no_window_and_reports_acceptance(api: Api) -> None:
    api.sim.templates.add("order", "de", "UTILITY", "Hallo {{1}}, Nr. {{2}} ist da.")
    answer = api.send(to="4915112340001", **template(components=[body_parameters("Rosa", "44")]))
    assert answer.json()["messages"][0]["message_status"] == "accepted"
    assert api.statuses()[0] == ("sent", None)


def test_template_parameters_are_compared(api: Api) -> None:
    header = {"type": "HEADER", "format": "IMAGE"}
    text = {"type": "BODY", "text": "Hallo {{1}}, Nr. {{2}} ist da."}
    link = {"type": "URL", "text": "Zu", "url": "https://x.example/{{1}}"}
    buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop"}, link]}
    api.sim.templates.add("order", "de", "UTILITY", [text])
    api.sim.templates.add("photo", "de", "UTILITY", [header, {"type": "BODY", "text": "Da"}])
    api.sim.templates.add("link", "de", "UTILITY", [{"type": "BODY", "text": "Da"}, buttons])
    api.sim.templates.add(
        "named", "de", "UTILITY", "Hallo {{vorname}}, da.", parameter_format="NAMED"
    )
    api.sim.templates.add("paused", "de", "UTILITY", "Da", status="PAUSED")
    cases = [
        (template("missing"), 404, 132001),
        (template("order", "de_DE"), 404, 132001),
        (template("paused"), 400, 132015),
        (template("order", components=[body_parameters("Rosa")]), 400, 132000),
        (template("order", components=[body_parameters("Rosa", "a\nb")]), 400, 132018),
        (template("order", components=[body_parameters("Rosa", "")]), 400, 131008),
        (template("order", components=[body_parameters("Rosa", "x" * 1020)]), 400, 132005),
        (template("photo"), 400, 132012),
        (template("named", components=[body_parameters("Rosa")]), 400, 132012),
        (template("link"), 400, 131008),
    ]
    for body, status, code in cases:
        assert api.error(api.send(**body))[:2] == (status, code), body
    good = body_parameters("Rosa", parameter_name="vorname")
    assert api.send(**template("named", components=[good])).status_code == 200


def test_marketing_template_fails_after_opt_out(api: Api) -> None:
    api.sim.templates.add("promo", "de", "MARKETING", "Nur heute")
    api.sim.customers[0].stop_marketing()
    api.send(**template("promo"))
    assert api.statuses() == [("failed", 131050)]
    value = api.posts[0]["entry"][0]["changes"][0]
    assert (value["field"], value["value"]["user_preferences"][0]["value"]) == (
        "user_preferences",
        "stop",
    )


def test_templates_are_paged_filtered_and_heavy(api: Api) -> None:
    for index in range(30):
        api.sim.templates.add(f"t_{index:02}", "de", status="APPROVED" if index % 2 else "PAUSED")
    path = f"{WABA}/message_templates"
    first = api.call("GET", path).json()
    assert len(first["data"]) == 25
    second = requests.get(
        first["paging"]["next"], headers={"Authorization": f"Bearer {api.token}"}, timeout=5
    ).json()
    assert [t["name"] for t in second["data"]] == [f"t_{i}" for i in range(25, 30)]
    assert "next" not in second["paging"]
    assert "after" in second["paging"]["cursors"]
    assert len(api.call("GET", path, params={"status": "PAUSED"}).json()["data"]) == 15
    named = api.call("GET", path, params={"name": "t_07", "fields": "name,status"}).json()["data"]
    assert [set(t) for t in named] == [{"name", "status", "id"}]
    assert api.call("GET", path, params={"name": "nothing"}).json() == {"data": []}
    assert api.error(api.call("GET", path, params={"after": "bad"})) == (400, 131059, None)
    api.sim.templates.heavy_page = 10
    assert api.error(api.call("GET", path, params={"limit": "20"})) == (500, 1, None)


def test_template_is_created_approved_edited_deleted(api: Api) -> None:
    path = f"{WABA}/message_templates"
    body = {
        "name": "termin",
        "language": "de",
        "category": "UTILITY",
        "components": [
            {"type": "BODY", "text": "Am {{1}}, ja?", "example": {"body_text": [["1. Mai"]]}}
        ],
    }
    made = api.call("POST", path, json=body).json()
    assert (made["status"], made["category"]) == ("PENDING", "UTILITY")
    assert api.error(api.call("POST", path, json=body)) == (400, 100, 2388024)
    assert api.error(api.send(**template("termin"))) == (404, 132001, None)
    api.sim.template_status("termin", "APPROVED")
    assert api.sim.flush()
    value = api.posts[0]["entry"][0]["changes"][0]["value"]
    assert value["message_template_id"] == int(made["id"])
    assert api.call("GET", made["id"]).json()["status"] == "APPROVED"
    edit = {"components": [{"type": "BODY", "text": "Neu"}]}
    assert api.call("POST", made["id"], json=edit).json() == {"success": True}
    assert api.call("DELETE", f"{path}?name=termin").json() == {"success": True}
    assert api.error(api.call("DELETE", f"{path}?name=termin"))[:2] == (400, 100)


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"name": "Groß"}, 2388019),
        ({"components": [{"type": "FOOTER", "text": "x"}]}, 2388072),
        ({"components": [{"type": "BODY", "text": "{{1}} am Anfang"}]}, 2388299),
        ({"components": [{"type": "BODY", "text": "mit {{1}} ohne Beispiel"}]}, 2388293),
        ({"components": [{"type": "BODY", "text": "x" * 1025}]}, 2388040),
    ],
)
def test_template_creation_rules(api: Api, change: dict[str, Any], subcode: int) -> None:
    body: dict[str, Any] = {"name": "a", "language": "de", "category": "UTILITY"}
    body |= {"components": [{"type": "BODY", "text": "x"}], **change}
    answer = api.call("POST", f"{WABA}/message_templates", json=body)
    assert api.error(answer) == (400, 100, subcode)
    assert answer.json()["error"]["error_user_title"]


# -- media ----------------------------------------------------------------------------------------------


def upload(api: Api, data: bytes, mime: str) -> requests.Response:
    form = {"messaging_product": "whatsapp", "type": mime}
    return api.call("POST", f"{PNID}/media", data=form, files={"file": ("f", data, mime)})


def test_media_upload_send_and_digest(api: Api) -> None:
    media_id = upload(api, JPEG, "image/jpeg").json()["id"]
    api.send(type="image", image={"id": media_id, "caption": "c"})
    assert api.sim.sent[0].media_sha256 == hashlib.sha256(JPEG).hexdigest()
    assert api.sim.sent[0].text == "c"
    assert api.call("DELETE", media_id).json() == {"success": True}
    assert api.error(api.call("GET", media_id)) == (400, 100, 33)


def test_media_of_the_wrong_kind_fails_later(api: Api) -> None:
    media_id = upload(api, OGG_OPUS, "audio/ogg").json()["id"]
    assert api.send(type="image", image={"id": media_id}).status_code == 200
    assert api.statuses() == [("failed", 131053)]
    refused = upload(api, b"x", "application/zip")
    assert api.error(refused) == (400, 100, None)
    assert "must be a file with one of the following types" in refused.json()["error"]["message"]


def test_media_address_needs_the_token_and_lives_five_minutes(api: Api) -> None:
    api.sim.customers[0].image()
    media_id = api.sim.media.all()[0].id
    found = api.call("GET", media_id, params={"phone_number_id": PNID}).json()
    assert found["sha256"] == hashlib.sha256(JPEG).hexdigest()
    assert not found["url"].startswith(api.sim.url + "/")
    good = {"Authorization": f"Bearer {api.token}", "User-Agent": "curl/8"}
    assert requests.get(found["url"], headers=good, timeout=5).content == JPEG
    assert (
        requests.get(found["url"], headers={"User-Agent": "curl/8"}, timeout=5).status_code == 401
    )
    default_agent = {"Authorization": f"Bearer {api.token}"}
    assert requests.get(found["url"], headers=default_agent, timeout=5).status_code == 403
    api.sim.advance(301)
    assert requests.get(found["url"], headers=good, timeout=5).status_code == 404
    api.sim.advance(7 * 86400)
    assert api.error(api.call("GET", media_id)) == (400, 100, 33)
    assert api.error(api.call("GET", media_id, params={"phone_number_id": "1"})) == (400, 100, 33)


def test_media_faults_and_the_redirect_trap(api: Api) -> None:
    api.sim.customers[0].image()
    url = api.call("GET", api.sim.media.all()[0].id).json()["url"]
    headers = {"Authorization": f"Bearer {api.token}", "User-Agent": "curl/8"}
    target = "whatsapp_business/attachments"
    api.sim.faults.set(target, "wrong_sha256")
    assert requests.get(url, headers=headers, timeout=5).content != JPEG
    api.sim.faults.set(target, "oversize", size=1000)
    assert len(requests.get(url, headers=headers, timeout=5).content) == 1000
    api.sim.faults.set(target, "redirect")
    moved = requests.get(url, headers=headers, timeout=5, allow_redirects=False)
    assert moved.status_code == 302
    assert moved.headers["Location"].startswith("http://localhost:")
    requests.get(moved.headers["Location"], headers=headers, timeout=5)
    requests.get(moved.headers["Location"], timeout=5)
    assert [r.authorized for r in api.sim.elsewhere] == [True, False]


class Files(BaseHTTPRequestHandler):
    """Serves a picture, and text for every other path."""

    def do_GET(self) -> None:
        picture = self.path.startswith("/picture")
        body = JPEG if picture else b"no"
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg" if picture else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def test_media_link_is_fetched(api: Api) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        api.send(type="image", image={"link": f"{base}/picture.jpg"})
        assert api.statuses()[0] == ("sent", None)
        assert api.sim.sent[0].media_sha256 == hashlib.sha256(JPEG).hexdigest()
        api.send(type="image", image={"link": f"{base}/page"})
        assert api.statuses()[-1] == ("failed", 131053)
        server.shutdown()


# -- registration, profile, health ----------------------------------------------------------------------


def test_register_needs_the_right_pin(api: Api) -> None:
    api.sim.numbers[PNID].registered = False
    api.sim.numbers[PNID].pin = "111111"

    def register(pin: str) -> requests.Response:
        body = {"messaging_product": "whatsapp", "pin": pin}
        return api.call("POST", f"{PNID}/register", json=body)

    assert api.error(register("12")) == (400, 100, None)
    assert api.error(register("222222")) == (400, 133005, None)
    assert register("111111").json() == {"success": True}
    assert api.text().status_code == 200
    for _ in range(5):
        register("222222")
    assert api.error(register("111111")) == (400, 133008, None)
    for _ in range(8):
        answer = register("111111")
    assert answer.json()["error"]["code"] in {133008, 133016}


def test_health_profile_and_blocking(api: Api) -> None:
    assert (
        api.call("GET", f"{PNID}?fields=health_status").json()["health_status"]["can_send_message"]
        == "AVAILABLE"
    )
    api.sim.numbers[PNID].restricted = 131031
    assert api.error(api.text()) == (403, 131031, None)
    profile = {"messaging_product": "whatsapp", "about": "Offen", "email": "a@x.example"}
    path = f"{PNID}/whatsapp_business_profile"
    assert api.call("POST", path, json=profile).json() == {"success": True}
    shown = api.call("GET", path, params={"fields": "about"}).json()
    assert shown == {"data": [{"messaging_product": "whatsapp", "about": "Offen"}]}
    body = {"messaging_product": "whatsapp", "block_users": [{"user": ANA}, {"user": "4915100001"}]}
    answer = api.call("POST", f"{PNID}/block_users", json=body).json()["block_users"]
    assert [u["wa_id"] for u in answer["added_users"]] == [ANA]
    assert [u["wa_id"] for u in answer["failed_users"]] == ["4915100001"]
    assert len(api.call("GET", f"{PNID}/block_users").json()["data"]) == 1


# -- faults ---------------------------------------------------------------------------------------------


def test_faults_of_requests(api: Api) -> None:
    faults = api.sim.faults
    faults.set("messages", "status", code=502, body="<html>")
    assert api.text().status_code == 502
    faults.set(f"/{PNID}/messages", "graph_error", code=131016, details="later")
    assert api.error(api.text()) == (500, 131016, None)
    faults.set("*", "rate_limited")
    assert api.error(api.text()) == (429, 130429, None)
    faults.set("message_templates", "rate_limited", http_status=400)
    limited = api.call("GET", f"{WABA}/message_templates")
    assert api.error(limited) == (400, 80007, None)
    assert WABA in json.loads(limited.headers["X-Business-Use-Case-Usage"])
    faults.set("messages", "expired_token")
    assert api.error(api.text()) == (401, 190, 463)
    faults.set("messages", "html")
    assert api.text().headers["Content-Type"].startswith("text/html")
    assert api.sim.sent == []
    faults.set("messages", "ok_error_body")
    assert "error" in api.text().json()
    faults.set("messages", "ok_without_messages")
    assert "messages" not in api.text().json()
    assert api.text().status_code == 200
    assert faults.active() == []
    with pytest.raises(ValueError, match="There is no fault"):
        faults.set("messages", "explode")


def test_connection_faults(api: Api) -> None:
    api.sim.faults.set("messages", "down")
    with pytest.raises(requests.ConnectionError):
        api.text()
    assert api.sim.sent == []
    api.sim.faults.set("messages", "cut_after_accept")
    with pytest.raises(requests.ConnectionError):
        api.text("accepted")
    assert [m.text for m in api.sim.sent] == ["accepted"]
    api.sim.faults.set("messages", "hang", seconds=0.5)
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        api.text()
    api.sim.faults.set("messages", "slow", seconds=0.3)
    assert api.text().elapsed.total_seconds() >= 0.3


# -- control interface ----------------------------------------------------------------------------------


def test_control_interface(api: Api) -> None:
    base = f"{api.sim.url}/_sim"
    post = requests.post
    made = post(f"{base}/customers", json={"phone": "4915112340001", "name": "Rosa"}, timeout=5)
    assert made.json()["wa_id"] == "4915112340001"
    person = f"{base}/customers/4915112340001"
    wamid = post(f"{person}/text", json={"body": "hi"}, timeout=5).json()["wamid"]
    assert post(f"{person}/image", files={"file": ("a.jpg", JPEG, "image/jpeg")}, timeout=5).ok
    assert post(f"{person}/react", json={"wamid": wamid, "emoji": "👍"}, timeout=5).ok
    refused = post(f"{person}/fly", json={}, timeout=5)
    assert (refused.status_code, "cannot 'fly'" in refused.json()["error"]) == (400, True)
    ours = api.text(to="4915112340001").json()["messages"][0]["id"]
    post(f"{base}/status", json={"wamid": ours, "status": "failed", "code": 131026}, timeout=5)
    assert post(f"{base}/flush", json={}, timeout=5).json() == {"ok": True}
    assert requests.get(f"{base}/sent", timeout=5).json()[0]["failed_code"] == 131026
    lines = requests.get(f"{base}/conversation?phone=4915112340001", timeout=5).json()
    assert [line["type"] for line in lines] == ["text", "image", "reaction", "text"]
    post(f"{base}/faults", json={"target": "messages", "mode": "status", "code": 503}, timeout=5)
    assert api.text().status_code == 503
    post(f"{base}/clock", json={"advance": 90000}, timeout=5)
    assert not api.sim.window_open(api.sim.number_of(), api.sim.customers[0].person)
    assert len(requests.get(f"{base}/deliveries", timeout=5).json()) >= 4
    post(f"{base}/webhook", json={"url": f"{HOOK}/other"}, timeout=5)
    api.sim.customers[0].text("x")
    assert api.sim.flush()
    assert api.sim.deliveries[-1].url == f"{HOOK}/other"
    page = requests.get(f"{base}/phone", timeout=5)
    assert "Customer's phone" in page.text
