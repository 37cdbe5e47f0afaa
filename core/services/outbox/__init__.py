"""Outgoing messages: stored with the request, delivered by a job.

``create`` and ``operations`` store what is to be done; ``deliver`` does it; ``settle`` writes what came of it.
"""

from __future__ import annotations

from .create import create_message
from .deliver import DeliverResult, deliver_due
from .errors import IdempotencyConflict, NotFound, NotPossible
from .operations import edit_message, react, retry_message, revoke_message
from .uploads import Upload

__all__ = [
    "DeliverResult",
    "IdempotencyConflict",
    "NotFound",
    "NotPossible",
    "Upload",
    "create_message",
    "deliver_due",
    "edit_message",
    "react",
    "retry_message",
    "revoke_message",
]
