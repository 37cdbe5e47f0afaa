"""Providers come and go with pip alone: one of a third party, and one of this repository that shares code with another.

Each phase is one life of a real installation between ``pip install`` and ``pip uninstall``; nothing but pip and a
restart lies between two of them.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from installation import EMAIL, PASSWORD, Installation
from story.pip_environment import PipEnvironment
from story.steps import Chat, inbox_body, new_phone, wait_for_setup

from chatport_testkit.meta import GraphSimulator
from support import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]
JSON = dict[str, Any]

COMERS = ("chatport-echo", "chatport-whatsapp-cloud")
STAYS, COMES = {"dialog360"}, {"echo", "whatsapp_cloud"}
ECHO, CLOUD = "4930800000001", "15557001234"
APP_SECRET = "0123456789abcdef0123456789abcdef"
NUMBER_ID, ACCOUNT_ID = "109870000333444", "214700000111222"
GRAPH_TOKEN = "EAAGsimulated0token0of0a0system0user"


# --- the services -----------------------------------------------------------------------------------------------------


@dataclass
class Customer:
    """Somebody who writes through Echo."""

    echo: EchoService
    phone: str

    def text(self, text: str) -> str:
        """Write; the id of the message."""
        source_id = f"in-{next(self.echo.numbers)}"
        answer = self.echo.tell(
            type="message",
            id=source_id,
            at=int(time.time()),
            **{"from": self.phone, "text": text, "name": "Rina"},
        )
        assert answer.status_code == 200, answer.text
        return source_id


@dataclass
class EchoService:
    """The imaginary service of the example: its line, what it was asked to send, its webhooks."""

    address: str
    sent: list[JSON] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    webhook: str = ""
    secret: str = ""

    def tell(self, secret: str = "", **event: Any) -> requests.Response:
        """Send an event as Echo does, signed."""
        body = json.dumps({"line": ECHO, "events": [event]}).encode()
        digest = hmac.new((secret or self.secret).encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Echo-Signature": f"sha256={digest}", "Content-Type": "application/json"}
        return requests.post(self.webhook, data=body, headers=headers, timeout=10)


@contextmanager
def echo_service() -> Iterator[EchoService]:
    """Echo on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"number": f"+{ECHO}"})

        def do_POST(self) -> None:
            made.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer({"id": f"out-{len(made.sent)}"})

        def _answer(self, body: JSON) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = EchoService(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


# --- one life of the installation -------------------------------------------------------------------------------------


@dataclass
class Shop:
    """An installation, the environment that it runs in, and the services that it talks to."""

    pip: PipEnvironment
    chatport: Installation
    echo: EchoService
    graph: GraphSimulator
    inboxes: dict[str, JSON] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)

    def body(self, provider: str) -> JSON:
        """A request for an inbox with this provider."""
        if provider == "echo":
            return inbox_body("echo", ECHO, url=self.echo.address, token="a-long-token")
        return inbox_body(
            provider,
            CLOUD,
            api_key=GRAPH_TOKEN,
            phone_number_id=NUMBER_ID,
            business_account_id=ACCOUNT_ID,
            app_secret=APP_SECRET,
            api_base_url=self.graph.url,
        )

    @contextmanager
    def running(self) -> Iterator[Seen]:
        """Start it, and see what its surfaces show; end it afterwards."""
        self.chatport.start()
        try:
            yield seen(self)
        finally:
            self.chatport.stop()


@dataclass
class Seen:
    """What the surfaces of one life show, and what came of the steps in it."""

    plugins: JSON  #: ``chatport plugins --json``, by name
    providers: JSON  #: the API's list, by key
    pages: dict[str, requests.Response]
    notes: JSON = field(default_factory=dict)
    log: str = ""

    def page(self, name: str) -> str:
        assert self.pages[name].status_code == 200, (name, self.pages[name].status_code)
        return self.pages[name].text


def seen(shop: Shop) -> Seen:
    chatport = shop.chatport
    pages = ["providers", "channels", "channels/add"]
    pages += [f"channels/add?provider={key}" for key in sorted(COMES)]
    for inbox in shop.inboxes.values():
        own = f"channels/{inbox['id']}"
        parts = ("", "/configuration", "/templates", "/behaviour", "/agents", "/setup", "/evidence")
        pages += [own + part for part in parts]
    pages += [f"conversations/{one.conversation()['id']}" for one in shop.chats.values()]
    return Seen(
        {one["name"]: one for one in shop.pip.chatport("plugins")["plugins"]},
        {one["key"]: one for one in chatport.get("/providers")["payload"]},
        read_pages(chatport, pages),
    )


