"""The statements of the hot paths, each by its real plan on a database that has some years behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from api.client import Api, make_api
from db.query_plans import Seen, Watch
from flask.testing import FlaskClient
from grown import Loaded, load
from grown_rows import Place, Spread, phone_of, rare_word
from services.fake_provider import FEATURES, NUMBER, FakeProvider

from chatport.channels import Channel, InboundRequest
from chatport.db import tables as t
from chatport.db.types import utcnow
from chatport.db.upsert import insert
from chatport.events import AnyEvent, Chat, Direction, Party
from chatport.hookspecs import hookimpl
from chatport.identities import phone
from chatport.jobs.sweeper import Sweeper
from chatport.jobs.work import calls_once, events_once
from chatport.plugins.registry import Registry
from chatport.services import accounts
from chatport.services.tasks.queue import add_task
from chatport_dashboard.queries import conversations as lists
from ingest_world import edit, reaction, revoke, status, text
from support import PostgresDatabases

BIG = frozenset(
    model.__tablename__
    for model in (
        t.Attachment,
        t.Contact,
        t.ContactIdentity,
        t.ContactInbox,
        t.Conversation,
        t.ConversationLabel,
        t.FollowUp,
        t.Message,
        t.MessageStatusRow,
        t.RawRequest,
        t.ReactionRow,
        t.Send,
    )
)
PARTIAL = frozenset(
    str(index.name)
    for table in t.Base.metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
)
SPREAD = Spread(messages=20_000, each=5, open=200, long_chat=10)
PASSWORD = "correct horse battery"
SECRET = {"x-secret": "s3cret"}


class Prepared(FakeProvider):
    """A provider whose webhooks name events that the test prepared."""

    def __init__(self) -> None:
        super().__init__(FEATURES)
        self.events: list[AnyEvent] = []

    @hookimpl
    def handle_event(self, channel: Channel, request: InboundRequest) -> list[AnyEvent]:
        return [self.events[number] for number in json.loads(request.body)]


@dataclass(repr=False)
class Old:
    """An installation with a past, and a person for each role who looks at it."""

    api: Api
    provider: Prepared
    loaded: Loaded
    watch: Watch
    admin: FlaskClient
    agent: FlaskClient

    @property
    def core(self) -> Any:
        return self.api.world.core

    def webhook(self, *events: AnyEvent) -> None:
        """Deliver events, one webhook each."""
        for event in events:
            self.provider.events.append(event)
            answer = self.api.app.test_client().post(
                f"/webhooks/whatsapp/{NUMBER.lstrip('+')}",
                json=[len(self.provider.events) - 1],
                headers=SECRET,
            )
            assert answer.status_code == 200

    def page(self, path: str, *, who: str = "admin", **query: Any) -> str:
        """A page of the dashboard."""
        client = self.admin if who == "admin" else self.agent
        answer = client.get(f"/app/accounts/{self.api.world.account_id}{path}", query_string=query)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def scene(self, name: str) -> None:
        """What is done from here on."""
        self.watch.scene = name


def make_old(database_url: str, folder: Path) -> Old:
    """An installation that four numbers, three agents and 20,000 messages have used."""
    api = make_api(database_url, folder, own_app=True)
    world, core = api.world, api.world.core
    provider = Prepared()
    core.plugins = Registry.from_modules({"fake": provider})
    world.set(
        t.Channel,
        auth_scheme={
            "kind": "header_secret",
            "secret_keys": ["webhook_verify_token"],
            "header": "x-secret",
            "prefix": "",
            "query_parameter": "",
        },
        content_types=["application/json"],
    )
    channels = [(world.channel_id, world.inbox_id)]
    with core.db.write("more numbers") as connection:
        for n in range(3):
            channel = {
                "account_id": world.account_id,
                "phone_number": f"+62811000002{n}",
                "provider": "fake",
                "connection": "connected",
            }
            channel_id = insert(connection, t.Channel.__table__, channel)
            inbox = {"account_id": world.account_id, "channel_id": channel_id, "name": f"Inbox {n}"}
            channels.append((channel_id, insert(connection, t.Inbox.__table__, inbox)))
    with core.db.write("members") as connection:
        for _, inbox_id in channels[:2]:
            member = {"inbox_id": inbox_id, "user_id": api.users["bob"]}
            insert(connection, t.InboxMember.__table__, member)
    for name in ("ana", "bob"):
        accounts.set_password(core, api.users[name], PASSWORD)
    loaded = load(
        core.db,
        Place(world.account_id, channels, [api.users["ana"], api.users["bob"]]),
        SPREAD,
    )
    watch = Watch(core.db.engine, BIG, PARTIAL)
    return Old(
        api,
        provider,
        loaded,
        watch,
        _sign_in(api, "ana@shop.test"),
        _sign_in(api, "bob@example.com"),
    )


def _sign_in(api: Api, email: str) -> FlaskClient:
    client = api.app.test_client()
    token = re.search(r'name="csrf" content="([^"]+)"', client.get("/login").text)
    assert token is not None
    form = {"csrf_token": token[1], "email": email, "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 303
    return client


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    """One installation for all tests of a database: nothing here asks what a test before it left."""
    folder = tmp_path_factory.mktemp("old")
    url = f"sqlite:///{folder / 'test.db'}"
    databases = None
    if request.param == "postgresql":
        databases = PostgresDatabases(request.getfixturevalue("postgres_url"))
        url = databases.create()
    made = make_old(url, folder)
    with made.watch.watching(), pytest.MonkeyPatch.context() as patch:
        # Of thousands, a hundred; the pages count a thousand of hundreds of thousands.
        patch.setattr(lists, "MOST_COUNTED", 100)
        yield made
    made.api.close()
    if databases is not None:
        databases.drop(url)


# --- what is done -----------------------------------------------------------------------------------------------------


def acknowledge(old: Old) -> None:
    """The receiver's insert goes past what is watched here: the same row is inserted once more."""
    old.webhook(text("ACK1", sender=phone_of(3)))
    with old.core.db.write("acknowledge") as connection:
        newest = connection.execute(sa.select(sa.func.max(t.RawRequest.id))).scalar_one()
        row = connection.execute(
            sa.select(t.RawRequest.__table__).where(t.RawRequest.id == newest)
        ).one()
        values = {name: value for name, value in row._mapping.items() if name != "id"}
        insert(connection, t.RawRequest.__table__, values)


