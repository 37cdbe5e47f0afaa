"""One channel's access to 360dialog, in either generation.

Owns: which generation an address belongs to, paths, the key. Must not know: what is asked.
"""

from __future__ import annotations

from urllib.parse import quote_plus, urlsplit

from chatport import Channel
from chatport_meta.outbound import Edges
from chatport_meta.service import Service, segment

from .errors import explain, told
from .schema import CLOUD_HOSTED

SERVICE = "360dialog"
KEY_HEADER = "D360-API-KEY"
_OLD_HOSTS = ("waba.360dialog.io", "waba-sandbox.360dialog.io")


class Gateway(Service):
    """360dialog with the key of one number."""

    def __init__(self, channel: Channel) -> None:
        base_url, self.old = _generation(str(channel.config.get("api_base_url") or CLOUD_HOSTED))
        key = str(channel.config.get("api_key") or "")
        secret = str(channel.config.get("webhook_verify_token") or "")
        super().__init__(
            base_url,
            name=SERVICE,
            headers={KEY_HEADER: key},
            # As it stands in the webhook's address, too.
            secrets=[key, secret, quote_plus(secret)],
            told=told,
            explain=explain,
        )

    @property
    def edges(self) -> Edges:
        """Where messages and files go."""
        return Edges("messages", "media")

    def config(self, name: str) -> str:
        """A path of the configuration, which kept its old place in the newer generation."""
        return f"configs/{name}" if self.old else f"v1/configs/{name}"

    def file(self, file_id: str) -> str:
        """The path of a file: its bytes in the older generation, its address in the newer one."""
        return f"media/{segment(file_id)}" if self.old else segment(file_id)


def _generation(address: str) -> tuple[str, bool]:
    """The base address, and whether it is one of the older generation."""
    base_url = address.strip().rstrip("/")
    parts = urlsplit(base_url)
    if parts.path.rstrip("/").endswith("/v1"):
        # The newer host serves a few things below /v1 too, but it is the newer one all the same.
        newer = (parts.hostname or "") == urlsplit(CLOUD_HOSTED).hostname
        return (base_url.removesuffix("/v1"), False) if newer else (base_url, True)
    if (parts.hostname or "") in _OLD_HOSTS:
        return f"{base_url}/v1", True
    return base_url, False
