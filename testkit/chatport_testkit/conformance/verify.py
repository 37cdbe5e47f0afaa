"""Rules for single records that a provider makes.

Owns: what an event, an identity, a media request must be; where a secret may not be seen. Must not know: pytest, hooks.
Each function gives a list of what is wrong, in words.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from chatport import Identity, IdentityKind, MediaRequest, MessageStatus
from chatport.errors import ChatportError
from chatport.events import Direction, Event, MediaRef, MessageReceived, StatusChanged

MAX_KEY = 200
_DIGITS = (IdentityKind.PHONE, IdentityKind.WA_ID, IdentityKind.LID)


def event_problems(event: Event) -> list[str]:
    """Everything that is wrong with one event of any body, good or bad."""
    problems = [*_key_problems(event.key), *_time_problems(event)]
    if not _is_json(event.raw):
        problems.append("its raw cannot be written as JSON")
    if not isinstance(event.addressees, tuple) or not all(
        isinstance(one, str) and one for one in event.addressees
    ):
        problems.append("its addressees are not a tuple of texts that are not empty")
    for media in records_in(event, MediaRef):
        if not _is_json(dict(media.locator)):
            problems.append("a media locator cannot be written as JSON")
    problems += _message_problems(event)
    return [f"{type(event).__name__} {event.key[:60]!r}: {problem}" for problem in problems]


def _message_problems(event: Event) -> Iterator[str]:
    if isinstance(event, MessageReceived):
        if not event.source_id:
            yield "its source_id is empty"
        if not event.parts:
            yield "it has no part; use UnsupportedPart for what cannot be shown"
        if event.direction not in set(Direction):
            yield "its direction is not a Direction"
        if not event.chat.identities:
            yield "its chat has no identity"
    if isinstance(event, StatusChanged):
        if not event.source_id:
            yield "its source_id is empty"
        if event.status not in set(MessageStatus):
            yield "its status is not a MessageStatus"


def identity_problems(event: Event) -> list[str]:
    """What is wrong with the identities of an event of a *good* body."""
    problems: list[str] = []
    for identity in records_in(event, Identity):
        problem = _identity_problem(identity)
        if problem:
            problems.append(
                f"{type(event).__name__}: identity {identity.kind}={identity.value!r} {problem}"
            )
    return problems


def _identity_problem(identity: Identity) -> str:
    if identity.kind not in set(IdentityKind):
        return "is of no known kind"
    if identity.kind in _DIGITS and not (identity.value.isascii() and identity.value.isdigit()):
        return "should hold digits only"
    if identity.kind == IdentityKind.GROUP and not identity.value.endswith("@g.us"):
        return "should be a full group JID"
    return "" if identity.value else "is empty"


def _key_problems(key: Any) -> Iterator[str]:
    if not isinstance(key, str) or not key:
        yield "its key is not a text, or empty"
    elif len(key) > MAX_KEY:
        yield f"its key has {len(key)} characters, more than {MAX_KEY}"
    elif "\x00" in key:
        yield "its key holds a NUL, which databases refuse"
    elif key.encode("utf-8", "replace").decode() != key:
        yield "its key holds a lone surrogate, which databases refuse"


def _time_problems(event: Event) -> Iterator[str]:
    if event.time is None:
        return
    if not isinstance(event.time, datetime) or event.time.utcoffset() != UTC.utcoffset(None):
        yield "its time is not an aware time in UTC"


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def media_problems(request: MediaRequest, secrets: Iterable[str]) -> list[str]:
    """What is wrong with how a file is to be fetched."""
    problems: list[str] = []
    parts = urlsplit(request.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return [f"the address is not an absolute http(s) address: {request.url[:80]!r}"]
    if parts.username or parts.password:
        problems.append("the address holds a user or password; use headers")
    if any(secret in request.url for secret in secrets):
        problems.append("the address holds a secret; use headers")
    if not request.allowed_hosts:
        problems.append("allowed_hosts is empty, so the core will refuse the file")
    if any("*" in host or "/" in host for host in request.allowed_hosts):
        problems.append("allowed_hosts must be names or name:port, without wildcard or path")
    elif not is_allowed(request):
        problems.append(f"the address's host {parts.netloc!r} is not in allowed_hosts")
    if request.expires_at is not None and request.expires_at.utcoffset() is None:
        problems.append("expires_at is not an aware time")
    return problems


def is_allowed(request: MediaRequest) -> bool:
    """Whether a file's address is at one of its allowed hosts."""
    parts = urlsplit(request.url)
    host = (parts.hostname or "").lower()
    return bool(
        {host, parts.netloc.lower()} & {allowed.lower() for allowed in request.allowed_hosts}
    )


def records_in(value: Any, kind: type) -> Iterator[Any]:
    """Every record of a class inside records, tuples, lists and mappings."""
    if isinstance(value, kind):
        yield value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if field.name != "raw":
                yield from records_in(getattr(value, field.name), kind)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from records_in(one, kind)
    elif isinstance(value, dict):
        for one in value.values():
            yield from records_in(one, kind)


def shown(thing: Any) -> str:
    """All text under which an answer or error may come before a person or into a log."""
    if isinstance(thing, ChatportError):
        own = [str(getattr(thing, name, "")) for name in ("action", "code", "detail", "fields")]
        return "\n".join([str(thing), repr(thing), *own])
    if isinstance(thing, BaseException):
        return f"{thing}\n{thing!r}"
    kept = [
        json.dumps(_plain(getattr(thing, name)), ensure_ascii=False, default=repr)
        for name in ("raw", "facts", "state", "done")
        if hasattr(thing, name)
    ]
    return "\n".join([repr(thing), *kept])


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return dict(value) if hasattr(value, "keys") else value


def leaks(text: str, secrets: Iterable[str]) -> int:
    """How many of the secrets stand in a text. A number, so that a failing test prints none of them."""
    return sum(secret in text for secret in secrets)
