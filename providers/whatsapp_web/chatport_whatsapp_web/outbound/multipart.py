"""A multipart form with one file, streamed: a film of 100 MB is never held in memory.

Owns: the bytes of the form. Must not know: which fields GoWA takes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import BinaryIO

_BLOCK = 256 * 1024


class MultipartBody:
    """A file-like request body of known length.

    :param fields: plain fields, before the file.
    :param stream: the file's bytes, from its beginning.
    :param size: of the file, in bytes.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        *,
        name: str,
        filename: str,
        content_type: str,
        stream: BinaryIO,
        size: int,
    ) -> None:
        self._boundary = "chatport" + secrets.token_hex(16)
        head = [self._field(field, value) for field, value in fields.items()]
        head.append(
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"; '
            f'filename="{_quoted(filename)}"\r\nContent-Type: {content_type}\r\n\r\n'
        )
        self._head = "".join(head).encode("utf-8", "replace")
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()
        self._stream, self._size = stream, size
        self._blocks = self._all()
        self._rest = b""

    @property
    def content_type(self) -> str:
        """The header's value."""
        return f"multipart/form-data; boundary={self._boundary}"

    def _field(self, name: str, value: str) -> str:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'

    def _all(self) -> Iterator[bytes]:
        yield self._head
        left = self._size
        while left:
            block = self._stream.read(min(_BLOCK, left))
            if not block:
                raise OSError("the stored file is shorter than its size says")
            left -= len(block)
            yield block
        yield self._tail

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        while size < 0 or len(self._rest) < size:
            block = next(self._blocks, b"")
            if not block:
                break
            self._rest += block
        if size < 0:
            size = len(self._rest)
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


def _quoted(filename: str) -> str:
    """A file name inside quotation marks; control characters would end the header."""
    plain = "".join(c for c in filename if ord(c) >= 32 and ord(c) != 127)
    return plain.replace("\\", "_").replace('"', "_")[:200] or "file"
