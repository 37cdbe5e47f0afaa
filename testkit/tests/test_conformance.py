"""The conformance kit finds what is wrong: each check is tried on a provider with one fault."""

from __future__ import annotations

import json
import socket
import types
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chatport import (
    Channel,
    Connection,
    InboundRequest,
    MediaRequest,
    OutboundMessage,
    Sent,
    hookimpl,
)
from chatport.errors import ContentRefused, ProviderError, TemporarilyRefused
from chatport.events import AnyEvent, MediaPart, MediaRef, MessageReceived
from chatport.messages import MediaKind, Text
from chatport_echo import plugin, service
from chatport_testkit.conformance import (
    ProviderCase,
    ProviderConformance,
    Received,
    Reply,
    ScriptedService,
    Webhook,
    json_reply,
    samples,
)
from chatport_testkit.conformance.world import bench as open_bench

TOKEN = "token-of-the-shop"
BODY = b"""{"line": "6281100000009", "events": [{"type": "message", "id": "e-1", "at": 1772600767,
  "from": "6281290001122", "text": "hi", "file": "https://echo.example/f"}]}"""
MESSAGE = Webhook("message", BODY)
FOREIGN = Webhook("foreign", BODY.replace(b"6281100000009", b"6281100000777"), own=False)


def echo(request: Received) -> Reply:
    if request.method == "GET":
        return json_reply({"number": "+6281100000009"})
    return json_reply({"id": f"e-{uuid.uuid4()}"}, 201)


def config(address: str) -> Mapping[str, object]:
    return {"url": address, "token": TOKEN, "webhook_secret": "secret-of-the-webhook"}


def provider(features: Mapping[str, Any] | None = None, **hooks: Any) -> types.ModuleType:
    """The example provider with other features or hooks."""
    module = types.ModuleType("broken_provider")
    vars(module).update({k: v for k, v in vars(plugin).items() if not k.startswith("__")})
    vars(module).update({name: hookimpl(hook) for name, hook in hooks.items()})
    info = plugin.PROVIDER
    module.PROVIDER = replace(info, features=replace(info.features, **(features or {})))  # type: ignore[attr-defined]
    return module


def run(module: types.ModuleType, check: str, *webhooks: Webhook, **names: Any) -> None:
    """One check of the kit, as pytest runs it."""
    suite = ProviderConformance()
    samples = webhooks or (MESSAGE,)
    suite.case = ProviderCase(
        key="echo", plugin=module, config=config, service=echo, webhooks=samples
    )
    method: Callable[..., None] = getattr(suite, f"test_{check}")
    with pytest.MonkeyPatch.context() as patch, open_bench(suite.case, patch) as bench:
        given = {"bench": bench, "monkeypatch": patch, "webhook": samples[0], **names}
        wanted = method.__code__.co_varnames[1 : method.__code__.co_argcount]
        method(**{name: given[name] for name in wanted})


def finds(words: str) -> Any:
    """The check must fail, and say why."""
    return pytest.raises((AssertionError, pytest.fail.Exception), match=words)


def sends(answer: Callable[[Channel, OutboundMessage], Sent]) -> types.ModuleType:
    def send_message(channel: Channel, message: OutboundMessage) -> Sent:
        return answer(channel, message)

    return provider(send_message=send_message)


def reads(change: Callable[[InboundRequest], list[AnyEvent]]) -> types.ModuleType:
    def handle_event(request: InboundRequest) -> list[AnyEvent]:
        return change(request)

    return provider(handle_event=handle_event)


# --- declaration ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "feature", ["typing", "read_receipts", "history", "find_sent", "templates"]
)
def test_declared_feature_without_hook_is_found(feature: str) -> None:
    with finds("declared features without the hook"):
        run(provider({feature: True}), "declared_features_have_their_hooks")


def test_hook_without_declared_feature_is_found() -> None:
    def send_typing(channel: Channel) -> bool:
        return True

    with finds("send_typing"):
        run(provider(send_typing=send_typing), "implemented_hooks_are_declared_as_features")


def test_wrong_signature_is_found() -> None:
    def send_message(channel: Channel, text: str) -> Sent:
        return Sent("x")

    with finds("send_message takes 'text'"):
        registry_accepts(provider(send_message=send_message))


