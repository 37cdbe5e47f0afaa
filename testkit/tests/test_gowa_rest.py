"""The simulated GoWA's REST interface, seen by a client."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from chatport_testkit.gowa import GowaSimulator

JSON = "application/json; charset=utf-8"


class Client:
    """Calls the simulated service with its credentials."""

    def __init__(self, simulator: GowaSimulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()
        self.session.auth = ("admin", "secret")

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.simulator.url + path, timeout=10, **options)

    def post(self, path: str, timeout: float = 10, **options: Any) -> requests.Response:
        return self.session.post(self.simulator.url + path, timeout=timeout, **options)

    def send(self, **fields: Any) -> requests.Response:
        return self.post("/send/message", json={"phone": "5491122223333", "message": "hi"} | fields)


@pytest.fixture
def sim() -> Iterator[GowaSimulator]:
    with GowaSimulator(tick="manual") as simulator:
        yield simulator


@pytest.fixture
def client(sim: GowaSimulator) -> Client:
    return Client(sim)


def error(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


# Credentials


def test_basic_auth_answers_the_401_of_v9(sim: GowaSimulator) -> None:
    answer = requests.get(sim.url + "/app/status", auth=("admin", "wrong"), timeout=5)

    del answer.headers["Date"]
    assert (answer.status_code, answer.content) == (401, b"Unauthorized")
    assert dict(answer.headers) == {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": "12",
        "Vary": "Authorization",
        "Cache-Control": "no-store",
        "Www-Authenticate": 'Basic realm="Restricted", charset="UTF-8"',
    }


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Basic", 400),
        ("Basic  YWRtaW46c2VjcmV0", 400),
        ("Basic ???", 400),
        ("Basic YWRtaW4=", 400),
        ("Bearer x", 401),
        ("Basic " + "A" * 8200, 431),
        ("basic YWRtaW46c2VjcmV0", 200),
    ],
)
def test_basic_auth_judges_the_header(sim: GowaSimulator, header: str, status: int) -> None:
    answer = requests.get(sim.url + "/app/status", headers={"Authorization": header}, timeout=5)

    assert answer.status_code == status
    if status == 400:
        assert answer.content == b"Bad Request" and "Www-Authenticate" not in answer.headers


def test_basic_auth_of_v8_has_other_headers() -> None:
    with GowaSimulator(era="v8") as sim:
        absent = requests.get(sim.url + "/devices", timeout=5)
        broken = requests.get(sim.url + "/devices", headers={"Authorization": "Basic"}, timeout=5)

    assert absent.headers["Www-Authenticate"] == "basic realm=Restricted"
    assert "Vary" not in absent.headers and "Cache-Control" not in absent.headers
    assert (broken.status_code, broken.text) == (401, "Unauthorized")


def test_health_needs_no_credentials(sim: GowaSimulator) -> None:
    answer = requests.get(sim.url + "/health", timeout=5)

    assert (answer.status_code, answer.text) == (200, "OK")


# The envelope and plain texts


def test_envelope_has_the_order_of_the_service(client: Client) -> None:
    answer = client.get("/app/status")

    assert answer.headers["Content-Type"] == JSON
    assert answer.text == (
        '{"code":"SUCCESS","message":"Connection status retrieved","results":{"device_id":"device-1",'
        '"is_connected":true,"is_logged_in":true,"jid":"5491100000000@s.whatsapp.net"}}'
    )


def test_unknown_path_and_wrong_method_are_plain_text(client: Client) -> None:
    unknown, wrong = client.get("/nope"), client.get("/send/message")

    assert (unknown.status_code, unknown.text) == (404, "Not Found")
    assert (wrong.status_code, wrong.text, wrong.headers["Allow"]) == (
        405,
        "Method Not Allowed",
        "POST",
    )


def test_unknown_path_before_v9_names_itself() -> None:
    with GowaSimulator(era="v8") as sim:
        answer = Client(sim).get("/nope")

    assert (answer.status_code, answer.text) == (404, "Cannot GET /nope")


def test_too_large_body_is_413(sim: GowaSimulator, client: Client) -> None:
    sim.config.max_body = 100

    answer = client.send(message="x" * 200)

    assert (answer.status_code, answer.text) == (413, "Request Entity Too Large")
    assert answer.headers["Connection"] == "close"


def test_connection_is_kept_between_requests(sim: GowaSimulator) -> None:
    connection = HTTPConnection("127.0.0.1", urlsplit(sim.url).port, timeout=5)
    headers = {"Authorization": "Basic YWRtaW46c2VjcmV0", "Content-Type": "application/json"}

    answers, sockets = [], []
    for body in (b"{bad", b'{"phone":"1","message":"x"}'):
        connection.request("POST", "/send/message", body, headers)
        answer = connection.getresponse()
        answers.append((answer.status, bool(answer.read()), answer.getheader("Connection")))
        sockets.append(connection.sock)

    assert answers == [(500, True, None), (200, True, None)]
    assert sockets[0] is sockets[1] and sockets[0] is not None


def test_base_path_prefixes_all_but_health() -> None:
    with GowaSimulator(base_path="/gowa") as sim:
        root = sim.url.removesuffix("/gowa")
        assert Client(sim).get("/app/status").status_code == 200
        assert requests.get(root + "/health", timeout=5).text == "OK"
        assert requests.get(root + "/gowa/health", timeout=5).status_code == 401
        assert requests.get(root + "/app/status", timeout=5).status_code == 404


# Which device


def test_device_is_required_with_none_or_two() -> None:
    required = "device_id is required via X-Device-Id header or device_id query"
    with GowaSimulator(device=False) as sim:
        client = Client(sim)
        none = client.get("/app/status")
        unknown_path = client.get("/nope")
        sim.add_device("a", phone="111")
        sim.add_device("b", phone="222")
        two = client.send()

    assert error(none) == error(two) == error(unknown_path) == (400, "DEVICE_ID_REQUIRED", required)


def test_device_is_required_before_a_call_that_the_release_lacks() -> None:
    with GowaSimulator(version="v8.9.0") as sim:
        client = Client(sim)
        one = client.get("/devices/device-1/webhook")
        sim.add_device("b", phone="222")
        two = client.get("/devices/device-1/webhook")
        named = client.get("/devices/device-1/webhook", headers={"X-Device-Id": "b"})
        known = client.get("/devices/device-1")

    assert (one.status_code, named.status_code, known.status_code) == (404, 404, 200)
    assert error(two)[:2] == (400, "DEVICE_ID_REQUIRED")


@pytest.mark.parametrize(
    "name", ["sales+1", "5491100000000@s.whatsapp.net", "5491100000000:23@s.whatsapp.net"]
)
def test_device_is_found_by_slot_and_jid(sim: GowaSimulator, name: str) -> None:
    sim.add_device("sales+1", phone="222")
    client = Client(sim)

    by_header = client.get("/app/status", headers={"X-Device-Id": name.replace("+", "%2B")})
    by_query = client.get("/app/status", params={"device_id": name})

    expected = "sales+1" if name == "sales+1" else "device-1"
    assert (
        by_header.json()["results"]["device_id"]
        == by_query.json()["results"]["device_id"]
        == expected
    )


def test_device_header_wins_and_its_plus_becomes_a_blank(client: Client) -> None:
    answer = client.get("/app/status?device_id=device-1", headers={"X-Device-Id": "no+pe"})

    assert answer.status_code == 404
    assert answer.json()["code"] == "DEVICE_NOT_FOUND"
    assert answer.json()["results"] == {"device_id": "no pe"}


def test_before_v8_there_is_one_account_and_no_header() -> None:
    with GowaSimulator(era="v7") as sim:
        client = Client(sim)
        status = client.get("/app/status", headers={"X-Device-Id": "whatever"})
        devices = client.get("/devices")

    assert status.headers["Content-Type"] == "application/json"
    assert status.json()["results"] == {
        "device_id": "5491100000000:23@s.whatsapp.net",
        "is_connected": True,
        "is_logged_in": True,
    }
    assert devices.status_code == 404


# Slots and pairing


def test_devices_are_added_shown_and_removed() -> None:
    with GowaSimulator(device=False) as sim:
        client = Client(sim)
        empty = client.get("/devices").text
        added = client.post("/devices", json={"device_id": "sales-1"}).json()
        again = client.post("/devices", json={"device_id": "sales-1"})
        shown = client.get("/devices/sales-1").json()["results"]
        removed = client.session.delete(sim.url + "/devices/sales-1", timeout=5)
        gone = client.get("/devices/sales-1")

    assert empty == '{"code":"SUCCESS","message":"List devices","results":null}'
    assert added["results"]["id"] == "sales-1" and added["results"]["state"] == "disconnected"
    assert error(again) == (500, "INTERNAL_SERVER_ERROR", "device sales-1 already exists")
    assert set(shown) == {"id", "state", "created_at"}
    assert removed.json() == {"code": "SUCCESS", "message": "Device removed"}
    assert error(gone) == (500, "INTERNAL_SERVER_ERROR", "device sales-1 not found")


def test_qr_code_is_public_and_logs_in() -> None:
    with GowaSimulator(device=False) as sim:
        client = Client(sim)
        client.post("/devices", json={"device_id": "sales-1"})
        login = client.get("/app/login").json()["results"]
        picture = requests.get(login["qr_link"], timeout=5)
        waiting = error(client.send())
        sim.scan_qr()
        status = client.get("/app/status").json()["results"]
        again = client.get("/app/login")
        expired = requests.get(login["qr_link"], timeout=5)

    assert login["qr_duration"] == 30 and login["device_id"] == "sales-1"
    assert picture.content.startswith(b"\x89PNG") and picture.headers["Content-Type"] == "image/png"
    assert waiting == (401, "AUTHENTICATION_ERROR", "you are not logged in")
    assert status["is_logged_in"] is True and status["jid"] == "5491100000000@s.whatsapp.net"
    assert error(again) == (400, "ALREADY_LOGGED_IN", "you are already logged in.")
    assert (expired.status_code, expired.text) == (401, "Unauthorized")


def test_pairing_code_has_its_form_and_pairs_that_phone() -> None:
    with GowaSimulator(device=False) as sim:
        client = Client(sim)
        client.post("/devices", json={"device_id": "sales-1"})
        blank = client.get("/app/login-with-code")
        bad = client.get("/app/login-with-code?phone=abc")
        code = (
            client.get("/devices/sales-1").json(),
            client.post("/devices/sales-1/login/code?phone=5491155556666"),
        )
        sim.scan_qr()
        jid = client.get("/app/status").json()["results"]["jid"]

    assert error(blank) == (400, "VALIDATION_ERROR", "phone_number(): cannot be blank")
    assert error(bad) == (400, "VALIDATION_ERROR", "phone_number(abc): must be in a valid format")
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code[1].json()["results"]["pair_code"])
    assert jid == "5491155556666@s.whatsapp.net"


def test_session_states_show_in_status_and_sends(sim: GowaSimulator, client: Client) -> None:
    sim.disconnect()
    offline = client.get("/app/status").json()["results"], client.send()
    sim.reconnect()
    online = client.send()
    sim.logout_from_phone()
    out = client.get("/app/status").json()["results"], client.send()
    reconnect = client.get("/app/reconnect")

    text = "you are not connect to services server, please reconnect"
    assert offline[0]["is_connected"] is False and offline[0]["jid"] != ""
    assert error(offline[1]) == error(out[1]) == (401, "AUTHENTICATION_ERROR", text)
    assert online.status_code == 200
    assert out[0] == {
        "device_id": "device-1",
        "is_connected": False,
        "is_logged_in": False,
        "jid": "",
    }
    assert error(reconnect)[2] == "device device-1 is not logged in (session deleted)"


def test_device_webhook_is_read_and_replaced(sim: GowaSimulator, client: Client) -> None:
    url = sim.url + "/devices/device-1/webhook"
    body = {
        "webhook_url": "http://127.0.0.1:9/x",
        "webhook_secret": "s3",
        "webhook_events": "message",
    }
    client.session.patch(url, json=body, timeout=5)
    stored = client.get("/devices/device-1/webhook").json()["results"]
    client.session.patch(url, json={"webhook_url": ""}, timeout=5)
    cleared = client.get("/devices/device-1/webhook").json()["results"]
    missing = client.session.patch(url, json={}, timeout=5)
    array = client.session.patch(url, json=body | {"webhook_events": ["message"]}, timeout=5)
    unknown = client.get("/devices/nope/webhook")

    assert stored == {"device_id": "device-1", "webhook_insecure_skip_verify": False} | body
    assert cleared["webhook_secret"] == "" and cleared["webhook_events"] == ""
    assert error(missing) == (400, "BAD_REQUEST", "webhook_url is required")
    assert error(array) == (400, "BAD_REQUEST", "Invalid request body")
    assert error(unknown) == (404, "NOT_FOUND", "device not found")


# Sending


def test_send_message_answers_like_the_service(sim: GowaSimulator, client: Client) -> None:
    answer = client.send(message="Hello").json()

    (sent,) = sim.sent
    status = answer["message"]
    assert re.fullmatch(
        r"Message sent to 5491122223333@s\.whatsapp\.net "
        r"\(server timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC\)",
        status,
    )
    assert answer["results"] == {"message_id": sent.source_id, "status": status}
    assert re.fullmatch(r"3EB0[0-9A-F]{18}", sent.source_id)
    assert (sent.to, sent.kind, sent.text) == ("5491122223333@s.whatsapp.net", "text", "Hello")


@pytest.mark.parametrize("form", [False, True])
def test_send_message_binds_json_and_forms(sim: GowaSimulator, client: Client, form: bool) -> None:
    body = {"PHONE": "5491122223333", "message": "x", "is_forwarded": "true" if form else True}

    answer = client.post("/send/message", **{"data" if form else "json": body})

    assert answer.status_code == 200
    assert sim.sent[0].raw["is_forwarded"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"json": {"phone": 62812}},
         ('bind "phone" from body: json: cannot unmarshal number into Go struct field '
          "MessageRequest.phone of type string")),
        ({"data": b"", "headers": {"Content-Type": "application/json"}},
         "bind from body: unexpected end of JSON input"),
        ({"data": b"{bad", "headers": {"Content-Type": "application/json"}},
         "bind from body: invalid character 'b' looking for beginning of object key string"),
        ({"data": b"x", "headers": {"Content-Type": "text/plain"}}, "Unprocessable Entity"),
        ({}, "Unprocessable Entity"),
    ],
)  # fmt: skip
def test_unreadable_bodies_are_500(client: Client, options: dict[str, Any], message: str) -> None:
    assert error(client.post("/send/message", **options)) == (500, "INTERNAL_SERVER_ERROR", message)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("message", {}, "message: cannot be blank; phone: cannot be blank."),
        ("message", {"phone": "0812", "message": "x"}, "phone number must be in international format"),
        ("message", {"phone": "1", "message": "x", "duration": 5}, "duration must be one of: 0 (no expiry)"),
        ("message", {"phone": "1", "message": "x", "mentions": ["08"]},
         "mention 08: phone number must be in international format"),
        ("image", {"phone": "1"}, "either Image or ImageURL must be provided"),
        ("image", {"phone": "1", "image_url": ""}, "ImageURL cannot be empty"),
        ("file", {"phone": "1", "file_url": "nonsense"}, "FileURL must be a valid URL"),
        ("audio", {"phone": "1"}, "either Audio or AudioURL must be provided"),
        ("location", {"phone": "1", "latitude": "95", "longitude": "x"},
         "latitude: must be a valid latitude; longitude: must be a valid longitude."),
        ("poll", {"phone": "1", "question": "?", "options": ["a", "b"], "max_answer": 3},
         "max_answer: must be no greater than 2."),
        ("poll", {"phone": "1", "question": "?", "max_answer": 1}, "options: cannot be blank."),
        ("poll", {"phone": "1", "question": "?", "options": ["a", "a"], "max_answer": 1},
         "options should be unique"),
        ("chat-presence", {"phone": "1", "action": "dance"}, "action: must be a valid value."),
        ("presence", {"type": "gone"}, "type: must be a valid value."),
        ("contact", {"phone": "1", "contact_name": "x", "contact_phone": "0812"},
         "contact phone number must be in international format"),
    ],
)  # fmt: skip
def test_validation_comes_before_the_session(
    sim: GowaSimulator, client: Client, path: str, body: dict[str, Any], message: str
) -> None:
    sim.logout_from_phone()

    status, code, text = error(client.post(f"/send/{path}", json=body))

    assert (status, code) == (400, "VALIDATION_ERROR")
    assert text.startswith(message)


def test_coordinates_must_be_strings(sim: GowaSimulator, client: Client) -> None:
    number = client.post("/send/location", json={"phone": "1", "latitude": -6.2, "longitude": 1})
    text = client.post(
        "/send/location", json={"phone": "1", "latitude": "-6.2", "longitude": "106"}
    )

    assert number.status_code == 500
    assert text.json()["message"].startswith("Send location success 1@s.whatsapp.net")
    assert sim.sent[0].text == "-6.2,106"


@pytest.mark.parametrize(
    ("phone", "to"),
    [
        ("5491122223333@s.whatsapp.net", "5491122223333@s.whatsapp.net"),
        ("+5491122223333", "5491122223333@s.whatsapp.net"),
        ("123456789012345", "123456789012345@s.whatsapp.net"),
        ("184620573190245@lid", "184620573190245@lid"),
    ],
)
def test_recipient_is_completed(sim: GowaSimulator, client: Client, phone: str, to: str) -> None:
    client.send(phone=phone)

    assert sim.sent[0].to == to


def test_sixteen_characters_are_a_group(sim: GowaSimulator, client: Client) -> None:
    answer = client.send(phone="+123456789012345")

    assert error(answer)[::2] == (500, "failed to get group members: that group does not exist")


def test_recipient_that_is_unknown_or_cannot_be_looked_up(
    sim: GowaSimulator, client: Client
) -> None:
    sim.state.unknown_numbers.add("5491122223333")
    unknown = error(client.send())
    sim.state.unknown_numbers.clear()
    sim.state.lookup_fails = True
    failed = error(client.send())

    expected = (400, "INVALID_JID", "Phone 5491122223333@s.whatsapp.net is not on whatsapp")
    assert unknown == failed == expected


def test_lookup_that_hangs_is_given_up_after_ten_seconds() -> None:
    with GowaSimulator(tick="manual", time_scale=0.02) as sim:
        sim.state.lookup_hangs = True
        began = time.monotonic()
        answer = error(Client(sim).send())

    assert answer[:2] == (400, "INVALID_JID")
    assert time.monotonic() - began >= 0.2


def test_group_is_written_to_only_by_members(sim: GowaSimulator, client: Client) -> None:
    group = sim.group("Friends", [sim.customer("111")])
    inside = client.send(phone=group.jid)
    group.remove_us()
    outside = client.send(phone=group.jid)

    assert inside.status_code == 200 and sim.sent[0].to == group.jid
    assert (
        error(outside)[2] == "failed to get group members: you're not participating in that group"
    )


@pytest.mark.parametrize(
    ("path", "field", "name", "content_type", "kind", "text"),
    [
        ("image", "image", "a.png", "image/png", "image", "Message sent to"),
        ("file", "file", "a b.pdf", "application/pdf", "document", "Document sent to"),
        ("video", "video", "a.mp4", "video/mp4", "video", "Video sent to"),
        ("audio", "audio", "a.mp3", "audio/mpeg", "audio", "Send audio success"),
        ("sticker", "sticker", "a.webp", "image/webp", "sticker", "Sticker sent to"),
    ],
)
def test_files_are_uploaded(
    sim: GowaSimulator,
    client: Client,
    path: str,
    field: str,
    name: str,
    content_type: str,
    kind: str,
    text: str,
) -> None:
    answer = client.post(
        f"/send/{path}",
        data={"phone": "5491122223333", "caption": "look"},
        files={field: (name, b"bytes", content_type)},
    )

    (sent,) = sim.sent
    assert answer.json()["message"].startswith(text)
    assert (sent.kind, sent.filename, sent.content_type) == (kind, name, content_type)
    assert (sent.data, sent.size) == (b"bytes", 5)
    assert sent.caption == ("look" if kind in {"image", "document", "video"} else "")


def test_voice_is_audio_with_ptt(sim: GowaSimulator, client: Client) -> None:
    client.post(
        "/send/audio",
        data={"phone": "1", "ptt": "true"},
        files={"audio": ("a.ogg", b"x", "audio/ogg")},
    )

    assert sim.sent[0].kind == "voice"


@pytest.mark.parametrize(
    ("field", "content_type"),
    [
        ("image", "application/octet-stream"),
        ("image", "image/webp"),
        ("audio", "audio/ogg; codecs=opus"),
        ("audio", "audio/webm"),
        ("video", "video/webm"),
        ("sticker", "application/octet-stream"),
    ],
)
def test_files_of_other_types_are_refused(client: Client, field: str, content_type: str) -> None:
    answer = client.post(
        f"/send/{field}", data={"phone": "1"}, files={field: ("a", b"x", content_type)}
    )

    assert error(answer)[:2] == (400, "VALIDATION_ERROR")


def test_files_that_are_too_large_are_refused(sim: GowaSimulator, client: Client) -> None:
    sim.config.max_file = 1_000_000

    answer = client.post("/send/file", data={"phone": "1"}, files={"file": ("a", b"x" * 1_000_001)})

    assert error(answer)[2].startswith("max file upload is 1 MB, ")


def test_files_are_fetched_from_addresses(sim: GowaSimulator, client: Client) -> None:
    path = client.simulator.customer("222").document("price list.pdf", b"%PDF-1")
    file = next(name for name in sim.state.files if name.endswith(".pdf"))

    answer = client.post("/send/file", json={"phone": "1", "file_url": f"{sim.url}/{file}"})
    missing = client.post("/send/file", json={"phone": "1", "file_url": f"{sim.url}/none"})

    assert path and answer.status_code == 200
    assert (sim.sent[0].data, sim.sent[0].content_type) == (b"%PDF-1", "application/pdf")
    assert missing.status_code == 500


def test_reply_to_an_unknown_id_is_an_ordinary_message(sim: GowaSimulator, client: Client) -> None:
    known = sim.customer("5491122223333").text("question")
    client.send(reply_message_id=known)
    client.send(reply_message_id="3EB0UNKNOWN")

    assert [one.reply_to for one in sim.sent] == [known, ""]


def test_presence_has_pseudo_ids_and_sends_nothing(sim: GowaSimulator, client: Client) -> None:
    typing = client.post("/send/chat-presence", json={"phone": "1", "action": "start"}).json()[
        "results"
    ]
    online = client.post("/send/presence", json={"type": "available"}).json()["results"]

    assert typing["message_id"] == "chat-presence-start"
    assert typing["status"] == "Send chat presence start typing success 1@s.whatsapp.net"
    assert online == {"message_id": "presence", "status": "Send presence success available"}
    assert sim.sent == [] and [kind for kind, _ in sim.actions] == ["chat_presence", "presence"]


# Messages


def test_changes_of_messages_are_recorded(sim: GowaSimulator, client: Client) -> None:
    source_id = client.send().json()["results"]["message_id"]
    phone = {"phone": "5491122223333"}
    texts = [
        client.post(f"/message/{source_id}/reaction", json=phone | {"emoji": "👍"}).json()[
            "message"
        ],
        client.post(f"/message/{source_id}/update", json=phone | {"message": "new"}).json()[
            "message"
        ],
        client.post(f"/message/{source_id}/revoke", json=phone).json()["message"],
    ]

    assert [(one.kind, one.text, one.target_id) for one in sim.sent[1:]] == [
        ("reaction", "👍", source_id),
        ("edit", "new", source_id),
        ("revoke", "", source_id),
    ]
    assert [text.split(" 549")[0] for text in texts] == [
        "Reaction sent to",
        "Update message success",
        "Revoke success",
    ]


def test_reading_is_an_action(sim: GowaSimulator, client: Client) -> None:
    source_id = sim.customer("5491122223333").text("hi")

    answer = client.post(f"/message/{source_id}/read", json={"phone": "5491122223333"})
    without_body = client.post(f"/message/{source_id}/read")

    status = f"Mark as read success {source_id}"
    assert answer.json()["results"] == {"message_id": source_id, "status": status}
    assert sim.actions[0][0] == "read" and sim.actions[0][1]["message_id"] == source_id
    assert error(without_body) == (500, "INTERNAL_SERVER_ERROR", "Unprocessable Entity")


def test_download_stores_a_file_below_the_chat(sim: GowaSimulator, client: Client) -> None:
    source_id = sim.customer("5491122223333").image(b"\xff\xd8picture")

    results = client.get(f"/message/{source_id}/download?phone=5491122223333").json()["results"]
    file = requests.get(results["file_url"], timeout=5)

    assert re.fullmatch(
        r"statics/media/5491122223333/\d{4}-\d\d-\d\d/\d{10}-[0-9a-f-]{36}", results["file_path"]
    )
    assert results["media_type"] == "image" and results["file_size"] == 9
    assert (file.content, file.headers["Content-Type"]) == (
        b"\xff\xd8picture",
        "application/octet-stream",
    )


def test_download_fails_with_500(sim: GowaSimulator, client: Client) -> None:
    text = sim.customer("111").text("hi")
    image = sim.customer("111").image()
    message = sim.state.message(image)
    assert message is not None
    problems = [
        error(client.get("/message/none/download?phone=111"))[2],
        error(client.get(f"/message/{text}/download?phone=111"))[2],
        error(client.get(f"/message/{image}/download?phone=222"))[2],
    ]
    message.expired = True
    expired = error(client.get(f"/message/{image}/download?phone=111"))

    assert problems == [
        "message with ID none not found",
        f"message {text} does not contain downloadable media",
        f"message {image} does not belong to chat 222@s.whatsapp.net",
    ]
    assert expired[0] == 500 and expired[2].startswith("failed to download media: ")


# Files


def test_static_files_are_public_and_ignore_ranges(sim: GowaSimulator, client: Client) -> None:
    sim.customer("111").image(b"\xff\xd8picture")
    (path,) = sim.state.files
    url = f"{sim.url}/{path}"

    whole = requests.get(url, headers={"Range": "bytes=0-1"}, timeout=5)
    head = requests.head(url, timeout=5)
    known = requests.get(
        url, headers={"If-Modified-Since": whole.headers["Last-Modified"]}, timeout=5
    )

    assert re.fullmatch(r"statics/media/\d{10}-[0-9a-f-]{36}\.jpeg", path)
    assert (whole.status_code, whole.content) == (200, b"\xff\xd8picture")
    assert whole.headers["Content-Type"] == "image/jpeg" and "ETag" not in whole.headers
    assert head.headers["Content-Length"] == "9" and head.content == b""
    assert known.status_code == 304


def test_missing_static_file_falls_through_to_auth(sim: GowaSimulator, client: Client) -> None:
    path = "/statics/media/gone.jpg"
    without, with_credentials = requests.get(sim.url + path, timeout=5), client.get(path)
    sim.add_device("second")
    two_devices = client.get(path)

    assert (without.status_code, without.text) == (401, "Unauthorized")
    assert (with_credentials.status_code, with_credentials.text) == (404, "Not Found")
    assert error(two_devices)[:2] == (400, "DEVICE_ID_REQUIRED")


# People, groups, chats


def test_user_lookups(sim: GowaSimulator, client: Client) -> None:
    ana = sim.customer("111", "Ana", lid="999")
    sim.state.unknown_numbers.add("222")

    by_lid = client.get("/user/info?phone=999@lid").json()["results"]
    by_phone = client.get("/user/info?phone=111").json()["results"]
    no_avatar = error(client.get("/user/avatar?phone=111"))
    ana.person.avatar = b"x"

    assert by_lid["resolved_phone"] == "111" and by_lid["resolved_lid"] == "999@lid"
    assert by_phone["resolved_lid"] == "999@lid" and "resolved_phone" not in by_phone
    assert no_avatar == (500, "INTERNAL_SERVER_ERROR", "no avatar found")
    assert client.get("/user/avatar?phone=111").json()["results"]["type"] == "image"
    checks = [
        client.get(f"/user/check?phone={phone}").json()["results"] for phone in ("111", "222")
    ]
    assert checks == [{"is_on_whatsapp": True}, {"is_on_whatsapp": False}]


def test_group_is_shown_and_changed(sim: GowaSimulator, client: Client) -> None:
    group = sim.group("Friends", [sim.customer("111", lid="999"), sim.customer("222", "Bob")])

    shown = client.get(f"/group/info?group_id={group.jid}").json()["results"]
    rows = client.get(f"/group/participants?group_id={group.jid}").json()["results"]["participants"]
    client.post("/group/participants/remove", json={"group_id": group.jid, "participants": ["222"]})
    client.post("/group/name", json={"group_id": group.jid, "name": "Family"})

    assert (shown["JID"], shown["Name"], shown["ParticipantCount"]) == (group.jid, "Friends", 2)
    assert shown["Participants"][0]["LID"] == "999@lid" and shown["Participants"][0]["IsSuperAdmin"]
    assert rows[0]["phone_number"] == "111@s.whatsapp.net" and rows[0]["lid"] == "999@lid"
    assert rows[1] == {
        "jid": "222@s.whatsapp.net",
        "phone_number": "222@s.whatsapp.net",
        "display_name": "Bob",
        "is_admin": False,
        "is_super_admin": False,
    }
    assert group.members == ("111@s.whatsapp.net",) and group.state.name == "Family"
    assert error(client.get("/group/participants"))[1] == "INVALID_GROUP_ID"


def test_groups_are_made_from_bare_digits(sim: GowaSimulator, client: Client) -> None:
    made = client.post("/group", json={"title": "New", "participants": ["111"]}).json()
    refused = client.post("/group", json={"title": "New", "participants": ["111@s.whatsapp.net"]})

    group_id = made["results"]["group_id"]
    assert made["message"] == f"Success created group with id {group_id}"
    assert sim.state.groups[group_id].us
    assert error(refused)[1] == "INVALID_JID"


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("message", {"message": "Hi"}, "Hi"),
        ("contact", {"contact_name": "Budi", "contact_phone": "6281355501234"}, "👤 Budi"),
        ("link", {"link": "https://a.example", "caption": "Prices"}, "🔗 Prices"),
        ("location", {"latitude": "-6.25", "longitude": "106.5"}, "📍 -6.25, 106.5"),
        ("poll", {"question": "When?", "options": ["a", "b"], "max_answer": 1}, "📊 When?"),
    ],
)
def test_chat_storage_puts_a_sign_before_what_was_sent(
    sim: GowaSimulator, client: Client, path: str, body: dict[str, Any], text: str
) -> None:
    client.post(f"/send/{path}", json={"phone": "111", **body})

    (row,) = client.get("/chat/111@s.whatsapp.net/messages").json()["results"]["data"]
    assert (row["content"], row["media_type"]) == (text, "")


def test_chat_storage_tells_the_edited_text(sim: GowaSimulator, client: Client) -> None:
    sent = client.post(
        "/send/link", json={"phone": "111", "link": "https://a.example", "caption": "x"}
    )
    message_id = sent.json()["results"]["message_id"]
    client.post(f"/message/{message_id}/update", json={"phone": "111", "message": "better"})

    (row,) = client.get("/chat/111@s.whatsapp.net/messages").json()["results"]["data"]
    assert row["content"] == "better"


def test_chat_storage_tells_what_happened(sim: GowaSimulator, client: Client) -> None:
    ana = sim.customer("111", "Ana")
    first = ana.text("Hello")
    second = client.send(phone="111", message="Hi Ana").json()["results"]["message_id"]
    ana.react(second, "👍")

    chats = client.get("/chats").json()["results"]
    answer = client.get("/chat/111%40s.whatsapp.net/messages?limit=1").json()["results"]
    incoming = client.get("/chat/111@s.whatsapp.net/messages?is_from_me=false").json()["results"][
        "data"
    ]
    nobody = client.get("/chat/333@s.whatsapp.net/messages").json()["results"]

    assert [(one["jid"], one["name"]) for one in chats["data"]] == [("111@s.whatsapp.net", "Ana")]
    assert answer["pagination"] == {"limit": 1, "offset": 0, "total": 2}
    assert [one["id"] for one in incoming] == [first] and incoming[0]["content"] == "Hello"
    assert incoming[0]["sender_display_name"] == "Ana"
    assert nobody["data"] == []


def test_routes_appear_with_their_release() -> None:
    with GowaSimulator(era="v7", version="v7.5.0") as sim:
        client = Client(sim)
        assert client.get("/message/x/download?phone=1").status_code == 404
        assert client.post("/send/sticker", json={}).status_code == 404
        assert requests.get(sim.url + "/health", timeout=5).status_code == 401
        assert client.get("/chats").status_code == 200


# Failures


def test_fault_unauthorized_comes_in_two_kinds(sim: GowaSimulator, client: Client) -> None:
    sim.faults.set("/send/message", "unauthorized_basic")
    sim.faults.set("/send/message", "unauthorized_session")

    basic, session, fine = client.send(), client.send(), client.send()

    assert (basic.status_code, basic.headers["Content-Type"]) == (401, "text/plain; charset=utf-8")
    assert error(session)[:2] == (401, "AUTHENTICATION_ERROR")
    assert fine.status_code == 200 and len(sim.sent) == 1


@pytest.mark.parametrize("mode", ["down", "cut_before_accept", "cut_after_accept", "cut_in_answer"])
def test_fault_cuts_the_connection(sim: GowaSimulator, client: Client, mode: str) -> None:
    sim.faults.set("*", mode)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.send()

    assert len(sim.sent) == (1 if mode in {"cut_after_accept", "cut_in_answer"} else 0)
    assert client.send().status_code == 200
    assert [one.status for one in sim.requests] == [None, 200]


def test_fault_slow_answer_has_done_the_work(sim: GowaSimulator, client: Client) -> None:
    sim.faults.set("*", "slow_answer", seconds=30)

    with pytest.raises(requests.ReadTimeout):
        client.post("/send/message", json={"phone": "5491122223333", "message": "hi"}, timeout=0.5)

    assert len(sim.sent) == 1


@pytest.mark.parametrize(
    ("version", "seconds", "status"),
    [("v9.0.0", 44, 200), ("v9.0.0", 46, 504), ("v8.1.0", 46, 504), ("v8.0.0", 46, 200)],
)
def test_fault_slow_whatsapp_ends_in_504_after_45_seconds(
    version: str, seconds: float, status: int
) -> None:
    with GowaSimulator(version=version, tick="manual", time_scale=0.005) as sim:
        sim.faults.set("/send/*", "slow_whatsapp", seconds=seconds)
        began = time.monotonic()
        answer = Client(sim).send()

        assert answer.status_code == status
        assert len(sim.sent) == 1  # whatever it answers
    assert time.monotonic() - began >= 44 * 0.005


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "WA_REACHOUT_TIMELOCK"), (500, "INTERNAL_SERVER_ERROR"), (504, "GATEWAY_TIMEOUT")],
)
def test_fault_status_answers_and_does_nothing(
    sim: GowaSimulator, client: Client, status: int, code: str
) -> None:
    sim.faults.set("/send/*", "status", count=2, status=status)

    assert error(client.send())[:2] == (status, code)
    sim.faults.clear()
    assert client.send().status_code == 200 and len(sim.sent) == 1


def test_fault_status_takes_a_body(sim: GowaSimulator, client: Client) -> None:
    sim.faults.set("*", "status", status=500, body={"message": "context deadline exceeded"})
    sim.faults.set("*", "status", status=502, body="<h1>Bad gateway</h1>", content_type="text/html")

    assert error(client.send()) == (500, "INTERNAL_SERVER_ERROR", "context deadline exceeded")
    assert client.send().text == "<h1>Bad gateway</h1>"


def test_fault_hang_and_slow_are_bounded(sim: GowaSimulator, client: Client) -> None:
    sim.faults.set("*", "hang", seconds=0.2)
    sim.faults.set("*", "slow", seconds=0.05)

    with pytest.raises(requests.ConnectionError):
        client.send()
    slow = client.send()

    assert slow.status_code == 200 and slow.elapsed.total_seconds() >= 0.05
    assert len(sim.sent) == 1


def test_fault_chunked_has_no_length(sim: GowaSimulator, client: Client) -> None:
    sim.faults.set("*", "chunked")

    answer = client.get("/app/status")

    assert (
        answer.headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in answer.headers
    )
    assert answer.json()["code"] == "SUCCESS"


def test_fault_that_does_not_exist_is_refused(sim: GowaSimulator) -> None:
    with pytest.raises(ValueError, match="no fault"):
        sim.faults.set("*", "explode")


def test_stop_refuses_connections_and_start_keeps_the_port() -> None:
    sim = GowaSimulator()
    sim.start()
    url = sim.url
    sim.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/health", timeout=5)
    with sim:
        assert sim.url == url
        assert requests.get(url + "/health", timeout=5).text == "OK"
