"""Setting the service up for a channel: its device, its webhook address and secret.

Owns: doing so where the version allows it, and saying what to do by hand where it does not. Must not know: logins.
"""

from __future__ import annotations

from typing import Any

from chatport import Channel, ManualStep, Provisioned
from chatport.errors import ConfigInvalid, ContentRefused, ProviderError, UnsupportedFeature

from . import own
from .client import Gowa
from .devices import as_provider_error, list_devices, path, register, usable_id


def provision(channel: Channel) -> Provisioned:
    """Register the channel's device and set its webhook. May be repeated.

    :raises ProviderError: with the action to take.
    """
    done: list[str] = []
    try:
        choice = register(channel, **_webhook(channel))
    except ConfigInvalid as error:
        raise as_provider_error(error) from None
    if not choice.device_id:
        return Provisioned(steps=(_by_hand(channel),))
    state: dict[str, Any] = {"device_id": choice.device_id}
    if choice.device_id == own.made_device_id(channel):
        state["registered"] = True
    done.append(f"The device {choice.device_id} is registered at GoWA.")
    if _set_webhook(channel, choice.device_id):
        done.append("GoWA delivers this device's events to Chatport.")
        return Provisioned(done=tuple(done), state=state)
    return Provisioned(done=tuple(done), steps=(_by_hand(channel),), state=state)


def unprovision(channel: Channel) -> Provisioned:
    """Take the webhook away; a device that Chatport registered goes altogether, and with it the login.

    :raises ProviderError: with what is left behind.
    """
    device_id = own.device_id(channel)
    if not device_id or not usable_id(device_id):
        return Provisioned()
    service = Gowa(channel, device="")
    try:
        if list_devices(service) is None:
            return Provisioned()
        if channel.state.get("registered") is True and device_id == own.made_device_id(channel):
            service.call("DELETE", path(device_id))
            return Provisioned(done=(f"The device {device_id} was removed from GoWA.",))
        scoped = _scoped(channel, device_id)
        if _current(scoped, device_id).get("webhook_url") != channel.callback_url:
            return Provisioned()
        scoped.call("PATCH", path(device_id, "/webhook"), json={"webhook_url": ""})
    except UnsupportedFeature:  # before 8.10: what was set by hand stays in GoWA's own settings
        return Provisioned()
    except ProviderError as error:
        error.action = f"Remove the webhook of the device {device_id} at GoWA by hand."
        raise
    return Provisioned(done=(f"The webhook of the device {device_id} was removed.",))


def _webhook(channel: Channel) -> dict[str, str]:
    return {
        "webhook_url": channel.callback_url,
        "webhook_secret": str(channel.config.get("webhook_verify_token") or ""),
    }


def _set_webhook(channel: Channel, device_id: str) -> bool:
    """Set address and secret of the device's webhook.

    :returns: ``False`` before version 8.10, which has one webhook for all, set where the service is started.
    """
    if not usable_id(device_id):
        raise ContentRefused(
            f"GoWA cannot set the webhook of a device whose id has such characters: {device_id!r}.",
            action="Use an id of letters, digits, dots, dashes and underscores.",
            code="device_id",
        )
    service = _scoped(channel, device_id)
    wanted = _webhook(channel)
    try:
        current = _current(service, device_id)
        if all(current.get(name) == value for name, value in wanted.items()) and not current.get(
            "webhook_events"
        ):
            return True
        # The call replaces all fields: what is not repeated is lost.
        insecure = current.get("webhook_insecure_skip_verify") is True
        service.call(
            "PATCH",
            path(device_id, "/webhook"),
            json={**wanted, "webhook_events": "", "webhook_insecure_skip_verify": insecure},
        )
    except UnsupportedFeature:
        return False
    return True


def _scoped(channel: Channel, device_id: str) -> Gowa:
    """The service, with the device named: without a name, 8.0 to 8.9 with several devices ask for one before they say
    that they have no such call."""
    return Gowa(channel, device=device_id)


def _current(service: Gowa, device_id: str) -> dict[str, Any]:
    return service.get(path(device_id, "/webhook")).mapping()


def _by_hand(channel: Channel) -> ManualStep:
    values = _webhook(channel)
    return ManualStep(
        title="Tell GoWA where to deliver events",
        instruction="This version of GoWA has one webhook for all its devices, set where it is started."
        " Set these two variables and restart it; several addresses are separated by a comma without a blank."
        " From version 8.10 on Chatport does this by itself.",
        values={
            "WHATSAPP_WEBHOOK": values["webhook_url"],
            "WHATSAPP_WEBHOOK_SECRET": values["webhook_secret"],
        },
        secret=True,
    )
