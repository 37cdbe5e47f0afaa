"""Where received files are: the look-up, and which hosts may see our credentials.

Owns: judging the address that a look-up answers. Must not know: the download, channels.

Addresses inside webhooks are never used: whoever could write one would receive the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from chatport.errors import MediaGone, ProviderError, TemporarilyRefused
from chatport.events import MediaRef

from .catalogue import explain
from .inbound import sha256_hex
from .service import Service

#: Hosts below these names are Meta's own.
META_SUFFIXES = (".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net")
#: An address lives five minutes; asked again a little before.
ADDRESS_LIFE = timedelta(minutes=4, seconds=45)
_GONE = frozenset({"33", "100", "131052", "1006", "410"})


def file_id(media: MediaRef) -> str:
    """The file's id at the service.

    :raises MediaGone: the reference names none.
    """
    found = media.locator.get("id")
    if not isinstance(found, str) or not found:
        raise MediaGone("The message names no file.", action="Ask the customer to send it again.")
    return found


def look_up(service: Service, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the service knows about a file.

    :raises MediaGone: it does not have it any more.
    :raises ProviderError: it could not be asked.
    """
    try:
        return service.get(path, params)
    except ProviderError as error:
        raise gone_or(error) from None


def gone_or(error: ProviderError) -> ProviderError:
    """``MediaGone`` where an error of a look-up says so, else the error itself."""
    if error.code in _GONE or (error.status_code in (404, 410) and not _known(error)):
        return MediaGone(
            "WhatsApp does not have this file any more; it keeps files for seven days.",
            action="Ask the customer to send it again.",
            code=error.code,
            status_code=error.status_code,
            detail=error.detail,
        )
    return error


def _known(error: ProviderError) -> bool:
    return bool(error.code) and explain(error.code or "") is not None


def address_of(told: Mapping[str, Any], service: Service) -> str:
    """The address in a look-up's answer, if it is Meta's or at the service's own host.

    :raises TemporarilyRefused: it is neither.
    """
    url = told.get("url")
    parts = _split(url) if isinstance(url, str) and url.isprintable() else None
    host = (parts.hostname or "").lower() if parts else ""
    if isinstance(url, str) and parts is not None and host:
        plain = parts.scheme in ("http", "https") and not parts.username and not parts.password
        meta = parts.scheme == "https" and host.endswith(META_SUFFIXES) and _port(parts) == 443
        if plain and (host == service.hostname or meta):
            return url
    raise TemporarilyRefused(
        f"{service.name} names an address for the file that is not Meta's ({host or 'none'}); it is not fetched.",
        action="It is asked again; tell Meta's support if it stays so.",
        code="foreign_address",
    )


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:
        return None


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def announced_hash(told: Mapping[str, Any], media: MediaRef) -> str:
    """The hash of the bytes, as lower-case hex, from the look-up or the event."""
    value = told.get("sha256")
    return (sha256_hex(value) if isinstance(value, str) else "") or media.sha256


def content_type(told: Mapping[str, Any], media: MediaRef) -> str:
    """The file's type, from the event or the look-up."""
    value = told.get("mime_type")
    return media.content_type or (value if isinstance(value, str) else "")


def expiry() -> datetime:
    """When an address that was told now should be asked for again."""
    return datetime.now(UTC) + ADDRESS_LIFE
