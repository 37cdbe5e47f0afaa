"""The list of templates in the older generation.

Owns: paging by offset. Must not know: sending, storage.
"""

from __future__ import annotations

from typing import Any

from chatport.errors import TemporarilyRefused
from chatport_meta.templates import named, stored

from .gateway import SERVICE, Gateway

PAGE = 1000
MAX_PAGES = 50


def fetch(gateway: Gateway) -> list[dict[str, object]]:
    """All templates of a number.

    :raises ProviderError: one page could not be read; then nothing is returned.
    """
    found: list[dict[str, Any]] = []
    last: list[Any] = []
    for _ in range(MAX_PAGES):
        params = {"limit": str(PAGE), "offset": str(len(found))}
        page = gateway.get(gateway.config("templates"), params)
        entries = page.get("waba_templates")
        if not isinstance(entries, list):
            raise TemporarilyRefused(
                f"{SERVICE} answered a listing without templates.",
                action="It is tried again; what is stored stays.",
                code="no_data",
            )
        if (
            entries == last
        ):  # nothing more, or a service that knows no pages and tells the same again
            entries = []
        last = entries
        found += [entry if isinstance(entry, dict) else {} for entry in entries]
        total = page.get("total")
        if not entries or (isinstance(total, int) and len(found) >= total):
            return named([stored(entry) for entry in found], SERVICE)
    raise TemporarilyRefused(
        f"{SERVICE}'s listing of templates does not come to an end.",
        action="It is tried again; what is stored stays.",
        code="endless_listing",
    )