def apply_events(old: Old) -> None:
    """Texts of known and unknown people and of groups, ticks, edits, deletions, reactions, what comes early."""
    known = phone_of(3)
    old.webhook(
        text("NEW1", sender=known),
        text("NEW2", sender="6281290009999"),
        text("NEW3", sender=known, in_group="120363041122334455@g.us"),
        text("NEW4", sender=known, direction=Direction.OUTGOING),
        text("NEW5", sender=known, reply_to="NEW1"),
        edit("NEW1", "hello again", 5, sender=known),
        reaction("NEW1", "👍", 6, sender=known),
        reaction("NEW1", "", 7, sender=known),
        revoke("NEW2", 8, sender="6281290009999"),
        status(source_of(old, "outgoing"), "read", 9),
        status(source_of(old, "outgoing"), "failed", 10),
        status("UNHEARD1", "delivered", 11),
        edit("UNHEARD2", "x", 12, sender=known),
        text("UNHEARD2", sender=known),
    )
    assert events_once(old.core, budget=20) is False


def merge_by_an_event(old: Old) -> None:
    """One event that names a person by two identities of two contacts."""
    first = 101 + 4 * len(old.provider.events)
    one, other = phone_of(first), phone_of(first + 2)
    event = text(f"MERGE{first}", sender=one)
    both = (phone(one), phone(other))
    old.webhook(replace(event, chat=Chat(both), sender=Party(both, "rina")))
    events_once(old.core, budget=20)


def sweep(old: Old) -> None:
    old.webhook(text("LATE1", sender=phone_of(9)))
    pending = t.RawRequest.state == "pending"
    with quiet(old):
        past = utcnow() - timedelta(minutes=1)
        old.api.world.set(t.RawRequest, pending, received_at=past)
    sweeper = Sweeper(old.core)
    sweeper.sweep()
    sweeper.sweep()
    with quiet(old):
        assert old.api.world.rows(t.RawRequest, pending) == []


def keep_house(old: Old) -> None:
    """The hourly task, where nothing is old enough to be forgotten."""
    with old.core.db.write("prune") as connection:
        add_task(
            connection,
            kind="prune",
            account_id=old.api.world.account_id,
            channel_id=None,
            dedupe_key="plans",
        )
    calls_once(old.core, budget=5)


def send(old: Old) -> None:
    chat, before = open_chat(old), len(old.provider.sent)
    old.api.post(f"conversations/{chat}/messages", {"content": "on its way"})
    old.api.post(f"conversations/{chat}/update_last_seen")
    calls_once(old.core, budget=5)
    assert len(old.provider.sent) == before + 1


def list_by_api(old: Old) -> None:
    for who in ("ana", "bob"):
        for kind in ("me", "unassigned", "assigned", "all"):
            for state in ("open", "resolved", "pending", "snoozed", "all"):
                path = f"conversations?assignee_type={kind}&status={state}"
                old.api.get(path, as_=who)
        old.api.get("conversations?page=3", as_=who)
        old.api.get(f"conversations?inbox_id={old.api.world.inbox_id}", as_=who)
        old.api.get("conversations/meta", as_=who)