def read_pages(chatport: Installation, names: list[str]) -> dict[str, requests.Response]:
    """Pages of the dashboard, as the administrator sees them."""
    with requests.Session() as browser:
        login = browser.get(f"{chatport.url}/login", timeout=10)
        token = re.search(r'name="csrf_token" value="([^"]+)"', login.text)
        assert token, login.text
        form = {"csrf_token": token[1], "email": EMAIL, "password": PASSWORD}
        browser.post(f"{chatport.url}/login", data=form, timeout=10).raise_for_status()
        base = f"{chatport.url}/app/accounts/1"
        return {name: browser.get(f"{base}/{name}", timeout=10) for name in names}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose environment holds Chatport and 360dialog's provider."""
    pip = PipEnvironment(tmp_path_factory.mktemp("by_pip"))
    pip.create()
    pip.install("chatport-meta", "chatport-dialog360")
    chatport = Installation(
        Path(pip.folder / "data"), environment={"PYTHONPATH": ""}, python=pip.python
    )
    graph = GraphSimulator(
        display_phone_number=CLOUD,
        token=GRAPH_TOKEN,
        app_secret=APP_SECRET,
        phone_number_id=NUMBER_ID,
        waba_id=ACCOUNT_ID,
        tick="manual",
    )
    with echo_service() as echo, graph:
        yield Shop(pip, chatport, echo, graph)


@pytest.fixture(scope="module")
def before(shop: Shop) -> Seen:
    """Neither is installed; an administrator tries them all the same."""
    with shop.running() as made:
        for key in sorted(COMES):
            made.notes[key] = shop.chatport.call("POST", "/inboxes", json=shop.body(key))
    return made


@pytest.fixture(scope="module")
def installed(shop: Shop, before: Seen) -> Seen:
    """Both are installed: an inbox of each, a question, an answer."""
    shop.pip.install(*COMERS)
    with shop.running() as made:
        for key in sorted(COMES):
            shop.inboxes[key] = shop.chatport.post("/inboxes", shop.body(key))
        shop.echo.webhook = shop.inboxes["echo"]["callback_webhook_url"]
        shop.echo.secret = shop.inboxes["echo"]["generated_secrets"]["webhook_secret"]
        wait_for_setup(shop.chatport, shop.inboxes["whatsapp_cloud"])
        people = {
            "echo": Customer(shop.echo, new_phone()),
            "whatsapp_cloud": shop.graph.customer(new_phone(), "Ana"),
        }
        for key, person in people.items():
            shop.chats[key] = Chat(shop.chatport, person)
            made.notes[key] = shop.chats[key].arrived(person.text("hola"))
            shop.chats[key].taken(shop.chats[key].say("buenas"))
    return made


@pytest.fixture(scope="module")
def removed(shop: Shop, installed: Seen) -> Seen:
    """Both are uninstalled; customers go on writing, an agent tries to answer."""
    shop.pip.uninstall(*COMERS)
    with shop.running() as made:
        for key, chat in shop.chats.items():
            source_id = chat.customer.text("¿hay alguien?")
            inbox = shop.inboxes[key]["id"]
            made.notes[key] = {
                "source_id": source_id,
                "inbox": shop.chatport.get(f"/inboxes/{inbox}"),
                "health": shop.chatport.get(f"/inboxes/{inbox}/health"),
                "answer": chat.refused("¡sí!"),
                "texts": [one["content"] for one in chat.messages()],
                "change": shop.chatport.call(
                    "PATCH",
                    f"/inboxes/{inbox}",
                    json={"channel": {"provider_config": {"token": "another-token"}}},
                ),
            }
        made.notes["forged"] = shop.echo.tell(secret="wrong", type="message")
        made.notes["parked"] = eventually(lambda: parked(shop), timeout=20)
    made.log = shop.chatport.log
    return made


def parked(shop: Shop) -> Any:
    """The requests that are kept, when there is one of each inbox."""
    listed = shop.chatport.get("/events", state="parked")["payload"]
    return listed if len({one["inbox_id"] for one in listed}) == len(COMES) else None


@pytest.fixture(scope="module")
def back(shop: Shop, removed: Seen) -> Seen:
    """Both are installed again; what was kept is read, and an agent answers."""
    shop.pip.install(*COMERS)
    with shop.running() as made:
        for key, chat in shop.chats.items():
            arrived = chat.arrived(removed.notes[key]["source_id"])
            made.notes[key] = (arrived, chat.taken(chat.say("¡sí!")))
    return made


# --- what each life shows ---------------------------------------------------------------------------------------------


