"""The devices that the service holds, and which of them is the channel's.

Owns: listing devices of every version, the choice, registering one. Must not know: webhooks, logins.

Before version 8 the service is one device and knows no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chatport import Channel
from chatport.errors import ConfigInvalid, NotConnected, ProviderError, UnsupportedFeature

from . import jids, own
from .client import QUICK, Gowa, segment
from .jids import Jid


@dataclass(frozen=True, slots=True)
class Device:
    """One device at the service.

    :param jid: address of the linked phone, where one is linked.
    """

    id: str
    jid: Jid | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which device is the channel's.

    :param device_id: empty where the service has but one and knows no ids.
    :param exists: whether the service has it already.
    """

    device_id: str
    exists: bool
    jid: Jid | None = None


def list_devices(service: Gowa) -> list[Device] | None:
    """All devices; ``None`` before version 8, which has none to list.

    :raises ProviderError: the service could not be asked.
    """
    try:
        told = service.get("devices", deadline=QUICK)
    except UnsupportedFeature:
        return None
    return [_device(entry) for entry in told.listing() if isinstance(entry.get("id"), str)]


def _device(entry: dict[str, Any]) -> Device:
    return Device(
        entry["id"], jids.parse(_text(entry.get("jid"))), _text(entry.get("display_name"))
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def choose(channel: Channel, devices: list[Device]) -> Choice:
    """The channel's device: the configured one, the one with its number, the one made for it, or the only free one.

    :raises ConfigInvalid: several could be meant, or another number is linked.
    """
    wanted = own.device_id(channel)
    if wanted:
        return _by_name(wanted, devices)
    mine = [d for d in devices if d.jid is not None and own.is_own_number(channel, d.jid.user)]
    made = own.made_device_id(channel)
    mine = mine or [d for d in devices if d.id == made]
    if mine:
        return Choice(mine[0].id, True, mine[0].jid)
    # Devices that Chatport made belong to its other channels.
    others = [d for d in devices if not d.id.startswith(own.DEVICE_PREFIX)]
    if len(others) > 1:
        raise several(others)
    if others and others[0].jid is not None:
        raise other_number(channel, others[0].jid)
    if others:
        return Choice(others[0].id, True)
    return Choice(made, False)


def _by_name(wanted: str, devices: list[Device]) -> Choice:
    jid = jids.parse(wanted)
    for device in devices:
        if device.id == wanted or (jid is not None and device.jid == jid):
            return Choice(device.id, True, device.jid)
    return Choice(wanted, False)


def several(devices: list[Device]) -> ConfigInvalid:
    """The service holds several devices and none is named."""
    names = ", ".join(device.id for device in devices[:5])
    return ConfigInvalid(
        {
            "device_id": [
                f"GoWA holds several devices ({names}). Name this number's; a new id makes a new device."
            ]
        },
        action="Give the device's id.",
    )


def other_number(channel: Channel, jid: Jid) -> ConfigInvalid:
    """Another phone is linked on the only device."""
    return ConfigInvalid(
        {
            "phone_number": [
                f"GoWA is linked to +{jid.user}, but this channel is for {channel.phone_number}."
            ]
        },
        action=f"Use the number +{jid.user}, or give a device id of its own for {channel.phone_number}.",
    )


def register(channel: Channel, **settings: Any) -> Choice:
    """Make sure that the channel has a device; one that is missing is made.

    :param settings: further values for a new device (webhook).
    :raises ConfigInvalid: as :func:`choose`.
    :raises ProviderError: the service could not be asked, or refuses.
    """
    service = Gowa(channel, device="")
    devices = list_devices(service)
    if devices is None:
        return Choice("", True, own.linked(channel))
    choice = choose(channel, devices)
    if choice.exists:
        return choice
    try:
        service.post("devices", {"device_id": choice.device_id, **settings})
    except ProviderError as error:
        # Made meanwhile, by a repetition of this call: that is what was wanted.
        if "already exists" not in error.detail:
            raise
    return Choice(choice.device_id, True)


def path(device_id: str, rest: str = "") -> str:
    """Path of a device's own calls."""
    return f"devices/{segment(device_id)}{rest}"


def usable_id(device_id: str) -> bool:
    """Whether an id can stand in a path: the service takes it literally there, without decoding."""
    return segment(device_id) == device_id


def as_provider_error(error: ConfigInvalid) -> NotConnected:
    """A wrong choice of device, found outside of the configuration form."""
    return NotConnected(str(error).partition(": ")[2], action=error.action, code="device")
