"""Reading all pages of a Graph API listing.

Owns: cursors, page size, and when a listing does not end. Must not know: what is listed.

The cursor is followed, never the address under ``next``: that is the service's word, and carries the token in places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport.errors import ProviderError, TemporarilyRefused

from .service import Service

MAX_PAGES = 500
#: Page sizes; a smaller one where Graph answers that it is too much data.
_SIZES = (100, 50, 25, 10)
_TOO_MUCH_DATA = "1"
_CURSOR_EXPIRED = "131059"


def all_pages(
    service: Service, path: str, params: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All entries of a listing, or an error; never a part.

    :raises ProviderError: a page could not be read.
    """
    last: ProviderError | None = None
    for size in _SIZES:
        try:
            return _read(service, path, {**(params or {}), "limit": str(size)})
        except ProviderError as error:
            if error.code not in (_TOO_MUCH_DATA, _CURSOR_EXPIRED):
                raise
            last = error
    assert last is not None
    raise last


def _read(service: Service, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    cursor = ""
    for _ in range(MAX_PAGES):
        page = service.get(path, {**params, "after": cursor} if cursor else params)
        data = page.get("data")
        if not isinstance(data, list):
            raise _broken(service, "no entries", "no_data")
        if not all(isinstance(entry, dict) for entry in data):
            raise _broken(service, "an entry that is none", "no_entry")
        found += data
        if not _goes_on(page):
            return found
        cursor = _next_cursor(page)
        if not cursor:
            raise _broken(service, "a further page without saying where it begins", "no_cursor")
        if cursor in seen:
            break
        seen.add(cursor)
    raise TemporarilyRefused(
        f"{service.name}'s listing does not come to an end.",
        action="It is tried again; what is stored stays.",
        code="endless_listing",
    )


def _broken(service: Service, what: str, code: str) -> TemporarilyRefused:
    """A listing of which a part cannot be read is none at all: what it leaves out would be taken for removed."""
    return TemporarilyRefused(
        f"{service.name} answered a listing with {what}.",
        action="It is tried again; what is stored stays.",
        code=code,
    )


def _goes_on(page: Mapping[str, Any]) -> bool:
    """Whether there is another page; the last one has cursors too, but no ``next``."""
    paging = page.get("paging")
    return isinstance(paging, dict) and bool(paging.get("next"))


def _next_cursor(page: Mapping[str, Any]) -> str:
    cursors = page["paging"].get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) else ""
