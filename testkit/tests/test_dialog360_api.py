"""The 360dialog simulator's HTTP API in both generations, and the delivery of its webhooks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from chatport_testkit.cloud_shapes.samples import JPEG
from chatport_testkit.dialog360 import Dialog360Simulator

HOOK = "http://127.0.0.1:1/d360"
ROSA = "4915112340001"


class Api:
    """A simulator with a client that has its key."""

    def __init__(self, generation: str = "v2", **options: Any) -> None:
        self.posts: list[tuple[str, dict[str, str], Any]] = []
        self.answers: list[int] = []
        self.sim = Dialog360Simulator(
            generation=generation, api_key="key", transport=self._hook, **options
        )

    def _hook(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        self.posts.append((url, dict(headers), json.loads(body)))
        return self.answers.pop(0) if self.answers else 200

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"D360-API-KEY": "key", **options.pop("headers", {})}
        url = f"{self.sim.url}{path}"
        return requests.request(method, url, headers=headers, timeout=10, **options)

    def text(self, **body: Any) -> requests.Response:
        if self.sim.generation == "v2":
            body = {"messaging_product": "whatsapp", **body}
        path = "/messages" if self.sim.generation == "v2" else "/v1/messages"
        return self.call(
            "POST", path, json={"to": ROSA, "type": "text", "text": {"body": "x"}, **body}
        )


@pytest.mark.parametrize(
    ("shape", "meta"),
    [
        ("snake", {"success": False, "http_code": 401, "developer_message": "Invalid api_key"}),
        ("camel", {"success": False, "httpCode": 401, "developerMessage": "Invalid api_key"}),
        ("says_404", {"success": False, "http_code": 404, "developer_message": "Invalid api_key"}),
    ],
)
def test_key_is_checked_first(shape: str, meta: dict[str, Any]) -> None:
    api = Api(error_shape=shape)
    with api.sim:
        answer = api.call("POST", "/messages", headers={"D360-API-KEY": "wrong"})
    given = answer.json()["meta"]
    given.pop("360dialog_trace_id", None)
    assert (answer.status_code, given) == (401, meta)


def test_webhook_configuration_replaces_headers_and_calls_nobody() -> None:
    api = Api()
    with api.sim as sim:
        path = "/v1/configs/webhook"
        body = {"url": HOOK, "headers": {"X-Hook-Secret": "s3cret"}}
        assert api.call("POST", path, json=body).json() == body
        sim.customer(ROSA).text("a")
        assert sim.flush()
        api.call("POST", path, json={"url": HOOK})
        assert api.call("GET", path).json() == {"url": HOOK, "headers": {}}
        sim.customer(ROSA).text("b")
        assert sim.flush()
    (_, first, _), (_, second, _) = api.posts
    assert first == {"Content-Type": "application/json", "X-Hook-Secret": "s3cret"}
    assert second == {"Content-Type": "application/json"}


def test_webhook_headers_may_be_lost() -> None:
    api = Api("v1", keeps_headers=False)
    with api.sim as sim:
        body = {"url": HOOK, "headers": {"X-Hook-Secret": "s3cret"}}
        answer = api.call("POST", "/v1/configs/webhook", json=body)
        assert answer.json() == {"url": HOOK, "headers": {}}
        sim.customer(ROSA).text("a")
        assert sim.flush()
    assert api.posts[0][1] == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://app.example.org/x"},
        {"url": "https://app.example.org:8443/x"},
        {"url": "https://my_app.example.org/x"},
        {"url": "https://app.example.org/x", "headers": {"X_Secret": "s"}},
        {},
    ],
)
def test_webhook_address_rules(body: dict[str, Any]) -> None:
    api = Api()
    with api.sim:
        answer = api.call("POST", "/v1/configs/webhook", json=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_loopback_is_refused_in_strict_mode() -> None:
    api = Api(strict_webhook_urls=True)
    with api.sim:
        assert api.call("POST", "/v1/configs/webhook", json={"url": HOOK}).status_code == 400


# -- v2 -------------------------------------------------------------------------------------------------


def test_v2_send_is_the_cloud_shape() -> None:
    api = Api(webhook=HOOK)
    with api.sim as sim:
        sim.customer(ROSA, "Rosa").text("hi")
        answer = api.text()
        assert answer.status_code == 200
        assert answer.json()["contacts"] == [{"input": ROSA, "wa_id": ROSA}]
        assert sim.flush()
        assert sim.sent[0].statuses == ["sent", "delivered", "read"]
        refused = api.call("POST", "/messages", json={"to": ROSA, "type": "text"})
        assert refused.json()["error"]["code"] == 100
        assert api.call("GET", "/v1/health").status_code == 404
    assert all(body["object"] == "whatsapp_business_account" for _, _, body in api.posts)
    assert all("X-Hub-Signature-256" not in headers for _, headers, _ in api.posts)


def test_v2_window_and_read() -> None:
    api = Api(webhook=HOOK)
    with api.sim as sim:
        api.text()
        assert sim.flush()
        assert sim.sent[0].failed_code == 131047
        wamid = sim.customer(ROSA).text("hi")
        body = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
        assert api.call("POST", "/messages", json=body).json() == {"success": True}
        assert sim.receipts[0].wamid == wamid


def test_v2_media_by_the_rewritten_host() -> None:
    api = Api(webhook=HOOK)
    with api.sim as sim:
        sim.customer(ROSA).image()
        form = {"messaging_product": "whatsapp", "type": "image/jpeg"}
        files = {"file": ("a.jpg", JPEG, "image/jpeg")}
        media_id = api.call("POST", "/media", data=form, files=files).json()["id"]
        answer = api.call("GET", f"/{media_id}")
        assert "https:\\/\\/lookaside.fbsbx.com\\/" in answer.text
        found = answer.json()
        assert found["sha256"] == hashlib.sha256(JPEG).hexdigest()
        parts = urlsplit(found["url"])
        assert parts.hostname == "lookaside.fbsbx.com"
        path = f"{parts.path}?{parts.query}"
        assert api.call("GET", path).content == JPEG
        assert api.call("GET", path, headers={"D360-API-KEY": "no"}).status_code == 401
        sim.advance(301)
        assert api.call("GET", path).status_code == 404
        assert api.call("DELETE", f"/{media_id}").json() == {"success": True}
        assert api.call("GET", f"/{media_id}").json()["error"]["error_subcode"] == 33


def test_v2_media_is_blocked_after_many_errors() -> None:
    api = Api()
    with api.sim as sim:
        codes = [api.call("GET", "/12345").status_code for _ in range(22)]
        assert codes == [400] * 21 + [429]
        sim.advance(1801)
        assert api.call("GET", "/12345").status_code == 400


def test_v2_templates_in_both_listings() -> None:
    api = Api()
    with api.sim as sim:
        for index in range(3):
            sim.templates.add(f"t_{index}", "de", "UTILITY", "Hallo")
        page = api.call("GET", "/message_templates?limit=2").json()
        assert len(page["data"]) == 2
        assert page["paging"]["next"].startswith("https://graph.facebook.com/")
        after = page["paging"]["cursors"]["after"]
        last = api.call("GET", f"/message_templates?limit=2&after={after}").json()
        assert [t["name"] for t in last["data"]] == ["t_2"]
        assert "next" not in last["paging"]
        old = api.call("GET", "/v1/configs/templates?limit=2&offset=2").json()
        assert (old["total"], old["count"], old["offset"]) == (3, 1, 2)
        assert old["waba_templates"][0]["status"] == "approved"
        body = {"name": "t_0", "language": "de", "category": "UTILITY"}
        body["components"] = [{"type": "BODY", "text": "x"}]  # type: ignore[assignment]
        nested = api.call("POST", "/v1/configs/templates", json=body)
        text = nested.json()["meta"]["developer_message"]
        inner = json.loads(text[text.index("{") : text.rindex("}") + 1])
        assert inner["error"]["error_subcode"] == 2388024


def test_v2_account_events_go_to_the_account_webhook() -> None:
    api = Api(webhook=HOOK)
    with api.sim as sim:
        sim.account_update("ACCOUNT_DELETED")
        assert sim.flush()
        assert sim.undelivered[0].reason == "No webhook is configured."
        api.call("POST", "/waba_webhook", json={"url": HOOK + "/waba"})
        sim.account_update("ACCOUNT_DELETED")
        assert sim.flush()
    assert [url for url, _, _ in api.posts] == [HOOK + "/waba"]


def test_v2_further_destinations_follow_the_main_one() -> None:
    api = Api(webhook=HOOK)
    api.answers = [500, 500, 200]
    with api.sim as sim:
        api.call("POST", "/multi_webhook", json={"name": "second", "url": HOOK + "/2"})
        sim.customer(ROSA).text("x")
        assert sim.flush()
        assert [url for url, _, _ in api.posts] == [HOOK, HOOK]
        sim.advance(5)
        assert sim.flush()
    assert [url for url, _, _ in api.posts] == [HOOK, HOOK, HOOK, HOOK + "/2"]


def test_v2_health_names_the_number() -> None:
    api = Api()
    with api.sim:
        health = api.call("GET", "/health_status").json()["health_status"]
    assert health["can_send_message"] == "AVAILABLE"
    assert [e["id"] for e in health["entities"]] == ["109870000333444", "214700000111222"]


def test_gateway_faults() -> None:
    api = Api()
    with api.sim as sim:
        for shape, key in (("string", "error"), ("message", "message"), ("camel", "meta")):
            sim.faults.set("messages", "gateway_error", status=429, message="Slow", shape=shape)
            answer = api.text()
            assert answer.status_code == 429
            assert "Slow" in str(answer.json()[key])
        sim.faults.set("messages", "gateway_error", status=502, shape="html")
        assert api.text().headers["Content-Type"].startswith("text/html")


# -- v1 -------------------------------------------------------------------------------------------------


def test_v1_unknown_contact_until_checked() -> None:
    api = Api("v1", webhook=HOOK)
    with api.sim as sim:
        answer = api.text()
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["code"] == 1006
        sim.not_on_whatsapp.add("4915100000000")
        body = {"blocking": "no_wait", "contacts": ["+" + ROSA, "+4915100000000"]}
        checked = api.call("POST", "/v1/contacts", json=body).json()["contacts"]
        assert [c["status"] for c in checked] == ["processing", "invalid"]
        again = api.call("POST", "/v1/contacts", json=body).json()["contacts"]
        assert again[0] == {"input": "+" + ROSA, "status": "valid", "wa_id": ROSA}
        sent = api.text(preview_url=True)
        assert sent.status_code == 201
        assert sent.json()["meta"] == {"api_status": "stable", "version": "2.41.3"}
        assert sent.json()["messages"][0]["id"].startswith("gBEG")
        assert sim.flush()
    errors = api.posts[0][2]["statuses"][0]["errors"]
    assert errors[0]["code"] == 470


def test_v1_send_statuses_and_read() -> None:
    api = Api("v1", webhook=HOOK, contacts_in_answer=True)
    with api.sim as sim:
        wamid = sim.customer(ROSA, "Rosa").text("hi")
        assert wamid.startswith("ABEG")
        assert api.text().json()["contacts"] == [{"input": ROSA, "wa_id": ROSA}]
        assert api.call("PUT", f"/v1/messages/{wamid}", json={"status": "read"}).status_code == 200
        assert api.call("PUT", "/v1/messages/x", json={"status": "read"}).status_code == 404
        assert sim.flush()
        assert sim.receipts[0].wamid == wamid
    bodies = [body for _, _, body in api.posts]
    assert [b["statuses"][0]["status"] for b in bodies[1:]] == ["sent", "delivered", "read"]
    assert all("object" not in b for b in bodies)


def test_v1_errors_are_those_of_the_stack() -> None:
    api = Api("v1")
    with api.sim as sim:
        sim.customer(ROSA).text("hi")
        missing = api.call("POST", "/v1/messages", json={"type": "text"})
        assert missing.json()["errors"][0] == {
            "code": 1008,
            "title": "Required parameter is missing",
            "details": "Parameter 'to' is mandatory",
        }
        template = {"name": "x", "language": {"policy": "deterministic", "code": "de"}}
        body = {"to": ROSA, "type": "template", "template": {"namespace": "n", **template}}
        unknown = api.call("POST", "/v1/messages", json=body)
        assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (404, 2001)


def test_v1_media_are_raw_bytes() -> None:
    api = Api("v1", webhook=HOOK)
    with api.sim as sim:
        sim.customer(ROSA).voice()
        assert sim.flush()
        inbound = api.posts[0][2]["messages"][0]["voice"]["id"]
        assert (
            api.call("GET", f"/v1/media/{inbound}").headers["Content-Type"].startswith("audio/ogg")
        )
        headers = {"Content-Type": "image/jpeg"}
        made = api.call("POST", "/v1/media", data=JPEG, headers=headers)
        assert made.status_code == 201
        media_id = made.json()["media"][0]["id"]
        assert api.call("GET", f"/v1/media/{media_id}").content == JPEG
        assert api.text(type="image", image={"id": media_id}).status_code == 201
        assert sim.sent[0].media_sha256 == hashlib.sha256(JPEG).hexdigest()
        assert api.call("DELETE", f"/v1/media/{media_id}").status_code == 200
        assert api.call("GET", f"/v1/media/{media_id}").status_code == 404


def test_v1_sandbox_ends_after_200_messages() -> None:
    api = Api("v1", sandbox=True, window_mode="off")
    api.sim.rates.limits = type(api.sim.rates.limits)(pair_burst=None, messages_per_second=None)
    with api.sim as sim:
        sim.customer(ROSA).open_window()
        sim.learn(ROSA)
        body = {"messaging_product": "whatsapp", "to": ROSA, "type": "text", "text": {"body": "x"}}
        for _ in range(199):
            sim.outbox.accept(sim.number_of(), body)
        assert api.text().json()["meta"]["version"] == "sandbox"
        assert api.text().status_code == 403


def test_migration_switches_paths_and_bodies() -> None:
    api = Api("v1", webhook=HOOK)
    with api.sim as sim:
        customer = sim.customer(ROSA)
        customer.text("flat")
        assert api.call("POST", "/messages", json={}).status_code == 404
        sim.migrate("v2")
        customer.text("cloud")
        assert api.text().status_code == 200
        assert sim.flush()
    assert "messages" in api.posts[0][2]
    assert "entry" in api.posts[1][2]


# -- what must not happen, and every shape of an error ----------------------------------------------------


def test_v2_media_host_records_who_sends_it_the_key() -> None:
    api = Api(media_listener=True)
    with api.sim as sim:
        form = {"messaging_product": "whatsapp", "type": "image/jpeg"}
        files = {"file": ("a.jpg", JPEG, "image/jpeg")}
        media_id = api.call("POST", "/media", data=form, files=files).json()["id"]
        address = api.call("GET", f"/{media_id}").json()["url"]
        parts = urlsplit(address)
        assert api.call("GET", f"{parts.path}?{parts.query}").content == JPEG
        assert sim.elsewhere == []
        assert requests.get(address, timeout=10).status_code == 401
        headers = {"D360-API-KEY": "key"}
        assert requests.get(address, headers=headers, timeout=10).status_code == 401
        assert [record.authorized for record in sim.elsewhere] == [False, True]
        sim.faults.set("whatsapp_business/attachments", "redirect")
        moved = api.call("GET", f"{parts.path}?{parts.query}", allow_redirects=False)
        assert moved.headers["Location"].startswith(f"{parts.scheme}://{parts.netloc}/")


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ("snake", {"success": False, "http_code": 400, "developer_message": "Slow"}),
        ("camel", {"success": False, "httpCode": 400, "developerMessage": "Slow"}),
        ("says_404", {"success": False, "http_code": 404, "developer_message": "Slow"}),
    ],
)
def test_gateway_fault_in_the_gateways_own_shapes(shape: str, wanted: dict[str, Any]) -> None:
    assert faulty(shape).json()["meta"].items() >= wanted.items()


def faulty(shape: str) -> requests.Response:
    api = Api()
    with api.sim as sim:
        sim.faults.set("messages", "gateway_error", status=400, message="Slow", shape=shape)
        return api.text()


def test_gateway_fault_in_the_shapes_of_others() -> None:
    assert faulty("string").json() == {"error": "Slow"}
    assert faulty("message").json() == {"message": "Slow"}
    assert faulty("errors").json()["errors"] == [{"code": 1000, "title": "Slow"}]
    assert faulty("error").json()["error"]["message"] == "(#100) Slow"
    words = faulty("nested").json()["meta"]["developer_message"]
    inner = json.loads(words[words.index("{") : words.rindex("}") + 1])
    assert words.startswith("Invalid payload (") and inner["error"]["message"] == "(#100) Slow"
    assert faulty("html").headers["Content-Type"].startswith("text/html")


def test_gateway_fault_of_an_unknown_shape_is_refused_when_it_is_set() -> None:
    api = Api()
    with api.sim as sim, pytest.raises(ValueError, match="nestled"):
        sim.faults.set("messages", "gateway_error", shape="nestled")


@pytest.mark.parametrize(
    "name", ["v1_message_button_null_payload", "v1_batch_duplicate_in_one_post"]
)
def test_v1_recorded_body_is_delivered_as_it_is(name: str) -> None:
    body = (
        resources.files("chatport_testkit") / "payloads" / "dialog360" / f"{name}.json"
    ).read_bytes()
    api = Api("v1", webhook=HOOK)
    with api.sim as sim:
        sim.replay(body)
        assert sim.flush()
    assert [given for _, _, given in api.posts] == [json.loads(body)]
