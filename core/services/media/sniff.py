"""What a file is, judged by its first bytes and not by what somebody says about it.

Owns: sniffing content types, and the kind of WhatsApp file that follows. Must not know: storage, providers.
"""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath

import filetype

from ...messages import MediaKind

#: So many bytes from the beginning are enough to judge.
HEAD_BYTES = 8192

UNKNOWN = "application/octet-stream"
_MARKUP = re.compile(
    rb"^\s*(?:<\?xml|<!doctype|<!--|<html|<svg|<head|<body|<script)", re.IGNORECASE
)
#: Names of one type under which services and browsers disagree.
_CANONICAL = {
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/opus": "audio/ogg",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "image/jpg": "image/jpeg",
    "video/x-m4v": "video/mp4",
    "application/x-pdf": "application/pdf",
}
#: Containers whose beginning does not tell sound from pictures; there the more exact word given is believed.
_AMBIGUOUS = {
    "audio/ogg": ("video/ogg", "audio/ogg"),
    "video/mp4": ("audio/mp4", "video/mp4", "video/quicktime"),
    "video/webm": ("audio/webm", "video/webm"),
    "video/3gpp": ("audio/3gpp", "video/3gpp"),
    "application/zip": (),
}


def canonical(content_type: str) -> str:
    """A media type without parameters, lower case, under one name."""
    plain = content_type.split(";", 1)[0].strip().lower()
    return _CANONICAL.get(plain, plain)


def sniff(head: bytes, declared: str = "", filename: str = "") -> str:
    """The content type of a file.

    :param head: its first bytes.
    :param declared: what the sender or service says; believed only where the bytes do not tell.
    """
    declared = canonical(declared)
    guessed = filetype.guess(head) if head else None
    if guessed is not None:
        found = canonical(guessed.mime)
        if declared in _AMBIGUOUS.get(found, ()):
            return declared
        if found == "application/zip" and _is_office(declared, filename):
            return declared or _by_name(filename)
        return found
    if _MARKUP.match(head):
        return "image/svg+xml" if b"<svg" in head.lower() else _markup_type(head)
    if declared and declared != UNKNOWN and not _claims_more(declared):
        return declared
    named = _by_name(filename)
    if named and not _claims_more(named):
        return named
    return "text/plain" if head and _is_text(head) else UNKNOWN


def _claims_more(content_type: str) -> bool:
    """Pictures, sound and film have marks in their bytes; without them the claim is not believed."""
    return content_type.startswith(("image/", "video/")) or content_type in (
        "text/html",
        "application/pdf",
    )


def _markup_type(head: bytes) -> str:
    start = head.lstrip().lower()
    return (
        "application/xml" if start.startswith(b"<?xml") and b"<html" not in start else "text/html"
    )


def _is_office(declared: str, filename: str) -> bool:
    return "openxmlformats" in (declared or _by_name(filename)) or "opendocument" in (
        declared or _by_name(filename)
    )


def _by_name(filename: str) -> str:
    return canonical(mimetypes.guess_type(PurePosixPath(filename).name)[0] or "")


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character cut in half at the end
    return True


def kind_of(content_type: str) -> MediaKind:
    """The kind of WhatsApp file that a content type makes when nobody says otherwise."""
    major = content_type.split("/", 1)[0]
    if content_type == "image/svg+xml":
        return MediaKind.DOCUMENT
    return {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}.get(
        major, MediaKind.DOCUMENT
    )


def extension(content_type: str, filename: str = "") -> str:
    """A file name's ending with its dot, for a type; empty where there is none."""
    suffix = PurePosixPath(filename).suffix.lower()
    if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix):
        return suffix
    return _ENDINGS.get(content_type) or mimetypes.guess_extension(content_type) or ""


_ENDINGS = {
    "image/jpeg": ".jpg",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "text/plain": ".txt",
}


def safe_filename(filename: str, fallback: str = "file") -> str:
    """A file name to show and to offer for saving: no path, no control characters, at most 200 characters."""
    base = filename.replace("\\", "/").rsplit("/", 1)[-1]
    base = "".join(c for c in base if c.isprintable()).strip().strip(".")
    if len(base) > 200:
        stem, dot, suffix = base.rpartition(".")
        base = f"{stem[: 199 - len(suffix)]}.{suffix}" if dot and len(suffix) <= 16 else base[:200]
    return base or fallback
