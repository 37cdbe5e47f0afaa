"""How a failure is told, and with which exit code.

Owns: the exit codes, the words on standard error, the JSON document of a failure. Must not know: any command.
No traceback reaches a person, except with ``--debug``: it would hide what to do, and could hold what is secret.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NoReturn

import click
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import ChatportError, ConfigInvalid, ConfigurationError, HookTimeout
from ..services.outbox.errors import NotFound
from .output import printable


class ExitCode(IntEnum):
    """Exit codes of ``chatport``; stable, since scripts depend on them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_FOUND = 4


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of an error."""

    message: str
    action: str
    code: ExitCode
    fields: dict[str, list[str]] | None = None

    def document(self) -> dict[str, Any]:
        """For ``--json``."""
        document: dict[str, Any] = {
            "error": self.message,
            "action": self.action,
            "exit_code": int(self.code),
        }
        return document if self.fields is None else {**document, "fields": self.fields}


def missing(what: str, action: str = "") -> NotFound:
    """The error of something that does not exist; exit code 4."""
    error = NotFound(what)
    error.action = action
    return error


def told(error: BaseException) -> Failure:
    """What is told of an error."""
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "chatport"
        return Failure(error.format_message(), f"Look at: {command} --help", ExitCode.USAGE)
    if isinstance(error, click.ClickException):
        return Failure(error.format_message(), "", ExitCode.FAILED)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return Failure("Ended before it was done.", "Run it again.", ExitCode.FAILED)
    if isinstance(error, ConfigurationError):
        return Failure(str(error), error.action, ExitCode.CONFIGURATION)
    if isinstance(error, NotFound):
        return Failure(str(error), error.action, ExitCode.NOT_FOUND)
    if isinstance(error, ConfigInvalid):
        action = error.action or "Correct what is named, and run it again."
        return Failure(str(error), action, ExitCode.FAILED, error.fields)
    if isinstance(error, ChatportError):
        return Failure(str(error), error.action, ExitCode.FAILED)
    if isinstance(error, HookTimeout):
        return Failure(
            f"The provider's plugin did not answer in time ({error}).",
            "See whether its service answers; CHATPORT_HOOK_TIME_LIMIT sets the limit.",
            ExitCode.FAILED,
        )
    if isinstance(error, SQLAlchemyError):
        return Failure(
            f"The database does not work: {_database_words(error)}",
            "See that CHATPORT_DATABASE_URL is right and the database runs and has space.",
            ExitCode.FAILED,
        )
    return Failure(
        f"Something went wrong that should not ({type(error).__name__}).",
        "Run it again with --debug, and report what it shows after taking out what is private.",
        ExitCode.FAILED,
    )


def _database_words(error: SQLAlchemyError) -> str:
    """The database's own words, without the statement and its values."""
    if isinstance(error, DBAPIError) and str(error.orig).strip():
        return str(error.orig).strip().splitlines()[0]
    return type(error).__name__


def end(failure: Failure, *, as_json: bool) -> NoReturn:
    """Tell a failure and end the process with its exit code."""
    if as_json:
        click.echo(json.dumps(failure.document(), ensure_ascii=False))
    else:
        click.echo(f"Error: {printable(failure.message)}", err=True)
        if failure.action:
            click.echo(printable(failure.action), err=True)
    sys.exit(failure.code)
