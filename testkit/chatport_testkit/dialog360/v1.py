"""Routes of the on-premise generation: 201 answers with ``meta``, contact checks, raw media."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from ..cloud_shapes.catalogue import GraphError
from ..cloud_shapes.gate import json_answer
from ..cloud_shapes.numbers import digits_of
from .gateway import META, GatewayRefusal, StackError, guarded, json_body, simple_blueprint

if TYPE_CHECKING:
    from .simulator import Dialog360Simulator

JSON = dict[str, Any]

SANDBOX_MESSAGES = 200
_MAX_UPLOAD = 64 * 1024 * 1024


def v1_blueprint(sim: Dialog360Simulator) -> Blueprint:
    """Everything under ``/v1`` except the configurations."""
    routes = simple_blueprint("d360_v1")
    _message_routes(routes, sim)
    _media_routes(routes, sim)
    _other_routes(routes, sim)
    return routes


def _meta(sim: Dialog360Simulator) -> JSON:
    return {**META, "version": "sandbox"} if sim.sandbox else dict(META)


def cloud_body(body: JSON) -> JSON:
    """The Cloud form of an on-premise send body."""
    translated = {"messaging_product": "whatsapp", **body}
    preview = translated.pop("preview_url", None)
    kind = translated.get("type", "text")
    if kind == "hsm":
        raise StackError(1009, 400, "Parameter value is not valid", "Use type template")
    content = translated.get(kind)
    if isinstance(content, dict):
        content = {k: v for k, v in content.items() if k not in {"provider", "namespace"}}
        if kind == "text" and preview is not None:
            content["preview_url"] = preview
        translated[kind] = content
    return translated


def _message_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.post("/v1/messages")
    @guarded(sim)
    def send() -> Response:
        if sim.generation == "v2":
            return sim.send_v2(json_body())
        body = json_body()
        if sim.sandbox and len(sim.sent) >= SANDBOX_MESSAGES:
            raise GatewayRefusal(403, "The sandbox is limited to 200 messages")
        to = body.get("to")
        if not to:
            raise StackError(
                1008, 400, "Required parameter is missing", "Parameter 'to' is mandatory"
            )
        if not sim.knows(digits_of(str(to))):
            raise StackError(1006, 404, "Resource not found", "unknown contact")
        message = sim.outbox.accept(sim.number_of(), cloud_body(body))
        answer: JSON = {"meta": _meta(sim)}
        if sim.contacts_in_answer:
            answer["contacts"] = [{"input": message.to, "wa_id": message.recipient}]
        answer["messages"] = [{"id": message.wamid}]
        return json_answer(answer, 201)

    @routes.put("/v1/messages/<path:wamid>")
    @guarded(sim, "v1")
    def mark_read(wamid: str) -> Response:
        body = {"messaging_product": "whatsapp", **json_body(), "message_id": wamid}
        try:
            sim.outbox.mark_read(sim.number_of(), body)
        except GraphError as error:
            raise StackError(1006, 404, "Resource not found", "unknown message") from error
        return json_answer({"meta": _meta(sim)})

    @routes.post("/v1/contacts")
    @guarded(sim, "v1")
    def contacts() -> Response:
        body = json_body()
        given = body.get("contacts")
        if not isinstance(given, list) or not given:
            raise StackError(1008, 400, "Required parameter is missing", "Parameter 'contacts'")
        blocking = body.get("blocking", "no_wait") == "wait"
        answers = [_check(sim, str(phone), blocking=blocking) for phone in given]
        return json_answer({"meta": _meta(sim), "contacts": answers})


def _check(sim: Dialog360Simulator, phone: str, *, blocking: bool) -> JSON:
    digits = digits_of(phone)
    if not digits.isdigit() or not phone.startswith("+") or digits in sim.not_on_whatsapp:
        return {"input": phone, "status": "invalid"}
    known = sim.knows(digits)
    wa_id = sim.learn(digits)
    if not blocking and not known:
        # The first question without waiting starts the look-up; the second one has the answer.
        return {"input": phone, "status": "processing"}
    return {"input": phone, "status": "valid", "wa_id": wa_id}


def _media_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.post("/v1/media")
    @guarded(sim, "v1")
    def upload() -> Response:
        data, mime = request.get_data(), request.content_type or ""
        if not data or not mime or mime.startswith("multipart/"):
            raise StackError(1009, 400, "Parameter value is not valid", "Send the raw bytes")
        if len(data) > _MAX_UPLOAD:
            raise StackError(1001, 413, "Message too long", "The file is over 64 MB")
        with sim.lock:
            medium = sim.media.add(
                sim.number_of().id, mime, data, sim.clock.now(), media_id=sim.ids.uuid()
            )
        return json_answer({"meta": _meta(sim), "media": [{"id": medium.id}]}, 201)

    @routes.get("/v1/media/<media_id>")
    @guarded(sim, "v1")
    def download(media_id: str) -> Response:
        medium = sim.media.get(media_id, sim.clock.now())
        if medium is None:
            raise StackError(1006, 404, "Resource not found", "unknown media")
        return sim.media_response(medium)

    @routes.delete("/v1/media/<media_id>")
    @guarded(sim, "v1")
    def delete(media_id: str) -> Response:
        with sim.lock:
            if not sim.media.remove(media_id):
                raise StackError(1006, 404, "Resource not found", "unknown media")
        return json_answer({"meta": _meta(sim)})


def _other_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.get("/v1/health")
    @guarded(sim, "v1")
    def health() -> Response:
        return json_answer({"health": {"gateway_status": "connected"}, "meta": _meta(sim)})

    @routes.get("/v1/configs/phone_number")
    @guarded(sim)
    def phone_number() -> Response:
        return json_answer({"phone_number": sim.number_of().display})

    @routes.get("/v1/settings/profile/about")
    @guarded(sim, "v1")
    def about() -> Response:
        text = sim.number_of().profile.get("about", "")
        return json_answer({"settings": {"profile": {"about": {"text": text}}}, "meta": _meta(sim)})

    @routes.patch("/v1/settings/profile/about")
    @guarded(sim, "v1")
    def set_about() -> Response:
        with sim.lock:
            sim.number_of().profile["about"] = str(json_body().get("text", ""))
        return json_answer({"meta": _meta(sim)})
