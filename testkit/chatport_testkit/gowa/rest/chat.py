"""``/chats``, ``/chat/*``: the local chat storage, the only source to catch up from. Also calls and channels."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from ..answers import Refused
from ..binding import bind, query, query_bool
from ..checks import require, session
from ..service import Service
from ..state import StoredMessage
from ..times import stamp
from ..wire import Struct
from .context import answer, device


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("chat", __name__)

    @blueprint.get("/chats")
    def chats() -> Response:
        rows = _chat_rows(service)
        search = request.args.get("search", "").lower()
        archived, has_media = query_bool(request, "archived"), query_bool(request, "has_media")
        rows = [
            row
            for row in rows
            if search in row["name"].lower() or search in row["jid"]
            if archived is None or row["archived"] == archived
            if not has_media
            or any(one.media_type for one in service.state.chat(device().id, row["jid"]))
        ]
        limit, offset = _page(25)
        results = {
            "data": rows[offset : offset + limit],
            "pagination": {"limit": limit, "offset": offset, "total": len(rows)},
        }
        return answer(service, "Success get chat list", results)

    @blueprint.get("/chat/<path:chat_jid>/messages")
    def messages(chat_jid: str) -> Response:
        if "@" not in chat_jid:
            raise Refused(400, "BAD_REQUEST", "Invalid chat JID")
        found = _messages(service, chat_jid)
        limit, offset = _page(50)
        info = [row for row in _chat_rows(service) if row["jid"] == chat_jid]
        results = {
            "data": [_shown(service, one) for one in found[offset : offset + limit]],
            "pagination": {"limit": limit, "offset": offset, "total": len(found)},
            "chat_info": info[0] if info else Struct(jid=chat_jid, name=""),
        }
        return answer(service, "Success get chat messages", results)

    _add_changes(blueprint, service)
    return blueprint


def _add_changes(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/chat/<path:chat_jid>/<any(pin, archive, disappearing):change>")
    def change_chat(chat_jid: str, change: str) -> Response:
        return _change(service, chat_jid, change)

    @blueprint.post("/call/reject")
    def reject_call() -> Response:
        fields = {"caller_jid": "text", "call_id": "text"}
        form = bind(request, "RejectCallRequest", fields, service.config.version)
        require(form, "caller_jid", "call_id")
        session(device())
        service.state.actions.append(("reject_call", dict(form)))
        return answer(service, "Call rejected successfully")

    @blueprint.post("/newsletter/unfollow")
    def unfollow() -> Response:
        form = bind(request, "UnfollowRequest", {"newsletter_id": "text"}, service.config.version)
        require(form, "newsletter_id")
        session(device())
        return answer(service, "Success unfollow newsletter")

    @blueprint.get("/newsletter/messages")
    def newsletter_messages() -> Response:
        require({"newsletter_id": request.args.get("newsletter_id", "")}, "newsletter_id")
        session(device())
        return answer(service, "Success get newsletter messages", {"data": None})


def _page(default: int) -> tuple[int, int]:
    limit = query(request, "limit", default)
    return (limit if 0 < limit <= 100 else default), max(query(request, "offset", 0), 0)


def _chat_rows(service: Service) -> list[Struct]:
    """Chats, the latest first."""
    newest: dict[str, StoredMessage] = {}
    oldest: dict[str, StoredMessage] = {}
    with service.state.lock:
        for one in service.state.messages:
            if one.device_id == device().id:
                newest[one.chat] = one
                oldest.setdefault(one.chat, one)
        rows = [
            Struct(
                jid=jid,
                name=_chat_name(service, jid),
                last_message_time=stamp(one.at),
                ephemeral_expiration=0,
                created_at=stamp(oldest[jid].at),
                updated_at=stamp(one.at),
                archived=jid in service.state.archived,
            )
            for jid, one in newest.items()
        ]
    return sorted(rows, key=lambda row: str(row["last_message_time"]), reverse=True)


def _chat_name(service: Service, jid: str) -> str:
    group = service.state.groups.get(jid)
    return group.name if group else service.state.person(jid).display_name


def _messages(service: Service, chat_jid: str) -> list[StoredMessage]:
    """The messages that the query asks for, the latest first."""
    args = request.args
    start, end = _time(args.get("start_time")), _time(args.get("end_time"))
    from_me, search = query_bool(request, "is_from_me"), args.get("search", "").lower()
    found = [
        one
        for one in service.state.chat(device().id, chat_jid)
        if start is None or one.at >= start
        if end is None or one.at <= end
        if not query_bool(request, "media_only") or one.media_type
        if from_me is None or one.from_me == from_me
        if search in one.row_text.lower()
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _shown(service: Service, one: StoredMessage) -> Struct:
    shown = Struct(id=one.id, chat_jid=one.chat, sender_jid=one.sender)
    if service.since("v9.0.1"):
        shown["sender_display_name"] = service.state.person(one.sender).display_name
    shown |= {
        "content": one.row_text,
        "timestamp": stamp(one.at),
        "is_from_me": one.from_me,
        "media_type": one.media_type,
    }
    if one.reactions:
        shown["reactions"] = [
            {"emoji": emoji, "sender_jid": jid} for jid, emoji in one.reactions.items()
        ]
    return Struct(
        shown
        | {
            "filename": one.filename,
            "url": one.url,
            "file_length": len(one.data),
            "created_at": stamp(one.at),
            "updated_at": stamp(one.at),
        }
    )


def _change(service: Service, chat_jid: str, change: str) -> Response:
    fields = {"pin": {"pinned": "bool"}, "archive": {"archived": "bool"}}.get(
        change, {"timer_seconds": "int"}
    )
    try:
        form = bind(request, "ChatRequest", fields, service.config.version)
    except Refused as error:
        raise Refused(400, "BAD_REQUEST", "Invalid request body") from error
    session(device())
    if change == "archive":
        with service.state.lock:
            service.state.archived.discard(chat_jid)
            if form["archived"]:
                service.state.archived.add(chat_jid)
    message = f"Chat {change} updated successfully"
    results: dict[str, Any] = {
        "status": "success",
        "message": message,
        "chat_jid": chat_jid,
    } | dict(form)
    return answer(service, message, results)
