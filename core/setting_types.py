"""What text may stand in a setting: one small parser for each kind of value, and the masks for showing them.

Must not know: which settings exist, where their text comes from.
A parser takes the text as typed and raises ``ValueError`` with a sentence that can follow the setting's name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

MASK = "********"

#: Words that people leave in example files; a key that contains one is no secret.
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "your-secret", "yoursecret", "placeholder")
#: Greedy on purpose: an unescaped @ or / inside a password must not end the mask early.
_PASSWORD = re.compile(r"^([a-z][a-z0-9+.-]*://[^:/@]*:).*@", re.IGNORECASE)
_SECRET_QUERY = re.compile(
    r"((?:^|&)[^=&]*(?:password|passwd|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE
)
_HOST = re.compile(r"^(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)$")
_PRIVATE_SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",
    ".lan",
    ".home.arpa",
    ".test",
    ".intranet",
)


def plain_name(value: str) -> str:
    """Letters, digits, ``_`` and ``-`` only."""
    name = value.strip()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"{value!r} may hold letters, digits, _ and - only")
    return name


def boolean(value: str) -> bool:
    """1, true, yes, on; 0, false, no, off."""
    word = value.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{value!r} is neither yes nor no; write 1 or 0")


def whole(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """A whole number within the bounds."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
        return _within(number, minimum, maximum)

    return parse


def seconds(minimum: float, maximum: float) -> Callable[[str], float]:
    """A number of seconds within the bounds."""

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a number of seconds") from None
        if not minimum <= number <= maximum:  # also refuses NaN
            raise ValueError(f"{number:g} is outside {minimum:g} to {maximum:g} seconds")
        return number

    return parse


_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(value: str) -> int:
    """A number of bytes, with an optional unit: 4194304, 4096k, 4M, 4 MiB, 1G."""
    match = re.fullmatch(r"(\d+)\s*(b|[kmg])?(?:i?b)?", value.strip().lower())
    if match is None or not int(match[1]):
        raise ValueError(f"{value!r} is not a size; write bytes, or a number with k, M or G")
    return int(match[1]) * _UNITS[match[2] or ""]


def one_of(*words: str) -> Callable[[str], str]:
    """One of the words, in any case."""

    def parse(value: str) -> str:
        for word in words:
            if value.strip().lower() == word.lower():
                return word
        raise ValueError(f"{value!r} is not one of {', '.join(words)}")

    return parse


def words(value: str) -> tuple[str, ...]:
    """A list separated by commas; blanks and empty parts are left out."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def folder(value: str) -> Path:
    """A folder, made absolute against the working directory; ``~`` is the home folder."""
    return Path(value.strip()).expanduser().absolute()


def web_address(value: str) -> str:
    """An http or https address without query and without a slash at the end."""
    address = value.strip().rstrip("/")
    parts = _split(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an address; write http://host or https://host")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("the address must not hold a user, a query or a fragment")
    return address


def database_address(value: str) -> str:
    """A SQLite file or a PostgreSQL server, as an SQLAlchemy address with the driver that is installed."""
    address = value.strip()
    scheme, mark, rest = address.partition("://")
    if not mark:
        raise ValueError(
            "this is no address; write sqlite:////path/file.db or postgresql://user@host/name"
        )
    if scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if scheme != "sqlite":
        raise ValueError(f"{scheme!r} is not supported; use sqlite or postgresql")
    if rest in ("", "/") or ":memory:" in rest or "mode=memory" in rest:
        raise ValueError(
            "a database in memory cannot be shared by Chatport's processes; name a file"
        )
    return address


def redis_address(value: str) -> str:
    """A Redis or Valkey server: redis://, rediss:// or unix://."""
    address = value.strip()
    if _split(address).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("write redis://host:6379/0, rediss://host:6379/0 or unix:///path/to.sock")
    return address


def mail_address(value: str) -> str:
    """One mail address, without a display name."""
    address = value.strip()
    if not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", address):
        raise ValueError(f"{value!r} is not a mail address")
    return address


def mail_server(value: str) -> str:
    """smtp:// (STARTTLS where offered) or smtps:// with optional user and password."""
    address = value.strip()
    parts = _split(address)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("write smtp://user:password@host:587 or smtps://user:password@host:465")
    return address


def storage_address(value: str) -> str:
    """Where files are kept: an address that fsspec knows, such as file:///path or s3://bucket/prefix."""
    address = value.strip().rstrip("/")
    if not re.match(r"^[a-z][a-z0-9+.-]*://.", address):
        raise ValueError("this is not a storage address; write file:///path or s3://bucket/prefix")
    return address


def tile_address(value: str) -> str:
    """A web address with the places {z}, {x} and {y}."""
    address = value.strip()
    if not address.startswith(("http://", "https://")) or not all(
        place in address for place in ("{z}", "{x}", "{y}")
    ):
        raise ValueError("write an http(s) address that holds {z}, {x} and {y}")
    return address


def hosts(value: str) -> tuple[str, ...]:
    """``host`` or ``host:port``, separated by commas, in lower case; an IPv6 address stands in brackets."""
    found = []
    for entry in words(value.lower()):
        name, port = _host_and_port(entry)
        if not _HOST.match(name):
            raise ValueError(
                f"{entry!r} is not host or host:port; wildcards and networks are not allowed"
            )
        if port and not 0 < int(port) < 1 << 16:
            raise ValueError(f"{entry!r} has a port outside 1 to 65535")
        found.append(entry)
    return tuple(found)


def secrets(value: str) -> tuple[str, ...]:
    """Keys separated by commas, newest first, each long enough that nobody can guess it."""
    keys = words(value)
    if not keys:
        raise ValueError("no key in it; leave the setting out to have one generated")
    for key in keys:
        if len(key) < 16:
            raise ValueError(
                "a key of fewer than 16 characters can be guessed; write 32 random ones or more"
            )
        if any(word in key.lower() for word in _PLACEHOLDERS):
            raise ValueError(
                "a key is still the placeholder of an example; write 32 random characters"
            )
    return keys


def at_least(characters: int) -> Callable[[str], str]:
    """A secret of at least so many characters. The text is never repeated in the error."""

    def parse(value: str) -> str:
        if len(value) < characters:
            raise ValueError(f"shorter than {characters} characters")
        return value

    return parse


def is_private_host(host: str) -> bool:
    """Whether a name or address can only be a machine of our own: no traffic to it crosses the internet."""
    name = host.lower().rstrip(".")
    try:
        return not ipaddress.ip_address(name.strip("[]")).is_global
    except ValueError:
        return "." not in name or name.endswith(_PRIVATE_SUFFIXES)


def masked_address(value: str) -> str:
    """The address with its password, and secrets in its query, replaced."""
    address, mark, query = value.partition("?")
    return (
        _PASSWORD.sub(rf"\g<1>{MASK}@", address) + mark + _SECRET_QUERY.sub(rf"\g<1>{MASK}", query)
    )


def _host_and_port(entry: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.*?)(?::(\d+))?", entry)
    assert match is not None  # both parts may be empty, so everything matches
    return match[1], match[2] or ""


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        raise ValueError("this is not a valid address") from None
    return parts


def _within(number: int, minimum: int, maximum: int | None) -> int:
    if number < minimum:
        raise ValueError(f"{number} is less than {minimum}")
    if maximum is not None and number > maximum:
        raise ValueError(f"{number} is more than {maximum}")
    return number
