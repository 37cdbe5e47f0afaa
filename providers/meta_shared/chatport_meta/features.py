"""What can be sent through the Cloud API, as declared to Chatport.

Owns: the features with the limits of the protocol. Must not know: how anything is sent.
"""

from __future__ import annotations

from chatport import Features, MediaKind, MediaLimit

MEGABYTE = 1024 * 1024

#: The Cloud API, and whatever passes its messages on unchanged.
MESSAGING = Features(
    media={
        MediaKind.IMAGE: MediaLimit(5 * MEGABYTE, ("image/jpeg", "image/png")),
        MediaKind.VIDEO: MediaLimit(16 * MEGABYTE, ("video/mp4", "video/3gpp")),
        MediaKind.AUDIO: MediaLimit(
            16 * MEGABYTE,
            ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp3", "audio/mp4", "audio/ogg"),
            caption=False,
        ),
        MediaKind.VOICE: MediaLimit(16 * MEGABYTE, ("audio/ogg", "audio/opus"), caption=False),
        MediaKind.DOCUMENT: MediaLimit(100 * MEGABYTE),
        MediaKind.STICKER: MediaLimit(500 * 1024, ("image/webp",), caption=False),
    },
    location=True,
    contacts=True,
    max_contacts=257,
    reactions=True,
    reply=True,
    link=True,
    buttons=3,
    list_rows=10,
    cta_url=True,
    templates=True,
    window_hours=24,
    groups=True,
    typing=True,
    read_receipts=True,
)
