"""Media files: bytes, ids, expiry of ids and of download addresses. Knows no HTTP."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from .identifiers import Identifiers

URL_LIFETIME = 300
UPLOADED_LIFETIME = 30 * 86400
INBOUND_LIFETIME = 7 * 86400

MEGABYTE = 1024 * 1024

#: Kind of message for a MIME type, and the most bytes that may be sent.
KINDS: dict[str, tuple[frozenset[str], int]] = {
    "audio": (
        frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"}),
        16 * MEGABYTE,
    ),
    "image": (frozenset({"image/jpeg", "image/png"}), 5 * MEGABYTE),
    "sticker": (frozenset({"image/webp"}), 500 * 1024),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16 * MEGABYTE),
    "document": (
        frozenset(
            {
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            }
        ),
        100 * MEGABYTE,
    ),
}


def kind_of(mime: str) -> str | None:
    """The kind that takes this MIME type; parameters are ignored."""
    plain = mime.split(";", 1)[0].strip().lower()
    return next((kind for kind, (mimes, _) in KINDS.items() if plain in mimes), None)


@dataclass(slots=True)
class Medium:
    """One file. ``owner`` is the number that may use it; ``inbound`` when a customer sent it."""

    id: str
    owner: str
    mime: str
    data: bytes = field(repr=False)
    created: float = 0.0
    inbound: bool = False
    filename: str | None = None

    @property
    def sha256_hex(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def sha256_base64(self) -> str:
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


class MediaStore:
    """Media by id. Not thread-safe: the simulation's lock guards it."""

    def __init__(self, ids: Identifiers) -> None:
        self._ids = ids
        self._media: dict[str, Medium] = {}
        self._addresses: dict[tuple[str, str], int] = {}

    def add(
        self,
        owner: str,
        mime: str,
        data: bytes,
        now: float,
        *,
        inbound: bool = False,
        filename: str | None = None,
        media_id: str | None = None,
    ) -> Medium:
        identity = media_id or self._ids.number("18")
        medium = Medium(identity, owner, mime, data, now, inbound, filename)
        self._media[identity] = medium
        return medium

    def get(self, media_id: str, now: float) -> Medium | None:
        """The medium while its id is valid: 30 days after an upload, 7 days after it came in."""
        medium = self._media.get(media_id)
        if medium is None:
            return None
        lifetime = INBOUND_LIFETIME if medium.inbound else UPLOADED_LIFETIME
        return medium if now < medium.created + lifetime else None

    def remove(self, media_id: str) -> bool:
        return self._media.pop(media_id, None) is not None

    def query(self, medium: Medium, now: float, *, source: str | None = None) -> str:
        """Query string of a download address that is valid for five minutes."""
        expires = int(now) + URL_LIFETIME
        mark = "ARn" + self._ids.token(20)
        self._addresses[medium.id, mark] = expires
        origin = f"&source={source}" if source else ""
        return f"mid={medium.id}{origin}&ext={expires}&hash={mark}"

    def at_address(self, media_id: str, mark: str, now: float) -> Medium | None:
        """The medium behind a download address; None when it is unknown or expired."""
        expires = self._addresses.get((media_id, mark))
        if expires is None or now >= expires:
            return None
        return self.get(media_id, now)

    def all(self) -> list[Medium]:
        return list(self._media.values())

    def __len__(self) -> int:
        return len(self._media)
