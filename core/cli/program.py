"""The program ``chatport``: finding a command, running it, ending with its exit code.

Owns: the way from arguments to an exit code. Must not know: what any command does, how a failure is worded.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from ..errors import HookTimeout
from .failures import ExitCode, end, told


class Program(click.Group):
    """The group of all commands; each is imported when it is used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offered: dict[str, str] = {}

    def offer(self, module: str, *names: str) -> None:
        """Name commands that a module of this package holds."""
        self._offered.update(dict.fromkeys(names, module))

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted({*super().list_commands(ctx), *self._offered})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name not in self._offered:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f".{self._offered[cmd_name]}", __package__)
        command: click.Command = getattr(module, cmd_name)
        return command

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and end the process with its exit code."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            answer = super().main(given, **{**extra, "standalone_mode": False})
        except (Exception, HookTimeout, KeyboardInterrupt) as error:  # noqa: BLE001 (each is told, none swallowed)
            if "--debug" in given:
                traceback.print_exc()
            end(told(error), as_json="--json" in given)
        sys.exit(answer if isinstance(answer, int) else ExitCode.OK)
