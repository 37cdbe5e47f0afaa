"""How a webhook shows a file, by release. Pure."""

from __future__ import annotations

from typing import Any

from .eras import Version
from .events import Media
from .wire import Struct

CAPTIONED = ("image", "video", "video_note", "document")


def media_value(media: Media, version: Version) -> Any:
    """Return the value under the media's key, or None where the release leaves the key out."""
    if media.failed or (media.kind == "video_note" and not version.since("v7.10.1")):
        return None
    if media.cdn_url is not None and version.since("v7.9.0"):
        return _not_downloaded(media)
    captioned = media.kind in CAPTIONED
    caption = media.caption if captioned else ""
    if version.since("v8.3.1"):
        return {"path": media.path, "caption": caption} if caption else media.path
    if version.since("v8.2.0"):
        return media.path
    if str(version) == "v7.2.0":
        return Struct(MediaPath=media.path, MimeType=media.content_type, Caption=caption)
    return Struct(media_path=media.path, mime_type=media.content_type, caption=caption)


def _not_downloaded(media: Media) -> dict[str, str]:
    value = {"url": media.cdn_url or ""}
    if media.kind == "document":
        value["filename"] = media.filename
    elif media.kind in CAPTIONED:
        value["caption"] = media.caption
    return value