def list_by_dashboard(old: Old) -> None:
    for who in ("admin", "agent"):
        for tab in ("mine", "unassigned", "all"):
            for state in ("open", "pending", "snoozed", "resolved", "any"):
                page = old.page("/conversations", who=who, tab=tab, status=state)
                more = re.search(r"before=([^&\"]+)", page)
                if more is not None:
                    old.page(
                        "/conversations/more",
                        who=who,
                        tab=tab,
                        status=state,
                        before=unquote(more[1]),
                    )
        for state in ("open", "resolved", "any"):
            old.page("/conversations", who=who, status=state, inbox=old.api.world.inbox_id)
        old.page("/conversations/rows", who=who)
        old.page("/conversations/rows", who=who, ids=some_ids(old))


def list_by_label(old: Old) -> None:
    for who in ("ana", "bob"):
        old.api.get("conversations?labels=vip", as_=who)
    for who in ("admin", "agent"):
        for state in ("open", "resolved", "any"):
            old.page("/conversations", who=who, status=state, label="vip")


def open_thread(old: Old) -> None:
    for chat in (open_chat(old), old.loaded.long_chat):
        old.page(f"/conversations/{chat}")
        old.page(f"/conversations/{chat}/state")
        old.api.get(f"conversations/{chat}")
    with quiet(old):
        shown = t.Conversation.display_id == open_chat(old)
        contact_id = old.api.world.one(t.Conversation, shown).contact_id
    old.page(f"/contacts/{contact_id}/panel")


def page_by_api(old: Old) -> None:
    middle, newer = places(old)
    path = f"conversations/{old.loaded.long_chat}/messages"
    old.api.get(path)
    old.api.get(f"{path}?before={middle.id}")
    old.api.get(f"{path}?after={middle.id}")
    old.api.get(f"{path}?after={middle.id}&before={newer.id}")


def page_by_dashboard(old: Old) -> None:
    middle, newer = places(old)
    path = f"/conversations/{old.loaded.long_chat}"
    old.page(f"{path}/log")
    old.page(f"{path}/log", before=f"{middle.sent_at.isoformat()}_{middle.id}")
    old.page(f"{path}/log", **{"from": f"{newer.sent_at.isoformat()}_{newer.id}"})
    old.page(f"{path}/log", ids=f"{middle.id},{newer.id}")
    old.page(path, message=newer.id)
    old.page(f"{path}/messages/{newer.id}/details")


def operations(old: Old) -> None:
    for who in ("events", "dead_letters", "alerts"):
        old.api.get(who)
        old.api.get(f"{who}?before=15000")
    for state in ("pending", "done", "dead"):
        old.api.get(f"events?state={state}")
        old.page("/events", state=state)
    old.api.get(f"events?inbox_id={old.api.world.inbox_id}")
    for path in ("/events", "/events/sent", "/failures", "/failures/alerts", "/channels"):
        old.page(path)
    old.page("/failures", state="closed")
    old.page("/events", before=15000)
    old.page("/events/sent", before=1500)
    event = old.api.get("events?state=done")["payload"][0]["id"]
    old.page(f"/events/{event}")


def search_messages(old: Old) -> None:
    for who in ("ana", "bob"):
        assert old.api.get(f"search/messages?q={rare_word(12_340)}", as_=who)["payload"]["messages"]
        old.api.get("search/messages?q=parc", as_=who)


def name_people(old: Old) -> None:
    named = {"email": "New@example.com", "identifier": "crm-1"}
    made = old.api.post("contacts", named)
    path = f"contacts/{made['payload']['contact']['id']}"
    old.api.patch(path, {"email": "other@example.com"})
    old.api.patch(path, {"email": None, "identifier": None})


def search_people(old: Old) -> None:
    old.api.get("contacts/search?q=1234")
    old.page("/conversations", q="Customer 12")
    old.page("/conversations/new", q="Customer 12")


def source_of(old: Old, kind: str) -> str:
    """The id of a message in the first inbox."""
    query = (
        sa.select(t.Message.source_id)
        .where(t.Message.inbox_id == old.api.world.inbox_id, t.Message.message_type == kind)
        .where(t.Message.source_id.like("OLD%"))
        .limit(1)
    )
    with quiet(old), old.core.db.read() as connection:
        return str(connection.execute(query).scalar_one())


def open_chat(old: Old) -> int:
    """The number of an open conversation of the first inbox."""
    query = sa.select(t.Conversation.display_id).where(
        t.Conversation.inbox_id == old.api.world.inbox_id,
        t.Conversation.status == "open",
        t.Conversation.display_id > 1000,
        t.Conversation.display_id < old.loaded.long_chat,
    )
    with quiet(old), old.core.db.read() as connection:
        return int(connection.execute(query.limit(1)).scalar_one())


