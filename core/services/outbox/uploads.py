"""Uploaded files: into storage, judged by their bytes, converted and checked before any message exists.

Owns: the way of a file from a request to a ``File``. Must not know: tables.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import ContentRefused
from ...messages import MediaKind
from ..media.sniff import extension, kind_of, safe_filename, sniff
from ..media.storage import FileTooLarge, MediaStorage, StoredFile, read_chunks
from ..media.voice import NotAudio, is_voice_file, to_voice
from . import drafts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...channels import Features

MAX_FILES = 15


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in a request. ``content_type`` is the sender's claim."""

    filename: str
    content_type: str
    stream: BinaryIO


@contextmanager
def stored_uploads(
    storage: MediaStorage,
    uploads: Sequence[Upload],
    attributes: Mapping[str, Any],
    features: Features | None,
    max_bytes: int,
) -> Iterator[tuple[drafts.File, ...]]:
    """Store files; they are removed again when the block raises, since no row speaks of them then.

    :param features: what the provider takes; ``None`` for private notes, which take anything.
    :param max_bytes: the installation's own limit.
    :raises ContentRefused: too many, too large, empty, or of a type that cannot be sent.
    """
    if len(uploads) > MAX_FILES:
        raise ContentRefused(
            f"{len(uploads)} files are attached; at most {MAX_FILES} are taken at once.",
            action="Send them in several messages.",
            code="too_many_files",
        )
    kept: list[drafts.File] = []
    try:
        for upload in uploads:
            kept.append(_store(storage, upload, attributes, features, max_bytes))
        yield tuple(kept)
    except BaseException:
        for file in kept:
            storage.delete(file.storage_key)
        raise


def _store(
    storage: MediaStorage,
    upload: Upload,
    attributes: Mapping[str, Any],
    features: Features | None,
    max_bytes: int,
) -> drafts.File:
    largest = (
        max((limit.max_bytes for limit in features.media.values()), default=0) if features else 0
    )
    cap = min(max_bytes, largest) if largest else max_bytes
    try:
        stored = storage.save(read_chunks(upload.stream), max_bytes=cap)
    except FileTooLarge:
        raise ContentRefused(
            f"The file {safe_filename(upload.filename)!r} is larger than {drafts.megabytes(cap)}.",
            action="Make it smaller."
            if cap == largest
            else "Make it smaller, or raise CHATPORT_MAX_MEDIA_BYTES.",
            code="file_too_large",
        ) from None
    try:
        return _classified(storage, stored, upload, attributes, features, max_bytes)
    except BaseException:
        storage.delete(stored.key)
        raise


def _classified(
    storage: MediaStorage,
    stored: StoredFile,
    upload: Upload,
    attributes: Mapping[str, Any],
    features: Features | None,
    max_bytes: int,
) -> drafts.File:
    content_type = sniff(stored.head, upload.content_type, upload.filename)
    filename = safe_filename(upload.filename, f"file{extension(content_type)}")
    kind = kind_of(content_type)
    if features is None:
        return drafts.File(kind, filename, content_type, stored.size, stored.sha256, stored.key)
    kind = drafts.wanted_kind(attributes, content_type, kind)
    explicit = bool(attributes.get("send_as")) or kind is MediaKind.VOICE
    file = drafts.File(kind, filename, content_type, stored.size, stored.sha256, stored.key)
    if stored.size and kind is MediaKind.VOICE and not is_voice_file(stored.head):
        file = _voice(storage, file, max_bytes)
    try:
        kind = drafts.accepted_kind(features, kind, file.content_type, explicit=explicit)
        drafts.check_size(features, kind, file.size)
    except BaseException:
        storage.delete(file.storage_key)  # the converted file; the caller removes the uploaded one
        raise
    return dataclasses.replace(file, kind=kind)


def _voice(storage: MediaStorage, file: drafts.File, max_bytes: int) -> drafts.File:
    try:
        with storage.open(file.storage_key) as source:
            converted = storage.save(to_voice(source), max_bytes=max_bytes)
    except (NotAudio, FileTooLarge) as error:
        raise ContentRefused(
            f"The file {file.filename!r} cannot be made a voice message: {error}.",
            action="Record it again, or send it as a document.",
            code="not_audio",
        ) from None
    storage.delete(file.storage_key)
    name = f"{file.filename.rsplit('.', 1)[0]}.ogg"
    return dataclasses.replace(
        file,
        filename=name,
        content_type="audio/ogg",
        size=converted.size,
        sha256=converted.sha256,
        storage_key=converted.key,
    )
