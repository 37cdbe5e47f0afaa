"""Bytes on the wire: Meta's JSON escaping and the webhook signatures. Knows nothing of the content."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

#: Characters that Meta's webhook serialiser escapes although JSON does not ask for it. They occur inside
#: strings only, so replacing them in the finished text is safe.
_WEBHOOK_ESCAPES = (("/", "\\/"), ("<", "\\u003C"), ("%", "\\u0025"), ("@", "\\u0040"))


def meta_json(value: Any) -> bytes:
    """``value`` as Meta writes webhook bodies.

    Compact separators, every non-ASCII character as lower-case ``\\uXXXX`` (surrogate pairs for emoji), and
    ``/`` ``<`` ``%`` ``@`` escaped. A receiver that hashes a re-serialised body fails on these.
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    for character, escaped in _WEBHOOK_ESCAPES:
        text = text.replace(character, escaped)
    return text.encode("ascii")


def answer_json(value: Any) -> bytes:
    """``value`` as Graph API answers are written: compact, non-ASCII and slashes escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return text.replace("/", "\\/").encode("ascii")


def sign_sha256(body: bytes, secret: str) -> str:
    """Value of ``X-Hub-Signature-256``: HMAC-SHA256 over the exact bytes, keyed with the secret's text."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sign_sha1(body: bytes, secret: str) -> str:
    """Value of the older ``X-Hub-Signature``."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
