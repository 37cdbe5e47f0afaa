"""What WhatsApp takes, judged before anything is sent.

Owns: lengths and counts. Must not know: HTTP, the form of a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chatport.channels import Features
from chatport.errors import ContentRefused, UnsupportedFeature
from chatport.messages import (
    Choice,
    Contacts,
    Content,
    Interactive,
    Link,
    Location,
    Media,
    MediaKind,
    Text,
)

from .contents import card_name

MAX_BUTTON = 20
MAX_BUTTON_ID = 256
MAX_ROW_TITLE = 24
MAX_ROW_TEXT = 72
MAX_ROW_ID = 200
MAX_HEADER = 60
MAX_FOOTER = 60
MAX_BUTTON_BODY = 1024
#: Bytes; the declared limit is that of animated ones.
MAX_STILL_STICKER = 100 * 1024


def check(content: Content, features: Features, service: str) -> None:
    """Refuse what WhatsApp would refuse.

    :raises ContentRefused: a length, a count, a type does not fit.
    :raises UnsupportedFeature: the features do not have this at all.
    """
    match content:
        case Text(body=body):
            short("The text", body, features.max_text)
        case Link(url=url, caption=caption):
            short("The text", f"{caption}\n{url}", features.max_text)
        case Media():
            _file(content, features, service)
        case Contacts(cards=cards):
            count("contacts", len(cards), features.max_contacts)
            for card in cards:
                short("A contact", card_name(card), features.max_text)
        case Location():
            _place(content)
        case Interactive():
            _interactive(content, features)


def short(what: str, text: str, limit: int, *, empty: bool = False) -> None:
    """Refuse a text that is too long, or empty.

    :raises ContentRefused: with the numbers.
    """
    if not text.strip() and not empty:
        raise ContentRefused(f"{what} is empty.", action="Write something.", code="empty")
    if len(text) > limit:
        raise ContentRefused(
            f"{what} has {len(text)} characters; WhatsApp takes {limit}.",
            action="Shorten it.",
            code="too_long",
        )


def count(what: str, number: int, limit: int) -> None:
    """Refuse more than WhatsApp takes, or none.

    :raises ContentRefused: with the numbers.
    """
    if not 1 <= number <= limit:
        raise ContentRefused(
            f"{number} {what} are given; WhatsApp takes 1 to {limit}.",
            action="Leave some out, or send several messages." if number else "Add one.",
            code="too_many" if number else "empty",
        )


def _file(media: Media, features: Features, service: str) -> None:
    limit = features.media.get(media.kind)
    if limit is None:
        raise UnsupportedFeature(
            f"{service} cannot send a file of the kind {media.kind.replace('_', ' ')}.",
            action="Send it as a document.",
            code="unsupported",
        )
    if media.view_once:  # as an ordinary file it would stay, which is not what was asked for
        raise UnsupportedFeature(
            f"{service} cannot send a file that is shown once only.",
            action="Send it as an ordinary file, or from the phone.",
            code="unsupported",
        )
    if media.size > limit.max_bytes:
        raise ContentRefused(
            f"The file has {media.size} bytes; as {media.kind} WhatsApp takes {limit.max_bytes}.",
            action="Send a smaller file, or send it as a document.",
            code="file_too_large",
        )
    if media.kind is MediaKind.STICKER and media.size > MAX_STILL_STICKER and not _moves(media):
        raise ContentRefused(
            f"The sticker has {media.size} bytes; WhatsApp takes {MAX_STILL_STICKER} of one that does not move.",
            action="Send a smaller sticker, or send it as a picture.",
            code="file_too_large",
        )
    plain = media.content_type.partition(";")[0].strip().lower()
    if limit.content_types and plain not in limit.content_types:
        raise ContentRefused(
            f"WhatsApp takes no {plain or 'file without type'} as {media.kind}.",
            action=f"Use {', '.join(limit.content_types)}, or send it as a document.",
            code="file_type",
        )
    if media.caption and not limit.caption:
        raise ContentRefused(
            f"A file of the kind {media.kind} has no caption.",
            action="Send the text as a message of its own.",
            code="caption",
        )
    short("The caption", media.caption, features.max_caption, empty=True)


def _moves(sticker: Media) -> bool:
    """Whether a WebP file is animated: a bit of its extended header. A file that is gone is told by its upload."""
    try:
        with sticker.open() as file:
            head = file.read(21)
    except FileNotFoundError:
        return True
    return head[12:16] == b"VP8X" and len(head) == 21 and bool(head[20] & 0x02)


def _place(place: Location) -> None:
    if not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
        raise ContentRefused(
            "The place's coordinates are outside the globe.",
            action="Correct latitude and longitude.",
            code="coordinates",
        )


def _interactive(content: Interactive, features: Features) -> None:
    body_limit = features.max_text if content.style == "list" else MAX_BUTTON_BODY
    short("The text", content.body, body_limit)
    short("The header", content.header, MAX_HEADER, empty=True)
    short("The footer", content.footer, MAX_FOOTER, empty=True)
    match content.style:
        case "buttons":
            count("buttons", len(content.choices), features.buttons)
            _choices(content.choices, MAX_BUTTON, MAX_BUTTON_ID)
            _unique("titles", [choice.title for choice in content.choices])
        case "list":
            count("rows", len(content.choices), features.list_rows)
            short("The list's button", content.button, MAX_BUTTON)
            _choices(content.choices, MAX_ROW_TITLE, MAX_ROW_ID)
            for choice in content.choices:
                short("A row's description", choice.description, MAX_ROW_TEXT, empty=True)
        case "cta_url":
            short("The link's button", content.button, MAX_BUTTON)
            if not content.url.startswith(("http://", "https://")):
                raise ContentRefused(
                    "The link does not begin with http:// or https://.",
                    action="Give the whole address.",
                    code="link",
                )
        case _:
            raise UnsupportedFeature(
                f"There is no interactive message of the style {content.style!r}.",
                action="Send it as text.",
                code="unsupported",
            )


def _choices(choices: Sequence[Choice], title: int, identifier: int) -> None:
    for choice in choices:
        short("A title", choice.title, title)
        short("An id", choice.id, identifier)
        if choice.id != choice.id.strip():
            raise ContentRefused(
                f"The id {choice.id!r} begins or ends with a blank.",
                action="Leave the blank out.",
                code="choice_id",
            )
    _unique("ids", [choice.id for choice in choices])


def _unique(what: str, values: Sequence[str]) -> None:
    twice = [value for value, number in Counter(values).items() if number > 1]
    if twice:
        raise ContentRefused(
            f"Two choices have the same of their {what}: {twice[0]!r}.",
            action="Make them different.",
            code="choice_twice",
        )
