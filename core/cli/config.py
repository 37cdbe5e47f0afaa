"""``chatport config``: all settings, where each value came from, and misspelt ones.

Owns: the table. Must not know: what a setting is for.
"""

from __future__ import annotations

import os

import click
from dotenv import dotenv_values

from ..settings import describe, unknown_variables
from .opening import load_settings
from .output import answer, answering, table


@click.command()
@answering
def config() -> None:
    """List all settings: value without secrets, where it came from, meaning."""
    rows = describe(load_settings())
    unknown = unknown_variables(dict.fromkeys([*dotenv_values(".env"), *os.environ], ""))
    lines = table(
        ("variable", "value", "source"), [(row["env"], row["value"], row["source"]) for row in rows]
    )
    # The meaning is too long for a column; it stands below its variable.
    text = [lines[0]]
    for row, line in zip(rows, lines[1:], strict=True):
        text += [line, f"    {row['meaning']}"]
    if unknown:
        text += ["", "Not known, perhaps misspelt: " + ", ".join(unknown)]
    answer({"settings": rows, "unknown": unknown}, text)
