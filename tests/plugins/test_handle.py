"""One call of a provider: answers are judged, failures told apart, time is limited."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chatport.channels import (
    Channel,
    Connection,
    ContactInfo,
    GroupInfo,
    HistoryPage,
    InboundRequest,
    MediaRequest,
    PairingPrompt,
    Provisioned,
    SentLookup,
)
from chatport.errors import (
    AnomalousPayload,
    ErrorClass,
    HookTimeout,
    OutcomeUnknown,
    ProviderCrashed,
    RateLimited,
    UnsupportedFeature,
)
from chatport.events import MediaRef, UnknownEvent
from chatport.guards import NetworkInTransaction, transaction_marker
from chatport.hookspecs import hookimpl
from chatport.identities import group, phone
from chatport.messages import MediaKind, OutboundMessage, Recipient, Sent, Text
from chatport.plugins import ProviderHandle, Registry
from chatport.plugins.checks import SPECIFICATIONS
from chatport.plugins.handle import _ANSWERS

Make = Callable[..., dict[str, Any]]

MESSAGE = OutboundMessage("0" * 32, Recipient(()), Text("hello"))
REQUEST = InboundRequest(b"{}", {}, datetime(2026, 3, 4, tzinfo=UTC))
EVENT = UnknownEvent(key="k", time=None, reason="new")
NOW = datetime(2026, 3, 4, tzinfo=UTC)
WHO = Recipient((phone("6281290001122"),))


@pytest.fixture
def handle(make_provider: Make) -> Callable[..., ProviderHandle]:
    """A handle of a provider whose named hook does as told."""

    def make(hook: str, does: Callable[[], Any], *, limit: float = 5.0) -> ProviderHandle:
        def implementation() -> Any:
            return does()

        implementation.__name__ = hook
        module = make_provider(**{hook: hookimpl(implementation)})
        return Registry.from_modules({"sound": module}, hook_time_limit=limit).provider("sound")

    return make


def raises(error: BaseException) -> Callable[[], Any]:
    def do() -> Any:
        raise error

    return do


#: Every hook that providers answer: how the core calls it, a good answer, rubbish of the nearest kind.
CALLS: dict[str, tuple[Callable[[ProviderHandle, Channel], Any], Any, Any]] = {
    "validate_config": (lambda h, c: h.validate_config(c), Connection(True), True),
    "send_message": (lambda h, c: h.send_message(c, MESSAGE), Sent("x"), Sent("")),
    "media_url": (
        lambda h, c: h.media_url(c, MediaRef(MediaKind.IMAGE, {})),
        MediaRequest("https://a.example/"),
        "https://a.example/",
    ),
    "handle_event": (lambda h, c: h.handle_event(c, REQUEST), [EVENT], [{"key": "k"}]),
    "channel_addresses": (lambda h, c: h.channel_addresses(c), frozenset({"a"}), "a"),
    "provision": (lambda h, c: h.provision(c), Provisioned(), {}),
    "unprovision": (lambda h, c: h.unprovision(c), Provisioned(), True),
    "authenticate_request": (lambda h, c: h.authenticate_request(c, REQUEST), True, "yes"),
    "connection_status": (lambda h, c: h.connection_status(c), Connection(False), "connected"),
    "start_pairing": (
        lambda h, c: h.start_pairing(c, "qr", ""),
        PairingPrompt("qr", 20, image=b"png"),
        b"png",
    ),
    "group_info": (lambda h, c: h.group_info(c, group("1@g.us")), GroupInfo("Team"), "Team"),
    "contact_info": (lambda h, c: h.contact_info(c, ()), ContactInfo("Rina"), GroupInfo("Rina")),
    "logout": (lambda h, c: h.logout(c), Connection(False), False),
    "reconnect": (lambda h, c: h.reconnect(c), Connection(True), 1),
    "mark_read": (lambda h, c: h.mark_read(c, WHO, ()), True, 1),
    "send_typing": (lambda h, c: h.send_typing(c, WHO, "composing"), False, 0),
    "fetch_history": (
        lambda h, c: h.fetch_history(c, NOW),
        HistoryPage((EVENT,)),
        HistoryPage(("x",)),
    ),
    "find_sent": (
        lambda h, c: h.find_sent(c, SentLookup((), False, "", "", NOW, "")),
        (Sent("x"),),
        [Sent("x")],
    ),
    "fetch_templates": (lambda h, c: h.fetch_templates(c), [{"name": "x"}], ["x"]),
    "check_health": (lambda h, c: h.check_health(c), [], ["fine"]),
}


@pytest.mark.parametrize("hook", CALLS)
def test_good_answer_comes_back(handle: Any, channel: Channel, hook: str) -> None:
    call, good, _ = CALLS[hook]

    assert call(handle(hook, lambda: good), channel) == good


@pytest.mark.parametrize("hook", CALLS)
def test_rubbish_counts_as_a_crash(handle: Any, channel: Channel, hook: str) -> None:
    call, _, rubbish = CALLS[hook]

    with pytest.raises(
        ProviderCrashed, match=f"the plugin's hook {hook} answered a .* that is not"
    ):
        call(handle(hook, lambda: rubbish), channel)


@pytest.mark.parametrize("hook", CALLS)
def test_none_counts_as_a_crash(handle: Any, channel: Channel, hook: str) -> None:
    with pytest.raises(ProviderCrashed, match="answered None instead of"):
        CALLS[hook][0](handle(hook, lambda: None), channel)


def test_every_answering_hook_has_a_rule() -> None:
    assert set(_ANSWERS) == set(SPECIFICATIONS) - {"observe"}


def test_awaitable_counts_as_a_crash_and_is_closed(handle: Any, channel: Channel) -> None:
    async def later() -> Connection:
        return Connection(True)

    coroutine = later()

    with pytest.raises(ProviderCrashed, match="answered an awaitable; hooks are synchronous"):
        handle("logout", lambda: coroutine).logout(channel)
    with pytest.raises(RuntimeError, match="cannot reuse"):
        coroutine.send(None)


def test_call_table_holds_every_hook() -> None:
    assert set(CALLS) == set(SPECIFICATIONS) - {"observe"}


def test_record_that_cannot_be_looked_through_counts_as_a_crash(
    handle: Any, channel: Channel
) -> None:
    page = HistoryPage(events=None)  # type: ignore[arg-type]

    with pytest.raises(ProviderCrashed, match="that is not a HistoryPage of events"):
        handle("fetch_history", lambda: page).fetch_history(channel, NOW)


def test_event_without_key_counts_as_a_crash(handle: Any, channel: Channel) -> None:
    broken = [UnknownEvent(key="", time=None, reason="new")]

    with pytest.raises(ProviderCrashed, match="handle_event"):
        handle("handle_event", lambda: broken).handle_event(channel, REQUEST)


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), RecursionError(), OSError("disk")])
def test_exception_counts_as_a_crash(handle: Any, channel: Channel, error: BaseException) -> None:
    with pytest.raises(ProviderCrashed) as raised:
        handle("send_message", raises(error)).send_message(channel, MESSAGE)

    crashed = raised.value
    assert crashed.error_class is ErrorClass.BUG
    assert str(crashed) == f"Sound: the plugin's hook send_message raised {type(error).__name__}."
    assert crashed.__cause__ is error
    assert "the makers of (in memory) sound 0" in crashed.action


@pytest.mark.parametrize("error", [RateLimited("wait", retry_after=5), AnomalousPayload("strange")])
def test_own_errors_pass(handle: Any, channel: Channel, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        handle("send_message", raises(error)).send_message(channel, MESSAGE)

    assert raised.value is error


def test_secrets_of_the_channel_are_taken_out_of_an_errors_words(
    handle: Any, channel: Channel
) -> None:
    error = RateLimited("no: s3cret-value", action="drop s3cret-value", detail="<s3cret-value>")
    with pytest.raises(RateLimited) as raised:
        handle("send_message", raises(error)).send_message(channel, MESSAGE)

    shown = f"{raised.value!s} {raised.value!r} {raised.value.action} {raised.value.detail}"
    assert "s3cret-value" not in shown
    assert raised.value.message.startswith("no: ")


@pytest.mark.parametrize("end", ["", "…", "..."])
def test_beginning_of_a_secret_is_taken_out_where_the_text_was_cut(
    handle: Any, channel: Channel, end: str
) -> None:
    error = RateLimited("no", detail=f"you sent s3cret-va{end}", code="s3cret-value")
    with pytest.raises(RateLimited) as raised:
        handle("send_message", raises(error)).send_message(channel, MESSAGE)

    assert "s3cret" not in raised.value.detail
    assert raised.value.detail.startswith("you sent ")
    assert "s3cret" not in str(raised.value.code)


def test_interruption_by_the_keyboard_passes(handle: Any, channel: Channel) -> None:
    with pytest.raises(KeyboardInterrupt):
        handle("send_message", raises(KeyboardInterrupt())).send_message(channel, MESSAGE)


def test_time_limit_of_the_job_passes(handle: Any, channel: Channel) -> None:
    class BaseTimeoutException(Exception):
        """Named like the queue's own."""

    class JobTimeoutException(BaseTimeoutException):
        pass

    with pytest.raises(JobTimeoutException):
        handle("logout", raises(JobTimeoutException())).logout(channel)


