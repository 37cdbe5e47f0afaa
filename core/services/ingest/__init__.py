"""Inbound pipeline: from stored webhook requests to contacts, conversations, messages and statuses.

``drain`` takes pending requests, ``apply`` turns one event into rows, ``followups`` holds what came before its target,
``late`` applies it once the target is there.
"""

from __future__ import annotations

from .drain import DrainResult, apply_events, drain, replay_request, unpark
from .late import recheck, recheck_all, release_echoes

__all__ = [
    "DrainResult",
    "apply_events",
    "drain",
    "recheck",
    "recheck_all",
    "release_echoes",
    "replay_request",
    "unpark",
]
