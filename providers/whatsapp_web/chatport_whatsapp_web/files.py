"""Where the service has a file, and that it is nowhere else.

Owns: the rule that files come only from the configured service, and asking for one again. Must not know: the download.

GoWA serves files without credentials, yet answers 401 for one that is gone; sending the credentials does no harm.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from chatport import Channel, MediaRequest
from chatport.errors import (
    MediaGone,
    NotConnected,
    ProviderError,
    TemporarilyRefused,
    UnsupportedFeature,
)
from chatport.events import MediaRef

from .client import SENDING, Gowa, segment

#: Folders below which GoWA keeps received files and QR codes.
MEDIA_FOLDER = "statics/media/"
QR_FOLDER = "statics/qrcode/"
_GONE = ("does not contain downloadable media", "does not belong")
#: Reasons of a failed download that say nothing about the file: the network, or WhatsApp's own trouble.
_PASSING = re.compile(
    r"timeout|timed out|deadline|canceled|no such host|server misbehaving|connection|unreachable|no route"
    r"|\beof\b|\btls\b|status code (?:5\d\d|408|429)\b"
)


def media_request(channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
    """How to fetch a file: by its path at first, after that by asking the service to download it again.

    :raises MediaGone: the service does not have it and cannot get it.
    :raises ProviderError: it could not be asked.
    """
    service = Gowa(channel)
    path = local_path(service, media.locator.get("path"), MEDIA_FOLDER)
    if path is None or attempt > 0:
        path = _downloaded(service, media.locator, had_path=path is not None)
    return MediaRequest(
        url=f"{service.base_url}/{quote(path)}",
        headers={**service.authorization(), **service.scope()},
        allowed_hosts=(service.host,),
        content_type=media.content_type,
        filename=media.filename,
        sha256=media.sha256,
    )


def local_path(service: Gowa, value: Any, folder: str) -> str | None:
    """A path below ``folder`` at the service, from a path or one of its addresses; ``None`` for all else."""
    if not isinstance(value, str) or not value:
        return None
    text = value
    if "://" in text:
        own_text = _own_path(service, text)
        if own_text is None:
            return None
        text = own_text
    path = posixpath.normpath(text.lstrip("/"))
    plain = "\\" not in text and all(ord(c) >= 32 and not 0xD800 <= ord(c) < 0xE000 for c in text)
    return path if plain and path.startswith(folder) and len(path) > len(folder) else None


def _own_path(service: Gowa, address: str) -> str | None:
    """The path of an address at the service, without its base path."""
    try:
        parts, base = urlsplit(address), urlsplit(service.base_url)
        same = (parts.hostname, parts.port) == (base.hostname, base.port)
    except ValueError:
        return None
    if not same or parts.username or parts.password:
        return None
    path, prefix = unquote(parts.path), base.path.rstrip("/") + "/"
    return path[len(prefix) :] if path.startswith(prefix) else path


def _downloaded(service: Gowa, locator: Any, *, had_path: bool) -> str:
    message_id, chat = locator.get("download"), locator.get("chat")
    if not isinstance(message_id, str) or not isinstance(chat, str) or not message_id:
        raise MediaGone(
            "The event names no file at this channel's service.",
            action="Look at the phone.",
            code="foreign_path",
        )
    try:
        told = service.get(
            f"message/{segment(message_id)}/download", {"phone": chat}, deadline=SENDING
        )
    except UnsupportedFeature:
        raise MediaGone(
            "The service does not have the file, and this version of GoWA cannot fetch it again.",
            action="Look at the phone; update GoWA.",
            code="no_download",
        ) from None
    except ProviderError as error:
        raise _judged(error, had_path=had_path) from None
    path = local_path(service, told.mapping().get("file_path"), MEDIA_FOLDER)
    if path is None:
        raise TemporarilyRefused(
            "GoWA downloaded the file but does not say where it lies.",
            action="Look into GoWA's log.",
            code="no_path",
        )
    return path


def _judged(error: ProviderError, *, had_path: bool) -> ProviderError:
    """What a refused download means for the file; whether the device or its login is there says nothing about it."""
    words = error.detail.lower()
    if isinstance(error, NotConnected):
        return error
    unknown = words.startswith("message ") and "not found" in words
    if unknown or any(word in words for word in _GONE):
        said = "not there any more" if had_path else "not there"
        return MediaGone(
            f"The file is {said}: GoWA does not have this message's file.",
            action="Look at the phone.",
            code=error.code,
            status_code=error.status_code,
            detail=error.detail,
        )
    if "failed to download" in words and not _PASSING.search(words):
        return MediaGone(
            "WhatsApp does not hand out this file any more.",
            action="Open it on the phone, or ask for it again.",
            code=error.code,
            status_code=error.status_code,
            detail=error.detail,
        )
    return error
