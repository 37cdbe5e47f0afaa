"""Sound into what WhatsApp shows as a voice message: OGG with Opus, one channel, 48 kHz.

Owns: the conversion (PyAV, so no program has to be installed). Must not know: messages, storage.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import BinaryIO

RATE = 48_000
BIT_RATE = 32_000
#: Longer recordings are no voice messages.
MAX_SECONDS = 3600


class NotAudio(ValueError):
    """The file holds no sound that can be read."""


def is_voice_file(head: bytes) -> bool:
    """Whether a file, judged by its first bytes, is OGG with Opus already."""
    return head.startswith(b"OggS") and b"OpusHead" in head[:256]


def to_voice(source: BinaryIO) -> Iterator[bytes]:
    """Convert, and give the new file in chunks.

    :param source: a seekable file with sound in any usual format.
    :raises NotAudio: it cannot be read as sound.
    """
    import av  # a large library that most processes never need

    with tempfile.TemporaryFile() as target:
        try:
            _convert(source, target)
        except av.FFmpegError as error:
            raise NotAudio(f"it cannot be read as sound ({type(error).__name__})") from None
        target.seek(0)
        while chunk := target.read(256 * 1024):
            yield chunk


def _convert(source: BinaryIO, target: BinaryIO) -> None:
    import av
    from av.audio.resampler import AudioResampler

    with av.open(source, mode="r") as given, av.open(target, mode="w", format="ogg") as made:
        if not given.streams.audio:
            raise NotAudio("it holds no sound")
        stream = made.add_stream("libopus", rate=RATE)
        stream.layout = "mono"
        stream.bit_rate = BIT_RATE
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        samples = 0
        for frame in given.decode(audio=0):
            frame.pts = None  # recordings with gaps or without times are joined as they come
            for piece in resampler.resample(frame):
                samples += piece.samples
                if samples > MAX_SECONDS * RATE:
                    raise NotAudio(f"it is longer than {MAX_SECONDS // 60} minutes")
                made.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            made.mux(stream.encode(piece))
        if not samples:
            raise NotAudio("it holds no sound")
        made.mux(stream.encode(None))
