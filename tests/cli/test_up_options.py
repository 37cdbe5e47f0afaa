"""What ``chatport up`` makes of its options, and what the single processes refuse."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from cli.shell import Installed, Shell

from chatport.cli.up import DEMO_EMAIL, load_demo, own_settings, up, with_demo_administrator
from chatport.errors import ConfigurationError
from chatport.settings import Settings


@pytest.fixture(autouse=True)
def _context(shell: Shell) -> Any:
    """The options are read in a command's context."""
    with up.make_context("up", []):
        yield


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 5000, "http://127.0.0.1:5000"),
        ("10.1.2.3", 80, "http://10.1.2.3:80"),
        ("0.0.0.0", 5000, "http://127.0.0.1:5000"),
        ("::1", 5000, "http://[::1]:5000"),
    ],
)
def test_public_address_is_the_one_listened_on(host: str, port: int, url: str) -> None:
    assert own_settings(host, port, None).public_url == url


def test_public_address_of_the_settings_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATPORT_PUBLIC_URL", "https://chat.example.com")
    assert own_settings("127.0.0.1", 5000, None).public_url == "https://chat.example.com"


def test_a_public_address_to_listen_on_needs_tls_or_consent() -> None:
    with pytest.raises(ConfigurationError, match="CHATPORT_PUBLIC_URL"):
        own_settings("8.8.8.8", 5000, None)


def test_workers_of_the_command_line_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATPORT_WORKERS", "5")
    assert own_settings("127.0.0.1", 5000, None).workers == 5
    assert own_settings("127.0.0.1", 5000, 3).workers == 3


def test_demo_without_the_test_kit_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationError, match="chatport_testkit is not installed") as caught:
        load_demo()
    assert "pip install chatport-testkit" in caught.value.action


def test_demo_administrator_is_the_same_on_each_start(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.from_env().with_own_key()
    first, second = with_demo_administrator(settings), with_demo_administrator(settings)
    assert first.bootstrap_email == DEMO_EMAIL
    assert first.bootstrap_password == second.bootstrap_password
    assert first.bootstrap_password is not None and len(first.bootstrap_password) == 16
    assert first.bootstrap_password in capsys.readouterr().out


def test_demo_keeps_the_administrator_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHATPORT_BOOTSTRAP_EMAIL", "ana@shop.test")
    monkeypatch.setenv("CHATPORT_BOOTSTRAP_PASSWORD", "correct horse")
    assert with_demo_administrator(Settings.from_env()).bootstrap_email == "ana@shop.test"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments", [("worker",), ("worker", "events"), ("stream",)])
def test_separate_processes_need_a_redis_of_their_own(
    installed: Installed, arguments: tuple[str, ...]
) -> None:
    result = installed.shell.run(*arguments)
    assert result.exit_code == 3
    assert "CHATPORT_REDIS_URL is not set" in result.stderr


@pytest.mark.parametrize("arguments", [("worker", "calls"), ("sweep",), ("stream",)])
def test_separate_processes_need_an_upgraded_database(
    shell: Shell, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_REDIS_URL", "redis://127.0.0.1:1/0")
    result = shell.run(*arguments)
    assert result.exit_code == 3
    assert "chatport db upgrade" in result.stderr


@pytest.mark.parametrize("arguments", [("worker", "everything"), ("up", "--port", "70000")])
def test_wrong_usage_exits_with_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run(*arguments).exit_code == 2
