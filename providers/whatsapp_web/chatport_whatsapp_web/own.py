"""Which device and which number are the channel's own.

Owns: reading them from configuration and state, and the addresses by which events name them. Must not know: HTTP.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chatport import Channel
from chatport.phones import variants

from . import jids
from .jids import Jid

#: Devices that Chatport registers itself are named so, with the number's digits behind.
DEVICE_PREFIX = "chatport-"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def device_id(channel: Channel) -> str:
    """Id of the channel's device at the service; empty where the service's only one is meant."""
    return _text(channel.config.get("device_id")) or _text(channel.state.get("device_id"))


def made_device_id(channel: Channel) -> str:
    """Id of the device that Chatport registers for this channel."""
    return f"{DEVICE_PREFIX}{channel.phone_digits}"


def linked(channel: Channel) -> Jid | None:
    """The address of the linked phone, as the service told it."""
    return jids.parse(_text(channel.state.get("jid")))


def users(channel: Channel) -> frozenset[str]:
    """User parts of the addresses that are ourselves. Another phone that was linked by mistake is not among them."""
    known = (linked(channel), jids.parse(device_id(channel)))
    spelled = {jid.user for jid in known if jid is not None and jid.server == jids.PERSON}
    return frozenset(
        {channel.phone_digits, *(user for user in spelled if is_own_number(channel, user))}
    )


def is_own_number(channel: Channel, digits: str) -> bool:
    """Whether digits are the channel's number, also in its other written form."""
    return digits == channel.phone_digits or digits in variants(channel.phone_digits)


def addresses(channel: Channel) -> frozenset[str]:
    """Addresses of the channel, in the form of :func:`addressees`."""
    found = {f"jid:{user}@{jids.PERSON}" for user in users(channel)}
    device = device_id(channel)
    if device and jids.parse(device) is None:
        found.add(_session(device))
    return frozenset(found)


def _session(name: str) -> str:
    """A device id in printable form; it comes from outside."""
    return "session:" + quote(name[:200], safe="@:+ ", errors="replace")


def addressees(device: str, session: str) -> tuple[str, ...]:
    """How an event names its device. The linked number decides where it is told: a device on which another phone was
    linked must not bring that phone's messages into this channel.

    :param device: ``device_id`` of the event: the address of the account.
    :param session: ``session_id`` of the event: the device's id at the service.
    """
    jid = jids.parse(device)
    if jid is not None:
        return (f"jid:{jid}",)
    name = session.strip() or device.strip()
    return (_session(name),) if name else ()
