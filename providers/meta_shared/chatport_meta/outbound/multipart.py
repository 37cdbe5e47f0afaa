"""The form of a file's upload, streamed: a film is never held in memory.

Owns: the bytes of the form. Must not know: who takes it.
"""

from __future__ import annotations

import secrets
from typing import BinaryIO

_BLOCK = 256 * 1024


class StreamBody:
    """A request body of known length: a file between two pieces.

    :param size: of the file, in bytes.
    """

    def __init__(self, head: bytes, file: BinaryIO, size: int, tail: bytes) -> None:
        self._file, self._left = file, size
        self._length = len(head) + size + len(tail)
        self._pending, self._tail = head, tail
        self._ended = False

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        wanted = self._length if size < 0 else size
        while len(self._pending) < wanted and not self._ended:
            self._pending += self._next()
        block, self._pending = self._pending[:wanted], self._pending[wanted:]
        return block

    def _next(self) -> bytes:
        if self._left:
            block = self._file.read(min(_BLOCK, self._left))
            if not block:
                raise OSError("the stored file is shorter than its size says")
            self._left -= len(block)
            return block
        self._ended = True
        return self._tail


class UploadForm(StreamBody):
    """A form: plain fields, then one file under the name ``file``."""

    def __init__(
        self, fields: dict[str, str], *, filename: str, content_type: str, file: BinaryIO, size: int
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        disposition = "Content-Disposition: form-data; name="
        head = "".join(
            f'--{boundary}\r\n{disposition}"{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += f'--{boundary}\r\n{disposition}"file"; filename="{_safe(filename)}"\r\n'
        head += f"Content-Type: {_safe(content_type)}\r\n\r\n"
        tail = f"\r\n--{boundary}--\r\n"
        super().__init__(head.encode("utf-8", "replace"), file, size, tail.encode())


def _safe(value: str) -> str:
    """A value inside a header line: no quotation mark, no line break."""
    kept = "".join(c for c in value if c.isprintable() and c not in '"\\')
    return kept[:200] or "file"
