"""The first administrator of an installation that ``chatport up`` did not start."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from cli.shell import Installed, Shell

from chatport.app import create_app
from chatport.context import Core
from chatport.db import migrate
from chatport.services import accounts, auth

PASSWORD = "correct horse"


@pytest.fixture
def empty(shell: Shell) -> Iterator[Core]:
    """A database without any user."""
    core = shell.core()
    migrate.upgrade(core.db)
    yield core
    core.close()


def test_setup_link_makes_the_first_administrator(shell: Shell, empty: Core) -> None:
    document = shell.json("setup", "link")
    assert document["setup_url"].startswith("http://127.0.0.1:5000/setup/")
    assert document["hours"] == 24
    client = create_app().test_client()
    path = urlsplit(document["setup_url"]).path
    assert client.get(path).status_code == 200
    token = path.rsplit("/", 1)[1]
    made = accounts.complete_setup(empty, token, email="a@shop.test", name="Ana", password=PASSWORD)
    assert made is not None
    signed_in = auth.check_password(empty, "a@shop.test", PASSWORD)
    assert signed_in is not None and signed_in.user_id == made


def test_setup_link_is_refused_when_there_is_a_user(installed: Installed) -> None:
    document = installed.shell.json("setup", "link", code=1)
    assert "users already" in document["error"]
    assert "chatport user password" in document["action"]


def test_a_link_ends_when_a_user_is_made_in_another_way(shell: Shell, empty: Core) -> None:
    token = shell.json("setup", "link")["setup_url"].rsplit("/", 1)[1]
    assert accounts.setup_open(empty, token)
    account = shell.json("account", "create", "Shop")["account_id"]
    shell.json("user", "create", "bob@shop.test", "--account", str(account), "--no-password")
    assert not accounts.setup_open(empty, token)
    who = {"email": "eve@shop.test", "name": "Eve", "password": PASSWORD}
    assert accounts.complete_setup(empty, token, **who) is None


@pytest.mark.usefixtures("empty")
def test_setup_link_makes_the_administrator_of_the_settings(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_BOOTSTRAP_EMAIL", "boss@shop.test")
    monkeypatch.setenv("CHATPORT_BOOTSTRAP_PASSWORD", PASSWORD)
    assert shell.json("setup", "link") == {"user_id": 1, "email": "boss@shop.test"}


def test_a_web_process_alone_makes_the_administrator_of_the_settings(
    empty: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_BOOTSTRAP_EMAIL", "boss@shop.test")
    monkeypatch.setenv("CHATPORT_BOOTSTRAP_PASSWORD", PASSWORD)
    client = create_app().test_client()
    assert client.get("/healthz").status_code == 200
    assert auth.check_password(empty, "boss@shop.test", PASSWORD) is None
    client.get("/login")
    assert auth.check_password(empty, "boss@shop.test", PASSWORD) is not None


@pytest.mark.usefixtures("empty")
def test_a_web_process_alone_says_how_to_get_the_link_and_not_the_link(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = create_app().test_client()
    for _ in range(3):
        client.get("/login")
    (line,) = [r for r in caplog.records if r.name == "chatport.services.first_start"]
    assert "`chatport setup link`" in line.getMessage() and line.levelname == "WARNING"
    assert "/setup/" not in caplog.text


def test_a_web_process_with_users_says_nothing(
    installed: Installed, caplog: pytest.LogCaptureFixture
) -> None:
    create_app().test_client().get("/login")
    assert [r for r in caplog.records if r.name == "chatport.services.first_start"] == []
    assert len(installed.shell.json("user", "list")["users"]) == 1


@pytest.mark.usefixtures("shell")
def test_a_web_process_without_tables_still_starts(caplog: pytest.LogCaptureFixture) -> None:
    client = create_app().test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "chatport db upgrade" in answer.get_data(as_text=True)
    assert [r for r in caplog.records if r.name == "chatport.services.first_start"] == []
