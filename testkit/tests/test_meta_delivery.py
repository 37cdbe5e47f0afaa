"""Where the Graph simulator delivers webhooks, how often, packed how, and what it does on faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from chatport_testkit.cloud_shapes import sign_sha1, sign_sha256
from chatport_testkit.meta import GraphSimulator

HOOK = "http://127.0.0.1:1/app"


class Endpoint:
    """Webhook endpoint without a socket; ``answers`` are used up, then 200."""

    def __init__(self, *answers: int | OSError) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[str, dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> int:
        self.posts.append((url, dict(headers), body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, OSError):
            raise answer
        return answer

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.posts]

    @property
    def texts(self) -> list[str]:
        return [
            message["text"]["body"]
            for body in self.bodies
            for entry in body["entry"]
            for change in entry["changes"]
            for message in change["value"].get("messages", [])
        ]


class VerifyHandler(BaseHTTPRequestHandler):
    """Answers the verification request for the token ``right``."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        right = query.get("hub.verify_token") == ["right"]
        body = query["hub.challenge"][0].encode() if right else b"no"
        if self.path.startswith("/mumbles"):
            body = b'"' + body + b'"'
        self.send_response(200 if right else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def verifier() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), VerifyHandler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def graph(sim: GraphSimulator, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {next(iter(sim.tokens))}"}
    return requests.request(
        method, f"{sim.url}/v23.0/{path}", headers=headers, timeout=5, **options
    )


def test_delivery_repeats_until_200() -> None:
    endpoint = Endpoint(500, 302)
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.customer("4915112340001").text("x")
        assert sim.flush()
        assert len(endpoint.posts) == 2  # at once, and once more at once
        sim.advance(3)
        assert sim.flush()
        assert [a.status for a in sim.deliveries[0].attempts] == [500, 302, 200]
        assert sim.deliveries[0].state == "delivered"
    assert len({body for _, _, body in endpoint.posts}) == 1


def test_delivery_gives_up_after_seven_days() -> None:
    endpoint = Endpoint(*[503] * 200)
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.customer("4915112340001").text("x")
        for _ in range(40):
            sim.advance(6 * 3600)
            sim.flush()
        assert sim.deliveries[0].state == "given_up"


def test_delivery_survives_a_refused_connection() -> None:
    endpoint = Endpoint(ConnectionRefusedError("nobody"))
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.customer("4915112340001").text("x")
        assert sim.flush()
        first, second = sim.deliveries[0].attempts
    assert (first.status, second.status) == (None, 200)
    assert "nobody" in first.error


def test_event_of_an_unsubscribed_account_goes_nowhere() -> None:
    endpoint = Endpoint()
    with GraphSimulator(transport=endpoint) as sim:
        sim.set_webhook(HOOK, subscribe=False)
        sim.customer("4915112340001").text("x")
        assert sim.flush()
        assert sim.undelivered[0].reason == "The app is not subscribed to the account."
        assert graph(sim, "POST", "214700000111222/subscribed_apps").json() == {"success": True}
        sim.customer("4915112340001").text("y")
        assert sim.flush()
    assert endpoint.texts == ["y"]


def test_batch_layouts() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint, bsuids=False) as sim:
        ana, rosa = sim.customer("5491122223333", "Ana"), sim.customer("4915112340001", "Rosa")
        for layout in ("changes", "messages", "entries"):
            with sim.batch(layout, reversed_contacts=True):
                ana.text("1")
                rosa.text("2")
        assert sim.flush()
    changes, messages, entries = endpoint.bodies
    assert [len(e["changes"]) for e in changes["entry"]] == [2]
    assert [len(e["changes"]) for e in entries["entry"]] == [1, 1]
    value = messages["entry"][0]["changes"][0]["value"]
    assert [m["text"]["body"] for m in value["messages"]] == ["1", "2"]
    assert [c["wa_id"] for c in value["contacts"]] == ["4915112340001", "5491122223333"]


def test_batch_doubled_and_reordered() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        customer = sim.customer("4915112340001")
        with sim.batch(doubled=True, reordered=True):
            customer.text("first")
            customer.text("second")
        assert sim.flush()
        assert [d.copy_of for d in sim.deliveries] == [None, 1]
    assert endpoint.texts == ["second", "first", "second", "first"]


def test_delivery_options_reorder_single_events() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.delivery.reordered = True
        customer = sim.customer("4915112340001")
        customer.text("first")
        customer.text("second")
        assert sim.flush()
    assert endpoint.texts == ["second", "first"]


def test_shuffled_keys_keep_the_content() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        customer = sim.customer("4915112340001")
        options: dict[str, Any] = {"message_id": "wamid.1", "timestamp": 1}
        customer.text("x", **options)
        sim.delivery.shuffle_seed = 7
        customer.text("x", **options)
        assert sim.flush()
    plain, shuffled = (body for _, _, body in endpoint.posts)
    assert plain != shuffled
    assert json.loads(plain) == json.loads(shuffled)


