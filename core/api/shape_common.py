"""What all shapes share.

Owns: times, the words for a channel. Must not know: rows.
"""

from __future__ import annotations

from datetime import datetime

CHANNEL_TYPE = "Channel::Whatsapp"


def seconds(moment: datetime | None) -> int | None:
    """A moment as whole seconds since 1970."""
    return None if moment is None else int(moment.timestamp())
