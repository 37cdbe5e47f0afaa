"""Style sheets, scripts and icons.

Owns: addresses that change with the content, so that browsers may keep files for ever; compression. Must not know: what
is in them.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

from flask import Response, abort, request, url_for

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}


@cache
def _names() -> frozenset[str]:
    """The files that there are; only these are ever read and kept in memory."""
    files = (path for path in FOLDER.rglob("*") if path.suffix in _TYPES and path.is_file())
    return frozenset(path.relative_to(FOLDER).as_posix() for path in files)


def _load(name: str) -> tuple[bytes, bytes, str] | None:
    """Content, compressed content and hash of a file; ``None`` where there is none."""
    return _read(name) if name in _names() else None


@cache
def _read(name: str) -> tuple[bytes, bytes, str]:
    data = (FOLDER / name).read_bytes()
    return data, gzip.compress(data, mtime=0), hashlib.sha256(data).hexdigest()[:12]


def address(name: str) -> str:
    """Where a page finds a file."""
    loaded = _load(name)
    return url_for("dashboard.static_file", name=name, v=loaded[2] if loaded else None)


def serve(name: str) -> Response:
    """Give out a file."""
    loaded = _load(name)
    if loaded is None:
        abort(404)
    data, packed, _ = loaded
    small = "gzip" in request.headers.get("Accept-Encoding", "") and len(packed) < len(data)
    response = Response(packed if small else data, content_type=_TYPES[Path(name).suffix])
    if small:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    lasting = "public, max-age=31536000, immutable" if request.args.get("v") else "no-cache"
    response.headers["Cache-Control"] = lasting
    return response
