"""``/send/*``: everything that the business can send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from ..accept import Outgoing, Upload, accept
from ..answers import Invalid
from ..binding import Form, bind
from ..checks import check_common, check_mentions, check_phone, is_url, recipient, require, session
from ..service import Service
from ..state import Device
from ..times import go_time
from .context import answer, device
from .uploads import check_file, take_file

_COMMON = {"phone": "text", "duration": "int?", "is_forwarded": "bool"}
_PICTURE = {
    "caption": "text",
    "view_once": "bool",
    "compress": "bool?",
    "hd": "bool",
    "reply_message_id": "text",
}
_SENT = "{kind} sent to {to} (server timestamp: {at})"


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("send", __name__)
    for name, (struct, fields, handler) in _SENDS.items():
        blueprint.add_url_rule(
            f"/send/{name}",
            name,
            _view(service, struct, _COMMON | fields, handler),
            methods=["POST"],
        )

    @blueprint.post("/send/presence")
    def presence() -> Response:
        form = bind(
            request,
            "PresenceRequest",
            {"type": "text", "is_forwarded": "bool"},
            service.config.version,
        )
        kind = form["type"]
        require(
            form, type=None if kind in {"", "available", "unavailable"} else "must be a valid value"
        )
        session(device())
        service.state.actions.append(("presence", dict(form)))
        return _acted(service, f"Send presence success {kind}", "presence")

    @blueprint.post("/send/chat-presence")
    def chat_presence() -> Response:
        form = bind(
            request,
            "ChatPresenceRequest",
            {"phone": "text", "action": "text"},
            service.config.version,
        )
        action = form["action"]
        wrong = None if action in {"", "start", "stop"} else "must be a valid value"
        require(form, "phone", "action", action=wrong)
        check_phone(service, form["phone"])
        session(device())
        to = recipient(service, form["phone"])
        service.state.actions.append(("chat_presence", dict(form) | {"to": to}))
        return _acted(
            service, f"Send chat presence {action} typing success {to}", f"chat-presence-{action}"
        )

    return blueprint


def finish(service: Service, chosen: Device, outgoing: Outgoing, template: str) -> Response:
    """Accept a send and answer; ``template`` has places for ``to`` and ``at``."""
    sent = accept(service, chosen, outgoing)
    status = template.format(to=sent.to, at=go_time(sent.at))
    return answer(service, status, {"message_id": sent.source_id, "status": status})


def raw_fields(form: Form) -> dict[str, Any]:
    """The bound fields, and the names and sizes of files instead of their bytes."""
    files = {name: f"<file {part.filename}>" for name, part in form.files.items()}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in form.items()
    } | files


Handler = Callable[[Service, Form], tuple[Callable[[], Outgoing], str]]


def _view(
    service: Service, struct: str, fields: dict[str, str], handler: Handler
) -> Callable[[], Response]:
    """Bind, validate, check the session, look the recipient up, build, accept: in GoWA's order."""

    def view() -> Response:
        form = bind(request, struct, fields, service.config.version)
        build, template = handler(service, form)
        chosen = device()
        session(chosen)
        to = recipient(service, form["phone"])
        reply_to = form.get("reply_message_id") or ""
        if service.state.message(reply_to, chosen.id) is None:
            reply_to = ""  # a reply to an id that is not stored goes out as an ordinary message
        outgoing = replace(build(), to=to, reply_to=reply_to, raw=raw_fields(form))
        return finish(service, chosen, outgoing, template)

    return view


def _acted(service: Service, status: str, message_id: str) -> Response:
    return answer(service, status, {"message_id": message_id, "status": status})


def _message(service: Service, form: Form) -> tuple[Callable[[], Outgoing], str]:
    require(form, "phone", "message")
    check_common(service, form)
    check_mentions(list(form["mentions"]))
    return lambda: Outgoing("", "text", text=form["message"]), _SENT.replace("{kind}", "Message")


def _file_send(field: str, kind: str, template: str) -> Handler:
    def handler(service: Service, form: Form) -> tuple[Callable[[], Outgoing], str]:
        require(form, "phone")
        check_common(service, form)
        config = service.config
        limits = {"image": config.max_image, "video": config.max_video, "sticker": config.max_image}
        check_file(form, field, limits.get(field, config.max_file))

        def build() -> Outgoing:
            upload = take_file(form, field)
            chosen = "voice" if form.get("ptt") else kind
            return Outgoing("", chosen, caption=form.get("caption") or "", upload=upload)

        return build, template

    return handler


