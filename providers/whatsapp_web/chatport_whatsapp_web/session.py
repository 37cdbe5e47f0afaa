"""The WhatsApp login of the channel: whether it works, and taking it up or down.

Owns: validating a configuration, the connection's state, logout, reconnect. Must not know: pairing, webhooks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from chatport import Channel, Connection
from chatport.errors import ConfigInvalid, NotConnected, ProviderError, UnsupportedFeature

from . import jids, own
from .client import QUICK, Gowa
from .devices import Choice, Device, choose, list_devices, other_number
from .failures import not_gowa
from .jids import Jid
from .schema import DEFAULT_SECRET

_LINK = "Link the phone: scan the QR code, or type the pairing code, under the inbox's settings."
_RECONNECT = "Reconnect under the inbox's settings; look whether GoWA reaches the internet."
#: What the service answers where it holds no device, several, or another than the one that is asked for.
DEVICE_CODES = ("DEVICE_ID_REQUIRED", "DEVICE_NOT_FOUND")


# --- validating -------------------------------------------------------------------------------------------------------


def validate(channel: Channel) -> Connection:
    """Whether the configuration works, and how far the login is. Only reads.

    :raises ConfigInvalid: a field is wrong, several devices could be meant, or another number is linked.
    :raises AuthenticationFailed: the credentials are refused.
    :raises ServiceUnreachable: nothing answers, or it is not GoWA.
    """
    _check_fields(channel)
    try:
        return _asked(channel)
    except NotConnected as error:
        # The service is there and took the credentials: a channel may be made, and linked after that.
        login_required = "connect" not in error.detail
        return Connection(
            False, reason=error.message, action=error.action, login_required=login_required
        )


def _asked(channel: Channel) -> Connection:
    service = Gowa(channel)
    choice = _choose(channel, service)
    version = service_version(service)
    if not choice.exists:
        return _unlinked(
            "GoWA works and has no device for this number yet; Chatport registers one.", version
        )
    found = _status(channel, Gowa(channel, device=choice.device_id), choice.jid, version)
    linked = "".join(c for c in found.linked_number if c.isdigit())
    if linked and linked != channel.phone_digits:
        raise other_number(channel, Jid(linked, jids.PERSON))
    return found


def _check_fields(channel: Channel) -> None:
    if channel.config.get("webhook_verify_token") == DEFAULT_SECRET:
        raise ConfigInvalid(
            {
                "webhook_verify_token": [
                    "This is GoWA's own default, which anybody knows. Leave the field empty to get a safe one."
                ]
            },
            action="Leave the webhook secret empty; Chatport makes one.",
        )
    number = str(channel.config.get("phone_number") or "")
    if number and "".join(c for c in number if c.isdigit()) != channel.phone_digits:
        raise ConfigInvalid(
            {"phone_number": [f"This is not the channel's number {channel.phone_number}."]},
            action="Leave the field empty, or give the channel's own number.",
        )


def _choose(channel: Channel, service: Gowa) -> Choice:
    """The channel's device, among those that the service names; this also proves that it is GoWA."""
    answer = service.answer("GET", "app/devices", deadline=QUICK)
    told = answer.json()
    code = told.get("code") if isinstance(told, dict) else None
    if answer.status in (200, 400, 404) and not isinstance(code, str):
        raise not_gowa(answer)
    unscoped = Gowa(channel, device="")
    if answer.ok:
        entries = told.get("results")
        entries = entries.get("devices") if isinstance(entries, dict) else entries
        return _among(channel, unscoped, entries if isinstance(entries, list) else [])
    if code not in DEVICE_CODES:
        raise service.error(answer)
    devices = list_devices(unscoped)
    if devices is None:
        raise not_gowa(answer)
    return choose(channel, devices)


def _among(channel: Channel, service: Gowa, entries: list[Any]) -> Choice:
    named = [entry for entry in entries if isinstance(entry, dict)]
    ids = [str(entry.get("device") or "") for entry in named]
    if not named or any(":" in text and jids.parse(text) is not None for text in ids):
        return _single(channel, ids)
    if all("jid" in entry for entry in named):
        jids_ = [jids.parse(str(entry.get("jid") or "")) for entry in named]
        return choose(channel, [Device(i, jid) for i, jid in zip(ids, jids_, strict=True)])
    return choose(channel, list_devices(service) or [Device(text, None) for text in ids])


