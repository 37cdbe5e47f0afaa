"""Groups, persons, read receipts, typing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chatport import Channel, Recipient
from chatport.errors import NotConnected, RecipientInvalid
from chatport.identities import group, lid, phone
from chatport.messages import MessageRef
from chatport_whatsapp_web import people

GROUP = "120363041122334455@g.us"
CHAT = "6281290001122@s.whatsapp.net"
CUSTOMER = Recipient((phone("6281290001122"),))


def test_group_info_names_members_with_number_and_lid(channel: Channel, service: Any) -> None:
    service.says(
        "GET",
        "group/participants",
        {
            "group_id": GROUP,
            "name": "Reseller",
            "participants": [
                {
                    "jid": "184620573190245@lid",
                    "phone_number": "6281290001122@s.whatsapp.net",
                    "lid": "184620573190245@lid",
                    "display_name": "Rina",
                    "is_admin": True,
                },
                {"jid": "6285677700033@s.whatsapp.net", "phone_number": "6285677700033"},
                "junk",
            ],
        },
    )
    info = people.group_info(channel, group(GROUP))
    assert info.name == "Reseller"
    assert info.members == (
        ((phone("6281290001122"), lid("184620573190245")), "Rina", True),
        ((phone("6285677700033"),), "", False),
    )


def test_group_info_of_older_versions(channel: Channel, service: Any) -> None:
    service.plain("GET", "group/participants", 404, "Cannot GET")
    service.says(
        "GET",
        "group/info",
        {"Name": "Reseller", "Participants": [{"JID": CHAT, "LID": "1@lid", "IsSuperAdmin": True}]},
    )
    info = people.group_info(channel, group(GROUP))
    assert info.members == (((phone("6281290001122"), lid("1")), "", True),)


def _info(service: Any) -> None:
    data = [{"name": "", "verified_name": "Toko Rina"}]
    service.says("GET", "user/info", {"data": data, "resolved_lid": "184620573190245@lid"})


def test_contact_info_has_picture_name_and_lid(channel: Channel, service: Any) -> None:
    service.says("GET", "user/avatar", {"url": "https://pps.whatsapp.net/v/a.jpg?x=1"})
    _info(service)
    info = people.contact_info(channel, (phone("6281290001122"),))
    assert info.name == "Toko Rina"
    assert info.identities == (phone("6281290001122"), lid("184620573190245"))
    assert info.avatar is not None and info.avatar.allowed_hosts == ("pps.whatsapp.net",)
    assert info.avatar.headers == {}


@pytest.mark.parametrize(
    "url", ["http://pps.whatsapp.net/a", "https://evil.test/a", "https://evilwhatsapp.net/a", 7, ""]
)
def test_contact_info_takes_no_picture_from_elsewhere(
    channel: Channel, service: Any, url: Any
) -> None:
    service.says("GET", "user/avatar", {"url": url})
    _info(service)
    assert people.contact_info(channel, (phone("6281290001122"),)).avatar is None


def test_contact_info_without_picture(channel: Channel, service: Any) -> None:
    service.fails("GET", "user/avatar", 500, "INTERNAL_SERVER_ERROR", "no avatar found")
    _info(service)
    assert people.contact_info(channel, (phone("6281290001122"),)).avatar is None


def test_contact_info_without_login_is_an_error(channel: Channel, service: Any) -> None:
    service.fails("GET", "user/avatar", 401, "AUTHENTICATION_ERROR")
    with pytest.raises(NotConnected):
        people.contact_info(channel, (phone("6281290001122"),))


def test_mark_read_marks_theirs_only(channel: Channel, service: Any) -> None:
    asked = service.says("POST", "message/A/read", {})
    refs = (MessageRef("A", from_me=False), MessageRef("B", from_me=True))
    assert people.mark_read(channel, CUSTOMER, refs)
    assert asked.last_request.json() == {"phone": CHAT}


def test_mark_read_marks_the_newest_only(channel: Channel, service: Any) -> None:
    service.mock.post(re.compile(r"/message/m\d+/read$"), json={"code": "SUCCESS"})
    many = tuple(MessageRef(f"m{number}", from_me=False) for number in range(50))
    people.mark_read(channel, CUSTOMER, many)
    assert service.calls == [f"POST message/m{number}/read" for number in range(30, 50)]


def test_mark_read_of_nothing_calls_nobody(channel: Channel, service: Any) -> None:
    assert not people.mark_read(channel, CUSTOMER, (MessageRef("B", from_me=True),))
    assert service.calls == []


@pytest.mark.parametrize(
    ("state", "action"), [("composing", "start"), ("recording", "start"), ("paused", "stop")]
)
def test_send_typing(channel: Channel, service: Any, state: str, action: str) -> None:
    asked = service.says("POST", "send/chat-presence", {"message_id": f"chat-presence-{action}"})
    assert people.send_typing(channel, CUSTOMER, state)
    assert asked.last_request.json() == {"phone": CHAT, "action": action}


def test_chat_of_refuses_a_person_as_a_group() -> None:
    with pytest.raises(RecipientInvalid):
        people.chat_of(Recipient((phone("6281290001122"),), is_group=True))
