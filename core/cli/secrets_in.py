"""How secrets come in: from a file, standard input, a prompt without echo, or a variable of the environment.

Owns: reading them. Must not know: what they are for. Never from an argument: the arguments of a process can be read by
every user of the machine, and stay in the shell's history.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

#: The most that is read of a secret or a configuration, in characters.
LIMIT = 1_000_000


def read_text(source: str) -> str:
    """The text of a file; ``-`` is standard input.

    :raises click.ClickException: not readable; its content is never repeated.
    """
    shown = "standard input" if source == "-" else source
    try:
        if source == "-":
            return sys.stdin.read(LIMIT)
        with Path(source).open(encoding="utf-8") as file:
            return file.read(LIMIT)
    except OSError as error:
        raise click.ClickException(f"{shown} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{shown} is not UTF-8 text") from None


def read_object(source: str) -> dict[str, Any]:
    """The JSON object of a file; ``-`` is standard input.

    :raises click.ClickException: not a JSON object; says where, never what stands there.
    """
    shown = "standard input" if source == "-" else source
    try:
        found = json.loads(read_text(source))
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise click.ClickException(
            f'{shown} is not JSON{where}; write an object such as {{"api_key": "…"}}'
        ) from None
    if not isinstance(found, dict):
        raise click.ClickException(f"{shown} holds no JSON object")
    return found


def read_secret(source: str) -> str:
    """One secret: the first line of a file, without its line break; ``-`` is standard input."""
    lines = read_text(source).splitlines()
    if not lines or not lines[0]:
        raise click.ClickException("the secret is empty")
    return lines[0]


def from_variable(name: str) -> str:
    """A secret from a variable of the environment, by the variable's name.

    :raises click.ClickException: it is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise click.ClickException(f"the variable {name} is not set")
    return value


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty()


def ask(words: str, *, twice: bool = False) -> str:
    """Ask for a secret without showing what is typed."""
    answer: str = click.prompt(words, hide_input=True, confirmation_prompt=twice, err=True)
    return answer
