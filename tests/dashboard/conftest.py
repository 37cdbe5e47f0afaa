"""An installation with a dashboard: real database, real sessions, a provider that records, and a browser."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from services.fake_provider import FEATURES, FakeProvider

import chatport_dashboard
from chatport.channels import MediaLimit
from chatport.context import Core
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.upsert import insert
from chatport.messages import MediaKind
from chatport.notices import Notice, NoticeKind
from chatport.plugins.registry import Registry
from chatport.runtime.bridge import WsgiBridge
from chatport.runtime.stream import PATH, EventStream
from chatport.services import accounts
from chatport.settings import Settings
from chatport_dashboard import limits
from support import eventually

PASSWORD = "correct horse battery"
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
WIDE = replace(
    FEATURES,
    max_text=4096,
    max_caption=1024,
    media={
        MediaKind.IMAGE: MediaLimit(5_000_000, ("image/jpeg", "image/png")),
        MediaKind.VIDEO: MediaLimit(16_000_000, ("video/mp4",)),
        MediaKind.AUDIO: MediaLimit(16_000_000, ("audio/mpeg", "audio/ogg")),
        MediaKind.VOICE: MediaLimit(16_000_000, ("audio/ogg",), caption=False),
        MediaKind.DOCUMENT: MediaLimit(100_000_000),
    },
)


@dataclass
class Site:
    """A dashboard over a new database."""

    core: Core
    app: Flask
    provider: FakeProvider
    account_id: int = 0
    admin_id: int = 0
    agent_id: int = 0
    inbox_id: int = 0
    channel_id: int = 0
    numbers: int = 0
    clients: list[FlaskClient] = field(default_factory=list)

    # --- people -------------------------------------------------------------------------------------------------------

    def sign_in(self, email: str, password: str = PASSWORD) -> Browser:
        """A browser that has signed in through the form."""
        browser = Browser(self.app.test_client())
        answer = browser.post("/login", email=email, password=password)
        assert answer.status_code == 303, answer.text
        return browser

    @property
    def admin(self) -> Browser:
        return self.sign_in("ana@shop.test")

    @property
    def agent(self) -> Browser:
        return self.sign_in("budi@shop.test")

    # --- rows ---------------------------------------------------------------------------------------------------------

    def add(self, table: Any, **values: Any) -> int:
        with self.core.db.write("seed") as connection:
            return insert(connection, table.__table__, values)

    def rows(self, table: Any, *where: Any) -> list[Any]:
        with self.core.db.read("look") as connection:
            query = sa.select(table.__table__).where(*where).order_by(table.id)
            return list(connection.execute(query))

    def one(self, table: Any, *where: Any) -> Any:
        (row,) = self.rows(table, *where)
        return row

    def set(self, table: Any, *where: Any, **values: Any) -> None:
        with self.core.db.write("set") as connection:
            connection.execute(sa.update(table).where(*where).values(**values))

    def inbox(self, name: str, number: str) -> tuple[int, int]:
        channel_id = self.add(
            t.Channel,
            account_id=self.account_id,
            phone_number=number,
            provider="fake",
            provider_secrets=self.core.vault.seal({"webhook_verify_token": "s"}),
            auth_secrets=self.core.vault.seal({"webhook": ["s"]}),
            connection="connected",
        )
        inbox_id = self.add(t.Inbox, account_id=self.account_id, channel_id=channel_id, name=name)
        return inbox_id, channel_id

    def contact(self, name: str, number: str = "", **values: Any) -> int:
        contact_id = self.add(
            t.Contact,
            account_id=self.account_id,
            name=name,
            **{"phone_number": f"+{number}" if number else None, **values},
        )
        if number:
            self.add(
                t.ContactIdentity,
                account_id=self.account_id,
                contact_id=contact_id,
                kind="phone",
                value=number,
            )
        return contact_id

    def chat(
        self, name: str = "Rina", number: str = "", *, inbox_id: int = 0, **values: Any
    ) -> Chat:
        """A contact with a conversation."""
        self.numbers += 1
        number = number or f"62812900{self.numbers:05d}"
        kind = values.pop("kind", "person")
        contact_id = self.contact(name, "" if kind == "group" else number, kind=kind)
        inbox = inbox_id or self.inbox_id
        self.add(
            t.ContactInbox,
            contact_id=contact_id,
            inbox_id=inbox,
            source_id=number,
            window_from=values.pop("window_from", utcnow()),
        )
        row_id = self.add(
            t.Conversation,
            **{
                "account_id": self.account_id,
                "inbox_id": inbox,
                "contact_id": contact_id,
                "display_id": self.numbers,
                "uuid": f"u{self.numbers}",
                "last_activity_at": utcnow(),
                **values,
            },
        )
        self.set(t.Account, t.Account.id == self.account_id, last_display_id=self.numbers)
        return Chat(self, row_id, self.numbers, contact_id, inbox)

    def tell(
        self, kind: NoticeKind, chat: Chat, message_id: int | None = None, **data: Any
    ) -> None:
        """Publish a notice as the pipeline does."""
        self.core.publish(
            [
                Notice(
                    kind,
                    self.account_id,
                    inbox_id=chat.inbox_id,
                    conversation_id=chat.id,
                    message_id=message_id,
                    data=data,
                )
            ]
        )

    def features(self, **changes: Any) -> None:
        """Change what the provider declares."""
        info = self.provider.PROVIDER
        self.provider.PROVIDER = replace(info, features=replace(info.features, **changes))
        self.core.plugins = Registry.from_modules({"fake": self.provider})


@dataclass
class Chat:
    """A conversation of a :class:`Site`."""

    site: Site
    id: int
    number: int
    contact_id: int
    inbox_id: int

    @property
    def path(self) -> str:
        return f"/app/accounts/{self.site.account_id}/conversations/{self.number}"

    @property
    def row(self) -> Any:
        return self.site.one(t.Conversation, t.Conversation.id == self.id)

    def message(self, content: str | None = "hello", **values: Any) -> int:
        """A message; incoming unless ``message_type`` says otherwise."""
        number = len(self.site.rows(t.Message)) + 1
        out = values.get("message_type", "incoming") != "incoming"
        return self.site.add(
            t.Message,
            **{
                "account_id": self.site.account_id,
                "inbox_id": self.inbox_id,
                "conversation_id": self.id,
                "message_type": "incoming",
                "content": content,
                "status": "sent" if out else "received",
                "source_id": f"WA{number}",
                "item_key": None if out else f"m:{number}",
                "sender_contact_id": None if out else self.contact_id,
                "sent_at": utcnow(),
                **values,
            },
        )

    def ours(self, content: str | None = "hi", **values: Any) -> int:
        return self.message(
            content,
            **{"message_type": "outgoing", "sender_user_id": self.site.admin_id, **values},
        )

    def file(self, message_id: int, kind: str, data: bytes, name: str, content_type: str) -> int:
        stored = self.site.core.storage.save([data], max_bytes=10_000_000)
        return self.site.add(
            t.Attachment,
            account_id=self.site.account_id,
            message_id=message_id,
            kind=kind,
            state="ready",
            filename=name,
            content_type=content_type,
            size=stored.size,
            sha256=stored.sha256,
            storage_key=stored.key,
        )


class Browser:
    """A client that keeps cookies and sends our token with every form."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, *, fragment: bool = False, **query: Any) -> Any:
        headers = {"HX-Request": "true"} if fragment else {}
        return self.client.get(path, query_string=query or None, headers=headers)

    def token(self) -> str:
        for path in ("/app/profile", "/login"):
            found = re.search(r'name="csrf" content="([^"]+)"', self.client.get(path).text)
            if found:
                return found[1]
        raise AssertionError("no page has a token")

    def post(self, path: str, *, fragment: bool = False, **values: Any) -> Any:
        headers = {"HX-Request": "true"} if fragment else {}
        return self.client.post(path, data={"csrf_token": self.token(), **values}, headers=headers)