def registry_accepts(module: types.ModuleType) -> None:
    suite = ProviderConformance()
    suite.case = ProviderCase(
        key="echo", plugin=module, config=config, service=echo, webhooks=(MESSAGE,)
    )
    suite.test_core_accepts_the_plugin()


def test_contacts_without_their_number_are_found() -> None:
    with finds("max_contacts"):
        run(provider({"contacts": True}), "limits_make_sense")


# --- receiving --------------------------------------------------------------------------------------------------------


def test_sound_provider_passes_what_the_broken_ones_fail() -> None:
    for check in ("changed_bodies_give_events_or_anomalous_payload", "addressees_fit_the_channel"):
        run(provider(), check)


def test_key_that_differs_each_time_is_found() -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        return [replace(plugin.handle_event(request)[0], key=str(uuid.uuid4()))]

    with finds("other keys the second time"):
        run(reads(change), "same_body_gives_equal_events")


def test_key_of_the_moment_of_receipt_is_found() -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        return [replace(plugin.handle_event(request)[0], key=str(request.received_at))]

    with finds("other keys the second time"):
        run(reads(change), "same_body_gives_equal_events")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("k" * 201, "201 characters"),
        ("a\x00b", "NUL"),
        ("\ud800", "surrogate"),
        ("", "list of events"),
    ],
)
def test_key_that_cannot_be_stored_is_found(key: str, words: str) -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        return [replace(plugin.handle_event(request)[0], key=key)]

    with pytest.raises((AssertionError, ProviderError), match=words):
        run(reads(change), "events_keep_the_rules")


def test_parser_that_trips_over_a_missing_key_is_found() -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        json.loads(request.body)["line"].upper()
        return plugin.handle_event(request)

    with finds("KeyError|JSONDecodeError|TypeError"):
        run(reads(change), "changed_bodies_give_events_or_anomalous_payload")


def test_parser_that_asks_the_network_is_found_even_if_it_hides_it() -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        with suppress(BaseException), socket.socket() as sock:
            sock.connect(("127.0.0.1", 9))
        return plugin.handle_event(request)

    with finds("connection to 127.0.0.1 was opened"):
        run(reads(change), "body_gives_the_expected_events")


def test_raw_that_is_no_json_is_found() -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        return [replace(plugin.handle_event(request)[0], raw={"a": {1, 2}})]

    with finds("raw cannot be written as JSON"):
        run(reads(change), "events_keep_the_rules")


def test_body_of_another_channel_without_its_name_is_found() -> None:
    def change(request: InboundRequest) -> list[AnyEvent]:
        return [replace(event, addressees=()) for event in plugin.handle_event(request)]

    with finds("name it as addressee"):
        run(reads(change), "addressees_fit_the_channel", FOREIGN)


def test_one_key_for_two_facts_is_found() -> None:
    other = Webhook("other", BODY.replace(b'"hi"', b'"another"'))

    with finds("different facts need different keys"):
        run(provider(), "keys_of_all_samples_are_distinct", MESSAGE, other)


@pytest.mark.parametrize("first", [True, False])
def test_one_fact_in_two_samples_is_allowed_where_the_case_says_so(first: bool) -> None:
    again = Webhook("again", BODY.replace(b'"hi"', b'"another"'), repeats=True)
    samples = (again, MESSAGE) if first else (MESSAGE, again)

    run(provider(), "keys_of_all_samples_are_distinct", *samples)


def test_credentials_for_an_address_of_the_body_are_found() -> None:
    def media_url(channel: Channel, media: MediaRef) -> MediaRequest:
        host = str(media.locator["file"]).split("/")[2]
        headers = {"Authorization": f"Bearer {channel.config['token']}"}
        return MediaRequest(str(media.locator["file"]), headers, (host,))

    with pytest.raises(AssertionError):
        run(provider(media_url=media_url), "credentials_never_follow_an_address_of_a_body")


def test_media_outside_its_allowed_hosts_is_found() -> None:
    def media_url(channel: Channel, media: MediaRef) -> MediaRequest:
        return MediaRequest("https://elsewhere.example/f", {}, ("echo.example",))

    with finds("not in allowed_hosts"):
        run(provider(media_url=media_url), "media_of_events_can_be_fetched")


