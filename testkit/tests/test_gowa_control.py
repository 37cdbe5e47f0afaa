"""The control interface, the phone page and the command line of the simulated GoWA."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from chatport_testkit.gowa import GowaSimulator
from chatport_testkit.gowa.__main__ import build_simulator


@pytest.fixture
def sim() -> Iterator[GowaSimulator]:
    with GowaSimulator(tick="manual") as simulator:
        yield simulator


def order(sim: GowaSimulator, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = requests.post(f"{sim.url}/_sim/{path}", json=body or {}, timeout=5)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def send(sim: GowaSimulator, phone: str, message: str) -> str:
    answer = requests.post(
        f"{sim.url}/send/message",
        json={"phone": phone, "message": message},
        auth=("admin", "secret"),
        timeout=5,
    )
    source_id: str = answer.json()["results"]["message_id"]
    return source_id


def state(sim: GowaSimulator) -> dict[str, Any]:
    shown: dict[str, Any] = requests.get(f"{sim.url}/_sim/state", timeout=5).json()
    return shown


def test_customer_writes_reacts_edits_and_deletes(sim: GowaSimulator) -> None:
    source_id = order(sim, "customers/+549 11 1111/text", {"text": "hi", "name": "Ana"})[
        "source_id"
    ]
    order(sim, "customers/549111111/react", {"source_id": source_id, "emoji": "👍"})
    order(sim, "customers/549111111/edit", {"source_id": source_id, "text": "hello"})
    picture = order(
        sim,
        "customers/549111111/image",
        {"caption": "look", "data": base64.b64encode(b"abc").decode()},
    )["source_id"]
    order(sim, "customers/549111111/revoke", {"source_id": picture})

    (chat,) = state(sim)["chats"]
    text, image = chat["messages"]
    assert chat["jid"] == "549111111@s.whatsapp.net"
    assert (text["text"], text["edited"], text["reactions"], text["sender_name"]) == (
        "hello",
        True,
        ["👍"],
        "Ana",
    )
    assert (image["text"], image["revoked"], image["has_file"]) == ("look", True, True)
    assert requests.get(f"{sim.url}/_sim/media/{picture}", timeout=5).content == b"abc"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("voice", {}),
        ("video", {}),
        ("sticker", {}),
        ("document", {"filename": "a.txt"}),
        ("location", {"latitude": "1.5", "longitude": "2"}),
        ("contact", {"contact_name": "Budi", "contact_phone": "62813"}),
        ("poll", {}),
    ],
)
def test_customer_sends_every_kind(sim: GowaSimulator, kind: str, body: dict[str, Any]) -> None:
    order(sim, f"customers/111/{kind}", body)

    (message,) = state(sim)["chats"][0]["messages"]
    assert message["kind"] == ("audio" if kind == "voice" else kind)


def test_ticks_and_what_the_business_sent(sim: GowaSimulator) -> None:
    source_id = send(sim, "111", "Hi")
    order(sim, "customers/111/delivered", {"source_ids": [source_id]})
    order(sim, "customers/111/read", {"source_id": source_id})

    (sent,) = requests.get(f"{sim.url}/_sim/sent", timeout=5).json()
    assert (sent["source_id"], sent["text"], sent["acks"]) == (
        source_id,
        "Hi",
        ["delivered", "read"],
    )
    assert state(sim)["chats"][0]["messages"][0]["through_api"] is True


def test_groups_and_own_phone(sim: GowaSimulator) -> None:
    jid = order(sim, "groups", {"name": "Friends", "members": ["111"]})["jid"]
    order(sim, f"groups/{jid}/join", {"phones": ["222"]})
    order(sim, f"groups/{jid}/promote", {"phones": ["222"]})
    order(sim, "customers/222/text", {"text": "hello", "group": jid})
    order(sim, "own-phone/text", {"to": jid, "text": "typed"})

    shown = state(sim)
    assert shown["groups"][0]["members"] == [
        {"phone": "111", "admin": True},
        {"phone": "222", "admin": True},
    ]
    assert [(one["text"], one["from_me"]) for one in shown["chats"][0]["messages"]] == [
        ("hello", False),
        ("typed", True),
    ]


def test_sessions_are_ordered(sim: GowaSimulator) -> None:
    order(sim, "logout")
    logged_out = state(sim)["devices"][0]["state"]
    requests.get(f"{sim.url}/app/login", auth=("admin", "secret"), timeout=5)
    waiting = state(sim)["devices"][0]["state"]
    order(sim, "scan_qr", {"phone": "333"})

    assert (logged_out, waiting) == ("disconnected", "connected")
    assert state(sim)["devices"][0] == {
        "id": "device-1",
        "jid": "333@s.whatsapp.net",
        "state": "logged_in",
        "name": "Shop",
    }


def test_faults_are_ordered_and_cleared(sim: GowaSimulator) -> None:
    order(sim, "faults", {"path": "/send/*", "mode": "status", "status": 504, "count": None})
    active = requests.get(f"{sim.url}/_sim/faults", timeout=5).json()["active"]
    broken = requests.post(f"{sim.url}/send/message", auth=("admin", "secret"), timeout=5)
    requests.delete(f"{sim.url}/_sim/faults", timeout=5)

    assert active == [{"path": "/send/*", "mode": "status", "status": 504, "count": None}]
    assert broken.status_code == 504
    assert sim.faults.active() == []


def test_ordered_status_bears_the_headers_of_its_order(sim: GowaSimulator) -> None:
    sim.faults.set("/send/*", "status", status=429, headers={"Retry-After": "7"})

    answer = requests.post(f"{sim.url}/send/message", auth=("admin", "secret"), timeout=5)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_settings_change_the_service(sim: GowaSimulator) -> None:
    order(
        sim,
        "settings",
        {"tick": "auto", "webhook_url": "http://127.0.0.1:1/x", "unknown_numbers": ["9"]},
    )

    assert sim.config.tick == "auto" and sim.config.webhook_urls == "http://127.0.0.1:1/x"
    assert not sim.service.on_whatsapp("9@s.whatsapp.net")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("customers/111/text", {}, 400),
        ("customers/111/dance", {}, 400),
        ("customers/111/image", {"data": "%%%"}, 400),
        ("groups/none@g.us/join", {}, 400),
        ("faults", {"path": "*", "mode": "explode"}, 400),
        ("scan_qr", {}, 400),
        ("settings", {"tick": "never"}, 400),
    ],
)
def test_orders_that_make_no_sense_are_explained(
    sim: GowaSimulator, path: str, body: dict[str, Any], status: int
) -> None:
    answer = requests.post(f"{sim.url}/_sim/{path}", json=body, timeout=5)

    assert answer.status_code == status and answer.json()["error"]


def test_writing_without_a_session_is_a_conflict(sim: GowaSimulator) -> None:
    sim.logout_from_phone()

    answer = requests.post(f"{sim.url}/_sim/customers/111/text", json={"text": "hi"}, timeout=5)

    assert answer.status_code == 409 and "scan_qr" in answer.json()["error"]


def test_phone_page_needs_no_login_and_nothing_inline(sim: GowaSimulator) -> None:
    page = requests.get(f"{sim.url}/_sim/phone", timeout=5)
    script = requests.get(f"{sim.url}/_sim/phone.js", timeout=5)
    style = requests.get(f"{sim.url}/_sim/phone.css", timeout=5)

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text)
    assert script.headers["Content-Type"].startswith("text/javascript") and "byId" in script.text
    assert style.headers["Content-Type"].startswith("text/css")
    used = set(re.findall(r'byId\("([^"]+)"\)', script.text))
    assert used and used <= set(re.findall(r'id="([^"]+)"', page.text))


def test_phone_page_works_with_a_base_path() -> None:
    with GowaSimulator(base_path="/gowa") as sim:
        assert requests.get(f"{sim.url}/_sim/phone", timeout=5).status_code == 200


def test_command_line_describes_the_simulator() -> None:
    options = "--port 0 --basic-auth admin:pa:ss --webhook http://127.0.0.1:1/x --webhook-secret s --no-device"

    with build_simulator(options.split()) as sim:
        answer = requests.get(f"{sim.url}/devices", auth=("admin", "pa:ss"), timeout=5)

    assert answer.json()["results"] is None
    assert (sim.config.webhook_urls, sim.config.webhook_secret) == ("http://127.0.0.1:1/x", "s")


def test_command_line_refuses_credentials_without_colon(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_simulator(["--basic-auth", "admin"])

    assert "USER:PASSWORD" in capsys.readouterr().err
