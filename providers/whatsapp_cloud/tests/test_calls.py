"""Sending, files, receipts, templates over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import importlib.resources
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import requests_mock

from chatport import Channel, Identity, MediaKind, OutboundMessage, Recipient
from chatport.errors import (
    ContentRefused,
    MediaGone,
    OutcomeUnknown,
    PolicyRefused,
    ProviderError,
    RecipientInvalid,
    ServiceUnreachable,
    TemporarilyRefused,
    WindowClosed,
)
from chatport.events import MediaRef
from chatport.messages import Content, Media, MessageRef, Template, Text
from chatport_whatsapp_cloud import plugin

NUMBER = "109870000333444"
MESSAGES, MEDIA = f"{NUMBER}/messages", f"{NUMBER}/media"
TEMPLATES = "214700000111222/message_templates"
DELIVERY = "0123456789abcdef0123456789abcdef"
ROSA = Identity("wa_id", "4915112340001")
FILE = MediaRef(MediaKind.IMAGE, {"id": "1800"}, "a.jpg", "image/jpeg", "ab" * 32)


def message(content: Content, *who: Identity, **more: Any) -> OutboundMessage:
    return OutboundMessage(DELIVERY, Recipient(who or (ROSA,)), content, **more)


def picture(**more: Any) -> Media:
    return Media(MediaKind.IMAGE, "a.png", "image/png", 4, lambda: io.BytesIO(b"\x89PNG"), **more)


def sends(graph: Any, wa_id: str = "4915112340001") -> Any:
    answer = {"contacts": [{"input": "x", "wa_id": wa_id}], "messages": [{"id": "wamid.1"}]}
    return graph.says("POST", MESSAGES, answer)


# --- messages -------------------------------------------------------------------------------------


def test_send_text_as_reply(channel: Channel, graph: Any) -> None:
    route = sends(graph, "551112340002")
    reply = MessageRef("wamid.0", from_me=False)
    found = plugin.send_message(channel, message(Text("hi"), reply_to=reply))
    assert route.last_request.json() == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "4915112340001",
        "type": "text",
        "text": {"body": "hi", "preview_url": True},
        "context": {"message_id": "wamid.0"},
        "biz_opaque_callback_data": DELIVERY,
    }
    assert (found.source_id, found.recipient) == ("wamid.1", (Identity("wa_id", "551112340002"),))


def test_send_to_a_user_id(channel: Channel, graph: Any) -> None:
    route = graph.says(
        "POST",
        MESSAGES,
        {"contacts": [{"input": "DE.1", "user_id": "DE.1"}], "messages": [{"id": "wamid.1"}]},
    )
    found = plugin.send_message(channel, message(Text("hi"), Identity("bsuid", "DE.1")))
    assert route.last_request.json()["recipient"] == "DE.1"
    assert found.recipient == (Identity("bsuid", "DE.1"),)


def test_send_file_uploads_it_first(channel: Channel, graph: Any) -> None:
    upload, route = graph.says("POST", MEDIA, {"id": "77"}), sends(graph)
    plugin.send_message(channel, message(picture(caption="look")))
    assert route.last_request.json()["image"] == {"id": "77", "caption": "look"}
    assert upload.last_request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert int(upload.last_request.headers["Content-Length"]) > 4


@pytest.mark.parametrize("failure", [{"status_code": 503}, {"exc": requests.ConnectTimeout}])
def test_send_file_falls_back_to_its_link(channel: Channel, graph: Any, failure: Any) -> None:
    graph.mock.post(graph.root + MEDIA, **failure)
    route = sends(graph)
    plugin.send_message(channel, message(picture(link="https://chat.test/f/1")))
    assert route.last_request.json()["image"] == {"link": "https://chat.test/f/1"}


def test_send_file_without_public_link_fails_with_the_upload(channel: Channel, graph: Any) -> None:
    graph.mock.post(graph.root + MEDIA, status_code=503)
    with pytest.raises(TemporarilyRefused):
        plugin.send_message(channel, message(picture(link="http://localhost/f/1")))
    assert graph.calls == [f"POST {MEDIA}"]


def test_send_file_of_refused_type_asks_nobody(channel: Channel, graph: Any) -> None:
    media = Media(MediaKind.IMAGE, "a.gif", "image/gif", 4, lambda: io.BytesIO(b"GIF8"))
    with pytest.raises(ContentRefused):
        plugin.send_message(channel, message(media))
    assert graph.calls == []


def test_send_tries_the_other_form_of_a_number_once(channel: Channel, graph: Any) -> None:
    refused = {"json": {"error": {"code": 131030, "message": "no"}}, "status_code": 400}
    predicted = {"input": "+5511987654321", "wa_id": "551187654321", "user_id": "BR.1"}
    taken = {"json": {"contacts": [predicted], "messages": [{"id": "wamid.2"}]}}
    route = graph.mock.post(graph.root + MESSAGES, [refused, taken])
    found = plugin.send_message(channel, message(Text("hi"), Identity("wa_id", "551187654321")))
    assert found.source_id == "wamid.2"
    assert [r.json()["to"] for r in route.request_history] == ["551187654321", "+5511987654321"]
    # The form that worked is what is remembered.
    assert found.recipient == (Identity("wa_id", "5511987654321"), Identity("bsuid", "BR.1"))


def test_send_does_not_try_again_otherwise(channel: Channel, graph: Any) -> None:
    graph.refuses("POST", MESSAGES, 131026)
    with pytest.raises(RecipientInvalid):
        plugin.send_message(channel, message(Text("hi")))
    assert len(graph.calls) == 1


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [(131047, 400, WindowClosed), (131049, 400, PolicyRefused), (131045, 500, ProviderError)],
)
def test_send_tells_why_it_failed(
    channel: Channel, graph: Any, code: int, status: int, kind: type[ProviderError]
) -> None:
    graph.refuses("POST", MESSAGES, code, status, details="Meta's own words")
    with pytest.raises(kind) as caught:
        plugin.send_message(channel, message(Text("hi")))
    assert caught.value.code == str(code) and "Meta's own words" in str(caught.value)


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": [{}]}, {"messages": [None]}])
def test_send_without_id_is_of_unknown_outcome(channel: Channel, graph: Any, body: Any) -> None:
    graph.says("POST", MESSAGES, body)
    with pytest.raises(OutcomeUnknown):
        plugin.send_message(channel, message(Text("hi")))


def test_send_success_that_holds_an_error_is_a_failure(channel: Channel, graph: Any) -> None:
    graph.refuses("POST", MESSAGES, 131047, 200)
    with pytest.raises(WindowClosed):
        plugin.send_message(channel, message(Text("hi")))


def test_send_adds_the_proof_that_the_app_demands(channel: Channel, graph: Any) -> None:
    words = "API calls from the server require an appsecret_proof argument"
    refused = {"json": {"error": {"code": 100, "message": words}}, "status_code": 400}
    taken = {"json": {"messages": [{"id": "wamid.2"}]}}
    graph.mock.post(graph.root + MESSAGES, [refused, taken])
    assert plugin.send_message(channel, message(Text("hi"))).source_id == "wamid.2"
    first, second = graph.mock.request_history
    assert "appsecret_proof" not in first.qs and len(second.qs["appsecret_proof"][0]) == 64


def _accepting(graph: Any, secret: str) -> Any:
    """Meta that wants the proof by one secret; answers of POST messages and media, and the number."""
    good = hmac.digest(secret.encode(), b"EAAtokenOfTheSystemUser0001", hashlib.sha256).hex()

    def answer(request: Any, context: Any) -> dict[str, Any]:
        if request.qs.get("appsecret_proof") == [good]:
            return {"id": "1", "messages": [{"id": "wamid.2"}]}
        context.status_code = 400
        return {"error": {"code": 100, "message": "Invalid appsecret_proof provided in the API"}}

    graph.mock.register_uri(requests_mock.ANY, requests_mock.ANY, json=answer)


@pytest.mark.parametrize("accepted", ["new-secret-0123456789", "old-secret-0123456789"])
def test_send_proves_either_secret_while_they_are_rotated(
    make_channel: Any, graph: Any, accepted: str
) -> None:
    _accepting(graph, accepted)
    channel = make_channel(
        app_secret=["new-secret-0123456789", "old-secret-0123456789"],
        state={"appsecret_proof_needed": True},
    )
    assert plugin.send_message(channel, message(Text("hi"))).source_id == "wamid.2"
    assert plugin.send_message(channel, message(picture())).source_id == "wamid.2"


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "x" * 256, "", 5, None])
def test_send_with_an_unusable_id_in_the_answer_is_of_unknown_outcome(
    channel: Channel, graph: Any, odd: Any
) -> None:
    graph.says("POST", MESSAGES, {"messages": [{"id": odd}]})
    with pytest.raises(OutcomeUnknown):
        plugin.send_message(channel, message(Text("hi")))


def test_send_template(channel: Channel, graph: Any) -> None:
    route = graph.says(
        "POST", MESSAGES, {"messages": [{"id": "wamid.1", "message_status": "paused"}]}
    )
    definition = {"status": "APPROVED", "components": [{"type": "BODY", "text": "Hi {{1}}"}]}
    template = Template("hello", "de", params={"body": {"1": "Rosa"}}, definition=definition)
    found = plugin.send_message(channel, message(template))
    assert route.last_request.json()["template"] == {
        "name": "hello",
        "language": {"policy": "deterministic", "code": "de"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Rosa"}]}],
    }
    assert found.raw["message_status"] == "paused"
    assert "Use another template" in found.note


# --- receipts and typing --------------------------------------------------------------------------


def test_mark_read_names_the_last_message(channel: Channel, graph: Any) -> None:
    route = graph.says("POST", MESSAGES, {"success": True})
    refs = tuple(MessageRef(f"wamid.{n}", from_me=False) for n in (1, 2))
    assert plugin.mark_read(channel, Recipient((ROSA,)), refs)
    assert route.last_request.json() == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.2",
    }


def test_typing_needs_a_message_of_the_customer(channel: Channel, graph: Any) -> None:
    route = graph.says("POST", MESSAGES, {"success": True})
    last, who = MessageRef("wamid.1", from_me=False), Recipient((ROSA,))
    assert plugin.send_typing(channel, who, "composing", last)
    assert route.last_request.json()["typing_indicator"] == {"type": "text"}
    assert not plugin.send_typing(channel, who, "composing", None)
    assert not plugin.send_typing(channel, who, "paused", last)
    assert route.call_count == 1


# --- files ----------------------------------------------------------------------------------------


def found_at(graph: Any, url: Any, **more: Any) -> Any:
    return graph.says("GET", "1800", {"url": url, "sha256": "cd" * 32, **more})


def test_media_url_is_looked_up_and_expires(channel: Channel, graph: Any) -> None:
    route = found_at(graph, "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1800")
    request = plugin.media_url(channel, FILE)
    assert request.allowed_hosts == ("lookaside.fbsbx.com",)
    assert request.headers == {"Authorization": f"Bearer {channel.config['api_key']}"}
    assert request.sha256 == "cd" * 32
    assert request.expires_at is not None
    assert timedelta(minutes=4) < request.expires_at - datetime.now(UTC) < timedelta(minutes=5)
    assert route.last_request.qs == {"phone_number_id": [NUMBER]}


def test_media_url_may_be_at_the_services_own_place(channel: Channel, graph: Any) -> None:
    found_at(graph, "https://graph.test/bytes", sha256=None)
    request = plugin.media_url(channel, FILE)
    assert request.allowed_hosts == ("graph.test",) and request.sha256 == "ab" * 32


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/x",
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com.evil.test/x",
        "https://user@lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "http://graph.test/x",
        "http://graph.test:8080\\@evil.test/x",
        "https://evil.test\\.fbsbx.com/x",
        "https://evil.test%2f.fbsbx.com/x",
        "https://evil.test?.fbsbx.com/x",
        "https://evil.test#.fbsbx.com/x",
        "https://lookaside.fbsbx.com/x\t",
        "https://ev\u0131l.fbsbx.com/x",
        "https://fbsbx.com@evil.test/x",
        "https://[::1",
        "//lookaside.fbsbx.com/x",
        "",
        None,
        5,
    ],
)
def test_media_url_elsewhere_never_gets_the_token(channel: Channel, graph: Any, url: Any) -> None:
    found_at(graph, url)
    with pytest.raises(TemporarilyRefused):
        plugin.media_url(channel, FILE)


def test_media_that_is_gone_is_told(channel: Channel, graph: Any) -> None:
    graph.refuses("GET", "1800", 100, error_subcode=33)
    with pytest.raises(MediaGone):
        plugin.media_url(channel, FILE)
    with pytest.raises(MediaGone):
        plugin.media_url(channel, MediaRef(MediaKind.IMAGE, {}))


def test_media_look_up_without_answer_is_no_loss(channel: Channel, graph: Any) -> None:
    graph.mock.get(graph.root + "1800", exc=requests.ConnectTimeout)
    with pytest.raises(ServiceUnreachable):
        plugin.media_url(channel, FILE)


# --- templates ------------------------------------------------------------------------------------


def page(name: str, after: str = "", **more: Any) -> dict[str, Any]:
    entry = {"id": "1", "name": name, "language": "de", "status": "APPROVED", **more}
    paging = {"cursors": {"after": after or "END"}}
    return {"data": [entry], "paging": paging | ({"next": "https://x.test"} if after else {})}


def test_templates_of_all_pages(channel: Channel, graph: Any) -> None:
    pages = [page("a", "A"), page("b", "B"), page("c")]
    graph.mock.get(graph.root + TEMPLATES, [{"json": one} for one in pages])
    found = plugin.fetch_templates(channel)
    assert [t["name"] for t in found] == ["a", "b", "c"]
    assert found[0]["parameter_format"] == "POSITIONAL" and found[0]["components"] == []
    assert [r.qs.get("after") for r in graph.mock.request_history] == [None, ["a"], ["b"]]


@pytest.mark.parametrize("second", [{"status_code": 500}, {"json": []}, {"json": {"data": None}}])
def test_templates_are_all_or_nothing(channel: Channel, graph: Any, second: Any) -> None:
    graph.mock.get(graph.root + TEMPLATES, [{"json": page("a", "A")}, second])
    with pytest.raises(ProviderError):
        plugin.fetch_templates(channel)


@pytest.mark.parametrize(
    "page",
    [
        {"data": [{"id": "1", "name": "a", "language": "de"}, None]},
        {"data": [{"id": "1", "language": "de"}]},
        {"data": [{"id": "1", "name": "a"}]},
        {"data": [{"name": "a", "language": "de"}], "paging": {"next": "https://x.test"}},
        {"data": [], "paging": {"next": "https://x.test", "cursors": {"after": 5}}},
    ],
)
def test_templates_with_holes_are_no_list(channel: Channel, graph: Any, page: Any) -> None:
    graph.says("GET", TEMPLATES, page)
    with pytest.raises(TemporarilyRefused):
        plugin.fetch_templates(channel)


def test_templates_in_smaller_pages_where_they_are_too_much(channel: Channel, graph: Any) -> None:
    too_much = {"json": {"error": {"code": 1, "message": "reduce the amount"}}, "status_code": 500}
    graph.mock.get(graph.root + TEMPLATES, [too_much, {"json": page("a")}])
    assert len(plugin.fetch_templates(channel)) == 1
    assert [r.qs["limit"] for r in graph.mock.request_history] == [["100"], ["50"]]


def test_templates_that_never_end_are_an_error(channel: Channel, graph: Any) -> None:
    graph.says("GET", TEMPLATES, page("a", "A"))
    with pytest.raises(TemporarilyRefused, match="end"):
        plugin.fetch_templates(channel)


def test_recorded_templates_can_be_stored(channel: Channel, graph: Any) -> None:
    folder = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud" / "http"
    pages = [json.loads((folder / f"{n}.json").read_text("utf-8"))["body"] for n in _PAGES]
    graph.mock.get(graph.root + TEMPLATES, [{"json": one} for one in pages])
    found = plugin.fetch_templates(channel)
    assert {t["name"] for t in found} >= {"termin_erinnerung", "promo_bild"}


_PAGES = ("templates_page1", "templates_page2_last")
