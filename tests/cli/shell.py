"""Running commands of ``chatport`` in a test's own process, and an installation for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner, Result
from services.fake_provider import FakeProvider

from chatport.cli import main
from chatport.context import Core
from chatport.db import tables as t
from chatport.db.types import utcnow
from chatport.db.upsert import insert
from chatport.settings import Settings

NUMBER = "+6281100000009"


@dataclass
class Shell:
    """Runs commands of ``chatport`` in a folder of its own."""

    folder: Path
    provider: FakeProvider

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """Run a command; whatever it raised but its own end is raised here."""
        result = CliRunner().invoke(main, arguments, input=stdin, prog_name="chatport")
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    def json(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Any:
        """The document that a command prints."""
        result = self.run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def core(self) -> Core:
        return Core.build(Settings.from_env(), pool_size=2)


@dataclass
class Installed:
    """A shell with account 1, its administrator and a channel."""

    shell: Shell
    core: Core
    account_id: int
    channel_id: int
    inbox_id: int

    def add(self, model: Any, **values: Any) -> int:
        with self.core.db.write("add") as connection:
            return insert(connection, model.__table__, values)

    def rows(self, model: Any, *where: Any) -> list[Any]:
        with self.core.db.read() as connection:
            return list(
                connection.execute(sa.select(model.__table__).where(*where).order_by(model.id))
            )

    def request(self, **values: Any) -> int:
        """A stored webhook request; returns its id."""
        given = {
            "account_id": self.account_id,
            "channel_id": self.channel_id,
            "received_at": utcnow(),
            "body": b'{"hello": "world"}',
            "headers": {"content-type": "application/json"},
            "state": "done",
            "items": [],
        }
        return self.add(t.RawRequest, **{**given, **values})

    def letter(self, subject_id: int, **values: Any) -> int:
        """A dead letter of a request; returns its id."""
        given = {
            "account_id": self.account_id,
            "channel_id": self.channel_id,
            "kind": "request",
            "subject_id": subject_id,
            "state": "dead",
            "error": "the body is not JSON",
            "action": "Look for a newer version.",
            "payload": {"body": "hello"},
        }
        return self.add(t.DeadLetter, **{**given, **values})
