"""Registration, subscription, and where events go."""

from __future__ import annotations

from typing import Any

import pytest

from chatport import Channel
from chatport.errors import AuthenticationFailed, ContentRefused, ProviderError
from chatport_whatsapp_cloud import plugin

CALLBACK = "https://chat.test/webhooks/whatsapp/15557001234"
REGISTERED = {"status": "CONNECTED", "platform_type": "CLOUD_API"}
NUMBER, APPS = "109870000333444", "214700000111222/subscribed_apps"


def ready(graph: Any, apps: Any = (), **number: Any) -> None:
    """Meta that takes everything."""
    graph.says("GET", NUMBER, {**REGISTERED, **number})
    graph.says("GET", APPS, {"data": list(apps)})
    for path in (NUMBER, APPS, f"{NUMBER}/register"):
        graph.says("POST", path, {"success": True})


def posted(graph: Any) -> dict[str, Any]:
    """Bodies of what was posted, by path."""
    history = [r for r in graph.mock.request_history if r.method == "POST"]
    return {r.path.removeprefix("/v23.0/"): r.json() if r.body else None for r in history}


def test_provision_subscribes_and_sends_this_numbers_events_here(
    channel: Channel, graph: Any
) -> None:
    ready(graph)
    found = plugin.provision(channel)
    assert posted(graph) == {
        APPS: None,
        NUMBER: {
            "webhook_configuration": {
                "override_callback_uri": CALLBACK,
                "verify_token": channel.config["webhook_verify_token"],
            }
        },
    }
    assert len(found.done) == 2 and found.steps == ()


@pytest.mark.parametrize(
    "state",
    [
        {"platform_type": "NOT_APPLICABLE"},
        {"status": None, "code_verification_status": "NOT_VERIFIED"},
        {"status": "PENDING"},
    ],
)
def test_provision_registers_where_needed_and_shows_the_pin_once(
    channel: Channel, graph: Any, state: Any
) -> None:
    ready(graph, **state)
    (step,) = plugin.provision(channel).steps
    pin = posted(graph)[f"{NUMBER}/register"]["pin"]
    assert len(pin) == 6 and pin.isdigit()
    assert step.secret and step.values == {"pin": pin}
    assert plugin.provision(channel).steps[0].values == {"pin": pin}


def test_provision_registers_with_the_given_pin(make_channel: Any, graph: Any) -> None:
    ready(graph, status="PENDING")
    found = plugin.provision(make_channel(registration_pin="123456"))
    assert posted(graph)[f"{NUMBER}/register"]["pin"] == "123456"
    assert found.steps == ()


def test_provision_goes_on_when_registering_fails(channel: Channel, graph: Any) -> None:
    ready(graph, status="PENDING")
    graph.refuses("POST", f"{NUMBER}/register", 133005)
    found = plugin.provision(channel)
    assert [step.title for step in found.steps] == ["Register the number"]
    assert "PIN is wrong" in found.steps[0].instruction
    assert NUMBER in posted(graph)


def test_provision_leaves_the_address_of_the_account_alone(channel: Channel, graph: Any) -> None:
    ready(graph, [{"override_callback_uri": "https://elsewhere.test"}])
    graph.refuses("GET", "debug_token", 100)
    found = plugin.provision(channel)
    assert APPS not in posted(graph)
    assert [step.title for step in found.steps] == ["Check the app's subscription"]


@pytest.mark.parametrize("app_id", ["1", ""])
def test_provision_keeps_an_address_of_the_account_that_is_ours_already(
    channel: Channel, graph: Any, app_id: str
) -> None:
    ready(graph, [_app("1", override_callback_uri=CALLBACK)])
    graph.says("GET", "debug_token", {"data": {"app_id": app_id}})
    found = plugin.provision(channel)
    assert APPS not in posted(graph)  # it would take the address from the account's other numbers
    assert NUMBER in posted(graph)
    assert len(found.done) == 2 and found.steps == ()


def test_provision_subscribes_beside_another_app_that_leads_here(
    channel: Channel, graph: Any
) -> None:
    ready(graph, [_app("2", override_callback_uri=CALLBACK)])
    graph.says("GET", "debug_token", {"data": {"app_id": "1"}})
    assert plugin.provision(channel).steps == ()
    assert APPS in posted(graph)


