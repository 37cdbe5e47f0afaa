"""Linking a phone: QR code and pairing code.

Owns: the two ways. Must not know: what is done with a linked phone.
"""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import quote

from chatport import Channel, PairingPrompt
from chatport.errors import (
    ConfigInvalid,
    ContentRefused,
    NotConnected,
    ProviderError,
    TemporarilyRefused,
    UnsupportedFeature,
)

from .client import NORMAL, PAIRING, Gowa, Result
from .devices import as_provider_error, register
from .files import QR_FOLDER, local_path
from .session import DEVICE_CODES

#: Seconds for which WhatsApp takes a pairing code, and for which a QR code is shown where the service does not say.
CODE_SECONDS = 160.0
QR_SECONDS = 10.0
MAX_QR_SECONDS = 120.0
_CODE_CHARACTERS = frozenset(string.ascii_uppercase + string.digits + "-")
_PNG = b"\x89PNG\r\n\x1a\n"


def prompt(channel: Channel, method: str, phone_number: str) -> PairingPrompt:
    """What the person with the phone has to scan or type now.

    :raises ProviderError: with the action to take.
    """
    if method == "qr":
        return _qr(channel)
    if method == "code":
        return _code(channel, phone_number)
    raise UnsupportedFeature(
        f"GoWA cannot link a phone by {method!r}.", action="Use qr or code.", code="pairing"
    )


def _qr(channel: Channel) -> PairingPrompt:
    service, told = _login(channel, "app/login", {})
    link = told.mapping().get("qr_link")
    path = local_path(service, _path_of(link), QR_FOLDER)
    if path is None:
        raise TemporarilyRefused(
            "GoWA gave no QR code.", action="Try again in a moment.", code="no_qr"
        )
    # Fetched from the configured address: the link holds whatever host GoWA takes itself for.
    answer = service.answer("GET", quote(path), deadline=NORMAL)
    if not answer.ok or not answer.body.startswith(_PNG):
        raise TemporarilyRefused(
            "The QR code has just expired.", action="Ask for a new one.", code="qr_expired"
        )
    return PairingPrompt("qr", _seconds(told.mapping().get("qr_duration")), image=answer.body)


def _path_of(link: Any) -> str:
    """Everything of a QR link from the folder on."""
    text = link if isinstance(link, str) else ""
    start = text.find("/" + QR_FOLDER)
    return text[start:] if start >= 0 else text


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return QR_SECONDS
    return float(value) if 0 < value <= MAX_QR_SECONDS else QR_SECONDS


def _code(channel: Channel, phone_number: str) -> PairingPrompt:
    digits = "".join(c for c in phone_number if c.isascii() and c.isdigit())
    if not digits:
        raise ContentRefused(
            "A pairing code needs the phone's number.", action="Give the number.", code="phone"
        )
    _, told = _login(channel, "app/login-with-code", {"phone": digits})
    code = told.mapping().get("pair_code")
    if not isinstance(code, str) or not code or not _CODE_CHARACTERS.issuperset(code.upper()):
        raise TemporarilyRefused(
            "GoWA gave no pairing code.", action="Try again, or scan the QR code.", code="no_code"
        )
    return PairingPrompt("code", CODE_SECONDS, text=code)


def _login(channel: Channel, path: str, params: dict[str, str]) -> tuple[Gowa, Result]:
    """Ask for a login; a device that the service lacks is registered first."""
    service = Gowa(channel)
    try:
        return service, _ask(service, path, params)
    except NotConnected as error:
        if error.code not in DEVICE_CODES:
            raise
    try:
        choice = register(channel)
    except ConfigInvalid as error:
        raise as_provider_error(error) from None
    service = Gowa(channel, device=choice.device_id)
    return service, _ask(service, path, params)


def _ask(service: Gowa, path: str, params: dict[str, str]) -> Result:
    try:
        return service.get(path, params, deadline=PAIRING)
    except ProviderError as error:
        if error.code == "AUTHENTICATION_ERROR":
            raise TemporarilyRefused(
                "GoWA does not reach WhatsApp, so no phone can be linked now.",
                action="Check that the machine of GoWA reaches the internet; try again.",
                code=error.code,
                status_code=error.status_code,
                detail=error.detail,
            ) from None
        raise
