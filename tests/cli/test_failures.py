"""Exit codes, words of failures, and the one JSON document."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from chatport.cli import main
from chatport.cli.failures import ExitCode, told
from chatport.cli.program import Program
from chatport.errors import ConfigInvalid, ConfigurationError, ContentRefused, HookTimeout
from chatport.services.outbox import NotFound


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command, here = group.get_command(context, name), (*path, name)
        found += leaves(command, here) if isinstance(command, click.Group) else [here]
    return found


RUNNING = [("up",), ("worker",), ("sweep",), ("stream",)]


@pytest.mark.parametrize("path", leaves(main), ids=" ".join)
def test_every_command_has_help_and_the_common_options(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"], prog_name="chatport")
    assert result.exit_code == 0
    assert "--data-dir" in result.output and "--debug" in result.output
    assert ("--json" in result.output) is (path not in RUNNING)


def test_help_documents_the_exit_codes() -> None:
    result = CliRunner().invoke(main, ["--help"], prog_name="chatport")
    for line in ("0  done", "1  failed", "2  wrong usage", "3  the config", "4  there is no"):
        assert line in result.output


@pytest.mark.parametrize(
    ("error", "code", "message", "action"),
    [
        (ConfigurationError("no key", action="Set it."), 3, "no key", "Set it."),
        (ContentRefused("too long", action="Shorten it."), 1, "too long", "Shorten it."),
        (NotFound("There is no such inbox."), 4, "There is no such inbox.", ""),
        (ConfigInvalid({"name": ["Needed."]}, action="Give one."), 1, "name: Needed.", "Give one."),
        (click.UsageError("no such option"), 2, "no such option", "Look at: chatport --help"),
    ],
)
def test_told_keeps_message_action_and_code(
    error: Exception, code: int, message: str, action: str
) -> None:
    failure = told(error)
    assert (failure.code, failure.message, failure.action) == (code, message, action)


def test_told_database_error_hides_statement_and_values() -> None:
    error = sa.exc.OperationalError(
        "INSERT INTO users VALUES (?)", ("hunter2",), RuntimeError("database is locked")
    )
    failure = told(error)
    assert failure.message == "The database does not work: database is locked"
    assert failure.code == ExitCode.FAILED


def test_told_unforeseen_error_hides_its_words() -> None:
    failure = told(ValueError("https://user:hunter2@host/"))
    assert "hunter2" not in failure.message + failure.action
    assert "ValueError" in failure.message and "--debug" in failure.action


def _program(error: BaseException) -> click.Group:
    program = Program("program")

    @program.command()
    @click.option("--debug", is_flag=True)
    @click.option("--json", "as_json", is_flag=True)
    def fail(debug: bool, as_json: bool) -> None:
        raise error

    return program


def _run(error: BaseException, *arguments: str) -> Any:
    return CliRunner().invoke(_program(error), ["fail", *arguments])


def test_failure_goes_to_standard_error_without_traceback() -> None:
    result = _run(ConfigurationError("no key", action="Set it."))
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "Error: no key\nSet it.\n"


def test_failure_with_debug_shows_the_traceback() -> None:
    result = _run(ValueError("why"), "--debug")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr and "ValueError: why" in result.stderr


def test_failure_with_json_is_one_document() -> None:
    result = _run(ConfigInvalid({"phone": ["Taken."]}, action="Use another."), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "error": "phone: Taken.",
        "action": "Use another.",
        "exit_code": 1,
        "fields": {"phone": ["Taken."]},
    }


def test_failure_of_a_plugin_that_hangs_is_told() -> None:
    result = _run(HookTimeout("more than 30 seconds"))
    assert result.exit_code == 1
    assert "did not answer in time" in result.stderr


def test_interrupt_is_told_in_a_sentence() -> None:
    result = _run(KeyboardInterrupt())
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr


def test_wrong_usage_with_json_is_a_document_and_code_2() -> None:
    result = CliRunner().invoke(main, ["dead", "show", "many", "--json"], prog_name="chatport")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["exit_code"] == 2


def test_failure_cannot_steer_the_terminal() -> None:
    result = _run(ContentRefused("bad \x1b[2J text"))
    assert "\x1b" not in result.stderr


def test_a_command_that_does_not_exist_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["fly"], prog_name="chatport")
    assert result.exit_code == 2
    assert "fly" in result.stderr
