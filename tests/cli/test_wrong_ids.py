"""What is not there: every command that takes an id says so with an exit code, and what to do, without a traceback."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from cli.shell import Installed
from cli.test_failures import leaves
from click.testing import CliRunner

from chatport.cli import main

#: For each command that names something: arguments that name what is not there.
NOT_THERE: dict[str, list[tuple[str, ...]]] = {
    "account suspend": [("99",)],
    "account resume": [("99",)],
    "user list": [("--account", "99")],
    "user create": [("eve@shop.test", "--no-password", "--account", "99")],
    "user password": [("eve@shop.test",)],
    "user reset-totp": [("eve@shop.test",)],
    "token list": [("--user", "eve@shop.test")],
    "token create": [("eve@shop.test",)],
    "token revoke": [("99",)],
    "channel list": [("--account", "99")],
    "channel add": [
        ("--provider", "fake", "--phone", "+6281100000010", "--name", "X", "--account", "99"),
        ("--provider", "telex", "--phone", "+6281100000010", "--name", "X"),
    ],
    "channel show": [("99",), ("+4915100000000",)],
    "channel test": [("99",), ("+4915100000000",)],
    "channel delete": [("99", "--yes"), ("+4915100000000", "--yes")],
    "events list": [("--account", "99"), ("--channel", "99")],
    "events show": [("99",)],
    "events replay": [
        ("99",),
        ("--state", "dead", "--account", "99"),
        ("--state", "dead", "--channel", "99"),
    ],
    "dead list": [("--account", "99")],
    "dead show": [("99",)],
    "dead replay": [("99",), ("--all", "--account", "99")],
    "dead discard": [("99",)],
    "message send": [
        ("--conversation", "99", "--text", "hello"),
        ("--conversation", "1", "--account", "99", "--text", "hello"),
        ("--channel", "99", "--to", "+4915112340001", "--text", "hello"),
    ],
}
#: Names of parameters that name something stored.
NAMING = ("account_id", "channel", "channel_", "conversation", "email", "token_ids")
NAMING = (*NAMING, "event_id", "event_ids", "letter_id", "letter_ids")
CASES = [(name, given) for name, all_given in NOT_THERE.items() for given in all_given]


def command(path: str) -> click.Command:
    found: click.Command = main
    for name in path.split():
        assert isinstance(found, click.Group)
        one = found.get_command(click.Context(found), name)
        assert one is not None
        found = one
    return found


def test_every_command_that_names_something_is_tried() -> None:
    naming = {
        path
        for path in map(" ".join, leaves(main))
        if any(parameter.name in NAMING for parameter in command(path).params)
    }
    assert naming == set(NOT_THERE)


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there_is_exit_code_4_and_says_what_to_do(
    installed: Installed, path: str
) -> None:
    for given in NOT_THERE[path]:
        result = installed.shell.run(*path.split(), *given)
        assert result.exit_code == 4, (given, result.output)
        error, action = result.stderr.strip().split("\n")
        assert error.startswith("Error: ") and len(error.split()) > 4
        assert len(action.split()) > 3
        assert result.stdout == "" and "Traceback" not in result.stderr
        document = installed.shell.json(*path.split(), *given, code=4)
        words = error.removeprefix("Error: ")
        assert document == {"error": words, "action": action, "exit_code": 4}


WRONG = ("abc", "0", "-1", "1.5", "\u0663", "9" * 19, "9" * 40)


@pytest.mark.parametrize(
    "path",
    [
        ("account", "suspend"),
        ("events", "show"),
        ("events", "list", "--before"),
        ("dead", "discard"),
        ("token", "revoke"),
        ("channel", "show"),
        ("message", "send", "--text", "x", "--conversation"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_an_id_is_wrong_usage(installed: Installed, path: tuple[str, ...]) -> None:
    *words, last = path
    for word in WRONG:
        given = (*words, f"{last}={word}") if last.startswith("--") else (*path, "--", word)
        result = installed.shell.run(*given)
        assert result.exit_code == 2, (word, result.output)
        assert result.stderr.startswith("Error: ") and "--help" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_folder_without_a_database_is_told_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, given in CASES:
        arguments = [*path.split(), *given, "--data-dir", str(tmp_path / "typo")]
        result = CliRunner().invoke(main, arguments, prog_name="chatport")
        assert result.exit_code == 3, (path, result.output)
        assert "there is no database" in result.stderr and "--data-dir" in result.stderr
    assert list(tmp_path.iterdir()) == []
