"""Encryption at rest and signed texts, from the installation's secret keys.

Owns: sealing JSON values, signing short texts, generating secrets. Must not know: what is sealed, tables, Flask.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import ConfigurationError


class Vault:
    """Seals and signs with keys derived from ``CHATPORT_SECRET_KEY``.

    :param secret_keys: newest first; the first seals and signs, all open and verify.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        if not secret_keys:
            raise ConfigurationError("no secret key", action="Set CHATPORT_SECRET_KEY.")
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(_derive(key, b"seal"))) for key in secret_keys]
        )
        self._signing = [_derive(key, b"sign") for key in secret_keys]

    def __repr__(self) -> str:
        return "Vault(…)"

    def seal(self, value: Any) -> str:
        """Encrypt a JSON value."""
        return self._fernet.encrypt(json.dumps(value).encode()).decode()

    def open(self, sealed: str | None) -> Any:
        """Decrypt what :meth:`seal` made; ``None`` for ``None``.

        :raises ConfigurationError: sealed with a key that is not configured.
        """
        if sealed is None:
            return None
        try:
            return json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise ConfigurationError(
                "a stored secret cannot be decrypted with the configured CHATPORT_SECRET_KEY",
                action="Add the key that was in use before to CHATPORT_SECRET_KEY (comma-separated, newest first).",
            ) from None

    def sign(self, purpose: str, text: str) -> str:
        """A signature of ``text`` for one purpose, URL-safe."""
        return _signature(self._signing[0], purpose, text)

    def verify(self, purpose: str, text: str, signature: str) -> bool:
        """Whether ``signature`` is one of ours, in constant time."""
        given = signature.encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(_signature(key, purpose, text).encode(), given)
            for key in self._signing
        ]
        return any(matches)

    def fingerprint(self, secret: str) -> str:
        """A keyed hash of a secret: equal secrets have equal fingerprints, which say nothing else about them."""
        return hmac.new(
            self._signing[-1], b"fingerprint:" + secret.encode(), hashlib.sha256
        ).hexdigest()


def new_secret() -> str:
    """A new shared secret: 32 hex digits."""
    return secrets.token_hex(16)


def new_token() -> str:
    """A new bearer token, URL-safe."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a bearer token. Tokens are random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _derive(key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"chatport", info=purpose).derive(key.encode())


def _signature(key: bytes, purpose: str, text: str) -> str:
    digest = hmac.new(
        key, f"{purpose}\n{text}".encode("utf-8", "surrogatepass"), hashlib.sha256
    ).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
