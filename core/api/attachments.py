"""Files: by authorisation, or by a signed link that expires.

Owns: these routes. Must not know: where files lie, which headers keep them harmless (``services.media.serve``).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, request

from ..db.tables import Attachment, Contact, Message
from ..services.current import current_core
from ..services.media import serve
from ..services.media.fetch import refetch
from ..services.media.sniff import HEAD_BYTES, sniff
from .errors import ApiError, not_found
from .links import is_valid_avatar_link
from .outputs_chats import AttachmentAnswer
from .routing import Call, Routes
from .shapes import attachment as shape

routes = Routes("Files")
files = Blueprint("files", __name__)


def _file(row: Any, core: Any) -> Response:
    try:
        found = serve.serve(
            core,
            row,
            range_header=request.headers.get("Range", ""),
            download="download" in request.args,
        )
    except FileNotFoundError:
        raise not_found() from None
    return Response(found.chunks, found.status, dict(found.headers), direct_passthrough=True)


def _visible(call: Call, attachment_id: int) -> Any:
    with call.core.db.read("attachment") as connection:
        row = connection.execute(
            sa.select(Attachment.__table__, Message.inbox_id)
            .join(Message, Message.id == Attachment.message_id)
            .where(
                Attachment.id == attachment_id,
                Attachment.account_id == call.account_id,
                Message.deleted_at.is_(None),
            )
        ).first()
    if row is None or not call.who.may_see(row.inbox_id):
        raise not_found()
    return row


@routes.add("GET", "/attachments/<id:attachment_id>", media_type="application/octet-stream")
def download_attachment(call: Call, attachment_id: int) -> Any:
    """The bytes of a file; byte ranges are understood."""
    row = _visible(call, attachment_id)
    if row.storage_key is None:
        raise ApiError(
            404,
            row.error or "The file is not here yet.",
            code="no_file",
            action=row.error_action or "Try again in a moment.",
        )
    return _file(row, call.core)


@routes.add("POST", "/attachments/<id:attachment_id>/fetch", answer=AttachmentAnswer)
def fetch_attachment(call: Call, attachment_id: int) -> Any:
    """Ask the service again for a file that could not be fetched."""
    _visible(call, attachment_id)
    if not refetch(call.core, call.account_id, attachment_id):
        raise ApiError(
            422, "This file is here, or is being fetched.", code="not_failed", action="Reload."
        )
    with call.core.db.read("attachment") as connection:
        row = connection.execute(
            sa.select(Attachment.__table__).where(Attachment.id == attachment_id)
        ).one()
    return shape(call.core, row)


@files.get("/files/<int:attachment_id>")
def signed_file(attachment_id: int) -> Response:
    """A file by its signed link: who has the link may read, until it expires."""
    core = current_core()
    expires, signature = request.args.get("expires", ""), request.args.get("signature", "")
    if not serve.is_valid_link(core, attachment_id, expires, signature):
        return Response("This link is not valid any more.\n", 403, mimetype="text/plain")
    row = serve.load_attachment(core, attachment_id)
    if row is None:
        return Response("There is no such file.\n", 404, mimetype="text/plain")
    try:
        return _file(row, core)
    except ApiError:
        return Response("The file is not in storage any more.\n", 404, mimetype="text/plain")


@files.get("/files/contacts/<int:contact_id>")
def signed_avatar(contact_id: int) -> Response:
    """A contact's picture by its signed link."""
    core = current_core()
    expires, signature = request.args.get("expires", ""), request.args.get("signature", "")
    if not is_valid_avatar_link(core, contact_id, expires, signature):
        return Response("This link is not valid any more.\n", 403, mimetype="text/plain")
    with core.db.read("avatar") as connection:
        key = connection.execute(
            sa.select(Contact.avatar_key).where(Contact.id == contact_id)
        ).scalar_one_or_none()
    try:
        if not key:
            raise FileNotFoundError
        with core.storage.open(key) as stored:
            content_type = sniff(stored.read(HEAD_BYTES))
    except FileNotFoundError:
        return Response("There is no picture.\n", 404, mimetype="text/plain")
    headers = serve.safe_headers(content_type, "picture")
    return Response(core.storage.chunks(key), 200, headers)
