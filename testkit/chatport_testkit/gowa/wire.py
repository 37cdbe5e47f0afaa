"""Bytes of a webhook body as Go's ``encoding/json`` prints them, and their signature.

Owns escaping, key order and number format. Must not know what a body means.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
from typing import Any

DEFAULT_SECRET = "secret"  # noqa: S105 - what GoWA uses when nobody configured one
SIGNATURE_HEADER = "X-Hub-Signature-256"
SIGNATURE_PREFIX = "sha256="

_ESCAPES = {
    "&": "\\u0026",
    "<": "\\u003c",
    ">": "\\u003e",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_SPECIAL = re.compile("[&<>\u2028\u2029\ud800-\udfff]")


class Struct(dict[str, Any]):
    """A Go struct: its keys keep the declared order. A plain ``dict`` is a Go map: sorted keys."""


def encode(value: Any) -> bytes:
    """Return the compact JSON bytes of ``value`` in Go's spelling."""
    return _print(value).encode()


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header for these exact bytes."""
    return SIGNATURE_PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _print(value: Any) -> str:
    if isinstance(value, Struct):
        return _print_pairs(list(value.items()))
    if isinstance(value, dict):
        return _print_pairs(sorted(value.items()))
    if isinstance(value, list | tuple):
        return "[" + ",".join(_print(item) for item in value) + "]"
    if isinstance(value, str):
        return _print_text(value)
    if isinstance(value, float):
        return _print_float(value)
    return json.dumps(value)


def _print_pairs(pairs: list[tuple[str, Any]]) -> str:
    return "{" + ",".join(f"{_print_text(key)}:{_print(value)}" for key, value in pairs) + "}"


def _print_text(text: str) -> str:
    # A lone surrogate is what invalid UTF-8 becomes in Python; Go prints the replacement character.
    return _SPECIAL.sub(
        lambda match: _ESCAPES.get(match[0], "\\ufffd"), json.dumps(text, ensure_ascii=False)
    )


def _print_float(number: float) -> str:
    """Shortest digits; exponent form only below 1e-6 and from 1e21 on, without leading zeroes in it."""
    if not math.isfinite(number):
        raise ValueError(f"Go cannot print {number} as JSON.")
    size = abs(number)
    if size != 0 and (size < 1e-6 or size >= 1e21):
        digits, _, exponent = repr(number).partition("e")
        if not exponent:
            digits, _, exponent = f"{number:.17g}".partition("e")
        sign_, power = exponent[0], exponent[1:].lstrip("0")
        return f"{digits.removesuffix('.0')}e{sign_}{power}"
    if number == int(number):
        return str(int(number))
    text = repr(number)
    return f"{number:.20f}".rstrip("0") if "e" in text else text
