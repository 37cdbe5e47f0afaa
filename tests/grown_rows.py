"""What years leave in a database: the rows of contacts, conversations, messages, ticks and webhooks.

Owns: how much there is of what, and how rows refer to each other. Must not know: how rows are written.

The spread: most conversations are resolved, a fixed number is being worked on (a team answers as fast as it did
before), one group chat has a hundredth of all messages, two of five messages are ours and have both ticks. Rows
refer to each other as the pipeline leaves them. Everything follows from the numbers, so that two databases of one size
are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chatport.db.tables import (
    Attachment,
    Contact,
    ContactIdentity,
    ContactInbox,
    Conversation,
    ConversationLabel,
    DeadLetter,
    FollowUp,
    Message,
    MessageStatusRow,
    RawRequest,
    ReactionRow,
    Send,
)

#: Conversations that are under way at the same time.
BLOCK = 50
#: Between two messages of an installation.
INTERVAL = timedelta(seconds=20)
WORDS = (
    *("parcel", "order", "invoice", "thanks", "hello", "delivery", "tomorrow", "address"),
    *("payment", "refund", "size", "colour", "price", "stock", "shop", "morning", "photo"),
    *("number", "question", "answer", "please", "waiting", "received", "broken", "exchange"),
    *("discount", "voucher", "open", "today"),
)
LABELS = ("vip", "refund", "delivery", "complaint", "wholesale", "new", "late", "press")
#: Webhooks keep their bodies for so long.
BODIES_KEPT = timedelta(days=14)
BODY = b'{"event": "message", "payload": {"body": "' + b"x" * 300 + b'"}}'


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows belong: an account, its channels with their inboxes, and its agents."""

    account_id: int
    channels: Sequence[tuple[int, int]]
    agents: Sequence[int]


