"""What makes a module a plugin, each broken rule with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import Schema, fields

from chatport.channels import AuthScheme, ChallengeScheme, Channel, ProviderInfo
from chatport.hookspecs import hookimpl
from chatport.messages import Sent
from chatport.notices import Notice
from chatport.plugins import Registry
from chatport.plugins.checks import REQUIRED, SPECIFICATIONS
from chatport.schema import ProviderSchema

Make = Callable[..., dict[str, Any]]
MakeInfo = Callable[..., ProviderInfo]


def refusal(provider: Any, key: str = "beta") -> str:
    """Why a provider is refused; a sound one beside it must not suffer."""
    registry = Registry.from_modules({key: provider})
    assert registry.providers == {}
    (failure,) = registry.failed
    assert failure.name == key
    return failure.reason


def plugin_refusal(**hooks: Any) -> str:
    registry = Registry.from_modules({}, {"other": hooks})
    (failure,) = registry.failed
    return failure.reason


def test_sound_provider_is_usable(make_provider: Make) -> None:
    registry = Registry.from_modules({"beta": make_provider()})

    assert registry.failed == []
    assert registry.provider("beta").hooks == frozenset(REQUIRED)


def test_specifications_hold_every_hook_with_its_arguments() -> None:
    assert SPECIFICATIONS["send_message"] == ("channel", "message")
    assert SPECIFICATIONS["observe"] == ("notice",)
    assert "hookspec" not in SPECIFICATIONS and "hookimpl" not in SPECIFICATIONS
    assert set(REQUIRED) <= set(SPECIFICATIONS)


def test_provider_without_constant_is_refused(make_provider: Make) -> None:
    assert refusal(make_provider(PROVIDER=None)) == "it has no constant PROVIDER = ProviderInfo(…)"


@pytest.mark.parametrize("api", [0, 2, "1", None])
def test_other_hook_api_is_refused(make_provider: Make, make_info: MakeInfo, api: Any) -> None:
    reason = refusal(make_provider(PROVIDER=make_info(hook_api=api)))

    assert reason == f"it speaks hook API {api}, this core speaks 1"


def test_constant_of_another_class_is_refused(make_provider: Make) -> None:
    class Fake:
        hook_api = 1

    assert "PROVIDER is a Fake, not a chatport.ProviderInfo" in refusal(
        make_provider(PROVIDER=Fake())
    )


@pytest.mark.parametrize("key", ["Beta", "9lives", "with-dash", "", "ü", "a" * 64, "a b"])
def test_key_that_is_no_word_is_refused(make_provider: Make, key: str) -> None:
    assert "must begin with a letter" in refusal(make_provider(), key)


@pytest.mark.parametrize("hook", REQUIRED)
def test_missing_required_hook_is_named(make_provider: Make, hook: str) -> None:
    assert refusal(make_provider(**{hook: None})) == f"it does not implement {hook}"


def test_misspelt_hook_is_refused_with_a_hint(make_provider: Make) -> None:
    @hookimpl
    def send_mesage(channel: Channel) -> None: ...

    assert "there is no hook send_mesage; did you mean send_message?" in refusal(
        make_provider(send_mesage=send_mesage)
    )


def test_unknown_hook_is_named(make_provider: Make) -> None:
    @hookimpl
    def quite_something_else() -> None: ...

    assert refusal(make_provider(quite_something_else=quite_something_else)) == (
        "there is no hook quite_something_else"
    )


def test_hook_that_is_not_marked_is_refused(make_provider: Make) -> None:
    def logout(channel: Channel) -> None: ...

    logout.__module__ = "chatport_in_memory_beta"

    assert refusal(make_provider(logout=logout)) == (
        "logout is not marked with @hookimpl and would never be called"
    )


def test_unknown_argument_is_named(make_provider: Make) -> None:
    @hookimpl
    def logout(channel: Channel, why: str) -> None: ...

    assert refusal(make_provider(logout=logout)) == "logout takes 'why'; the hook has channel"


def test_fewer_arguments_are_allowed(make_provider: Make) -> None:
    @hookimpl
    def logout() -> None: ...

    registry = Registry.from_modules({"beta": make_provider(logout=logout)})

    assert registry.failed == []


def test_default_value_is_refused(make_provider: Make) -> None:
    @hookimpl
    def logout(channel: Channel | None = None) -> None: ...

    assert "logout has a default for channel" in refusal(make_provider(logout=logout))


def test_catch_all_arguments_are_refused(make_provider: Make) -> None:
    @hookimpl
    def logout(**arguments: Any) -> None: ...

    assert "logout takes **arguments" in refusal(make_provider(logout=logout))


def test_async_hook_is_refused(make_provider: Make) -> None:
    @hookimpl
    async def logout(channel: Channel) -> None: ...

    assert refusal(make_provider(logout=logout)) == "logout is async; hooks are synchronous"


def test_specname_is_refused(make_provider: Make) -> None:
    @hookimpl(specname="logout")
    def leave(channel: Channel) -> None: ...

    assert "leave uses specname" in refusal(make_provider(leave=leave))


@pytest.mark.parametrize("old", [False, True])
def test_provider_that_wraps_is_refused(make_provider: Make, old: bool) -> None:
    @hookimpl(wrapper=not old, hookwrapper=old)
    def send_message(channel: Channel) -> Any:
        yield

    assert "send_message is a wrapper" in refusal(make_provider(send_message=send_message))


def test_schema_of_another_base_is_refused(make_provider: Make, make_info: MakeInfo) -> None:
    reason = refusal(make_provider(PROVIDER=make_info(schema=Schema)))

    assert reason == "its schema is not a subclass of chatport.ProviderSchema"


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        (AuthScheme("telepathy", ("secret",)), "must be one of"),
        (AuthScheme("custom", ()), "does not implement authenticate_request"),
        (AuthScheme("hmac_sha256", ("secret",)), "names no header"),
        (AuthScheme("header_secret", ("secret",)), "names no header"),
        (AuthScheme("basic", ()), "names no secret"),
        (AuthScheme("basic", ("other",)), "which its schema lacks"),
        ("basic", "must be one of"),
    ],
)
def test_authentication_that_cannot_work_is_refused(
    make_provider: Make, make_info: MakeInfo, scheme: Any, reason: str
) -> None:
    assert reason in refusal(make_provider(PROVIDER=make_info(authentication=scheme)))


def test_secret_of_authentication_must_be_secret(make_provider: Make, make_info: MakeInfo) -> None:
    class Plain(ProviderSchema):
        secret = fields.String()

    assert "does not call Secret" in refusal(make_provider(PROVIDER=make_info(schema=Plain)))


def test_secret_of_challenge_must_be_in_the_schema(
    make_provider: Make, make_info: MakeInfo
) -> None:
    info = make_info(challenge=ChallengeScheme(secret_key="verify"))

    assert "'verify', which its schema lacks" in refusal(make_provider(PROVIDER=info))


def test_attributes_that_raise_are_isolated(make_provider: Make, make_info: MakeInfo) -> None:
    class Exploding(ProviderSchema):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError("boom")

    reason = refusal(make_provider(PROVIDER=make_info(schema=Exploding)))

    assert reason == "it cannot be checked: RuntimeError: boom"


@pytest.mark.parametrize("alias", ["Beta", "", "a-b"])
def test_alias_that_is_no_word_is_refused(
    make_provider: Make, make_info: MakeInfo, alias: str
) -> None:
    assert "not a valid key" in refusal(make_provider(PROVIDER=make_info(aliases=(alias,))))


def test_aliases_must_be_a_tuple(make_provider: Make, make_info: MakeInfo) -> None:
    assert refusal(make_provider(PROVIDER=make_info(aliases="old"))) == (
        "its aliases are not a tuple of keys"
    )


def test_features_of_another_class_are_refused(make_provider: Make, make_info: MakeInfo) -> None:
    assert refusal(make_provider(PROVIDER=make_info(features={"typing": True}))) == (
        "its features are not a chatport.Features"
    )


def test_alias_that_is_another_providers_key_is_refused(
    make_provider: Make, make_info: MakeInfo
) -> None:
    registry = Registry.from_modules(
        {
            "alpha": make_provider(PROVIDER=make_info(aliases=("beta",))),
            "beta": make_provider(),
        }
    )

    assert list(registry.providers) == ["beta"]
    (failure,) = registry.failed
    assert "its alias 'beta' belongs to the provider 'beta'" in failure.reason


def test_alias_of_two_providers_goes_to_the_first(make_provider: Make, make_info: MakeInfo) -> None:
    registry = Registry.from_modules(
        {
            "alpha": make_provider(PROVIDER=make_info(aliases=("old",))),
            "beta": make_provider(PROVIDER=make_info(aliases=("old",))),
        }
    )

    assert registry.provider("old").key == "alpha"
    assert [failure.name for failure in registry.failed] == ["beta"]


def test_alias_of_a_refused_provider_is_free(make_provider: Make, make_info: MakeInfo) -> None:
    """A provider that cannot be used must not take others with it."""
    registry = Registry.from_modules(
        {
            "alpha": make_provider(PROVIDER=make_info(aliases=("old", "beta"))),
            "beta": make_provider(),
            "gamma": make_provider(PROVIDER=make_info(aliases=("old",))),
        }
    )

    assert sorted(registry.providers) == ["beta", "gamma"]
    assert registry.provider("old").key == "gamma"


# --- cross-cutting plugins --------------------------------------------------------------------------------------------


def test_plugin_without_hooks_is_refused() -> None:
    assert plugin_refusal(x=1) == "it implements no hook"


def test_provider_in_the_group_of_plugins_is_refused(make_provider: Make) -> None:
    assert plugin_refusal(**make_provider()) == (
        "it is a provider; register it in the group chatport.providers"
    )


def test_plugin_of_another_hook_api_is_refused() -> None:
    @hookimpl
    def observe(notice: Notice) -> None: ...

    assert "hook API 9" in plugin_refusal(observe=observe, HOOK_API=9)


def test_plugin_that_would_answer_for_providers_is_refused() -> None:
    @hookimpl
    def send_message(channel: Channel) -> Sent:
        return Sent("mine")

    assert "it would answer for a provider" in plugin_refusal(send_message=send_message)


def test_wrapper_without_yield_is_refused() -> None:
    def send_message(channel: Channel) -> Sent:
        return Sent("mine")

    # pluggy's own marker refuses it too, but only when it is registered.
    send_message.chatport_impl = {"wrapper": True}  # type: ignore[attr-defined]

    assert plugin_refusal(send_message=send_message) == "send_message is a wrapper without a yield"


def test_old_style_wrapper_is_refused() -> None:
    @hookimpl(hookwrapper=True)
    def send_message(channel: Channel) -> Any:
        yield

    assert "write @hookimpl(wrapper=True)" in plugin_refusal(send_message=send_message)


def test_wrapper_of_observers_is_refused() -> None:
    @hookimpl(wrapper=True)
    def observe(notice: Notice) -> Any:
        return (yield)

    assert "observe cannot be wrapped" in plugin_refusal(observe=observe)
