"""Where Meta has a file.

Owns: the look-up before each download; addresses live five minutes. Must not know: the download.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from chatport import Channel, MediaRequest
from chatport.events import MediaRef
from chatport_meta import files as shared

from .graph import Graph


def media_request(channel: Channel, media: MediaRef) -> MediaRequest:
    """How to fetch a file. The token goes only to Meta's hosts.

    :raises MediaGone: Meta does not have it any more.
    :raises ProviderError: it could not be asked.
    """
    graph = Graph(channel)
    path = graph.path(shared.file_id(media))
    told = shared.look_up(graph, path, {"phone_number_id": graph.number_id})
    url = shared.address_of(told, graph)
    return MediaRequest(
        url=url,
        headers=graph.headers,
        allowed_hosts=(urlsplit(url).netloc.lower(),),
        expires_at=shared.expiry(),
        content_type=shared.content_type(told, media),
        filename=media.filename,
        sha256=shared.announced_hash(told, media),
    )
