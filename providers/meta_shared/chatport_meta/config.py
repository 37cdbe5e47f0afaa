"""Checks of configuration values that several providers have.

Owns: judging an address without asking it. Must not know: schemas, HTTP.
"""

from __future__ import annotations

from urllib.parse import urlsplit


def is_base_url(value: str) -> bool:
    """Whether a text is the address of a service: http or https, a host, and nothing secret in it."""
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return usable and not (parts.username or parts.password or parts.query or parts.fragment)


def is_secret(value: str) -> bool:
    """Whether a text can travel in a header: printable ASCII without blanks, not too long."""
    return 0 < len(value) <= 4096 and value.isascii() and all(32 < ord(c) < 127 for c in value)
