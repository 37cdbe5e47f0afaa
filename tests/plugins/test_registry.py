"""The plugins of a process: what is usable, what is not, who is called."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib.metadata import Distribution
from types import SimpleNamespace
from typing import Any

import pytest

from chatport.channels import Channel, ProviderInfo
from chatport.errors import ConfigurationError, PluginMissing, ProviderCrashed
from chatport.guards import NetworkInTransaction, transaction_marker
from chatport.hookspecs import hookimpl
from chatport.messages import OutboundMessage, Recipient, Sent, Text
from chatport.notices import Notice, NoticeKind
from chatport.plugins import PluginDescription, Registry, discovery

Make = Callable[..., dict[str, Any]]
MakeInfo = Callable[..., ProviderInfo]
Install = Callable[..., Distribution]

MESSAGE = OutboundMessage("0" * 32, Recipient(()), Text("hello"))
NOTICE = Notice(NoticeKind.MESSAGE_CREATED, account_id=1, message_id=5)


def settings(**changes: Any) -> Any:
    values: dict[str, Any] = {
        "providers": (),
        "disabled_providers": (),
        "hook_time_limit": 5.0,
        "trace_plugins": False,
        "strict_plugins": False,
        **changes,
    }
    return SimpleNamespace(**values)


def load(monkeypatch: pytest.MonkeyPatch, *installed: Distribution, **changes: Any) -> Registry:
    """As at the start of a process, with these distributions alone."""
    found = discovery.find(installed)
    monkeypatch.setattr(discovery, "find", lambda: found)
    return Registry.load(settings(**changes))


# --- loading ----------------------------------------------------------------------------------------------------------


def test_broken_plugins_are_isolated_and_named(
    install: Install, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    registry = load(
        monkeypatch,
        install("alpha", code="1/0"),
        install("beta"),
        install("gamma", code="x = 1"),
    )

    assert list(registry.providers) == ["beta"]
    assert registry.provider("beta").version == "1.0"
    alpha, gamma = map(str, registry.failed)
    assert alpha == (
        "plugin 'alpha' of chatport-alpha 1.0 cannot be used: it cannot be imported: "
        "ZeroDivisionError: division by zero"
    )
    assert gamma.startswith("plugin 'gamma' of chatport-gamma 1.0 cannot be used: it has no ")
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [str(failure) for failure in registry.failed]


def test_strict_loading_names_all_broken_plugins(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = install("alpha", code="1/0"), install("gamma", code="x = 1")

    with pytest.raises(ConfigurationError) as raised:
        load(monkeypatch, *broken, install("beta"), strict_plugins=True)

    assert "chatport-alpha" in str(raised.value) and "chatport-gamma" in str(raised.value)
    assert "CHATPORT_STRICT_PLUGINS" in raised.value.action


def test_strict_loading_accepts_sound_plugins(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(load(monkeypatch, install("beta"), strict_plugins=True).providers) == ["beta"]


def test_code_of_a_disabled_provider_never_runs(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = load(
        monkeypatch, install("alpha", code="1/0"), install("beta"), disabled_providers=("alpha",)
    )

    assert list(registry.providers) == ["beta"]
    assert registry.failed == []
    with pytest.raises(PluginMissing, match="CHATPORT_DISABLED_PROVIDERS"):
        registry.provider("alpha")


def test_only_selected_providers_are_loaded(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = load(monkeypatch, install("alpha"), install("beta"), providers=("beta", "no_such"))

    assert list(registry.providers) == ["beta"]
    with pytest.raises(PluginMissing, match="pip install chatport-no-such"):
        registry.provider("no_such")


def test_one_module_serves_under_one_name(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "[chatport.providers]\nalpha = alpha_module\nbeta = alpha_module\n"

    registry = load(monkeypatch, install("alpha", entries=lines))

    assert list(registry.providers) == ["alpha"]
    (failure,) = registry.failed
    assert failure.reason == "its module is already in use as chatport.providers:alpha"


# --- looking up -------------------------------------------------------------------------------------------------------


def test_missing_provider_says_what_to_install() -> None:
    with pytest.raises(PluginMissing) as raised:
        Registry().provider("my_service")

    assert str(raised.value) == (
        "the provider 'my_service' is not available: no installed plugin offers it"
    )
    assert "pip install chatport-my-service" in raised.value.action


def test_refused_provider_is_missing_with_its_reason(make_provider: Make) -> None:
    registry = Registry.from_modules({"beta": make_provider(media_url=None)})

    with pytest.raises(PluginMissing, match="it does not implement media_url"):
        registry.provider("beta")


def test_alias_leads_to_its_provider(make_provider: Make, make_info: MakeInfo) -> None:
    registry = Registry.from_modules({"beta": make_provider(PROVIDER=make_info(aliases=("old",)))})

    assert registry.resolve_key("old") == "beta"
    assert registry.resolve_key("unknown") == "unknown"
    assert registry.provider("old") is registry.provider("beta")


def test_describe_lists_usable_plugins_then_broken_ones(make_provider: Make) -> None:
    @hookimpl
    def observe(notice: Notice) -> None: ...

    registry = Registry.from_modules(
        {"beta": make_provider(), "gamma": make_provider(PROVIDER=None)},
        {"logger": {"observe": observe}},
    )

    assert registry.describe() == [
        PluginDescription("logger", "plugin", "(in memory) logger", "0", ("observe",)),
        PluginDescription(
            "beta",
            "provider",
            "(in memory) beta",
            "0",
            ("handle_event", "media_url", "send_message", "validate_config"),
        ),
        PluginDescription(
            "gamma",
            "",
            "(in memory) gamma",
            "0",
            (),
            "it has no constant PROVIDER = ProviderInfo(…)",
        ),
    ]


# --- who is called ----------------------------------------------------------------------------------------------------


def sender(source_id: str) -> Any:
    @hookimpl
    def send_message(channel: Channel, message: OutboundMessage) -> Sent:
        return Sent(source_id)

    return send_message


def test_each_provider_gets_its_own_calls(make_provider: Make, channel: Channel) -> None:
    keys = ("alpha", "beta", "gamma")
    registry = Registry.from_modules({k: make_provider(send_message=sender(k)) for k in keys})

    sent = {key: registry.provider(key).send_message(channel, MESSAGE).source_id for key in keys}

    assert sent == {"alpha": "alpha", "beta": "beta", "gamma": "gamma"}


def test_wrappers_run_around_every_provider_in_order_of_names(
    make_provider: Make, channel: Channel
) -> None:
    order: list[str] = []

    def wrapper(name: str) -> Any:
        @hookimpl(wrapper=True)
        def send_message(message: OutboundMessage) -> Any:
            order.append(f"{name} before")
            answer = yield
            order.append(f"{name} after")
            return Sent(f"{answer.source_id}+{name}")

        return {"send_message": send_message}

    registry = Registry.from_modules(
        {"beta": make_provider(send_message=sender("B"))},
        {"one": wrapper("one"), "two": wrapper("two")},
    )

    answer = registry.provider("beta").send_message(channel, MESSAGE)

    assert answer.source_id == "B+one+two"
    assert order == ["two before", "one before", "one after", "two after"]


def test_guard_may_refuse_before_the_provider(make_provider: Make, channel: Channel) -> None:
    from chatport.errors import PolicyRefused

    called: list[str] = []

    @hookimpl
    def send_message(channel: Channel, message: OutboundMessage) -> Sent:
        called.append("provider")
        return Sent("x")

    @hookimpl(wrapper=True)
    def guard(message: OutboundMessage) -> Any:
        if message.delivery_id:
            raise PolicyRefused("Not on Sundays.")
        return (yield)

    guard.__name__ = "send_message"
    registry = Registry.from_modules(
        {"beta": make_provider(send_message=send_message)}, {"guard": {"send_message": guard}}
    )

    with pytest.raises(PolicyRefused, match="Not on Sundays"):
        registry.provider("beta").send_message(channel, MESSAGE)
    assert called == []


def test_tryfirst_plugin_may_answer_instead(make_provider: Make, channel: Channel) -> None:
    @hookimpl(tryfirst=True)
    def send_message(message: OutboundMessage) -> Sent | None:
        return Sent("dry-run")

    registry = Registry.from_modules(
        {"beta": make_provider()}, {"dry": {"send_message": send_message}}
    )

    assert registry.provider("beta").send_message(channel, MESSAGE).source_id == "dry-run"


def test_wrapper_that_fails_counts_as_a_crash(make_provider: Make, channel: Channel) -> None:
    @hookimpl(wrapper=True)
    def send_message(message: OutboundMessage) -> Any:
        yield
        raise KeyError("x")

    registry = Registry.from_modules(
        {"beta": make_provider()}, {"other": {"send_message": send_message}}
    )

    with pytest.raises(ProviderCrashed, match="raised KeyError"):
        registry.provider("beta").send_message(channel, MESSAGE)


# --- observers --------------------------------------------------------------------------------------------------------


def observer(seen: list[Any], failure: BaseException | None = None) -> dict[str, Any]:
    @hookimpl
    def observe(notice: Notice) -> None:
        seen.append(notice)
        if failure is not None:
            raise failure

    return {"observe": observe}


@pytest.mark.parametrize("failure", [RuntimeError("boom"), SystemExit("bye")])
def test_failing_observer_disturbs_nobody(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    registry = Registry.from_modules(
        {}, {"a": observer(seen), "b": observer(seen, failure), "c": observer(seen)}
    )

    registry.notify(NOTICE)

    assert seen == [NOTICE] * 3
    assert "observer of plugin chatport.plugins:b failed: message.created" in caplog.text


def test_hanging_observer_is_ended(make_provider: Make, caplog: pytest.LogCaptureFixture) -> None:
    @hookimpl
    def observe(notice: Notice) -> None:
        time.sleep(30)

    seen: list[Any] = []
    registry = Registry.from_modules(
        {}, {"a": observer(seen), "b": {"observe": observe}}, hook_time_limit=0.1
    )
    began = time.monotonic()

    registry.notify(NOTICE)

    assert time.monotonic() - began < 5
    assert seen == [NOTICE]
    assert "observer of plugin chatport.plugins:b took too long" in caplog.text


def test_observers_are_never_told_inside_a_transaction() -> None:
    seen: list[Any] = []
    registry = Registry.from_modules({}, {"a": observer(seen)})

    with transaction_marker("store message"), pytest.raises(NetworkInTransaction):
        registry.notify(NOTICE)

    assert seen == []


def test_provider_may_observe_too(make_provider: Make) -> None:
    seen: list[Any] = []
    registry = Registry.from_modules({"beta": make_provider(**observer(seen))})

    registry.notify(NOTICE)

    assert seen == [NOTICE]


# --- trace ------------------------------------------------------------------------------------------------------------


def test_trace_masks_secrets(
    make_provider: Make, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    @hookimpl
    def send_message(channel: Channel, message: OutboundMessage) -> Sent:
        return Sent(f"got {channel.config['secret']}")

    caplog.set_level(logging.INFO, "chatport.plugins.trace")
    registry = Registry.from_modules(
        {"sound": make_provider(send_message=send_message)}, trace=True
    )

    registry.provider("sound").send_message(channel, MESSAGE)

    assert "hook send_message(" in caplog.text and "by chatport.providers:sound" in caplog.text
    assert "s3cret-value" not in caplog.text
