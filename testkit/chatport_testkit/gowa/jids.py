"""WhatsApp identifiers: JIDs, message ids, media names. Pure functions; owns no state."""

from __future__ import annotations

import re
import secrets
import uuid
from datetime import datetime

PERSON = "@s.whatsapp.net"
GROUP = "@g.us"
LID = "@lid"
NEWSLETTER = "@newsletter"

OWN_ID = re.compile(r"^3EB0[0-9A-F]{18}$")
RECEIVED_PATH = re.compile(r"^statics/media/(\d{10}-[0-9a-f-]{36})(\.[^/]*)?$")
DOWNLOADED_PATH = re.compile(r"^statics/media/\d+/\d{4}-\d\d-\d\d/\d{10}-[0-9a-f-]{36}(\.[^/]*)?$")


def complete(phone: str) -> str:
    """Turn what a client wrote into a JID, with GoWA's rule: 15 characters or fewer is a person.

    The length counts a leading plus sign, so ``+`` and 15 digits become a group.
    """
    if "@" in phone:
        return phone.lstrip("+")
    return f"{phone}{PERSON}".lstrip("+") if len(phone) <= 15 else f"{phone}{GROUP}".lstrip("+")


def person(phone: str) -> str:
    """Return the JID of a phone number in any usual spelling."""
    return phone if "@" in phone else re.sub(r"\D", "", phone) + PERSON


def user_part(jid: str) -> str:
    """Return what stands before the at sign, without the device suffix."""
    return jid.partition("@")[0].partition(":")[0]


def bare(jid: str) -> str:
    """Drop the device suffix: ``62812:17@s.whatsapp.net`` → ``62812@s.whatsapp.net``."""
    user, _, server = jid.partition("@")
    return f"{user.partition(':')[0]}@{server}"


def with_device(jid: str, device: int | None) -> str:
    """Add the suffix of a linked device."""
    if not device:
        return jid
    user, _, server = jid.partition("@")
    return f"{user}:{device}@{server}"


def own_message_id() -> str:
    """An id in the form that GoWA generates: ``3EB0`` and 18 upper-case hex digits."""
    return "3EB0" + secrets.token_hex(9).upper()


def phone_message_id() -> str:
    """An id in the form that a phone generates: 20 upper-case hex digits."""
    return "3A" + secrets.token_hex(9).upper()


def media_name(at: datetime, extension: str) -> str:
    """The name of a stored file: Unix seconds, a dash, a UUID and the extension."""
    return f"{int(at.timestamp())}-{uuid.uuid4()}{extension}"
