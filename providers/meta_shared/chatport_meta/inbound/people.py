"""Who wrote, who received: wa_id, phone, business-scoped user id, group.

Owns: the identities of parties and chats. Must not know: contents of messages.

Any of the ways in which a person is named may be missing: people with a user name show no number. The same person's
names stand together in one item, which is the evidence by which the core joins them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from chatport.errors import AnomalousPayload
from chatport.events import Chat, Party
from chatport.identities import Identity, IdentityKind
from chatport.reader import Tolerant

from ..addresses import digits

_BSUID = re.compile(r"[A-Z]{2}\.(?P<parent>ENT\.)?[A-Za-z0-9]{1,128}")
_NUMBER = re.compile(r"\+?[0-9 ().\-]+")
_USER_ID = re.compile(r"[\x21-\x7e]{1,200}")
_GROUP_ID = re.compile(r"[\x21-\x7e]{1,200}")
_GROUP_SUFFIX = "@g.us"
MAX_NUMBER = 20


def person(wa_id: str = "", user_id: str = "", parent_id: str = "") -> tuple[Identity, ...]:
    """Identities of one person, from whatever of them is known."""
    found = [*_of_wa_id(wa_id), *_of_user_id(user_id), *_of_user_id(parent_id, parent=True)]
    return tuple(dict.fromkeys(found))


def _of_wa_id(value: str) -> Iterator[Identity]:
    if _BSUID.fullmatch(
        value
    ):  # seen in the place of a wa_id; never to be cleaned up like a number
        yield from _of_user_id(value)
    elif _NUMBER.fullmatch(value) and 0 < len(digits(value)) <= MAX_NUMBER:
        yield Identity(IdentityKind.WA_ID, digits(value))


def _of_user_id(value: str, *, parent: bool = False) -> Iterator[Identity]:
    match = _BSUID.fullmatch(value)
    if match:
        parent = bool(match["parent"])
    elif not _USER_ID.fullmatch(value):
        return
    yield Identity(IdentityKind.PARENT_BSUID if parent else IdentityKind.BSUID, value)


def group(group_id: str) -> Chat | None:
    """A group's chat. The Groups API names groups without the suffix that WhatsApp's own ids have."""
    if not _GROUP_ID.fullmatch(group_id):
        return None
    full = group_id if group_id.endswith(_GROUP_SUFFIX) else group_id + _GROUP_SUFFIX
    return Chat((Identity(IdentityKind.GROUP, full),), is_group=True)


def group_id(identity: Identity) -> str:
    """A group's id as the Groups API writes it."""
    return identity.value.removesuffix(_GROUP_SUFFIX)


def author(item: Tolerant, contacts: Iterable[Tolerant]) -> Party:
    """Who wrote an item (``from…``), with what ``contacts`` tell about that person.

    :raises AnomalousPayload: nobody is named.
    """
    return _party(item, contacts, "from", "from_user_id", "from_parent_user_id")


def addressee(item: Tolerant, contacts: Iterable[Tolerant]) -> Party:
    """To whom an item of ours went (``to…``).

    :raises AnomalousPayload: nobody is named.
    """
    return _party(item, contacts, "to", "to_user_id", "to_parent_user_id")


def recipient(item: Tolerant, contacts: Iterable[Tolerant]) -> Party | None:
    """Whom a status is about; in a group the member."""
    names = ("recipient_id", "recipient_user_id", "recipient_parent_user_id")
    if item.text("recipient_type") == "group":
        names = (
            "recipient_participant_id",
            "recipient_participant_user_id",
            "recipient_participant_parent_user_id",
        )
    try:
        return _party(item, contacts, *names)
    except AnomalousPayload:
        return None


def _party(
    item: Tolerant, contacts: Iterable[Tolerant], wa_key: str, user_key: str, parent_key: str
) -> Party:
    own = person(item.text(wa_key), item.text(user_key), item.text(parent_key))
    known = _described(own, contacts)
    if known is None:
        if not own:
            raise AnomalousPayload(f"{item.path} does not say who: neither {wa_key} nor {user_key}")
        return Party(own)
    identities = tuple(dict.fromkeys((*own, *known.identities)))
    return Party(identities, known.name, known.username)


def _described(own: tuple[Identity, ...], contacts: Iterable[Tolerant]) -> Party | None:
    """The entry of ``contacts`` about this person. By id, never by place: the order differs."""
    for contact in contacts:
        found = _contact(contact)
        if found is not None and set(found.identities) & set(own):
            return found
    return None


def _contact(contact: Tolerant) -> Party | None:
    try:
        identities = person(
            contact.text("wa_id"), contact.text("user_id"), contact.text("parent_user_id")
        )
        profile = contact.obj("profile")
        name, username = profile.text("name"), profile.text("username")
    except AnomalousPayload:  # the message is still good without its sender's name
        return None
    return Party(identities, name.strip(), username.strip().lstrip("@"))
