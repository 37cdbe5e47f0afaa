"""Writing to somebody first.

Owns: finding or making the contact of a number, and the conversation to write in. Must not know: HTTP. Who may do it
has been checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from chatport import phones
from chatport.db.tables import Contact, Conversation, Inbox
from chatport.identities import phone as phone_identity
from chatport.notices import Notice, NoticeKind
from chatport.services import contacts, conversation_actions, conversations
from chatport.services.outbox import NotFound, NotPossible

if TYPE_CHECKING:
    from chatport.context import Core


def contact_of_number(core: Core, account_id: int, number: str) -> int:
    """The contact with a telephone number, made where nobody is known under it.

    :param number: as typed, with country code.
    :raises NotPossible: it is no number.
    """
    known = phones.e164(number)
    if known is None:
        raise NotPossible(
            "This is not a telephone number.",
            action="Write it with country code, for example +49 1511 2340001.",
            code="number",
        )
    with core.db.write("contact of a number") as connection:
        found = contacts.resolve(connection, account_id, [phone_identity(known)])
    if found.created:
        data = {"contact_id": found.id}
        core.publish([Notice(NoticeKind.CONTACT_CREATED, account_id, data=data)])
    return found.id


def start_conversation(core: Core, account_id: int, inbox_id: int, contact_id: int) -> int:
    """The conversation with somebody in an inbox: the one that is going on, else a new one.

    :returns: the account's number of the conversation.
    :raises NotFound: no such inbox or contact.
    """
    with core.db.read("conversation that is going on") as connection:
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(
                Inbox.id == inbox_id, Inbox.account_id == account_id, Inbox.deleted_at.is_(None)
            )
        ).first()
        contact = connection.execute(
            sa.select(Contact.id).where(Contact.id == contact_id, Contact.account_id == account_id)
        ).first()
        if inbox is None or contact is None:
            raise NotFound("There is no such contact or inbox.")
        going_on = conversations.select(connection, contact_id, inbox)
    if going_on is not None:
        return int(going_on.display_id)
    row_id = conversation_actions.start(
        core, account_id=account_id, inbox_id=inbox_id, contact_id=contact_id
    )
    with core.db.read("number of a conversation") as connection:
        return int(
            connection.execute(
                sa.select(Conversation.display_id).where(Conversation.id == row_id)
            ).scalar_one()
        )
