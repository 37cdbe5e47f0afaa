"""The list of message templates.

Owns: the listing of the Cloud API and the stored form of a template. Must not know: sending, storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport.errors import TemporarilyRefused

from .paging import all_pages
from .service import Service

_FIELDS = (
    "id,name,status,category,sub_category,language,components,parameter_format,"
    "quality_score,rejected_reason"
)


def fetch(service: Service, path: str) -> list[dict[str, object]]:
    """All templates of an account.

    :raises ProviderError: one page could not be read; then nothing is returned.
    """
    return named(
        [stored(entry) for entry in all_pages(service, path, {"fields": _FIELDS})], service.name
    )


def named(templates: list[dict[str, object]], service: str) -> list[dict[str, object]]:
    """The templates, each of which has a name and a language.

    :raises TemporarilyRefused: one has not; a list with holes is none.
    """
    if all(one["name"] and one["language"] for one in templates):
        return templates
    raise TemporarilyRefused(
        f"{service} answered a list of templates in which one has no name or no language.",
        action="It is tried again; what is stored stays.",
        code="nameless_template",
    )


def stored(entry: Mapping[str, Any]) -> dict[str, object]:
    """A template as the core keeps it. States are in capitals, as the Cloud API writes them."""
    components = entry.get("components")
    kept: dict[str, object] = {
        "id": _word(entry, "id"),
        "name": _word(entry, "name"),
        "language": _word(entry, "language"),
        "status": _word(entry, "status").upper(),
        "category": _word(entry, "category"),
        "namespace": _word(entry, "namespace"),
        "parameter_format": _word(entry, "parameter_format") or "POSITIONAL",
        "components": [one for one in components if isinstance(one, dict)]
        if isinstance(components, list)
        else [],
    }
    for name in ("sub_category", "quality_score", "rejected_reason"):
        if entry.get(name) is not None:
            kept[name] = entry[name]
    return kept


def _word(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
