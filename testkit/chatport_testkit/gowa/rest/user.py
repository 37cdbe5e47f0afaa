"""``/user/*``: lookups, names, avatars, and what our own account has."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from ..answers import Failed, Refused
from ..binding import bind
from ..checks import check_phone, require, session
from ..jids import LID, PERSON, complete, user_part
from ..service import Service
from ..state import Person
from .context import answer, device
from .group import shown_group

_AVATARS = "https://pps.whatsapp.net/v/"


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("user", __name__)

    _add_own(blueprint, service)

    @blueprint.get("/user/check")
    def check() -> Response:
        phone = request.args.get("phone", "")
        session(device())
        found = not service.since("v8.1.0") or service.on_whatsapp(complete(phone))
        return answer(service, "Success check user", {"is_on_whatsapp": found})

    @blueprint.get("/user/info")
    def info() -> Response:
        jid = _asked(service)
        person = service.state.person(jid)
        return answer(service, "Success get user info", _info(service, person, jid))

    @blueprint.get("/user/avatar")
    def avatar() -> Response:
        person = service.state.person(_asked(service))
        if person.avatar is None:
            raise Failed("no avatar found")
        number = user_part(person.jid)
        results = {"url": f"{_AVATARS}{number}.jpg", "id": number[-10:], "type": "image"}
        return answer(service, "Success get avatar", results)

    @blueprint.post("/user/avatar")
    def change_avatar() -> Response:
        session(device())
        part = request.files.get("avatar")
        if part is None:
            raise Failed("there is no uploaded file associated with the given key")
        service.state.person(device().jid).avatar = part.read()
        return answer(service, "Success change avatar")

    @blueprint.post("/user/pushname")
    def push_name() -> Response:
        form = bind(request, "ChangePushNameRequest", {"push_name": "text"}, service.config.version)
        require(form, "push_name")
        session(device())
        service.state.person(device().jid).name = device().name = form["push_name"]
        return answer(service, "Success change push name")

    return blueprint


def _add_own(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/user/my/privacy")
    def privacy() -> Response:
        session(device())
        names = ("group_add", "last_seen", "status", "profile", "read_receipts")
        return answer(service, "Success get privacy", dict.fromkeys(names, "all"))

    @blueprint.get("/user/my/groups")
    def my_groups() -> Response:
        session(device())
        with service.state.lock:
            groups = [shown_group(service, one) for one in service.state.groups.values() if one.us]
        return answer(service, "Success get list groups", {"data": groups or None})

    @blueprint.get("/user/my/newsletters")
    def my_newsletters() -> Response:
        session(device())
        return answer(service, "Success get list newsletter", {"data": None})

    @blueprint.get("/user/my/contacts")
    def my_contacts() -> Response:
        session(device())
        with service.state.lock:
            people = [
                {"jid": one.jid, "name": one.saved_name or one.name}
                for one in service.state.people.values()
                if one.jid.endswith(PERSON) and one.jid != device().jid
            ]
        return answer(service, "Success get list contacts", {"data": people or None})

    @blueprint.get("/user/business-profile")
    def business_profile() -> Response:
        results = {
            "jid": _asked(service),
            "email": "",
            "address": "",
            "categories": [],
            "profile_options": {},
            "business_hours_timezone": "",
            "business_hours": [],
        }
        return answer(service, "Success get business profile", results)


def _asked(service: Service) -> str:
    """The JID that the query asks about, after the usual checks."""
    phone = request.args.get("phone", "")
    require({"phone": phone}, "phone")
    check_phone(service, phone)
    session(device())
    jid = complete(phone)
    if jid.endswith(PERSON) and service.config.account_validation and not service.on_whatsapp(jid):
        raise Refused(400, "INVALID_JID", f"Phone {jid} is not on whatsapp")
    return jid


def _info(service: Service, person: Person, asked: str) -> dict[str, Any]:
    number = user_part(person.jid)
    row = {
        "name": "",
        "verified_name": "",
        "status": person.about,
        "picture_id": number[-10:] if person.avatar is not None else "",
        "devices": [
            {
                "User": number,
                "Agent": 0,
                "Device": "UNKNOWN",
                "Server": "s.whatsapp.net",
                "AD": f"{number}.0:{one}@s.whatsapp.net",
            }
            for one in (0, *person.companions)
        ],
    }
    results: dict[str, Any] = {"data": [row]}
    if service.since("v8.3.0") and person.lid and person.lid_known:
        results["resolved_lid"] = person.lid
        if asked.endswith(LID):
            results["resolved_phone"] = number
    return results