def make_site(folder: Path, redis_url: str | None = None, prefix: str = "chatport") -> Site:
    """A shop with an administrator, an agent who is a member of the first inbox, and that inbox."""
    given = {"CHATPORT_DATA_DIR": str(folder), "CHATPORT_QUEUE_PREFIX": prefix}
    if redis_url:
        given["CHATPORT_REDIS_URL"] = redis_url
    provider = FakeProvider(WIDE)
    plugins = Registry.from_modules({"fake": provider})
    core = Core.build(Settings.from_env(given), plugins=plugins)
    t.Base.metadata.create_all(core.db.engine)
    app = Flask("test")
    chatport_dashboard.register(app, lambda: core)
    site = Site(core, app, provider)
    site.account_id = accounts.create_account(core, "Shop")
    for name, role in (("Ana", "administrator"), ("Budi", "agent")):
        user_id = accounts.create_user(
            core,
            account_id=site.account_id,
            email=f"{name.lower()}@shop.test",
            name=name,
            role=role,
            password=PASSWORD,
        )
        setattr(site, "admin_id" if role == "administrator" else "agent_id", user_id)
    site.inbox_id, site.channel_id = site.inbox("Sales", "+6281100000009")
    site.add(t.InboxMember, inbox_id=site.inbox_id, user_id=site.agent_id)
    return site


