"""The list of conversations.

Owns: filters, counts and rows of the list, and finding one conversation that a visitor may see. Must not know: messages
beyond the preview.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from chatport.db.tables import (
    Channel,
    Contact,
    Conversation,
    ConversationLabel,
    Inbox,
    InboxMember,
    Membership,
    Message,
    User,
)
from chatport.services.auth import Principal
from chatport.services.outbox import NotFound

from .excerpts import load_excerpts

_conversations = Conversation.__table__
_messages = Message.__table__

PAGE_SIZE = 30
TABS = ("mine", "unassigned", "all")
STATUSES = ("open", "pending", "snoozed", "resolved", "any")
MAX_SEARCH = 100
#: Pages show "999+" from here on, and nobody waits for the exact number.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list shows. ``inbox_id`` 0 and empty texts mean everything."""

    tab: str = "all"
    status: str = "open"
    inbox_id: int = 0
    label: str = ""
    search: str = ""

    def as_query(self, **changes: Any) -> dict[str, Any]:
        """The parts of an address; defaults are left out."""
        values = {
            "tab": self.tab,
            "status": self.status,
            "inbox": self.inbox_id,
            "label": self.label,
            "q": self.search,
        } | changes
        plain = {"tab": "all", "status": "open", "inbox": 0, "label": "", "q": ""}
        return {key: value for key, value in values.items() if value != plain[key]}


