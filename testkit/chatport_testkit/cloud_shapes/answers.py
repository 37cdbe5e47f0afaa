"""Answers of the Cloud API that 360dialog passes on unchanged: sends, uploads, listings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from werkzeug.datastructures import FileStorage

from .catalogue import GraphError
from .media import KINDS, kind_of
from .records import SentMessage
from .templates import DEFAULT_PAGE, Page

JSON = dict[str, Any]


def send_answer(message: SentMessage) -> JSON:
    """The answer to an accepted message. The wa_id in it is what the service predicts."""
    contact = {"input": message.to}
    contact["user_id" if message.addressed_by == "recipient" else "wa_id"] = message.recipient
    element = {"id": message.wamid}
    if message.type == "template":
        element["message_status"] = message.message_status
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [element]}


def checked_upload(part: FileStorage | None) -> tuple[str, bytes]:
    """MIME type and bytes of an uploaded file; the part's own content type counts.

    Raises:
        GraphError: 100 for a missing, empty, or too large file, or a type that WhatsApp does not take.
    """
    if part is None:
        raise GraphError(100, message="The parameter file is required.")
    kind = kind_of(part.mimetype or "")
    if kind is None:
        listed = ", ".join(sorted(m for mimes, _ in KINDS.values() for m in mimes))
        raise GraphError(
            100,
            message=f"Param file must be a file with one of the following types: {listed}. "
            f"Received file of type '{part.mimetype}'.",
        )
    data = part.read()
    if not data:
        raise GraphError(100, message="Param file is empty")
    if len(data) > KINDS[kind][1]:
        raise GraphError(100, message=f"Param file is larger than {KINDS[kind][1]} bytes")
    return part.content_type or part.mimetype, data


def page_size(raw: str | None) -> int:
    """The ``limit`` parameter; 25 when it is left out."""
    if raw is None:
        return DEFAULT_PAGE
    if not raw.isdigit() or int(raw) < 1:
        raise GraphError(100, message="Param limit must be an integer greater than zero")
    return int(raw)


def template_listing(page: Page, fields: Sequence[str], address: Callable[[str, str], str]) -> JSON:
    """A page of templates. ``address(key, cursor)`` makes the URL of the neighbouring page.

    The last page has cursors but no ``next``; an empty page has no ``paging``.
    """
    if not page.items:
        return {"data": []}
    paging: JSON = {"cursors": {"before": page.before, "after": page.after}}
    if page.more:
        paging["next"] = address("after", page.after)
    if page.has_previous:
        paging["previous"] = address("before", page.before)
    return {"data": [t.node(fields) for t in page.items], "paging": paging}
