"""Sending files: fields, content types and names as GoWA takes them.

Owns: the upload of one file. Must not know: other contents.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO

from chatport import MediaKind
from chatport.errors import ContentRefused, UnsupportedFeature
from chatport.messages import Media

from ..client import SENDING, Gowa, Result
from ..features import AUDIO_ALIASES, AUDIO_TYPES, IMAGE_TYPES, STICKER_TYPES, VIDEO_TYPES
from .multipart import MultipartBody

#: Kind → path below ``send/`` and name of the form's file field.
_PATHS: Mapping[MediaKind, str] = {
    MediaKind.IMAGE: "image",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "audio",
    MediaKind.VOICE: "audio",
    MediaKind.DOCUMENT: "file",
    MediaKind.STICKER: "sticker",
}
_TYPES: Mapping[MediaKind, tuple[str, ...]] = {
    MediaKind.IMAGE: IMAGE_TYPES,
    MediaKind.VIDEO: VIDEO_TYPES,
    MediaKind.AUDIO: AUDIO_TYPES,
    MediaKind.VOICE: AUDIO_TYPES,
    MediaKind.STICKER: STICKER_TYPES,
}
_CAPTIONED = (MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.DOCUMENT)
_ONCE = (MediaKind.IMAGE, MediaKind.VIDEO)


def send_file(service: Gowa, common: Mapping[str, str], media: Media) -> Result:
    """Upload and send one file.

    :param common: fields of every send.
    :raises ContentRefused: GoWA does not take this type.
    :raises ProviderError: as the call.
    """
    name = _PATHS.get(media.kind)
    if name is None:
        raise UnsupportedFeature(
            f"GoWA cannot send a file as {media.kind}.",
            action="Send it as a video or as a document.",
            code="media_kind",
        )
    fields = {**common, **_options(media)}
    content_type = accepted_type(media)
    try:
        stream = media.open()
    except OSError as error:
        raise _unreadable(error) from error
    with stream:
        body = MultipartBody(
            fields,
            name=name,
            filename=media.filename or name,
            content_type=content_type,
            stream=stream,
            size=_size(stream, media.size),
        )
        return service.call(
            "POST",
            f"send/{name}",
            sending=True,
            data=body,
            headers={"Content-Type": body.content_type},
            deadline=SENDING,
        )


def accepted_type(media: Media) -> str:
    """The content type in GoWA's words: without parameters, and never the octet-stream that it refuses.

    :raises ContentRefused: there is none for this kind.
    """
    given = media.content_type.split(";", 1)[0].strip().lower()
    given = AUDIO_ALIASES.get(given, given) if media.kind in _AUDIBLE else given
    accepted = _TYPES.get(media.kind)
    if accepted is None:
        return given if _is_type(given) else "application/octet-stream"
    if given not in accepted:
        raise ContentRefused(
            f"GoWA does not take {given or 'a file of unknown type'} as {media.kind}.",
            action="Send it as a document, or convert it.",
            code="content_type",
        )
    return given


_AUDIBLE = (MediaKind.AUDIO, MediaKind.VOICE)


def _is_type(text: str) -> bool:
    kind, slash, sub = text.partition("/")
    return bool(slash) and all(
        part.replace("-", "").isascii() and part.isprintable() and part for part in (kind, sub)
    )


def _options(media: Media) -> dict[str, str]:
    options: dict[str, str] = {}
    if media.caption and media.kind in _CAPTIONED:
        options["caption"] = media.caption
    if media.view_once and media.kind in _ONCE:
        options["view_once"] = "true"
    if media.kind is MediaKind.IMAGE:
        options["compress"] = "false"  # left out, GoWA shrinks every picture to a width of 600
    if media.kind is MediaKind.VOICE:
        options["ptt"] = "true"
    return options


def _size(stream: BinaryIO, told: int) -> int:
    """The true size: a form that promises more bytes than come would hang."""
    try:
        end = stream.seek(0, io.SEEK_END)
        stream.seek(0)
    except (OSError, io.UnsupportedOperation):
        return told
    return end


def _unreadable(error: OSError) -> ContentRefused:
    return ContentRefused(
        f"The stored file cannot be read ({type(error).__name__}).",
        action="Attach it again.",
        code="file_unreadable",
    )