@pytest.mark.parametrize(
    "mode", ["bad_signature", "no_signature", "sha1_only", "upper_case_signature"]
)
def test_signature_faults_hit_one_attempt(mode: str) -> None:
    endpoint = Endpoint(401)
    with GraphSimulator(webhook=HOOK, transport=endpoint, app_secret="k") as sim:
        sim.faults.set("webhook", mode)
        sim.customer("4915112340001").text("x")
        assert sim.flush()
    (_, faulty, body), (_, good, _) = endpoint.posts
    right = sign_sha256(body, "k")
    expected = {
        "bad_signature": sign_sha256(body, "kx"),
        "no_signature": None,
        "sha1_only": None,
        "upper_case_signature": "sha256=" + right[7:].upper(),
    }
    assert faulty.get("X-Hub-Signature-256") == expected[mode]
    if mode == "sha1_only":
        assert faulty["X-Hub-Signature"] == sign_sha1(body, "k")
    assert good["X-Hub-Signature-256"] == right


def test_webhook_faults_lose_and_double() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.faults.set("webhook", "lost")
        sim.faults.set("webhook", "doubled")
        sim.customer("4915112340001").text("lost")
        sim.customer("4915112340001").text("twice")
        assert sim.flush()
        assert [d.state for d in sim.deliveries] == ["lost", "delivered", "delivered"]
    assert endpoint.texts == ["twice", "twice"]


def test_verify_webhook_makes_the_challenge(verifier: str) -> None:
    with GraphSimulator() as sim:
        assert sim.verify_webhook(verifier, "right").ok
        wrong = sim.verify_webhook(verifier, "wrong")
        assert (wrong.ok, wrong.status) == (False, 403)
        assert not sim.verify_webhook(f"{verifier}/mumbles", "right").ok


def test_override_of_the_account_is_verified_and_cleared(verifier: str) -> None:
    path = "214700000111222/subscribed_apps"
    with GraphSimulator(webhook=HOOK) as sim:
        body = {"override_callback_uri": f"{verifier}/w", "verify_token": "wrong"}
        refused = graph(sim, "POST", path, json=body)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == 2200
        assert "403" in refused.json()["error"]["message"]
        stored = graph(sim, "POST", path, json={**body, "verify_token": "right"})
        assert stored.json() == {"success": True}
        listed = graph(sim, "GET", path).json()["data"][0]
        assert listed["override_callback_uri"] == f"{verifier}/w"
        graph(sim, "POST", path)
        assert "override_callback_uri" not in graph(sim, "GET", path).json()["data"][0]
        too_long = {**body, "override_callback_uri": "https://x.example/" + "a" * 200}
        assert graph(sim, "POST", path, json=too_long).json()["error"]["code"] == 100


def test_callback_resolution_number_before_account_before_app(verifier: str) -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.add_number("109870000333555", "15557005678")
        customer = sim.customer("4915112340001")

        def override(path: str, key: str | None, url: str) -> None:
            given = {"override_callback_uri": url, "verify_token": "right"}
            answer = graph(sim, "POST", path, json={key: given} if key else given)
            assert answer.status_code == 200, answer.text

        override("214700000111222/subscribed_apps", None, f"{verifier}/waba")
        override("109870000333444", "webhook_configuration", f"{verifier}/number")
        customer.text("a")
        customer.text("b", number="109870000333555")
        sim.account_update("ACCOUNT_DELETED")
        assert sim.flush()
        asked = graph(sim, "GET", "109870000333444?fields=webhook_configuration").json()
    assert [url for url, _, _ in endpoint.posts] == [f"{verifier}/number", f"{verifier}/waba", HOOK]
    assert asked["webhook_configuration"] == {
        "phone_number": f"{verifier}/number",
        "whatsapp_business_account": f"{verifier}/waba",
        "application": HOOK,
    }


def test_unsubscribing_stops_events() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        graph(sim, "DELETE", "214700000111222/subscribed_apps")
        sim.customer("4915112340001").text("x")
        assert sim.flush()
    assert endpoint.posts == []


def test_app_subscription_sets_the_callback(verifier: str) -> None:
    with GraphSimulator() as sim:
        body = {
            "object": "whatsapp_business_account",
            "callback_url": verifier,
            "verify_token": "right",
            "fields": "messages",
        }
        path = f"{sim.app_id}/subscriptions"
        assert graph(sim, "POST", path, json=body).json() == {"success": True}
        assert graph(sim, "GET", path).json()["data"][0]["callback_url"] == verifier


def test_replay_posts_a_finished_body() -> None:
    endpoint = Endpoint()
    with GraphSimulator(webhook=HOOK, transport=endpoint) as sim:
        sim.replay({"object": "whatsapp_business_account", "entry": []})
        assert sim.flush()
    assert endpoint.posts[0][2] == b'{"object":"whatsapp_business_account","entry":[]}'
