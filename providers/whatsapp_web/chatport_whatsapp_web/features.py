"""What GoWA can do, as declared to Chatport.

Owns: the features with the limits of the protocol. Must not know: how anything is sent.
"""

from __future__ import annotations

from chatport import Features, MediaKind, MediaLimit

MEGABYTE = 1_000_000
#: GoWA refuses a request body above 100,000,000 bytes; the form around the file needs a little of it.
MAX_UPLOAD = 100 * MEGABYTE - 64_000

IMAGE_TYPES = ("image/jpeg", "image/png")
VIDEO_TYPES = ("video/mp4", "video/x-matroska", "video/avi", "video/x-msvideo")
AUDIO_TYPES = (
    "audio/aac",
    "audio/amr",
    "audio/flac",
    "audio/m4a",
    "audio/m4r",
    "audio/mp3",
    "audio/mpeg",
    "audio/ogg",
    "audio/wma",
    "audio/x-ms-wma",
    "audio/wav",
    "audio/vnd.wav",
    "audio/vnd.wave",
    "audio/wave",
    "audio/x-pn-wav",
    "audio/x-wav",
)
#: Names of the same formats that GoWA does not know, and the ones that it does.
AUDIO_ALIASES = {"audio/mp4": "audio/m4a", "audio/x-m4a": "audio/m4a", "audio/opus": "audio/ogg"}
STICKER_TYPES = ("image/webp", "image/png", "image/jpeg", "image/gif")

FEATURES = Features(
    media={
        MediaKind.IMAGE: MediaLimit(20 * MEGABYTE, IMAGE_TYPES),
        MediaKind.VIDEO: MediaLimit(MAX_UPLOAD, VIDEO_TYPES),
        MediaKind.AUDIO: MediaLimit(50 * MEGABYTE, (*AUDIO_TYPES, *AUDIO_ALIASES), caption=False),
        MediaKind.VOICE: MediaLimit(50 * MEGABYTE, ("audio/ogg",), caption=False),
        MediaKind.DOCUMENT: MediaLimit(50 * MEGABYTE),
        MediaKind.STICKER: MediaLimit(20 * MEGABYTE, STICKER_TYPES, caption=False),
    },
    location=True,
    contacts=True,
    max_contacts=1,
    reactions=True,
    edit=True,
    revoke=True,
    reply=True,
    polls=True,
    link=True,
    groups=True,
    typing=True,
    read_receipts=True,
    pairing=("qr", "code"),
    history=True,
    find_sent=True,
    avatars=True,
    concurrency=4,
    connection_poll_seconds=30,
)
