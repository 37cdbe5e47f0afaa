"""``/message/:id/*``: reactions, edits, revocations, reading, forwarding, and fetching a file again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, request

from ..accept import Outgoing, Upload
from ..answers import Failed
from ..binding import Form, bind
from ..checks import check_common, check_phone, recipient, require, session
from ..jids import complete, media_name, user_part
from ..service import Service
from ..state import StaticFile, StoredMessage
from .context import answer, device
from .send import finish, raw_fields


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("message", __name__)

    _add_quiet_actions(blueprint, service)

    @blueprint.post("/message/<message_id>/reaction")
    def reaction(message_id: str) -> Response:
        form, to = _bound(service, "ReactionRequest", {"emoji": "text"})
        outgoing = _change(form, to, "reaction", form["emoji"], message_id)
        _react(service, message_id, form["emoji"])
        return finish(service, device(), outgoing, "Reaction sent to {to} (server timestamp: {at})")

    @blueprint.post("/message/<message_id>/revoke")
    def revoke(message_id: str) -> Response:
        form, to = _bound(service, "RevokeRequest", {})
        stored = service.state.message(message_id, device().id)
        if stored is not None:
            stored.revoked = True
        outgoing = _change(form, to, "revoke", "", message_id)
        return finish(service, device(), outgoing, "Revoke success {to} (server timestamp: {at})")

    @blueprint.post("/message/<message_id>/update")
    def update(message_id: str) -> Response:
        form, to = _bound(service, "UpdateMessageRequest", {"message": "text"}, "message")
        stored = service.state.message(message_id, device().id)
        if stored is not None:
            stored.content, stored.edited = form["message"], True
        outgoing = _change(form, to, "edit", form["message"], message_id)
        return finish(
            service, device(), outgoing, "Update message success {to} (server timestamp: {at})"
        )

    return blueprint


def _add_quiet_actions(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/message/<message_id>/delete")
    def delete(message_id: str) -> Response:
        return _acted(service, message_id, "delete", "Message deleted successfully")

    @blueprint.post("/message/<message_id>/star")
    def star(message_id: str) -> Response:
        return _acted(service, message_id, "star", "Starred message successfully")

    @blueprint.post("/message/<message_id>/unstar")
    def unstar(message_id: str) -> Response:
        return _acted(service, message_id, "unstar", "Unstarred message successfully")

    @blueprint.post("/message/<message_id>/read")
    def read(message_id: str) -> Response:
        status = f"Mark as read success {message_id}"
        results = {"message_id": message_id, "status": status}
        return _acted(service, message_id, "read", status, results)

    @blueprint.post("/message/<message_id>/forward")
    def forward(message_id: str) -> Response:
        form, to = _bound(service, "ForwardRequest", {"duration": "int?", "force_reupload": "bool"})
        stored = service.state.message(message_id, device().id)
        if stored is None:
            raise Failed(f"message with ID {message_id} not found")
        upload = Upload(stored.data, stored.content_type, stored.filename) if stored.data else None
        outgoing = Outgoing(
            to, "forward", stored.content, upload=upload, target_id=message_id, raw=raw_fields(form)
        )
        return finish(
            service, device(), outgoing, "Message forwarded to {to} (server timestamp: {at})"
        )

    @blueprint.get("/message/<message_id>/download")
    def download(message_id: str) -> Response:
        phone = request.args.get("phone", "")
        require({"phone": phone}, "phone")
        check_phone(service, phone)
        session(device())
        stored = _downloadable(service, message_id, complete(phone))
        return _downloaded(service, stored)


def _bound(
    service: Service, struct: str, fields: dict[str, str], *required: str
) -> tuple[Form, str]:
    """Bind, validate, check session and recipient. Returns the form and the completed JID."""
    form = bind(request, struct, {"phone": "text"} | fields, service.config.version)
    require(form, "phone", *required)
    check_common(service, form)
    session(device())
    return form, recipient(service, form["phone"])


def _change(form: Form, to: str, kind: str, text: str, message_id: str) -> Outgoing:
    return Outgoing(to, kind, text, target_id=message_id, raw=raw_fields(form))


def _acted(service: Service, message_id: str, kind: str, text: str, *results: Any) -> Response:
    form, to = _bound(service, "MessageRequest", {})
    action = dict(form) | {"message_id": message_id, "to": to}
    service.state.actions.append((kind, action))
    return answer(service, text, *results)


def _react(service: Service, message_id: str, emoji: str) -> None:
    stored = service.state.message(message_id, device().id)
    if stored is None:
        return
    if emoji:
        stored.reactions[device().jid] = emoji
    else:
        stored.reactions.pop(device().jid, None)


def _downloadable(service: Service, message_id: str, chat: str) -> StoredMessage:
    """Find the stored file of a message.

    Raises:
        Failed: unknown, of another chat, without a file, or expired at WhatsApp.
    """
    stored = service.state.message(message_id, device().id)
    if stored is None:
        raise Failed(f"message with ID {message_id} not found")
    if stored.chat != chat:
        raise Failed(f"message {message_id} does not belong to chat {chat}")
    if not stored.media_type:
        raise Failed(f"message {message_id} does not contain downloadable media")
    if stored.expired:
        raise Failed("failed to download media: download failed with status code 410")
    return stored


def _downloaded(service: Service, stored: StoredMessage) -> Response:
    now = service.clock.now()
    # The row knows no content type, so only a document keeps an ending.
    ending = PurePosixPath(stored.filename).suffix if stored.media_type == "document" else ""
    name = media_name(now, ending)
    path = f"statics/media/{user_part(stored.chat)}/{now:%Y-%m-%d}/{name}"
    with service.state.lock:
        service.state.files[path] = StaticFile(stored.data, now)
    status = f"Media downloaded successfully to {path}"
    results = {
        "message_id": stored.id,
        "status": status,
        "media_type": stored.media_type,
        "filename": name,
        "file_path": path,
        "file_size": len(stored.data),
    }
    if service.since("v8.8.0"):
        results["file_url"] = f"{request.scheme}://{request.host}{service.config.base_path}/{path}"
    return answer(service, status, results)
