"""From a fresh service to an answered message, against the simulated service of every release that matters."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from chatport import Channel, InboundRequest, OutboundMessage, Provisioned, Recipient
from chatport.errors import ConfigInvalid
from chatport.events import MessageReceived, TextPart
from chatport.identities import phone
from chatport.messages import Text
from chatport_testkit.gowa import GowaSimulator
from chatport_whatsapp_web import plugin

CUSTOMER = "6281290001122"
MADE = "chatport-6281100000009"
#: Era of the simulator, release, whether the service has devices, whether each has a webhook of its own.
RELEASES = [
    ("v5", "v4.22.0", False, False),
    ("v6", "v6.1.1", False, False),
    ("v7", "v7.5.1", False, False),
    ("v8.0", "v8.0.0", True, False),
    ("v8.2", "v8.2.1", True, False),
    ("v8", "v8.9.0", True, False),
    ("v8", "v8.10.0", True, True),
    ("v9", "v9.2.0", True, True),
]


def _fresh(
    simulate: Any, make_channel: Any, era: str, version: str
) -> tuple[GowaSimulator, Channel]:
    gowa: GowaSimulator = simulate(era=era, version=version, device=False)
    channel: Channel = make_channel(api_base_url=gowa.url)
    return gowa, dataclasses.replace(
        channel, callback_url="http://127.0.0.1:9/webhooks/whatsapp/6281100000009"
    )


def _with_state(channel: Channel, state: Any) -> Channel:
    return dataclasses.replace(channel, state={**channel.state, **state})


@pytest.mark.parametrize(("era", "version", "devices", "own_webhook"), RELEASES)
def test_fresh_service_is_set_up_linked_and_used(
    simulate: Any, make_channel: Any, era: str, version: str, devices: bool, own_webhook: bool
) -> None:
    gowa, channel = _fresh(simulate, make_channel, era, version)
    found = plugin.validate_config(channel)
    assert (found.connected, found.login_required) == (False, True)

    made: Provisioned = plugin.provision(channel)
    channel = _with_state(channel, made.state)
    assert channel.state.get("device_id") == (MADE if devices else None)
    assert bool(made.steps) is not own_webhook
    if own_webhook:
        webhook = gowa.state.devices[MADE].webhook
        assert (webhook.url, webhook.secret) == (
            channel.callback_url,
            channel.config["webhook_verify_token"],
        )
    assert plugin.provision(channel).state == made.state

    assert plugin.start_pairing(channel, "qr", "").image
    gowa.scan_qr()
    found = plugin.connection_status(channel)
    assert found.connected and found.linked_number == "+6281100000009"
    channel = _with_state(channel, found.state)

    sent = plugin.send_message(
        channel, OutboundMessage("0" * 32, Recipient((phone(CUSTOMER),)), Text("Selamat pagi"))
    )
    assert (gowa.sent[-1].source_id, gowa.sent[-1].to) == (
        sent.source_id,
        f"{CUSTOMER}@s.whatsapp.net",
    )
    facts = plugin.check_health(channel)
    assert [fact.title for fact in facts if fact.level == "error"] == []


@pytest.mark.parametrize(("era", "version", "devices", "own_webhook"), RELEASES[3:])
def test_service_that_another_number_shares_is_set_up_the_same(
    simulate: Any, make_channel: Any, era: str, version: str, devices: bool, own_webhook: bool
) -> None:
    """With several devices GoWA asks for one in every call, also in calls that it does not have."""
    gowa, channel = _fresh(simulate, make_channel, era, version)
    gowa.add_device("sales-1", phone="4915112340001")
    gowa.add_device("sales-2", phone="4915112340002")
    with pytest.raises(ConfigInvalid):
        plugin.validate_config(channel)
    channel = dataclasses.replace(channel, config={**channel.config, "device_id": "ours"})

    assert plugin.validate_config(channel).login_required
    made: Provisioned = plugin.provision(channel)
    channel = _with_state(channel, made.state)

    assert bool(made.steps) is not own_webhook
    assert {fact.level for fact in plugin.check_health(channel) if fact.title == "Webhook"} == {
        "ok"
    }
    assert plugin.unprovision(channel).done == (
        ("The webhook of the device ours was removed.",) if own_webhook else ()
    )
    assert gowa.state.devices["sales-1"].webhook.url == ""


@pytest.mark.parametrize(("era", "version"), [release[:2] for release in RELEASES])
def test_customers_message_of_every_release_is_read(
    simulate: Any, make_channel: Any, era: str, version: str
) -> None:
    gowa: GowaSimulator = simulate(
        era=era, version=version, webhook_url="http://127.0.0.1:9/", time_scale=0.001
    )
    channel: Channel = make_channel(api_base_url=gowa.url)
    gowa.customer(CUSTOMER, "Rina").text("Halo, ada stok?")
    gowa.wait_idle()
    body = gowa.deliveries[-1].body
    (event,) = plugin.handle_event(channel, InboundRequest(body=body, headers={}, received_at=None))

    assert isinstance(event, MessageReceived)
    assert event.parts == (TextPart("Halo, ada stok?"),)
    assert event.chat.identities == (phone(CUSTOMER),)
    assert event.sender is not None and event.sender.name == "Rina"
    named = set(event.addressees)
    assert not named or named & plugin.channel_addresses(channel)