def some_ids(old: Old) -> str:
    """Ids of conversations."""
    query = sa.select(t.Conversation.id).order_by(t.Conversation.id.desc()).limit(3)
    with quiet(old), old.core.db.read() as connection:
        return ",".join(map(str, connection.execute(query).scalars()))


def places(old: Old) -> list[Any]:
    """Two messages in the middle of the long thread."""
    query = (
        sa.select(t.Message.id, t.Message.sent_at)
        .join(t.Conversation, t.Conversation.id == t.Message.conversation_id)
        .where(t.Conversation.display_id == old.loaded.long_chat)
        .order_by(t.Message.id)
        .offset(SPREAD.messages // SPREAD.long_chat // 2)
        .limit(30)
    )
    with quiet(old), old.core.db.read() as connection:
        rows = connection.execute(query).all()
    return [rows[0], rows[-1]]


@contextmanager
def quiet(old: Old) -> Iterator[None]:
    """What the test itself asks is not looked at."""
    scene, old.watch.scene = old.watch.scene, ""
    yield
    old.watch.scene = scene


# --- what must hold ---------------------------------------------------------------------------------------------------

SCENES: tuple[Callable[[Old], None], ...] = (
    acknowledge,
    apply_events,
    merge_by_an_event,
    sweep,
    keep_house,
    send,
    list_by_api,
    list_by_dashboard,
    list_by_label,
    open_thread,
    page_by_api,
    page_by_dashboard,
    operations,
    search_messages,
    name_people,
)
#: Rows that a statement may touch in a table with thousands, and SQLite's steps for them.
MOST = {"postgresql": 600, "sqlite": 20_000}
#: How many times more it may be: the way to the conversations that have a label is as long as the label is rare, and
#: the newest messages are looked into for frequent words before all are for rare ones. There are few contacts.
MORE = {list_by_label: 4, search_messages: 2, name_people: 0.4}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_statements_touch_what_they_need(old: Old, scene: Callable[[Old], None]) -> None:
    bad = greedy(old, watched(old, scene), MORE.get(scene, 1))

    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    ("model", "index", "scene"),
    [
        (t.Message, "ix_messages_conversation_order", page_by_api),
        (t.Conversation, "ix_conversations_list_any", list_by_dashboard),
        (t.ContactIdentity, "ix_contact_identities_contact_id", open_thread),
        (t.Attachment, "ix_attachments_message_id", open_thread),
        (t.RawRequest, "ix_raw_requests_bodies", keep_house),
        (t.Contact, "ix_contacts_email", name_people),
        (t.Contact, "ix_contacts_identifier", name_people),
        (t.ReactionRow, "ix_reactions_contact_id", merge_by_an_event),
    ],
)
def test_a_missing_index_is_noticed(
    old: Old, model: Any, index: str, scene: Callable[[Old], None]
) -> None:
    dropped = next(one for one in model.__table__.indexes if one.name == index)
    with old.core.db.write("drop") as connection:
        dropped.drop(connection)
    try:
        bad = greedy(old, watched(old, scene), MORE.get(scene, 1))
    finally:
        with old.core.db.write("make again") as connection:
            dropped.create(connection)

    assert any(model.__tablename__ in told for told in bad)


def test_a_part_of_a_name_is_looked_for_in_contacts_only(old: Old) -> None:
    """No index finds parts of names: all contacts of the account are looked through, and nothing that grows faster."""
    seen = watched(old, search_people)

    assert any("FROM contacts" in one.statement for one in seen)
    assert not [str(one) for one in seen if one.scanned - {"contacts"}]
    most = 3 * SPREAD.contacts * {"postgresql": 1, "sqlite": 20}[old.core.db.engine.dialect.name]
    assert not [str(one) for one in seen if one.work > most]


def watched(old: Old, scene: Callable[[Old], None]) -> list[Seen]:
    """The statements of a scene."""
    old.watch.forget()
    old.scene(scene.__name__)
    try:
        scene(old)
    finally:
        old.scene("")
    assert any(name in one.statement for one in old.watch.seen for name in BIG)
    return list(old.watch.seen)


def greedy(old: Old, seen: list[Seen], more: float = 1) -> list[str]:
    """Those that read more than they need."""
    most = MOST[old.core.db.engine.dialect.name] * more
    bad = [one for one in seen if (one.scanned or one.work > most) and not is_count(one)]
    return list(dict.fromkeys(map(str, bad)))


def is_count(one: Seen) -> bool:
    """Counting looks at all that is counted; it may, in an index."""
    return one.index_only and "count(" in one.statement and not one.scanned