def test_provider_that_is_not_installed_is_nowhere(before: Seen) -> None:
    assert (set(before.plugins), set(before.providers)) == (STAYS, STAYS)
    for name in ("providers", "channels/add"):
        assert "360dialog" in before.page(name)
        assert "chatport-echo" not in before.page(name)
        assert "provider=echo" not in before.page(name)
        assert "provider=whatsapp_cloud" not in before.page(name)
    for key in COMES:
        assert before.pages[f"channels/add?provider={key}"].status_code == 404


@pytest.mark.parametrize("key", sorted(COMES))
def test_inbox_of_a_provider_that_is_not_installed_is_refused(before: Seen, key: str) -> None:
    answer = before.notes[key]

    assert answer.status_code == 422
    assert key in answer.json()["error"]


def test_pip_install_puts_a_provider_on_every_surface(installed: Seen) -> None:
    assert set(installed.plugins) == set(installed.providers) == STAYS | COMES
    assert all(one["usable"] for one in installed.plugins.values())
    echo = installed.providers["echo"]
    assert (echo["title"], echo["distribution"], echo["allowed"]) == ("Echo", "chatport-echo", True)
    for name in ("providers", "channels/add"):
        assert "provider=echo" in installed.page(name)
        assert "provider=whatsapp_cloud" in installed.page(name)


def test_pip_install_brings_the_providers_form(installed: Seen) -> None:
    echo = [one["name"] for one in installed.providers["echo"]["form"]]
    cloud = [one["name"] for one in installed.providers["whatsapp_cloud"]["form"]]

    assert echo == ["url", "token", "webhook_secret"]
    assert {"api_key", "phone_number_id", "business_account_id", "app_secret"} <= set(cloud)
    assert "Address of Echo" in installed.page("channels/add?provider=echo")
    assert 'app_secret"' in installed.page("channels/add?provider=whatsapp_cloud")


@pytest.mark.parametrize("key", sorted(COMES))
def test_new_provider_carries_messages_both_ways(shop: Shop, installed: Seen, key: str) -> None:
    assert installed.notes[key]["content"] == "hola"
    taken = [one["text"] for one in shop.echo.sent]
    if key == "whatsapp_cloud":
        taken = [one.text for one in shop.graph.sent]
    assert taken[:1] == ["buenas"]


def test_pip_uninstall_takes_a_provider_off_every_surface(removed: Seen) -> None:
    assert (set(removed.plugins), set(removed.providers)) == (STAYS, STAYS)
    assert removed.plugins["dialog360"]["usable"]
    for name in ("providers", "channels/add"):
        assert "provider=echo" not in removed.page(name)
    for key in COMES:
        assert removed.pages[f"channels/add?provider={key}"].status_code == 404


@pytest.mark.parametrize("key", sorted(COMES))
def test_channel_whose_provider_is_gone_is_shown_as_such(
    shop: Shop, removed: Seen, key: str
) -> None:
    note, inbox = removed.notes[key], shop.inboxes[key]["id"]

    assert (note["inbox"]["provider"], note["inbox"]["features"]) == (key, None)
    assert f"pip install chatport-{key.replace('_', '-')}" in note["health"]["action"]
    assert f"The provider {key} is missing" in removed.page("providers")
    assert f"The provider “{key}” is not there" in removed.page(f"channels/{inbox}")


@pytest.mark.parametrize("key", sorted(COMES))
def test_answer_through_a_provider_that_is_gone_is_refused(removed: Seen, key: str) -> None:
    note = removed.notes[key]

    assert note["answer"]["code"] == "provider_missing"
    assert "pip install" in note["answer"]["action"]
    assert note["texts"] == ["hola", "buenas"]
    assert note["change"].status_code == 422


def test_webhooks_of_a_provider_that_is_gone_are_kept(removed: Seen) -> None:
    requests_kept = removed.notes["parked"]

    assert len(requests_kept) == len(COMES)
    assert all("is not available" in one["reason"] for one in requests_kept)
    assert removed.notes["forged"].status_code == 401


def test_nothing_crashes_while_a_provider_is_gone(removed: Seen) -> None:
    broken = {
        name: one.status_code for name, one in removed.pages.items() if one.status_code >= 500
    }

    assert broken == {}
    assert "Traceback" not in removed.log


@pytest.mark.parametrize("key", sorted(COMES))
def test_provider_that_is_back_reads_what_was_kept(back: Seen, key: str) -> None:
    arrived, answer = back.notes[key]

    assert set(back.plugins) == set(back.providers) == STAYS | COMES
    assert arrived["content"] == "¿hay alguien?"
    assert answer["source_id"]