# --- the time limit ---------------------------------------------------------------------------------------------------


def sleeping(swallow: type[BaseException] | None = None) -> Callable[[], Any]:
    def do() -> Any:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                time.sleep(5)
            except BaseException as error:
                if swallow is None or not isinstance(error, swallow):
                    raise
        return Connection(True)

    return do


def test_hook_that_hangs_is_ended(handle: Any, channel: Channel) -> None:
    began = time.monotonic()

    with pytest.raises(ProviderCrashed, match=r"did not end within 0\.1 seconds"):
        handle("logout", sleeping(), limit=0.1).logout(channel)

    assert time.monotonic() - began < 3


def test_send_that_hangs_has_an_unknown_outcome(handle: Any, channel: Channel) -> None:
    with pytest.raises(OutcomeUnknown, match="may or may not have been sent") as raised:
        handle("send_message", sleeping(), limit=0.1).send_message(channel, MESSAGE)

    assert raised.value.code == "hook_timeout"


def test_hook_cannot_swallow_the_limit_with_except_exception(handle: Any, channel: Channel) -> None:
    began = time.monotonic()

    with pytest.raises(ProviderCrashed, match="did not end"):
        handle("logout", sleeping(Exception), limit=0.1).logout(channel)

    assert time.monotonic() - began < 3


