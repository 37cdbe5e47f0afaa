"""Routes of the cloud generation: Meta's paths without version, number and account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from ..cloud_shapes.answers import checked_upload, page_size, template_listing
from ..cloud_shapes.catalogue import GraphError, unknown_object
from ..cloud_shapes.gate import json_answer
from ..cloud_shapes.validation import check_product
from .gateway import GatewayRefusal, guarded, json_body, simple_blueprint

if TYPE_CHECKING:
    from .simulator import Dialog360Simulator

JSON = dict[str, Any]

_PROFILE_FIELDS = frozenset(
    {"about", "address", "description", "email", "profile_picture_url", "websites", "vertical"}
)


def v2_blueprint(sim: Dialog360Simulator) -> Blueprint:
    routes = simple_blueprint("d360_v2")
    _message_routes(routes, sim)
    _media_routes(routes, sim)
    _template_routes(routes, sim)
    _number_routes(routes, sim)
    return routes


def _message_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.post("/messages")
    @guarded(sim, "v2")
    def send() -> Response:
        return sim.send_v2(json_body())


def _media_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.post("/media")
    @guarded(sim, "v2")
    def upload() -> Response:
        check_product(request.form.to_dict())
        part = request.files.get("file")
        mime, data = checked_upload(part)
        name = part.filename if part else None
        with sim.lock:
            medium = sim.media.add(sim.number_of().id, mime, data, sim.clock.now(), filename=name)
        return json_answer({"id": medium.id})

    @routes.get("/<int:media_id>")
    @guarded(sim, "v2")
    def look_up(media_id: int) -> Response:
        sim.check_media_block()
        with sim.lock:
            medium = sim.media.get(str(media_id), sim.clock.now())
            if medium is None:
                sim.count_media_error()
                raise unknown_object(str(media_id), "GET")
            body = {
                "messaging_product": "whatsapp",
                "url": sim.address_of(medium),
                "mime_type": medium.mime,
                "sha256": medium.sha256_hex,
                "file_size": len(medium.data),
                "id": medium.id,
            }
        return json_answer(body)

    @routes.delete("/<int:media_id>")
    @guarded(sim, "v2")
    def delete(media_id: int) -> Response:
        with sim.lock:
            if not sim.media.remove(str(media_id)):
                raise unknown_object(str(media_id), "DELETE")
        return json_answer({"success": True})

    @routes.get("/whatsapp_business/attachments/")
    @guarded(sim, "v2")
    def download() -> Response:
        sim.check_media_block()
        mid, mark = request.args.get("mid", ""), request.args.get("hash", "")
        with sim.lock:
            medium = sim.media.at_address(mid, mark, sim.clock.now())
            if medium is None:
                sim.count_media_error()
                return Response("", status=404)
        return sim.media_response(medium)


def _template_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.get("/message_templates")
    @guarded(sim, "v2")
    def list_templates() -> Response:
        waba = sim.number_of().waba_id
        query = dict(request.args.items())
        with sim.lock:
            page = sim.templates.page(
                waba,
                limit=page_size(query.get("limit")),
                after=query.get("after", ""),
                before=query.get("before", ""),
                filters=query,
            )
        fields = [f for f in query.get("fields", "").split(",") if f]

        def address(key: str, cursor: str) -> str:
            # Meta's own address is passed through: it must not be followed with the API key.
            kept = {k: v for k, v in query.items() if k not in {"after", "before"}}
            host = "https://graph.facebook.com/v23.0"
            return f"{host}/{waba}/message_templates?{urlencode({**kept, key: cursor})}"

        return json_answer(template_listing(page, fields, address))

    @routes.post("/message_templates")
    @guarded(sim, "v2")
    def create_template() -> Response:
        with sim.lock:
            template = sim.templates.create(sim.number_of().waba_id, json_body())
        return json_answer(
            {"id": template.id, "status": template.status, "category": template.category}
        )

    @routes.delete("/message_templates")
    @guarded(sim, "v2")
    def delete_template() -> Response:
        name, identity = request.args.get("name", ""), request.args.get("hsm_id")
        with sim.lock:
            gone = sim.templates.delete(
                sim.number_of().waba_id, name=name, ids=[identity] if identity else []
            )
        if not gone:
            raise GraphError(100, subcode=2593002, message="Message Template Not Found")
        return json_answer({"success": True})


def _number_routes(routes: Blueprint, sim: Dialog360Simulator) -> None:
    @routes.get("/health_status")
    @guarded(sim, "v2")
    def health() -> Response:
        number = sim.number_of()
        return json_answer({"health_status": number.health(), "id": number.id})

    @routes.get("/whatsapp_business_profile")
    @guarded(sim, "v2")
    def show_profile() -> Response:
        return json_answer({"data": [{**sim.number_of().profile, "messaging_product": "whatsapp"}]})

    @routes.post("/whatsapp_business_profile")
    @guarded(sim, "v2")
    def edit_profile() -> Response:
        body = json_body()
        check_product(body)
        given = {k: v for k, v in body.items() if k != "messaging_product"}
        if set(given) - _PROFILE_FIELDS:
            raise GatewayRefusal(400, "Unexpected key in the profile", "message")
        with sim.lock:
            sim.number_of().profile.update(given)
        return json_answer({"success": True})
