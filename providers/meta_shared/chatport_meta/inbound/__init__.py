"""Webhook bodies into events.

Owns: the way from JSON to the vocabulary, for the shapes that several services share. Must not know: HTTP, channels.
"""

from __future__ import annotations

from .envelope import is_cloud_body, read_envelope, read_value
from .parts import sha256_hex
from .people import group_id
from .source import Source, distinct

__all__ = [
    "Source",
    "distinct",
    "group_id",
    "is_cloud_body",
    "read_envelope",
    "read_value",
    "sha256_hex",
]
