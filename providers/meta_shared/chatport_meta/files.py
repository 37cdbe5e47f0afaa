"""Where received files are: the look-up, and which hosts may see our credentials.

Owns: judging the address that a look-up answers. Must not know: the download, channels.

Addresses inside webhooks are never used: whoever could write one would receive the token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

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
    """The address in a look-up's answer, if it is Meta's or has the service's own scheme and host.

    :raises TemporarilyRefused: it is neither.
    """
    url = told.get("url")
    place = _place(url) if isinstance(url, str) else None
    if isinstance(url, str) and place is not None:
        scheme, host, port = place
        meta = (scheme, port) == ("https", 443) and host.endswith(META_SUFFIXES)
        own = _place(service.base_url)
        if meta or (own is not None and own[:2] == (scheme, host)):
            return url
    named = f"({place[1] if place else 'none'})"
    raise TemporarilyRefused(
        f"{service.name} names an address for the file that is not Meta's {named}; it is not fetched.",
        action="It is asked again; tell Meta's support if it stays so.",
        code="foreign_address",
    )


#: The only form in which all programs read an address alike: no user, no backslash, no space, nothing invisible.
_ADDRESS = re.compile(
    r"(https?)://([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(?:[/?#][\x21-\x5b\x5d-\x7e]*)?"
)


def _place(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address; ``None`` where programs could read it differently."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return None
    scheme, host, port = match.groups()
    return scheme, host.lower(), int(port) if port else {"http": 80, "https": 443}[scheme]


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
