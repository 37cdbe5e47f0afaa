"""Validation and the recipient check of a send, with GoWA's texts. Owns the order of refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .answers import Failed, Invalid, Refused, SessionDown
from .jids import GROUP, LID, PERSON, bare, complete
from .service import Service
from .state import Device

DURATIONS = (0, 86400, 604800, 7776000)
_DURATION_TEXT = (
    "duration must be one of: 0 (no expiry), 86400 (24 hours), 604800 (7 days), 7776000 (90 days)"
)
_LOCAL_NUMBER = (
    "phone number must be in international format (should not start with 0). "
    "Write the country code first"
)
BLANK = "cannot be blank"


def require(form: Mapping[str, Any], *names: str, **problems: str | None) -> None:
    """Refuse blank fields and report ``problems`` (field → text), sorted by field name.

    Raises:
        Invalid: texts joined as ``message: cannot be blank; phone: cannot be blank.``
    """
    found = {name: text for name, text in problems.items() if text}
    found |= {name: BLANK for name in names if not form[name]}
    if found:
        raise Invalid("; ".join(f"{name}: {found[name]}" for name in sorted(found)) + ".")


def check_common(service: Service, form: Mapping[str, Any]) -> None:
    """The fields that every send has: ``phone`` and ``duration``."""
    check_phone(service, form["phone"])
    duration = form.get("duration")
    if duration is not None and duration not in DURATIONS:
        raise Invalid(_DURATION_TEXT)


def check_phone(service: Service, phone: str, prefix: str = "") -> None:
    if service.since("v7.3.1") and phone.removeprefix("+").startswith("0"):
        raise Invalid(prefix + _LOCAL_NUMBER)


def check_mentions(mentions: list[str]) -> None:
    for mention in mentions:
        if mention != "@everyone" and mention.removeprefix("+").startswith("0"):
            raise Invalid(f"mention {mention}: phone number must be in international format")


def session(device: Device) -> None:
    """Refuse unless the WhatsApp session works.

    Raises:
        SessionDown: JSON 401.
    """
    if not device.is_connected:
        raise SessionDown("you are not connect to services server, please reconnect")
    if not device.is_logged_in:
        raise SessionDown("you are not logged in")


def recipient(service: Service, phone: str) -> str:
    """Complete ``phone`` and look it up.

    Raises:
        Refused: 400 INVALID_JID for a number that is not on WhatsApp.
        Failed: a group that does not exist or that we are not in.
    """
    jid = complete(phone)
    user, _, server = jid.partition("@")
    if not user or not server:
        raise Refused(400, "INVALID_JID", f"malformed JID {jid}")
    if jid.endswith(GROUP):
        group = service.state.groups.get(jid)
        if group is None:
            raise Failed("failed to get group members: that group does not exist")
        if not group.us:
            raise Failed("failed to get group members: you're not participating in that group")
        return jid
    if jid.endswith(LID):
        person = service.state.person(jid)
        return person.jid if person.lid_known else jid
    if (
        jid.endswith(PERSON)
        and service.config.account_validation
        and not service.on_whatsapp(bare(jid))
    ):
        raise Refused(400, "INVALID_JID", f"Phone {jid} is not on whatsapp")
    return bare(jid)


def is_url(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and re.match(r"^[^\s/]+$", parts.netloc))