@pytest.fixture(autouse=True)
def _no_attempts_of_other_tests() -> None:
    limits._local.clear()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path)
    yield made
    made.core.close()


@pytest.fixture
def stranger(site: Site) -> Browser:
    """A browser without login."""
    return Browser(site.app.test_client())


# --- a real browser ---------------------------------------------------------------------------------------------------


class Server:
    """Serves a site with its event stream on loopback, from a thread."""

    def __init__(self, site: Site, port: int) -> None:
        self.site = site
        self.port = port
        self.stream_open = True
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)

    def _run(self) -> None:
        from granian.constants import Interfaces
        from granian.server.embed import Server as Granian

        asyncio.set_event_loop(self._loop)
        stream = EventStream(self.site.core)
        bridge = WsgiBridge(self.site.app, threads=8, max_body_bytes=50_000_000)

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            if PATH.fullmatch(scope["path"]):
                if not self.stream_open:
                    await send({"type": "http.response.start", "status": 503, "headers": []})
                    await send({"type": "http.response.body", "body": b""})
                    return
                await stream(scope, receive, send)
            else:
                await bridge(scope, receive, send)

        self._server = Granian(
            serve, address="127.0.0.1", port=self.port, interface=Interfaces.ASGINL
        )
        self._loop.call_later(0.5, self._ready.set)
        self._loop.run_until_complete(self._server.serve())
        # As the process does when it ends: what is left behind would be collected in the middle of another test.
        self._loop.run_until_complete(stream.close())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.close()


@pytest.fixture
def live_site(tmp_path: Path, valkey_url: str) -> Iterator[Site]:
    """A site with a live stream."""
    made = make_site(tmp_path, valkey_url, prefix=f"t{tmp_path.name[-12:]}".replace("-", "_"))
    yield made
    made.core.close()


@pytest.fixture
def server(live_site: Site) -> Iterator[Server]:
    from installation import free_port

    with Server(live_site, free_port()) as running:
        yield running


class Desk:
    """A signed-in browser window."""

    def __init__(self, chromium: Any, server: Any, email: str, **options: Any) -> None:
        self.server = server
        self.context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{server.url}/login")
        self.page.fill("[name=email]", email)
        self.page.fill("[name=password]", "correct horse battery")
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url("**/app/**")

    def open(self, path: str) -> None:
        """Show a page and wait until its stream is open."""
        with self.page.expect_response(lambda r: r.url.endswith("/stream")):
            self.page.goto(self.server.url + path)
        self.page.wait_for_timeout(200)
        self.page.evaluate("window.untouched = true")

    def expect(self, selector: str, text: str = "", *, count: int | None = None) -> Any:
        found = self.page.locator(selector)
        if text:
            found = found.filter(has_text=re.compile(text))
        if count is not None:
            eventually(
                lambda: found.count() == count, 8, message=lambda: self.page.content()[-2000:]
            )
        else:
            found.first.wait_for(state="visible", timeout=8000)
        return found

    def was_not_reloaded(self) -> bool:
        return bool(self.page.evaluate("window.untouched === true"))

    def close(self) -> None:
        assert self.errors == []
        self.context.close()


@pytest.fixture
def desks(chromium: Any, server: Any) -> Iterator[Any]:
    opened: list[Desk] = []

    def open_desk(email: str = "ana@shop.test", **options: Any) -> Desk:
        opened.append(Desk(chromium, server, email, **options))
        return opened[-1]

    yield open_desk
    for desk in opened:
        desk.close()


YESTERDAY = timedelta(days=1)