def _single(channel: Channel, ids: list[str]) -> Choice:
    """Before version 8 the service is one device, named by its address with device suffix; none when not linked."""
    linked = next((jid for jid in map(jids.parse, ids) if jid is not None), None)
    if linked is not None and not own.is_own_number(channel, linked.user):
        raise other_number(channel, linked)
    return Choice("", True, linked)


def service_version(service: Gowa) -> str:
    """Version of the service, from 9 on; empty where it does not tell."""
    try:
        version = service.get("app/info", deadline=QUICK).mapping().get("version")
    except ProviderError:  # older versions have no such call, and nothing depends on it
        return ""
    return version if isinstance(version, str) else ""


# --- state ------------------------------------------------------------------------------------------------------------


def status(channel: Channel) -> Connection:
    """Whether messages can be sent now.

    :raises ProviderError: the service could not be asked.
    """
    service = Gowa(channel)
    try:
        return _status(channel, service, None)
    except NotConnected as error:
        if error.code in DEVICE_CODES:
            return _unlinked(error.message)
        return Connection(False, reason=error.message, action=error.action)


def _status(channel: Channel, service: Gowa, known: Jid | None, version: str = "") -> Connection:
    try:
        told = service.get("app/status", deadline=QUICK).mapping()
    except UnsupportedFeature:  # before 7.1
        told = _status_from_devices(service)
    logged_in, connected = told.get("is_logged_in") is True, told.get("is_connected") is True
    jid = _first_jid(told.get("jid"), told.get("device_id"))
    if jid is None and "jid" not in told:
        jid = known or _listed(service)
    if not logged_in and jid is None:
        return _unlinked("No phone is linked.", version, device=service.device)
    # While its connection is down the service calls no device logged in; the address tells that one is linked.
    connected = connected and logged_in
    facts = {"version": version} if version else {}
    state: dict[str, Any] = {"jid": None if jid is None else str(jid)}
    if service.device:
        state["device_id"] = service.device
    return Connection(
        connected,
        reason="" if connected else "GoWA has lost its connection to WhatsApp.",
        action="" if connected else _RECONNECT,
        linked_number="" if jid is None else _shown_number(channel, jid),
        facts=facts,
        state=state,
    )


def _status_from_devices(service: Gowa) -> dict[str, Any]:
    entries = service.get("app/devices", deadline=QUICK).listing()
    address = str(entries[0].get("device") or "") if entries else ""
    return {"is_logged_in": bool(entries), "is_connected": bool(entries), "device_id": address}


def _listed(service: Gowa) -> Jid | None:
    """The linked address, from versions whose status does not tell it."""
    if not service.device:
        return None
    try:
        devices = list_devices(service) or []
    except ProviderError:  # the number is worth showing, not worth failing for
        return None
    return next((device.jid for device in devices if device.id == service.device), None)


def _first_jid(*values: Any) -> Jid | None:
    found = (jids.parse(value) for value in values if isinstance(value, str))
    return next((jid for jid in found if jid is not None and jid.server == jids.PERSON), None)


def _shown_number(channel: Channel, jid: Jid) -> str:
    """The linked number; the channel's own spelling where the country has two for one mobile number."""
    return channel.phone_number if own.is_own_number(channel, jid.user) else f"+{jid.user}"


def _unlinked(reason: str, version: str = "", device: str = "") -> Connection:
    state: dict[str, Any] = {"jid": None}
    if device:
        state["device_id"] = device
    return Connection(
        False,
        reason=reason,
        action=_LINK,
        login_required=True,
        facts={"version": version} if version else {},
        state=state,
    )


# --- up and down ------------------------------------------------------------------------------------------------------


def logout(channel: Channel) -> Connection:
    """Unlink the phone; done already is done.

    :raises ProviderError: the service could not be asked.
    """
    service = Gowa(channel)
    with suppress(NotConnected):  # nothing was linked, or the device is gone
        service.get("app/logout")
    return _unlinked("The phone was unlinked.", device=service.device)


def reconnect(channel: Channel) -> Connection:
    """Connect the existing session again.

    :raises ProviderError: the service could not be asked.
    """
    service = Gowa(channel)
    try:
        service.get("app/reconnect")
    except NotConnected as error:
        if error.code in DEVICE_CODES or "not logged in" in error.detail:
            return _unlinked(error.message, device=service.device)
        return Connection(False, reason=error.message, action=error.action)
    return status(channel)
