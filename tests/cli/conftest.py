"""An installation that the commands find by their settings: real SQLite, a provider of our own, no Redis."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.shell import NUMBER, Installed, Shell
from services.fake_provider import FakeProvider

from chatport.db import migrate
from chatport.plugins.registry import Registry
from chatport.services import accounts, inboxes


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a command makes of this process's logging ends with its test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder without a database."""
    provider = FakeProvider()
    registry = Registry.from_modules({"fake": provider})
    monkeypatch.setattr(Registry, "load", lambda settings: registry)
    monkeypatch.setenv("CHATPORT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, provider)


@pytest.fixture
def installed(shell: Shell) -> Iterator[Installed]:
    """An account with an administrator and a channel."""
    core = shell.core()
    migrate.upgrade(core.db)
    account_id = accounts.create_account(core, "Shop")
    accounts.create_user(
        core,
        account_id=account_id,
        email="ana@shop.test",
        name="Ana",
        role="administrator",
        password="correct horse",
    )
    made = inboxes.create_inbox(
        core,
        account_id=account_id,
        name="Sales",
        provider="fake",
        phone_number=NUMBER,
        provider_config={"webhook_verify_token": "s3cret"},
    )
    yield Installed(shell, core, account_id, made.channel_id, made.inbox_id)
    core.close()