@dataclass(frozen=True, slots=True)
class Spread:
    """How much there is.

    :param each: messages of a conversation.
    :param open: conversations that somebody works on.
    :param long_chat: one of so many messages is in the group chat.
    """

    messages: int
    each: int = 20
    open: int = 200
    long_chat: int = 100

    @property
    def conversations(self) -> int:
        """One-to-one conversations."""
        return max(self.messages // self.each, self.open)

    @property
    def contacts(self) -> int:
        """People; each comes back once."""
        return max(self.conversations // 2, 1)


def phone_of(index: int) -> str:
    """Digits of the number of contact ``index``."""
    return f"54911{40_000_000 + index}"


def rare_word(message: int) -> str:
    """The word of a message that few others have: names and order numbers are most of a vocabulary."""
    return f"order{message * 7919 % 50_000}"


class Writer(Protocol):
    """Writes rows into tables.

    ``first``: the id of the first new row of each table; ``now``: when the last message was written.
    """

    first: dict[Any, int]
    now: datetime

    def stamp(self, moment: datetime) -> str:
        """A time as the database's own text."""
        ...

    def write(self, table: Any, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows that give ``columns``; what they leave out gets the column's default."""
        ...


class Rows:
    """The rows of one load. ``conversation`` and ``contact`` are numbers from 0; the group chat comes last in both."""

    def __init__(self, place: Place, spread: Spread, writer: Writer) -> None:
        self.place, self.spread, self.writer = place, spread, writer
        self.account = place.account_id
        self.group, self.people = spread.conversations, spread.contacts

    def write(self) -> None:
        """All tables, those first that others refer to."""
        write = self.writer.write
        write(
            Contact.__table__,
            "id account_id kind name phone_number last_activity_at",
            self.contacts(),
        )
        write(ContactIdentity.__table__, "account_id contact_id kind value", self.identities())
        write(ContactInbox.__table__, "contact_id inbox_id source_id window_from", self.presences())
        write(
            Conversation.__table__,
            "id account_id inbox_id contact_id display_id uuid status assignee_id unread_count"
            " last_activity_at waiting_since first_reply_at created_at",
            self.conversations(),
        )
        write(ConversationLabel.__table__, "account_id conversation_id label", self.labels())
        write(
            Message.__table__,
            "id account_id inbox_id conversation_id message_type content_type content status source_id item_key"
            " sender_contact_id sender_user_id sent_at created_at",
            self.messages(),
        )
        write(MessageStatusRow.__table__, "message_id status at", self.ticks())
        write(
            Send.__table__,
            "account_id channel_id conversation_id message_id delivery_id state tries",
            self.sends(),
        )
        write(
            Attachment.__table__,
            "account_id message_id kind state filename content_type size storage_key",
            self.attachments(),
        )
        write(ReactionRow.__table__, "message_id reactor contact_id emoji at", self.reactions())
        write(
            RawRequest.__table__,
            "account_id channel_id received_at body state items done_at",
            self.requests(),
        )
        write(
            FollowUp.__table__,
            "account_id channel_id item_key kind target event state expires_at",
            self.follow_ups(),
        )
        write(
            DeadLetter.__table__,
            "account_id channel_id kind subject_id state error_type error",
            self.dead_letters(),
        )

    # --- where things belong ------------------------------------------------------------------------------------------

    def contact_of(self, conversation: int) -> int:
        """The contact of a conversation."""
        return self.people if conversation == self.group else conversation % self.people

    def channel_of(self, contact: int) -> tuple[int, int]:
        """The channel and inbox of a contact: each inbox has half of what the one before has."""
        for place in self.place.channels[:-1]:
            if contact % 2:
                return place
            contact //= 2
        return self.place.channels[-1]

    def agent_of(self, conversation: int) -> int:
        """Who answers."""
        return self.place.agents[conversation % len(self.place.agents)]

    def conversation_of(self, message: int) -> int:
        """The conversation of a message: ``BLOCK`` of them are under way at a time."""
        if message % self.spread.long_chat == self.spread.long_chat - 1:
            return self.group
        block, inside = divmod(message, BLOCK * self.spread.each)
        return min(block * BLOCK + inside % BLOCK, self.group - 1)

    def is_ours(self, message: int) -> bool:
        """Whether we wrote it."""
        return (message // BLOCK) % 5 in (1, 3)

    def at(self, message: int) -> datetime:
        """When a message was written; the last one just now."""
        return self.writer.now - (self.spread.messages - message) * INTERVAL

    def last_of(self, conversation: int) -> datetime:
        """The last activity of a conversation."""
        if conversation == self.group:
            return self.at(self.spread.messages - 1)
        block, inside = divmod(conversation, BLOCK)
        last = block * BLOCK * self.spread.each + (self.spread.each - 1) * BLOCK + inside
        return self.at(min(last, self.spread.messages - 1))

    def id_of(self, table: Any, number: int) -> int:
        """The id of a row."""
        return self.writer.first[table.__table__] + number

    # --- rows ---------------------------------------------------------------------------------------------------------

    def contacts(self) -> Iterator[tuple[Any, ...]]:
        """People, and the group."""
        first, stamp = self.writer.first[Contact.__table__], self.writer.stamp
        back = self.spread.conversations - self.spread.contacts
        for n in range(self.spread.contacts):
            yield (
                first + n,
                self.account,
                "person",
                f"Customer {n}",
                f"+{phone_of(n)}",
                stamp(self.last_of(back + n)),
            )
        yield (
            first + self.spread.contacts,
            self.account,
            "group",
            "Everybody",
            None,
            stamp(self.writer.now),
        )

    def identities(self) -> Iterator[tuple[Any, ...]]:
        """A number each."""
        first = self.writer.first[Contact.__table__]
        for n in range(self.spread.contacts):
            yield self.account, first + n, "phone", phone_of(n)
        yield self.account, first + self.spread.contacts, "group", "120363041122334455@g.us"

    def presences(self) -> Iterator[tuple[Any, ...]]:
        """Each contact is known in one inbox."""
        first, now = self.writer.first[Contact.__table__], self.writer.stamp(self.writer.now)
        for n in range(self.spread.contacts + 1):
            yield first + n, self.channel_of(n)[1], phone_of(n), now

    def conversations(self) -> Iterator[tuple[Any, ...]]:
        """The last ones are open, pending or snoozed."""
        first, stamp = self.writer.first[Conversation.__table__], self.writer.stamp
        for n in range(self.group + 1):
            contact = self.contact_of(n)
            last = stamp(self.last_of(n))
            age = self.group - n
            status = (
                "resolved"
                if age > self.spread.open
                else ("open", "open", "open", "pending", "snoozed")[n % 5]
            )
            yield (
                first + n,
                self.account,
                self.channel_of(contact)[1],
                self.id_of(Contact, contact),
                first + n,
                f"00000000-0000-4000-8000-{n:012d}",
                "open" if n == self.group else status,
                None if n % 3 == 0 and status != "resolved" else self.agent_of(n),
                n % 4 if status == "open" else 0,
                last,
                last if status == "open" else None,
                last,
                last,
            )

    def labels(self) -> Iterator[tuple[Any, ...]]:
        """One conversation of ten has one."""
        for n in range(0, self.group, 10):
            yield self.account, self.id_of(Conversation, n), LABELS[n // 10 % len(LABELS)]

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """Messages in the order of their time."""
        first, chat = (
            self.writer.first[Message.__table__],
            self.writer.first[Conversation.__table__],
        )
        person = self.writer.first[Contact.__table__]
        stamp, words = self.writer.stamp, len(WORDS)
        texts = [
            " ".join(WORDS[(n * k + k) % words] for k in (1, 3, 7, 11, 13, 17))
            for n in range(words)
        ]
        for n in range(self.spread.messages):
            conversation = self.conversation_of(n)
            contact = self.contact_of(conversation)
            ours, moment = self.is_ours(n), stamp(self.at(n))
            yield (
                first + n,
                self.account,
                self.channel_of(contact)[1],
                chat + conversation,
                "outgoing" if ours else "incoming",
                "media" if n % 12 == 0 else "text",
                f"{texts[n % words]} {rare_word(n)}",
                "read" if ours else "received",
                f"OLD{n:017X}",
                None if ours else f"m:{phone_of(contact)}:OLD{n:017X}",
                None if ours else person + contact,
                self.agent_of(conversation) if ours else None,
                moment,
                moment,
            )

    def ours(self) -> Iterator[int]:
        """Numbers of our messages."""
        return (n for n in range(self.spread.messages) if self.is_ours(n))

    def ticks(self) -> Iterator[tuple[Any, ...]]:
        """Both ticks of each message of ours."""
        first, stamp = self.writer.first[Message.__table__], self.writer.stamp
        for n in self.ours():
            moment = stamp(self.at(n))
            yield first + n, "delivered", moment
            yield first + n, "read", moment

    def sends(self) -> Iterator[tuple[Any, ...]]:
        """Of each message of ours."""
        for n in self.ours():
            conversation = self.conversation_of(n)
            channel, _ = self.channel_of(self.contact_of(conversation))
            yield (
                self.account,
                channel,
                self.id_of(Conversation, conversation),
                self.id_of(Message, n),
                f"{n:032x}",
                "sent",
                1,
            )

    def attachments(self) -> Iterator[tuple[Any, ...]]:
        """A picture with every twelfth message."""
        for n in range(0, self.spread.messages, 12):
            yield (
                self.account,
                self.id_of(Message, n),
                "image",
                "ready",
                "",
                "image/jpeg",
                90_000,
                f"ab/{n:032x}",
            )

    def reactions(self) -> Iterator[tuple[Any, ...]]:
        """One of fifty messages has one."""
        for n in range(0, self.spread.messages, 50):
            contact = self.id_of(Contact, self.contact_of(self.conversation_of(n)))
            yield (
                self.id_of(Message, n),
                f"contact:{contact}",
                contact,
                "👍",
                self.writer.stamp(self.at(n)),
            )

    def requests(self) -> Iterator[tuple[Any, ...]]:
        """A webhook for each message; only the last two weeks have bodies."""
        stamp, kept = self.writer.stamp, self.writer.now - BODIES_KEPT
        first = self.writer.first[Message.__table__]
        for n in range(self.spread.messages):
            channel, _ = self.channel_of(self.contact_of(self.conversation_of(n)))
            at = self.at(n)
            moment = stamp(at)
            items = (
                f'[{{"key": "OLD{n:017X}", "kind": "MessageReceived", "state": "applied", "reason": "",'
                f' "message_id": {first + n}}}]'
            )
            yield self.account, channel, moment, BODY if at > kept else None, "done", items, moment

    def follow_ups(self) -> Iterator[tuple[Any, ...]]:
        """A few that were never of use."""
        past = self.writer.stamp(self.writer.now - timedelta(days=1))
        for n in range(self.spread.messages // 200):
            channel, _ = self.channel_of(n)
            yield (
                self.account,
                channel,
                f"late:{n}",
                "StatusChanged",
                f"NEVER{n:016X}",
                "{}",
                "expired",
                past,
            )

    def dead_letters(self) -> Iterator[tuple[Any, ...]]:
        """A few that were put away."""
        for n in range(self.spread.messages // 1000):
            channel, _ = self.channel_of(n)
            yield (
                self.account,
                channel,
                "request",
                10_000_000 + n,
                "resolved",
                "ProviderCrashed",
                f"error {n}",
            )
