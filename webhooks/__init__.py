"""The receiver of webhooks: authenticate, make durable, acknowledge, ring the bell.

``receiver`` decides, ``committer`` writes, ``channels`` knows who may deliver; ``wsgi`` and ``asgi`` are thin adapters.
No plugin code runs here, and Redis is never waited for.
"""

from __future__ import annotations

from .receiver import Receiver, Reply

__all__ = ["Receiver", "Reply"]