@dataclass(frozen=True, slots=True)
class Summary:
    """One row of the list."""

    id: int
    number: int
    contact_id: int
    name: str
    kind: str
    has_picture: bool
    inbox_name: str
    status: str
    assignee: str
    muted: bool
    unread: int
    at: datetime
    preview: str
    preview_kind: str
    preview_mark: str
    preview_author: str
    preview_state: str
    labels: tuple[str, ...] = ()

    @property
    def order(self) -> str:
        """Sorts as the list does, newest last."""
        return f"{int(self.at.timestamp() * 1e6):020d}{self.id:012d}"


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows, and where the next ones begin; empty at the end."""

    rows: list[Summary] = field(default_factory=list)
    cursor: str = ""


def visible(who: Principal) -> sa.ColumnElement[bool]:
    """The conversations that somebody may see."""
    own = _conversations.c.account_id == who.account_id
    if who.inbox_ids is None:
        return own
    return sa.and_(own, _conversations.c.inbox_id.in_(sorted(who.inbox_ids)))


def _where(who: Principal, filters: Filters) -> list[sa.ColumnElement[bool]]:
    where = [visible(who)]
    if filters.status != "any":
        where.append(_conversations.c.status == filters.status)
    if filters.inbox_id:
        where.append(_conversations.c.inbox_id == filters.inbox_id)
    if filters.label:
        labelled = sa.select(ConversationLabel.conversation_id).where(
            ConversationLabel.account_id == who.account_id,
            ConversationLabel.label == filters.label,
        )
        where.append(_conversations.c.id.in_(labelled))
    if filters.search:
        where.append(_matches(who, filters.search))
    return where


def _matches(who: Principal, search: str) -> sa.ColumnElement[bool]:
    wanted = search.strip()[:MAX_SEARCH]
    number = wanted.lstrip("#")
    is_number = number.isascii() and number.isdigit() and len(number) <= 18
    if wanted.startswith("#") and is_number:
        return _conversations.c.display_id == int(number)
    people = sa.select(Contact.id).where(
        Contact.account_id == who.account_id,
        sa.or_(
            Contact.name.icontains(wanted, autoescape=True),
            Contact.username.icontains(wanted.lstrip("@"), autoescape=True),
            Contact.phone_number.contains(
                "".join(c for c in wanted if c.isdigit() and c.isascii()) or wanted, autoescape=True
            ),
        ),
    )
    found: sa.ColumnElement[bool] = _conversations.c.contact_id.in_(people)
    if is_number:
        found = sa.or_(found, _conversations.c.display_id == int(number))
    return found


def _in_tab(who: Principal, tab: str) -> sa.ColumnElement[bool]:
    if tab == "mine":
        return _conversations.c.assignee_id == who.user_id
    if tab == "unassigned":
        return _conversations.c.assignee_id.is_(None)
    return sa.true()


def load_page(
    connection: Connection, who: Principal, filters: Filters, *, before: str = ""
) -> ListPage:
    """A page of the list, the latest activity first.

    :param before: the cursor of the page before.
    """
    where = [*_where(who, filters), _in_tab(who, filters.tab)]
    at, _, last = before.partition("_")
    if at and last.isdigit():
        moment = datetime.fromisoformat(at)
        where.append(
            sa.tuple_(_conversations.c.last_activity_at, _conversations.c.id)
            < sa.tuple_(
                sa.literal(moment, _conversations.c.last_activity_at.type),
                sa.literal(int(last), _conversations.c.id.type),
            )
        )
    rows = _rows(connection, where, PAGE_SIZE + 1)
    shown = rows[:PAGE_SIZE]
    cursor = f"{shown[-1].at.isoformat()}_{shown[-1].id}" if len(rows) > PAGE_SIZE else ""
    return ListPage(shown, cursor)


def load_rows(
    connection: Connection, who: Principal, filters: Filters, ids: list[int]
) -> list[Summary]:
    """Those of some conversations that belong into the list now."""
    where = [*_where(who, filters), _in_tab(who, filters.tab), _conversations.c.id.in_(ids)]
    return _rows(connection, where, len(ids)) if ids else []


def count_tabs(connection: Connection, who: Principal, filters: Filters) -> dict[str, int]:
    """How many conversations each tab has under the other filters, counted up to :data:`MOST_COUNTED`."""
    where = _where(who, filters)
    if filters.search or filters.label:
        # Finding these takes longer than counting them: once for all tabs, and they are not that many.
        found = sa.select(_conversations.c.assignee_id).where(*where).subquery()
        mine, nobody = found.c.assignee_id == who.user_id, found.c.assignee_id.is_(None)
        counts = {
            "mine": sa.func.sum(sa.case((mine, 1), else_=0)),
            "unassigned": sa.func.sum(sa.case((nobody, 1), else_=0)),
            "all": sa.func.count(),
        }
        query = sa.select(*(counts[tab].label(tab) for tab in TABS)).select_from(found)
    else:
        query = sa.select(*(_count([*where, _in_tab(who, tab)]).label(tab) for tab in TABS))
    row = connection.execute(query).one()
    return {tab: int(row._mapping[tab] or 0) for tab in TABS}


def _count(where: list[sa.ColumnElement[bool]]) -> sa.ScalarSelect[int]:
    found = sa.select(_conversations.c.id).where(*where).limit(MOST_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def count_unread(connection: Connection, who: Principal) -> int:
    """Open conversations with something unread, counted up to :data:`MOST_COUNTED`."""
    unread = [
        visible(who),
        _conversations.c.status == "open",
        _conversations.c.unread_count > 0,
    ]
    return int(connection.execute(sa.select(_count(unread))).scalar_one())


def _rows(connection: Connection, where: list[sa.ColumnElement[bool]], limit: int) -> list[Summary]:
    last = _messages.alias("last")
    last_id = (
        sa.select(last.c.id)
        .where(
            last.c.conversation_id == _conversations.c.id,
            # Of the lines between messages a call is the one that somebody waits for an answer to.
            sa.or_(last.c.message_type != "activity", last.c.content_type == "call"),
        )
        .order_by(last.c.sent_at.desc(), last.c.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("last_id")
    )
    rows = connection.execute(
        sa.select(
            _conversations,
            last_id,
            Contact.name.label("contact_name"),
            Contact.kind.label("contact_kind"),
            Contact.avatar_key,
            Contact.blocked.label("contact_blocked"),
            Inbox.name.label("inbox_name"),
            User.name.label("assignee_name"),
        )
        .join(Contact, Contact.id == _conversations.c.contact_id)
        .join(Inbox, Inbox.id == _conversations.c.inbox_id)
        .outerjoin(User, User.id == _conversations.c.assignee_id)
        .where(*where)
        .order_by(_conversations.c.last_activity_at.desc(), _conversations.c.id.desc())
        .limit(limit)
    ).all()
    last_ids = [row.last_id for row in rows if row.last_id]
    messages = {row.id: row for row in load_excerpts(connection, last_ids)}
    labels = labels_of(connection, [row.id for row in rows])
    return [_summary(row, messages.get(row.last_id), labels.get(row.id, ())) for row in rows]


def _summary(row: Row[Any], last: Row[Any] | None, labels: tuple[str, ...]) -> Summary:
    outgoing = last is not None and last.message_type in ("outgoing", "template")
    in_group = row.contact_kind == "group" and last is not None and not outgoing
    return Summary(
        id=row.id,
        number=row.display_id,
        contact_id=row.contact_id,
        name=row.contact_name,
        kind=row.contact_kind,
        has_picture=bool(row.avatar_key),
        inbox_name=row.inbox_name,
        status=row.status,
        assignee=row.assignee_name or "",
        muted=row.contact_blocked,
        unread=row.unread_count,
        at=row.last_activity_at,
        preview=_preview(last),
        preview_kind=_preview_kind(last),
        preview_mark="note" if last is not None and last.private else "out" if outgoing else "in",
        preview_author=(last.contact_name or "") if in_group and last is not None else "",
        preview_state=last.status if last is not None and outgoing and not last.private else "",
        labels=labels,
    )


def _preview(last: Row[Any] | None) -> str:
    if last is None or last.deleted_at is not None or last.content_type == "call":
        return ""
    return (last.content or "").strip()


def _preview_kind(last: Row[Any] | None) -> str:
    if last is None:
        return "none"
    if last.deleted_at is not None:
        return "deleted"
    if last.content_type == "unsupported":
        return "unsupported"
    return last.attachment_kind or ("text" if last.content_type == "text" else last.content_type)


def labels_of(connection: Connection, ids: list[int]) -> dict[int, tuple[str, ...]]:
    """Labels of conversations."""
    found: dict[int, tuple[str, ...]] = {}
    if not ids:
        return found
    for row in connection.execute(
        sa.select(ConversationLabel.conversation_id, ConversationLabel.label)
        .where(ConversationLabel.conversation_id.in_(ids))
        .order_by(ConversationLabel.label)
    ):
        found[row.conversation_id] = (*found.get(row.conversation_id, ()), row.label)
    return found


def find(connection: Connection, who: Principal, number: int) -> Row[Any]:
    """A conversation by the account's own number.

    :raises NotFound: there is none that this visitor may see.
    """
    row = connection.execute(
        sa.select(_conversations).where(visible(who), _conversations.c.display_id == number)
    ).first()
    if row is None:
        raise NotFound("There is no such conversation.")
    return row


def inboxes(connection: Connection, who: Principal) -> list[Row[Any]]:
    """The inboxes that a visitor may see: with id, name, provider, phone number, active, connection."""
    where = [Inbox.account_id == who.account_id, Inbox.deleted_at.is_(None)]
    if who.inbox_ids is not None:
        where.append(Inbox.id.in_(sorted(who.inbox_ids)))
    return list(
        connection.execute(
            sa.select(
                Inbox.id,
                Inbox.name,
                Channel.provider,
                Channel.phone_number,
                Channel.active,
                Channel.connection,
            )
            .join(Channel, Channel.id == Inbox.channel_id)
            .where(*where)
            .order_by(Inbox.name, Inbox.id)
        )
    )


def has_many_inboxes(connection: Connection, who: Principal) -> bool:
    """Whether it is worth saying in which inbox a conversation is."""
    return len(inboxes(connection, who)) > 1


def labels(connection: Connection, account_id: int) -> list[str]:
    """All labels of an account that are in use.

    From each label to the next in the index: ``DISTINCT`` would read all that were ever given.
    """
    first = sa.func.min(ConversationLabel.label)
    mine = ConversationLabel.account_id == account_id
    used = sa.select(first.label("label")).where(mine).cte("used", recursive=True)
    following = (
        sa.select(first).where(mine, ConversationLabel.label > used.c.label).scalar_subquery()
    )
    used = used.union_all(sa.select(following).where(used.c.label.is_not(None)))
    return list(
        connection.execute(
            sa.select(used.c.label).where(used.c.label.is_not(None)).order_by(used.c.label)
        ).scalars()
    )


def assignable(connection: Connection, account_id: int, inbox_id: int) -> list[Row[Any]]:
    """Users who may see an inbox: id and name."""
    members = sa.select(InboxMember.user_id).where(InboxMember.inbox_id == inbox_id)
    return list(
        connection.execute(
            sa.select(User.id, User.name)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.account_id == account_id,
                User.active,
                sa.or_(Membership.role == "administrator", User.id.in_(members)),
            )
            .order_by(User.name, User.id)
        )
    )
