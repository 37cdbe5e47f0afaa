"""What 360dialog can do, as declared to Chatport.

Owns: the features, and what the older generation lacks of them. Must not know: how anything is sent.
"""

from __future__ import annotations

from dataclasses import replace

from chatport_meta.features import MEGABYTE, MESSAGING

FEATURES = replace(MESSAGING, concurrency=4)
#: The older generation has no link button, no groups, no typing, and takes smaller files.
OLD_MAX_UPLOAD = 64 * MEGABYTE
OLD_FEATURES = replace(
    FEATURES,
    cta_url=False,
    groups=False,
    typing=False,
    media={
        kind: replace(limit, max_bytes=min(limit.max_bytes, OLD_MAX_UPLOAD))
        for kind, limit in FEATURES.media.items()
    },
)
