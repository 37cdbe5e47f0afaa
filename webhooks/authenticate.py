"""Whether a request comes from the channel's own service.

Owns: the declared schemes, in constant time, over the raw bytes. Must not know: storage, HTTP servers.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any

#: Used in place of a secret where there is none, so that strangers cannot tell known numbers by the time of the answer.
_NOBODY = "0" * 32


def matching_secret(
    scheme: Mapping[str, Any],
    secrets: tuple[str, ...],
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> str | None:
    """The secret that authenticates a request, or ``None``.

    :param headers: names in lower case.
    """
    check = _SCHEMES.get(str(scheme.get("kind", "")))
    if check is None:
        return None
    found = None
    for secret in secrets:  # all of them, always: the time says nothing about which one fits
        if secret and check(scheme, secret, headers, query, body):
            found = secret
    return found


def comparable_work(body: bytes) -> None:
    """Spend about the time of a check, for a number that nobody has."""
    hmac.compare_digest(_hmac_hex(_NOBODY, body), "0" * 64)


def _hmac_hex(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def _hmac_sha256(
    scheme: Mapping[str, Any],
    secret: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> bool:
    given = headers.get(str(scheme["header"]).lower(), "")
    prefix = str(scheme.get("prefix", ""))
    wanted = _hmac_hex(secret, body)
    if not given.startswith(prefix):
        return False
    return hmac.compare_digest(
        wanted.encode(), given[len(prefix) :].strip().lower().encode("utf-8", "replace")
    )


def _header_secret(
    scheme: Mapping[str, Any],
    secret: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> bool:
    given = headers.get(str(scheme["header"]).lower(), "")
    parameter = scheme.get("query_parameter")
    if not given and parameter:
        given = query.get(str(parameter), "")
    return hmac.compare_digest(secret.encode(), given.encode("utf-8", "replace"))


def _basic(
    scheme: Mapping[str, Any],
    secret: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> bool:
    kind, _, text = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return user == "chatport" and hmac.compare_digest(secret.encode(), password.encode())


_SCHEMES: dict[str, Callable[..., bool]] = {
    "hmac_sha256": _hmac_sha256,
    "header_secret": _header_secret,
    "basic": _basic,
}