def test_limit_rings_again_for_code_that_swallows_it_once(handle: Any, channel: Channel) -> None:
    swallowed: list[BaseException] = []

    def do() -> Any:
        try:
            time.sleep(20)
        except BaseException as error:  # noqa: BLE001 (what a careless plugin does)
            swallowed.append(error)
        time.sleep(20)

    with pytest.raises(ProviderCrashed, match="did not end"):
        handle("logout", do, limit=0.1).logout(channel)

    assert [type(error) for error in swallowed] == [HookTimeout]


def test_limit_is_gone_after_the_call(handle: Any, channel: Channel) -> None:
    handle("logout", lambda: Connection(False), limit=0.1).logout(channel)

    time.sleep(0.3)  # would be interrupted here


def test_other_threads_are_called_without_a_timer(handle: Any, channel: Channel) -> None:
    answers: list[Any] = []
    one = handle("logout", lambda: Connection(False), limit=0.05)
    thread = threading.Thread(target=lambda: answers.append(one.logout(channel)))

    thread.start()
    thread.join()

    assert answers == [Connection(False)]


# --- transactions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", sorted(set(CALLS) - {"channel_addresses"}))
def test_hooks_are_forbidden_inside_a_transaction(handle: Any, channel: Channel, hook: str) -> None:
    called: list[str] = []
    one = handle(hook, lambda: called.append(hook))

    with transaction_marker("store"), pytest.raises(NetworkInTransaction, match=f"the hook {hook}"):
        CALLS[hook][0](one, channel)

    assert called == []


def test_addresses_may_be_asked_inside_a_transaction(handle: Any, channel: Channel) -> None:
    with transaction_marker("store"):
        assert handle("channel_addresses", lambda: {"a"}).channel_addresses(channel) == {"a"}


# --- hooks that a provider lacks --------------------------------------------------------------------------------------


@pytest.fixture
def bare(make_provider: Make) -> ProviderHandle:
    return Registry.from_modules({"sound": make_provider()}).provider("sound")


def test_defaults_of_missing_hooks(bare: ProviderHandle, channel: Channel) -> None:
    assert bare.channel_addresses(channel) == frozenset()
    assert bare.provision(channel) == Provisioned()
    assert bare.unprovision(channel) == Provisioned()
    assert bare.authenticate_request(channel, REQUEST) is False
    assert bare.connection_status(channel) == Connection(connected=True)
    assert bare.check_health(channel) == []


@pytest.mark.parametrize(
    "hook",
    [
        "logout",
        "reconnect",
        "mark_read",
        "send_typing",
        "fetch_history",
        "find_sent",
        "fetch_templates",
        "start_pairing",
        "group_info",
        "contact_info",
    ],
)
def test_other_missing_hooks_are_unsupported(
    bare: ProviderHandle, channel: Channel, hook: str
) -> None:
    with pytest.raises(UnsupportedFeature, match="Sound cannot do this") as raised:
        CALLS[hook][0](bare, channel)

    assert raised.value.code == hook
    assert not bare.implements(hook)


def test_representation_names_the_distribution(bare: ProviderHandle) -> None:
    assert repr(bare) == "ProviderHandle('sound', (in memory) sound 0)"
