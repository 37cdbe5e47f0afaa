"""Webhook bodies as no service should send them, made from a good one.

Owns: the list of changes. Pure and the same on every run. Must not know: what bodies mean.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

#: What is put in place of each value of a body.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    10**40,
    "",
    " ",
    "a\x00b",
    "\ud800",
    "x" * 20_000,
    "9" * 400,
    "../../etc/passwd",
    [],
    [None],
    [[]],
    {},
    {"": None},
)

_NOT_JSON = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe\xfd",
    b"{",
    b"[",
    b'"',
    b"nonsense",
    b"<html><body>Bad gateway</body></html>",
    b"a=b&c=d",
)
_OTHER_JSON = (
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e400",
    b"NaN",
    b'""',
    b'"text"',
    b"[]",
    b"[null]",
    b"[[[[[[]]]]]]",
    b"{}",
    b'{"": ""}',
    b'"\\ud800"',
    b"[" * 200 + b"]" * 200,
    b'{"a":' * 200 + b"1" + b"}" * 200,
)


def bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Changed bodies, each with words that say what was done."""
    for other in (*_NOT_JSON, *_OTHER_JSON):
        yield f"replaced by {other[:24]!r}", other
    for part in range(1, 16):
        yield f"cut off after {part}/16", body[: len(body) * part // 16]
    yield "with a byte order mark", b"\xef\xbb\xbf" + body
    yield "in UTF-16", body.decode("utf-8", "replace").encode("utf-16")
    try:
        value = json.loads(body)
    except ValueError:
        return
    for words, changed in _changed(value):
        yield words, json.dumps(changed).encode()


def _changed(value: Any) -> Iterator[tuple[str, Any]]:
    for path in paths(value):
        shown = "".join(f"[{step!r}]" for step in path)
        for strange in STRANGE:
            yield f"with {strange!r:.24} at {shown}", replaced(value, path, strange)
        if path:
            yield f"without {shown}", removed(value, path)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside a JSON value, itself first."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at ``path``."""
    if not path:
        return new
    changed = copy.deepcopy(value)
    _parent(changed, path)[path[-1]] = new
    return changed


def removed(value: Any, path: tuple[Any, ...]) -> Any:
    """A copy without what is at ``path``."""
    changed = copy.deepcopy(value)
    del _parent(changed, path)[path[-1]]
    return changed


def _parent(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value


def with_foreign_addresses(body: bytes, foreign: str) -> bytes:
    """The body with every web address in it replaced by another one."""
    try:
        value = json.loads(body)
    except ValueError:
        return body
    for path in list(paths(value)):
        found: Any = value
        for step in path:
            found = found[step]
        if isinstance(found, str) and found.startswith(("http://", "https://", "/")):
            value = replaced(value, path, foreign)
    return json.dumps(value).encode()