def _contact(service: Service, form: Form) -> tuple[Callable[[], Outgoing], str]:
    require(form, "phone", "contact_name", "contact_phone")
    check_common(service, form)
    check_phone(service, form["contact_phone"], "contact ")
    name, phone = form["contact_name"], form["contact_phone"]
    card = (
        f"BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n"
        f"TEL;type=CELL;waid={phone}:+{phone}\nEND:VCARD"
    )
    upload = Upload(card.encode(), "text/vcard", "")
    return lambda: Outgoing("", "contact", text=name, upload=upload), _SENT.replace(
        "{kind}", "Contact"
    )


def _link(service: Service, form: Form) -> tuple[Callable[[], Outgoing], str]:
    wrong = None if not form["link"] or is_url(form["link"]) else "must be a valid URL"
    require(form, "phone", "link", "caption", link=wrong)
    check_common(service, form)
    text = f"{form['caption']}\n{form['link']}"
    return lambda: Outgoing("", "link", text=text, caption=form["caption"]), _SENT.replace(
        "{kind}", "Link"
    )


def _location(service: Service, form: Form) -> tuple[Callable[[], Outgoing], str]:
    require(
        form,
        "phone",
        "latitude",
        "longitude",
        latitude=_degrees(form["latitude"], 90, "latitude"),
        longitude=_degrees(form["longitude"], 180, "longitude"),
    )
    check_common(service, form)
    text = f"{form['latitude']},{form['longitude']}"
    return lambda: Outgoing(
        "", "location", text=text
    ), "Send location success {to} (server timestamp: {at})"


def _degrees(text: str, limit: float, name: str) -> str | None:
    try:
        return None if not text or abs(float(text)) <= limit else f"must be a valid {name}"
    except ValueError:
        return f"must be a valid {name}"


def _poll(service: Service, form: Form) -> tuple[Callable[[], Outgoing], str]:
    options, most = list(form["options"]), form["max_answer"]
    wrong = f"must be no greater than {len(options)}" if most > len(options) > 0 else None
    require(form, "phone", "question", "options", "max_answer", max_answer=wrong)
    if most < 1:
        raise Invalid("max_answer: must be no less than 1.")
    check_common(service, form)
    if len(set(options)) != len(options):
        raise Invalid("options should be unique")
    return lambda: Outgoing(
        "", "poll", text=form["question"]
    ), "Send poll success {to} (server timestamp: {at})"


_SENDS: dict[str, tuple[str, dict[str, str], Handler]] = {
    "message": (
        "MessageRequest",
        {"message": "text", "reply_message_id": "text", "mentions": "list"},
        _message,
    ),
    "image": (
        "ImageRequest",
        _PICTURE | {"image_url": "text?"},
        _file_send("image", "image", _SENT.replace("{kind}", "Message")),
    ),
    "file": (
        "FileRequest",
        {"caption": "text", "file_url": "text?", "reply_message_id": "text"},
        _file_send("file", "document", _SENT.replace("{kind}", "Document")),
    ),
    "video": (
        "VideoRequest",
        _PICTURE | {"video_url": "text?", "gif_playback": "bool"},
        _file_send("video", "video", _SENT.replace("{kind}", "Video")),
    ),
    "audio": (
        "AudioRequest",
        {"audio_url": "text?", "ptt": "bool", "reply_message_id": "text"},
        _file_send("audio", "audio", "Send audio success {to} (server timestamp: {at})"),
    ),
    "sticker": (
        "StickerRequest",
        {"sticker_url": "text?"},
        _file_send("sticker", "sticker", _SENT.replace("{kind}", "Sticker")),
    ),
    "contact": ("ContactRequest", {"contact_name": "text", "contact_phone": "text"}, _contact),
    "link": ("LinkRequest", {"link": "text", "caption": "text"}, _link),
    "location": ("LocationRequest", {"latitude": "text", "longitude": "text"}, _location),
    "poll": ("PollRequest", {"question": "text", "options": "list", "max_answer": "int"}, _poll),
}
