"""Files in a send: which parts and addresses are allowed, and fetching an address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import requests

from ..accept import Upload
from ..answers import Failed, Invalid
from ..binding import Form
from ..checks import is_url

FETCH_SECONDS = 30
_AUDIO = "aac amr flac m4a m4r mp3 mpeg ogg wma x-ms-wma wav vnd.wav vnd.wave wave x-pn-wav x-wav"


@dataclass(frozen=True, slots=True)
class FileRule:
    """What a kind of file may be.

    Attributes:
        label: how the texts call the field, e.g. ``Image``.
        types: allowed content types of an uploaded part; empty means any.
        refusal: the text for another content type.
        extensions: endings that an address must have; empty means any.
        answers: what the content type at the address must start with.
    """

    label: str
    types: frozenset[str] = frozenset()
    refusal: str = ""
    extensions: tuple[str, ...] = ()
    answers: str = ""


RULES = {
    "image": FileRule(
        "Image",
        frozenset({"image/jpeg", "image/jpg", "image/png"}),
        "your image is not allowed. please use jpg/jpeg/png",
        (".jpg", ".jpeg", ".png", ".webp"),
        "image/",
    ),
    "file": FileRule("File"),
    "video": FileRule(
        "Video",
        frozenset({"video/mp4", "video/x-matroska", "video/avi", "video/x-msvideo"}),
        "your video type is not allowed. please use mp4/mkv/avi/x-msvideo",
    ),
    "audio": FileRule(
        "Audio",
        frozenset(f"audio/{name}" for name in _AUDIO.split()),
        f"your audio type is not allowed. please use ({', '.join(_AUDIO.split())})",
    ),
    "sticker": FileRule(
        "Sticker",
        frozenset({"image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif"}),
        "your sticker is not allowed. please use jpg/jpeg/png/webp/gif",
    ),
}


def check_file(form: Form, field: str, limit: int) -> None:
    """Refuse an upload that the service would refuse.

    Raises:
        Invalid: neither file nor address, both for a sticker, a content type or a size.
    """
    rule = RULES[field]
    part, url = form.files.get(field), form[f"{field}_url"]
    if part is None and url is None:
        raise Invalid(f"either {rule.label} or {rule.label}URL must be provided")
    if field == "sticker" and part is not None and url:
        raise Invalid("cannot provide both Sticker file and StickerURL")
    if part is not None and rule.types and (part.content_type or "") not in rule.types:
        raise Invalid(rule.refusal)
    if part is not None:
        part.stream.seek(0, 2)
        size = part.stream.tell()
        part.stream.seek(0)
        if size > limit:
            megabytes = limit // 1_000_000
            raise Invalid(f"max file upload is {megabytes} MB, please upload a smaller file")
    if url is not None:
        if not url:
            raise Invalid(f"{rule.label}URL cannot be empty")
        if not is_url(url):
            raise Invalid(f"{rule.label}URL must be a valid URL")


def take_file(form: Form, field: str) -> Upload:
    """Return the file of a checked form; an address wins over a part.

    Raises:
        Failed: the address gave no usable file.
    """
    url = form[f"{field}_url"]
    if url:
        return _fetch(url, RULES[field])
    part = form.files[field]
    return Upload(part.stream.read(), part.content_type or "", part.filename or "")


def _fetch(url: str, rule: FileRule) -> Upload:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if rule.extensions and not name.lower().endswith(rule.extensions):
        raise Failed(f"invalid file type. Only {', '.join(rule.extensions)} files are allowed")
    try:
        answer = requests.get(url, timeout=FETCH_SECONDS)
    except requests.RequestException as error:
        raise Failed(
            f"failed to download {rule.label.lower()} from URL: {type(error).__name__}"
        ) from error
    if answer.status_code != 200:
        raise Failed(f"HTTP request failed with status: {answer.status_code} {answer.reason}")
    content_type = answer.headers.get("Content-Type", "application/octet-stream")
    if rule.answers and not content_type.startswith(rule.answers):
        raise Failed(f"invalid content type: {content_type}")
    return Upload(answer.content, content_type, name)
