"""Where 360dialog has a file.

Owns: the address of the bytes in either generation. Must not know: the download.

The newer generation tells Meta's address, which serves only Meta's own tokens. 360dialog serves its path and query on
its own host; the key goes nowhere else.
"""

from __future__ import annotations

from chatport import Channel, MediaRequest
from chatport.errors import MediaGone
from chatport.events import MediaRef
from chatport_meta import files as shared

from .gateway import Gateway

#: After more than twenty refusals in an hour, 360dialog serves no file of the number for half an hour; a file that
#: cannot be had must not cost those that can.
MAX_ADDRESSES = 3


def media_request(channel: Channel, media: MediaRef, attempt: int) -> MediaRequest:
    """How to fetch a file.

    :param attempt: how many addresses of the file led nowhere.
    :raises MediaGone: 360dialog does not have it any more.
    :raises ProviderError: it could not be asked.
    """
    if attempt >= MAX_ADDRESSES:
        raise MediaGone(
            f"360dialog named {attempt} addresses for this file, and it is at none of them.",
            action="Fetch it again later, or ask the customer to send it again.",
            code="addresses_lost",
        )
    gateway = Gateway(channel)
    path = gateway.file(shared.file_id(media))
    if gateway.old:
        return _request(gateway, media, f"{gateway.base_url}/{path}", media.sha256)
    told = shared.look_up(gateway, path)
    request = _request(
        gateway,
        media,
        on_own_host(shared.address_of(told, gateway), gateway.base_url),
        shared.announced_hash(told, media),
    )
    return MediaRequest(
        url=request.url,
        headers=request.headers,
        allowed_hosts=request.allowed_hosts,
        expires_at=shared.expiry(),
        content_type=shared.content_type(told, media),
        filename=request.filename,
        sha256=request.sha256,
    )


def on_own_host(url: str, base_url: str) -> str:
    """An address of Meta's on 360dialog's host. Path and query stay byte for byte, since a hash is over them."""
    _, _, rest = url.partition("://")
    _, slash, path = rest.partition("/")
    return f"{base_url.rstrip('/')}{slash}{path}"


def _request(gateway: Gateway, media: MediaRef, url: str, sha256: str) -> MediaRequest:
    return MediaRequest(
        url=url,
        headers=gateway.headers,
        allowed_hosts=(gateway.host,),
        content_type=media.content_type,
        filename=media.filename,
        sha256=sha256,
    )
