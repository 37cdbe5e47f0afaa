"""Where files lie: a local folder, or anything that fsspec knows.

Owns: writing, reading and removing files under random keys. Must not know: messages, HTTP, what a file is called by
people. No part of a user's file name ever becomes a path.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

import fsspec

from ...guards import forbid_in_transaction
from .sniff import HEAD_BYTES

if TYPE_CHECKING:
    from ...settings import Settings

logger = logging.getLogger(__name__)

CHUNK = 256 * 1024


class FileTooLarge(ValueError):
    """More bytes than allowed. ``limit`` in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is larger than {limit} bytes")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in storage.

    :param key: its name there.
    :param head: its first bytes, to judge its type by.
    """

    key: str
    size: int
    sha256: str
    head: bytes = field(repr=False)


class MediaStorage:
    """Files under random keys below one address.

    :param url: fsspec address; a local folder is made when it is first written to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._local = urlsplit(url).scheme in ("", "file", "local")
        self._fs: Any = None
        self._root = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> MediaStorage:
        """The storage of an installation."""
        return cls(settings.media_url)

    def __repr__(self) -> str:
        return f"MediaStorage({urlsplit(self.url).scheme or 'file'})"  # the address may hold credentials

    def save(self, chunks: Iterable[bytes], *, max_bytes: int) -> StoredFile:
        """Store a stream. Nothing stays behind when it is too large or breaks off.

        :raises FileTooLarge: more than ``max_bytes``.
        :raises OSError: the storage does not take it.
        """
        forbid_in_transaction("writing a file")
        key = _new_key()
        digest, size, head = hashlib.sha256(), 0, b""
        path = self._path(key)
        fs = self._filesystem()
        try:
            if self._local:
                fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            with fs.open(path, "wb") as target:
                for chunk in chunks:
                    size += len(chunk)
                    if size > max_bytes:
                        raise FileTooLarge(max_bytes)
                    if len(head) < HEAD_BYTES:
                        head += chunk[: HEAD_BYTES - len(head)]
                    digest.update(chunk)
                    target.write(chunk)
                self._sync(target)
        except BaseException:
            self.delete(key)
            raise
        return StoredFile(key, size, digest.hexdigest(), head)

    def _sync(self, target: Any) -> None:
        # The row that will say "ready" must not outlive the bytes in a power cut.
        if self._local:
            target.flush()
            os.fsync(target.fileno())

    def open(self, key: str) -> BinaryIO:
        """Open a file for reading.

        :raises FileNotFoundError: nothing lies under this key.
        """
        return cast("BinaryIO", self._filesystem().open(self._path(key), "rb"))

    def chunks(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a file, or a part of it."""
        with self.open(key) as source:
            if start:
                source.seek(start)
            left = length
            while left is None or left > 0:
                chunk = source.read(CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    def delete(self, key: str) -> None:
        """Remove a file; one that is not there is no error, one that cannot be removed is logged."""
        with suppress(FileNotFoundError):
            try:
                self._filesystem().rm_file(self._path(key))
            except FileNotFoundError:
                raise
            except OSError as error:
                logger.warning("file %s cannot be removed from storage: %s", key, error)

    def _filesystem(self) -> Any:
        # Made at first use: some file systems of fsspec start threads, which must not happen before a fork.
        if self._fs is None:
            self._fs, root = fsspec.url_to_fs(self.url)
            self._root = str(root).rstrip("/")
        return self._fs

    def _path(self, key: str) -> str:
        self._filesystem()
        if not _is_key(key):
            raise FileNotFoundError(f"{key!r} is not a key of this storage")
        return f"{self._root}/{key}"


def _new_key() -> str:
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name}"


def _is_key(key: str) -> bool:
    folder, _, name = key.partition("/")
    return len(folder) == 2 and len(name) == 32 and set(folder + name) <= set("0123456789abcdef")


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """A file object as chunks."""
    while chunk := stream.read(CHUNK):
        yield chunk
