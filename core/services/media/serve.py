"""Giving stored files to browsers, API clients and services without letting a file act.

Owns: headers, byte ranges, signed expiring links. Must not know: Flask, who may see a file (the caller has checked).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Attachment, Message
from ...db.types import utcnow
from .sniff import safe_filename

if TYPE_CHECKING:
    from ...context import Core

#: Types that a browser may show in place. They cannot carry a script; everything else is offered for saving.
INLINE = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "audio/aac",
        "audio/amr",
        "audio/mp4",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "audio/webm",
        "video/3gpp",
        "video/mp4",
        "video/webm",
    }
)
_PURPOSE = "attachment"
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


@dataclass(frozen=True, slots=True)
class ServedFile:
    """An answer with a file's bytes. ``status`` is 200, 206 (a range) or 416 (no such range)."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)


def signed_path(core: Core, attachment_id: int, valid: timedelta) -> str:
    """Path and query under which anybody may fetch a file until it expires."""
    expires = int((utcnow() + valid).timestamp())
    signature = core.vault.sign(_PURPOSE, f"{attachment_id}:{expires}")
    return f"/files/{attachment_id}?expires={expires}&signature={signature}"


def signed_link(core: Core, attachment_id: int, valid: timedelta) -> str:
    """The full address of :func:`signed_path`, under the installation's public address."""
    return core.settings.public_url.rstrip("/") + signed_path(core, attachment_id, valid)


def is_valid_link(core: Core, attachment_id: int, expires: str, signature: str) -> bool:
    """Whether a link is one of ours and has not expired."""
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        return False
    if not core.vault.verify(_PURPOSE, f"{attachment_id}:{expires}", signature):
        return False
    return int(expires) >= utcnow().timestamp()


def load_attachment(
    core: Core, attachment_id: int, account_id: int | None = None
) -> Row[Any] | None:
    """A file's row, if it has bytes and its message is not deleted.

    :param account_id: only of this account; ``None`` after a signature was checked.
    """
    query = (
        sa.select(Attachment.__table__)
        .join(Message, Message.id == Attachment.message_id)
        .where(
            Attachment.id == attachment_id,
            Attachment.storage_key.is_not(None),
            Message.deleted_at.is_(None),
        )
    )
    if account_id is not None:
        query = query.where(Attachment.account_id == account_id)
    with core.db.read("load attachment") as connection:
        return connection.execute(query).first()


def serve(
    core: Core, row: Row[Any], *, range_header: str = "", download: bool = False
) -> ServedFile:
    """The bytes of a file with headers that keep it harmless.

    :param download: offer it for saving, whatever its type.
    :raises FileNotFoundError: storage has lost it.
    """
    size = row.size or 0
    headers = safe_headers(row.content_type, row.filename, download=download)
    part = byte_range(range_header, size)
    if part is None and range_header and _RANGE.match(range_header):
        return ServedFile(416, {**headers, "Content-Range": f"bytes */{size}"}, iter(()))
    core.storage.open(row.storage_key).close()  # missing is found out before the headers leave
    if part is None:
        return ServedFile(
            200, {**headers, "Content-Length": str(size)}, core.storage.chunks(row.storage_key)
        )
    start, length = part
    headers = {
        **headers,
        "Content-Length": str(length),
        "Content-Range": f"bytes {start}-{start + length - 1}/{size}",
    }
    return ServedFile(206, headers, core.storage.chunks(row.storage_key, start, length))


def safe_headers(content_type: str, filename: str, *, download: bool = False) -> dict[str, str]:
    """Headers for a file from a stranger: never guessed to be something else, never run, shown in place only when its
    type is harmless."""
    inline = content_type in INLINE and not download
    name = safe_filename(filename)
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return {
        "Content-Type": content_type if inline else _saved_type(content_type),
        "Content-Disposition": (
            f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'; style-src 'unsafe-inline'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
    }


def _saved_type(content_type: str) -> str:
    """Documents keep their type for the program that opens them; what a browser could run loses it."""
    risky = (
        "html" in content_type
        or "svg" in content_type
        or "xml" in content_type
        or "script" in content_type
    )
    if (risky and "openxmlformats" not in content_type) or not re.fullmatch(
        r"[\w.+-]+/[\w.+-]+", content_type
    ):
        return "application/octet-stream"
    return content_type


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Start and length of a single byte range; ``None`` for no range or one that cannot be served."""
    match = _RANGE.match(header)
    if match is None or not size:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:  # the last so many bytes
        length = min(int(last), size)
        return (size - length, length) if length else None
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end - start + 1) if start <= end else None
