"""Events as JSON and back, for events that wait.

Owns: the stored form of an event (``$t`` names the record's type). Must not know: what events mean.
"""

from __future__ import annotations

import dataclasses
import typing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ... import events, identities, messages

_RECORDS: dict[str, type[Any]] = {
    cls.__name__: cls
    for module in (events, identities, messages)
    for cls in vars(module).values()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
}
_ENUMS: dict[str, type[StrEnum]] = {
    cls.__name__: cls
    for module in (events, identities, messages)
    for cls in vars(module).values()
    if isinstance(cls, type) and issubclass(cls, StrEnum) and cls is not StrEnum
}


def to_json(value: Any) -> Any:
    """A record, or a value inside one, as JSON."""
    if isinstance(value, StrEnum):
        return {"$e": [type(value).__name__, value.value]}
    if isinstance(value, datetime):
        return {"$d": value.astimezone(UTC).isoformat()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        members = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"$t": type(value).__name__, **members}
    if isinstance(value, tuple):
        return {"$s": [to_json(item) for item in value]}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict) or hasattr(value, "items"):
        return {"$m": {str(key): to_json(item) for key, item in value.items()}}
    # A plugin's rubbish must not keep its own dead letter from being written.
    return value if isinstance(value, str | int | float | None) else f"<{type(value).__name__}>"


def from_json(value: Any) -> Any:
    """The value that :func:`to_json` stored. Unknown members are dropped, so that older rows stay readable."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$e" in value:
        name, word = value["$e"]
        return _ENUMS[name](word)
    if "$d" in value:
        return datetime.fromisoformat(value["$d"])
    if "$s" in value:
        return tuple(from_json(item) for item in value["$s"])
    if "$m" in value:
        return {key: from_json(item) for key, item in value["$m"].items()}
    cls = _RECORDS[value["$t"]]
    known = {f.name for f in dataclasses.fields(cls)}
    members = {key: from_json(item) for key, item in value.items() if key in known}
    return typing.cast("Any", cls)(**members)