def test_media_locator_with_a_secret_is_found() -> None:
    def handle_event(channel: Channel, request: InboundRequest) -> list[AnyEvent]:
        event = plugin.handle_event(request)[0]
        assert isinstance(event, MessageReceived)
        media = MediaRef(MediaKind.IMAGE, {"token": channel.config["token"]})
        return [replace(event, parts=(MediaPart(media),))]

    with pytest.raises(AssertionError):
        run(provider(handle_event=handle_event), "media_of_events_tell_no_secret")


# --- sending ----------------------------------------------------------------------------------------------------------


def test_claimed_message_that_is_not_supported_is_found() -> None:
    with finds("the features declare poll"):
        run(provider({"polls": True}), "message_is_sent_or_refused_as_declared", kind="poll")


def test_sent_message_that_is_not_claimed_is_found() -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        return service.send(channel, replace(message, content=Text("instead")))

    with finds("location was sent, but"):
        run(sends(answer), "message_is_sent_or_refused_as_declared", kind="location")


def test_text_that_is_cut_is_found() -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        assert isinstance(message.content, Text)
        return service.send(channel, replace(message, content=Text(message.content.body[:2000])))

    run(sends(answer), "longest_text_is_sent_whole")
    with finds("the text was cut"):
        run(sends(answer), "too_long_text_is_never_cut")


@pytest.mark.parametrize("trouble", ["no-answer", "503", "429"])
def test_second_try_is_found(trouble: str) -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        with suppress(ProviderError):
            return service.send(channel, message)
        return service.send(channel, message)

    with pytest.raises(AssertionError):
        run(sends(answer), "message_is_sent_once", trouble=trouble)


def test_configuration_check_that_sends_is_found() -> None:
    def check(channel: Channel) -> Connection:
        service.send(channel, samples.message(Text("test")))
        return plugin.validate_config(channel)

    with finds("only reads"):
        run(provider(validate_config=check), "validate_config_asks_the_service")


def test_success_without_an_id_is_found() -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        try:
            return service.send(channel, message)
        except ProviderError:
            return Sent("unknown")

    with finds("DID NOT RAISE"):
        run(sends(answer), "failure_has_the_right_class", fault="ok-without-id")


@pytest.mark.parametrize("fault", ["429", "no-answer", "ok-empty", "401-plain", "down"])
def test_wrong_class_is_found(fault: str) -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        try:
            return service.send(channel, message)
        except ProviderError as error:
            wrong = ContentRefused if fault == "down" else TemporarilyRefused
            raise wrong(str(error)) from None

    with finds(f"after {fault}"):
        run(sends(answer), "failure_has_the_right_class", fault=fault)


def test_crash_on_a_fault_is_found() -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        with suppress(ProviderError):
            return service.send(channel, message)
        raise KeyError("id")

    with finds("after 500-html"):
        run(sends(answer), "failure_has_the_right_class", fault="500-html")


def test_secret_in_an_error_is_hidden_by_the_core() -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        raise TemporarilyRefused("Echo failed.", detail=f"Bearer {channel.config['token']}")

    run(sends(answer), "no_secret_comes_back_in_an_error", status=500, caplog=_NoLog())


def test_secret_in_an_address_is_found() -> None:
    def answer(channel: Channel, message: OutboundMessage) -> Sent:
        service._client(channel).get("line", params={"access": channel.config["token"]})
        return service.send(channel, message)

    with pytest.raises(AssertionError):
        run(sends(answer), "no_secret_in_addresses")


class _NoLog:
    text = ""


# --- the service ------------------------------------------------------------------------------------------------------


def test_scripted_service_writes_down_what_it_was_asked() -> None:
    import requests

    with ScriptedService(lambda request: json_reply({"you": request.query["who"]})) as scripted:
        answer = requests.post(f"{scripted.url}/a?who=me", json={"x": 1}, timeout=5)

    assert answer.json() == {"you": "me"}
    (request,) = scripted.received
    assert (request.method, request.path, request.json()) == ("POST", "/a", {"x": 1})


def test_scripted_service_cuts_an_answer() -> None:
    import requests

    with ScriptedService(lambda request: Reply(200, b"0123456789", cut="inside")) as scripted:
        with pytest.raises(requests.RequestException):
            requests.get(scripted.url, timeout=5)
