"""Events whose texts every database takes.

Owns: NUL and lone surrogates in what a plugin returned, wherever they stand: an id with one could be neither looked up
nor stored, and would cost its whole message. Must not know: what events mean.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ...db.types import storable

#: How NUL and surrogates come: as escapes of JSON, or as the bytes themselves.
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|%00|\x00|\xed[\xa0-\xbf]")


def is_suspicious(body: bytes) -> bool:
    """Whether a body may hold such characters; nearly all hold none, and cost nothing more."""
    return _SUSPICIOUS.search(body) is not None


def cleaned(value: Any) -> Any:
    """A record, or a value inside one, with every text made storable; the very same where nothing is to be done."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return storable(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        clean = {name: cleaned(member) for name, member in members.items()}
        changed = {name: new for name, new in clean.items() if new != members[name]}
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, tuple | list):
        return type(value)(cleaned(item) for item in value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    return value
