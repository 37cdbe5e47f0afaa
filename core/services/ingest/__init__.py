"""Inbound pipeline: from stored webhook requests to contacts, conversations, messages and statuses.

``drain`` takes pending requests, ``apply`` turns one event into rows, ``followups`` holds what came before its target.
"""

from __future__ import annotations

from .drain import (
    DrainResult,
    apply_events,
    drain,
    recheck,
    release_echoes,
    replay_request,
    unpark,
)

__all__ = [
    "DrainResult",
    "apply_events",
    "drain",
    "recheck",
    "release_echoes",
    "replay_request",
    "unpark",
]
