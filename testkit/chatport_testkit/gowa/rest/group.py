"""``/group*``: what the business can see and change of its groups."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from ..answers import Failed, Refused
from ..binding import Form, bind
from ..checks import require, session
from ..groups import change_members
from ..jids import GROUP, LID, complete, person, user_part
from ..service import Service
from ..state import Group, Member
from ..times import stamp
from ..wire import Struct
from .context import answer, device

_NEVER = "0001-01-01T00:00:00Z"
_CHANGES = {"": "join", "/remove": "leave", "/promote": "promote", "/demote": "demote"}
_SETTINGS = {"locked": "bool", "announce": "bool", "topic": "text"}


def routes(service: Service) -> Blueprint:
    blueprint = Blueprint("group", __name__)
    _add_reading(blueprint, service)
    _add_links(blueprint, service)
    _add_joining(blueprint, service)
    for suffix, kind in _CHANGES.items():
        blueprint.add_url_rule(
            f"/group/participants{suffix}",
            f"participants_{kind}",
            _changing(service, kind),
            methods=["POST"],
        )
    for name, kind in _SETTINGS.items():
        blueprint.add_url_rule(
            f"/group/{name}", name, _setting(service, name, kind), methods=["POST"]
        )
    for decision in ("approve", "reject"):
        blueprint.add_url_rule(
            f"/group/participant-requests/{decision}",
            decision,
            _deciding(service),
            methods=["POST"],
        )

    @blueprint.post("/group/name")
    def rename() -> Response:
        form, group = _bound(service, {"name": "text"}, "name")
        if len(form["name"]) > 25:
            require(form, name="the length must be between 1 and 25")
        group.name = form["name"]
        return answer(service, f"Success update group name to '{group.name}'")

    @blueprint.post("/group/photo")
    def photo() -> Response:
        form, group = _bound(service, {})
        part = form.files.get("photo")
        group.photo = part.stream.read() if part else None
        if group.photo is not None and not group.photo.startswith(b"\xff\xd8"):
            raise Refused(400, "INVALID_IMAGE_FORMAT", "Image validation failed: not a JPEG")
        message = "Group photo updated successfully" if part else "Group photo removed"
        return answer(
            service, message, {"picture_id": user_part(group.jid)[-10:], "message": message}
        )

    return blueprint


def shown_group(service: Service, group: Group) -> Struct:
    """A group with the capitalised keys of the service."""
    members = [_shown_member(service, member) for member in group.members.values()]
    owner = next((member.jid for member in group.members.values() if member.owner), "")
    created = stamp(group.created_at)
    return Struct(
        JID=group.jid,
        OwnerJID=owner,
        OwnerPN=owner,
        Name=group.name,
        NameSetAt=created,
        NameSetBy=owner,
        NameSetByPN=owner,
        Topic=group.topic,
        TopicID="",
        TopicSetAt=_NEVER,
        TopicSetBy="",
        TopicSetByPN="",
        TopicDeleted=False,
        IsLocked=group.locked,
        IsAnnounce=group.announce,
        AnnounceVersionID="",
        IsEphemeral=False,
        DisappearingTimer=0,
        IsIncognito=False,
        IsParent=False,
        DefaultMembershipApprovalMode="",
        LinkedParentJID="",
        IsDefaultSubGroup=False,
        IsJoinApprovalRequired=False,
        AddressingMode="lid" if any(member["LID"] for member in members) else "pn",
        GroupCreated=created,
        CreatorCountryCode="",
        ParticipantVersionID="",
        Participants=members,
        ParticipantCount=len(members),
        MemberAddMode="all_member_add",
        Suspended=False,
    )


def _shown_member(service: Service, member: Member) -> Struct:
    who = service.state.person(member.jid)
    return Struct(
        JID=who.party.raw,
        PhoneNumber=who.jid,
        LID=who.lid,
        IsAdmin=member.admin,
        IsSuperAdmin=member.owner,
        DisplayName="",
        Error=0,
        AddRequest=None,
    )


def _add_reading(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/group/info")
    def info() -> Response:
        return answer(service, "Success get group info", shown_group(service, _queried(service)))

    @blueprint.get("/group/participants")
    def participants() -> Response:
        group = _queried(service)
        results = {
            "group_id": group.jid,
            "name": group.name,
            "participants": [_row(service, member) for member in group.members.values()],
        }
        return answer(service, "Success get group participants", results)

    @blueprint.get("/group/participants/export")
    def export() -> Response:
        group = _queried(service)
        lines = ["JID,Phone Number,LID,Display Name,Role"]
        for member in group.members.values():
            who = service.state.person(member.jid)
            role = "superadmin" if member.owner else "admin" if member.admin else "member"
            lines.append(f"{who.jid},{user_part(who.jid)},{who.lid},{who.name},{role}")
        response = Response("\n".join(lines) + "\n", content_type="text/csv")
        name = f"group-{re.sub(r'[^0-9A-Za-z-]', '_', group.jid)}-participants.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @blueprint.get("/group/participant-requests")
    def participant_requests() -> Response:
        _queried(service)
        return answer(service, "Success getting list requested participants", [])


def _add_links(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/group/invite-link")
    def invite_link() -> Response:
        group = _queried(service)
        results = {
            "invite_link": f"https://chat.whatsapp.com/{group.invite}",
            "group_id": group.jid,
        }
        return answer(service, "Success get group invite link", results)

    @blueprint.get("/group/info-from-link")
    def info_from_link() -> Response:
        session(device())
        group = _by_link(service, request.args.get("link", ""))
        results = {
            "group_id": group.jid,
            "name": group.name,
            "topic": group.topic,
            "created_at": stamp(group.created_at),
            "participant_count": len(group.members),
            "is_locked": group.locked,
            "is_announce": group.announce,
            "is_ephemeral": False,
            "description": group.topic,
        }
        return answer(service, "Success get group info from link", results)


def _add_joining(blueprint: Blueprint, service: Service) -> None:
    @blueprint.post("/group")
    def create() -> Response:
        fields = {"title": "text", "participants": "list"}
        form = bind(request, "CreateGroupRequest", fields, service.config.version)
        require(form, "title", "participants")
        session(device())
        people = []
        for number in form["participants"]:
            if not number.isdigit() or not service.on_whatsapp(person(number)):
                raise Refused(
                    400, "INVALID_JID", f"Phone {number}@s.whatsapp.net is not on whatsapp"
                )
            people.append(service.state.person(person(number)))
        own = service.state.person(device().jid)
        group = service.new_group(form["title"], [own, *people])
        group.us_admin = True
        return answer(
            service, f"Success created group with id {group.jid}", {"group_id": group.jid}
        )

    @blueprint.post("/group/join-with-link")
    def join_with_link() -> Response:
        form = bind(request, "JoinGroupWithLinkRequest", {"link": "text"}, service.config.version)
        require(form, "link")
        session(device())
        group = _by_link(service, form["link"])
        group.us = True
        return answer(service, "Success joined group", {"group_id": group.jid})

    @blueprint.post("/group/leave")
    def leave() -> Response:
        _, group = _bound(service, {})
        group.us = False
        group.members.pop(device().jid, None)
        return answer(service, "Success leave group")


def _changing(service: Service, kind: str) -> Callable[[], Response]:
    def view() -> Response:
        form, group = _bound(service, {"participants": "list"}, "participants")
        people = [service.state.person(_member_jid(name)) for name in form["participants"]]
        change_members(service, device(), group, kind, people)
        verb = {"join": "added", "leave": "removed", "promote": "promoted", "demote": "demoted"}[
            kind
        ]
        rows = [
            {"participant": one.jid, "status": "success", "message": f"Participant {verb}"}
            for one in people
        ]
        return answer(service, f"Success {kind} participants", rows)

    return view


def _setting(service: Service, name: str, kind: str) -> Callable[[], Response]:
    def view() -> Response:
        form, group = _bound(service, {name: kind})
        setattr(group, name, form[name])
        return answer(service, f"Success set group {name}")

    return view


def _deciding(service: Service) -> Callable[[], Response]:
    def view() -> Response:
        form, _ = _bound(service, {"participants": "list"}, "participants")
        rows = [
            {"participant": name, "status": "success", "message": ""}
            for name in form["participants"]
        ]
        return answer(service, "Success manage participant requests", rows)

    return view


def _bound(service: Service, fields: dict[str, str], *required: str) -> tuple[Form, Group]:
    form = bind(request, "GroupRequest", {"group_id": "text"} | fields, service.config.version)
    require(form, "group_id", *required)
    session(device())
    return form, _group(service, form["group_id"])


def _queried(service: Service) -> Group:
    group_id = request.args.get("group_id", "")
    if not group_id:
        raise Refused(400, "INVALID_GROUP_ID", "Group ID cannot be empty")
    session(device())
    return _group(service, group_id)


def _group(service: Service, group_id: str) -> Group:
    jid = group_id if "@" in group_id else f"{group_id}{GROUP}"
    group = service.state.groups.get(jid)
    if group is None:
        raise Failed("that group does not exist")
    if not group.us:
        raise Failed("you're not participating in that group")
    return group


def _by_link(service: Service, link: str) -> Group:
    code = link.rsplit("/", 1)[-1]
    found = [group for group in service.state.groups.values() if group.invite == code]
    if not found:
        raise Failed("that group invite link is not valid")
    return found[0]


def _member_jid(name: str) -> str:
    return name if name.endswith(LID) else complete(name)


def _row(service: Service, member: Member) -> dict[str, Any]:
    who = service.state.person(member.jid)
    row: dict[str, Any] = {
        "jid": who.party.raw,
        "phone_number": who.jid,
        "is_admin": member.admin,
        "is_super_admin": member.owner,
    }
    if who.lid:
        row["lid"] = who.lid
    if who.name:
        row["display_name"] = who.name
    return row
