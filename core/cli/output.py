"""What a command says: a table or lines for people, one JSON document for programs.

Owns: the options that every command has, and both forms of an answer. Must not know: what is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

#: Longest text in one cell of a table, in characters.
CELL = 60


@dataclass(slots=True)
class Invocation:
    """What the options that every command has were set to."""

    json: bool = False
    debug: bool = False
    data_dir: str | None = None


def invocation() -> Invocation:
    """Of the command that runs."""
    return click.get_current_context().ensure_object(Invocation)


def _kept(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Invocation), name, value)

    return keep


def process_options(command: Command) -> Command:
    """Give a command the options of every command: ``--data-dir`` and ``--debug``."""
    for name, more in (
        ("--debug", {"is_flag": True, "help": "Show tracebacks and more log lines."}),
        (
            "--data-dir",
            {"metavar": "DIR", "help": "Data folder; by default CHATPORT_DATA_DIR, or ./data."},
        ),
    ):
        key = name.removeprefix("--").replace("-", "_")
        option = click.option(name, expose_value=False, callback=_kept(key), **more)
        command = option(command)
    return command


def answering(command: Command) -> Command:
    """Give a command that answers and ends its options: ``--json`` as well."""
    option = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_kept("json"),
        help="Print one JSON document and nothing else.",
    )
    return process_options(option(command))


def answer(document: Mapping[str, Any], text: str | Iterable[str]) -> None:
    """Print an answer.

    :param document: for ``--json``; moments are written in ISO 8601.
    :param text: lines for people.
    """
    if invocation().json:
        click.echo(json.dumps(document, ensure_ascii=False, default=_as_json))
        return
    for line in [text] if isinstance(text, str) else text:
        click.echo(printable(line))


def note(text: str) -> None:
    """Tell a person something beside the answer."""
    click.echo(printable(text), err=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "") -> list[str]:
    """Lines of a table; ``empty`` where it has no rows."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells and empty:
        return [empty]
    whole = [list(heads), *cells]
    widths = [max(len(row[column]) for row in whole) for column in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in whole
    ]


def details(pairs: Mapping[str, Any]) -> list[str]:
    """Lines of one thing's details; what is empty is left out."""
    width = max((len(name) for name in pairs), default=0)
    return [
        f"{name.ljust(width)}  {_text(value)}"
        for name, value in pairs.items()
        if value not in (None, "", [], {})
    ]


def printable(text: str) -> str:
    """Text without characters that could steer a terminal: much of what is shown was written by strangers."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)


def _cell(value: Any) -> str:
    line = " ".join(printable(_text(value)).split())
    return line if len(line) <= CELL else line[: CELL - 1] + "…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_as_json)
    return str(value)


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
