"""The type of arguments and options that take an id.

Owns: which numbers can be ids at all. Must not know: what they name.
"""

from __future__ import annotations

from typing import Any

import click

#: The largest id that a database holds.
LARGEST = (1 << 63) - 1


class Id(click.types.IntParamType):
    """A whole number that a row could have; anything else is wrong usage, told before a database is asked."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= LARGEST):
            self.fail(f"{text[:40]!r} is no id; an id is a whole number from 1 up.", param, ctx)
        return int(text)


ID = Id()