def test_provision_goes_on_when_subscribing_fails(channel: Channel, graph: Any) -> None:
    ready(graph)
    graph.refuses("POST", APPS, 200, 403)
    found = plugin.provision(channel)
    assert [step.title for step in found.steps] == ["Subscribe the app to the account"]
    assert NUMBER in posted(graph)


def test_provision_says_what_to_do_when_the_address_is_refused(
    channel: Channel, graph: Any
) -> None:
    ready(graph)
    graph.refuses("POST", NUMBER, 2200)
    with pytest.raises(ContentRefused) as caught:
        plugin.provision(channel)
    assert "public https" in caught.value.action and CALLBACK in caught.value.action


def test_provision_stops_at_a_bad_token(channel: Channel, graph: Any) -> None:
    graph.refuses("GET", NUMBER, 190, 401)
    with pytest.raises(AuthenticationFailed):
        plugin.provision(channel)


def test_provision_refuses_an_address_that_is_too_long(channel: Channel, graph: Any) -> None:
    ready(graph)
    long = Channel(7, 1, "x", "+15557001234", channel.config, {}, "https://a.test/" + "a" * 200)
    with pytest.raises(ContentRefused, match="215 characters"):
        plugin.provision(long)


def test_unprovision_takes_our_address_away(channel: Channel, graph: Any) -> None:
    ready(graph, webhook_configuration={"phone_number": CALLBACK})
    assert plugin.unprovision(channel).done
    assert posted(graph)[NUMBER]["webhook_configuration"]["override_callback_uri"] == ""


def test_unprovision_leaves_a_foreign_address(channel: Channel, graph: Any) -> None:
    ready(graph, webhook_configuration={"phone_number": "https://elsewhere.test"})
    assert plugin.unprovision(channel).done == ()
    assert posted(graph) == {}


def test_unprovision_says_what_is_left_behind(channel: Channel, graph: Any) -> None:
    graph.refuses("GET", NUMBER, 190, 401)
    with pytest.raises(AuthenticationFailed) as caught:
        plugin.unprovision(channel)
    assert "by hand" in caught.value.action


@pytest.mark.parametrize("code", [100, 10, 200])
def test_provision_registers_nothing_when_the_state_cannot_be_read(
    channel: Channel, graph: Any, code: int
) -> None:
    ready(graph)
    graph.refuses("GET", NUMBER, code, 400)
    found = plugin.provision(channel)
    assert f"{NUMBER}/register" not in posted(graph) and NUMBER in posted(graph)
    assert [step.title for step in found.steps] == ["Check the number's registration"]


@pytest.mark.parametrize("state", ["EXPIRED", "NOT_VERIFIED"])
def test_provision_leaves_a_connected_number_alone(
    channel: Channel, graph: Any, state: str
) -> None:
    ready(graph, code_verification_status=state)
    assert plugin.provision(channel).steps == ()
    assert f"{NUMBER}/register" not in posted(graph)


def _app(app_id: str, **more: Any) -> dict[str, Any]:
    return {"whatsapp_business_api_data": {"id": app_id, "name": "an app"}, **more}


def test_provision_subscribes_beside_another_app_with_an_address_of_its_own(
    channel: Channel, graph: Any
) -> None:
    ready(graph, [_app("1"), _app("2", override_callback_uri="https://elsewhere.test")])
    graph.says("GET", "debug_token", {"data": {"app_id": "1"}})
    assert plugin.provision(channel).steps == ()
    assert APPS in posted(graph)


def test_provision_leaves_our_own_apps_foreign_address_alone(channel: Channel, graph: Any) -> None:
    ready(graph, [_app("1", override_callback_uri="https://elsewhere.test")])
    graph.says("GET", "debug_token", {"data": {"app_id": "1"}})
    assert [s.title for s in plugin.provision(channel).steps] == ["Check the app's subscription"]
    assert APPS not in posted(graph)


def test_address_that_meta_did_not_take_is_no_success(channel: Channel, graph: Any) -> None:
    """Graph may answer 200 and say in the body that nothing was done."""
    ready(graph)
    graph.says("POST", NUMBER, {"success": False})
    with pytest.raises(ProviderError, match="was not done") as raised:
        plugin.provision(channel)
    assert "app's dashboard" in raised.value.action
