"""From a request to send to the messages that it makes, checked against what the provider can do.

Owns: content kinds, limits, splitting into parts, templates. Pure: it reads values, never a table or a file.

``payload`` of a draft is what will be sent, in our own JSON form: ``kind`` is one of text, media, location, contacts,
poll, link, interactive, template; ``text`` is the text as it will stand in WhatsApp (for lookups and echoes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...channels import Features, MediaLimit
from ...errors import ContentRefused, UnsupportedFeature
from ...messages import MediaKind
from ..markup import to_whatsapp
from . import templates

#: Longer text is refused before it is even converted.
MAX_TYPED = 65_536
MAX_BUTTON_TITLE = 20
MAX_ROW_TITLE = 24
MAX_ROW_DESCRIPTION = 72
MAX_POLL_OPTIONS = 12
LIST_BUTTON = "Choose an item"


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file that lies in storage, judged and classified."""

    kind: MediaKind
    filename: str
    content_type: str
    size: int
    sha256: str
    storage_key: str


@dataclass(frozen=True, slots=True)
class Part:
    """What an attachment row says."""

    kind: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """One message that will be stored, and what will be sent for it."""

    content_type: str
    content: str
    payload: Mapping[str, Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client wants to be sent.

    :param signature: put before the text; empty for none.
    :param templates: the channel's templates as synchronised.
    """

    content: str = ""
    content_type: str = "text"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    template_params: Mapping[str, Any] | None = None
    signature: str = ""
    templates: Sequence[Mapping[str, Any]] = ()


def private_note(request: Request) -> list[Draft]:
    """A note for colleagues, its files with it in one message. It is never sent."""
    _check_typed(request.content)
    if not request.content.strip() and not request.files:
        raise _empty()
    parts = tuple(Part(str(file.kind), file=file) for file in request.files)
    return [Draft("media" if parts else "text", request.content, {}, parts=parts)]


def compose(features: Features, request: Request) -> list[Draft]:
    """The messages of a request, in the order in which they will be sent.

    :raises ContentRefused: over a limit or malformed, with what to change.
    :raises UnsupportedFeature: the provider cannot send this.
    """
    _check_typed(request.content)
    if request.template_params is not None:
        return [_template(features, request)]
    if request.files:
        return _files(features, request)
    make = _KINDS.get(request.content_type)
    if make is None:
        raise ContentRefused(
            f"Messages of the type {request.content_type!r} cannot be sent by WhatsApp.",
            action=f"Use one of: {', '.join(sorted(_KINDS))}.",
            code="content_type",
        )
    return make(features, request)


def _check_typed(content: str) -> None:
    if len(content) > MAX_TYPED:
        raise ContentRefused(
            f"The text has {len(content)} characters.",
            action=f"Write at most {MAX_TYPED} characters.",
            code="text_too_long",
        )


def _empty() -> ContentRefused:
    return ContentRefused(
        "The message is empty.", action="Write a text or attach a file.", code="empty_message"
    )


# --- text -------------------------------------------------------------------------------------------------------------


def rendered(request: Request, limit: int, what: str = "text") -> str:
    """The text as WhatsApp will show it, signature included.

    :raises ContentRefused: longer than ``limit``.
    """
    return checked_text(request.signature + to_whatsapp(request.content), limit, what)


def checked_text(text: str, limit: int, what: str = "text") -> str:
    """``text``, if it is not too long.

    :raises ContentRefused: longer than ``limit`` characters.
    """
    if len(text) > limit:
        raise ContentRefused(
            f"The {what} has {len(text)} characters; WhatsApp takes at most {limit} here.",
            action="Shorten it, or send it as several messages.",
            code="text_too_long",
        )
    return text


def _text(features: Features, request: Request) -> list[Draft]:
    if not request.content.strip():
        raise _empty()
    payload = {
        "kind": "text",
        "text": rendered(request, features.max_text),
        "preview_url": request.attributes.get("preview_url") is not False,
    }
    return [Draft("text", request.content, payload)]


# --- files ------------------------------------------------------------------------------------------------------------


def _files(features: Features, request: Request) -> list[Draft]:
    """One message per file, in order; the text is the first one's caption, or stands before a file without one."""
    drafts: list[Draft] = []
    first = features.media[request.files[0].kind]
    caption, typed = "", request.content if request.content.strip() else ""
    if typed and first.caption:
        caption = rendered(request, features.max_caption, "caption")
    elif typed:
        drafts += _text(features, request)
    for number, file in enumerate(request.files):
        shown = caption if number == 0 else ""
        payload: dict[str, Any] = {"kind": "media", "media_kind": str(file.kind), "text": shown}
        if request.attributes.get("view_once"):
            payload["view_once"] = True
        content = typed if shown else ""
        drafts.append(Draft("media", content, payload, parts=(Part(str(file.kind), file=file),)))
    return drafts


def wanted_kind(attributes: Mapping[str, Any], content_type: str, natural: MediaKind) -> MediaKind:
    """The kind of file that the client asks for, else the natural one of its type.

    :raises ContentRefused: an unknown word in ``send_as``.
    """
    wish = attributes.get("send_as")
    if wish:
        if wish not in set(MediaKind):
            raise ContentRefused(
                f"A file cannot be sent as {str(wish)[:40]!r}.",
                action=f"Use one of: {', '.join(MediaKind)}.",
                code="send_as",
            )
        return MediaKind(wish)
    if attributes.get("is_voice_message") and content_type.startswith(("audio/", "video/")):
        return MediaKind.VOICE
    return natural


def accepted_kind(
    features: Features, wanted: MediaKind, content_type: str, *, explicit: bool
) -> MediaKind:
    """The kind as which the provider takes a file: the wanted one, else a document.

    :param explicit: the client asked for this very kind, so nothing else will do.
    :raises UnsupportedFeature: neither.
    """
    if not features.media:
        raise UnsupportedFeature(
            "This provider cannot send files.", action="Send a link in a text.", code="no_files"
        )
    for kind in [wanted] if explicit else [wanted, MediaKind.DOCUMENT]:
        limit = features.media.get(kind)
        if limit is not None and _takes(limit, content_type):
            return kind
    limit = features.media.get(wanted)
    if limit is None:
        raise UnsupportedFeature(
            f"This provider cannot send a file as {wanted}.",
            action=f"It can send: {', '.join(sorted(features.media))}.",
            code="media_kind",
        )
    raise UnsupportedFeature(
        f"WhatsApp does not take a file of the type {content_type} as {wanted}.",
        action=f"Convert it to one of: {', '.join(sorted(limit.content_types))}.",
        code="media_type",
    )


def _takes(limit: MediaLimit, content_type: str) -> bool:
    return not limit.content_types or content_type in {
        accepted.split(";", 1)[0].strip().lower() for accepted in limit.content_types
    }


def check_size(features: Features, kind: MediaKind, size: int) -> None:
    """Refuse a file that is empty or larger than the provider takes.

    :raises ContentRefused: with the limit.
    """
    if size == 0:
        raise ContentRefused("The file is empty.", action="Attach another file.", code="empty_file")
    limit = features.media[kind].max_bytes
    if size > limit:
        document = features.media.get(MediaKind.DOCUMENT)
        as_document = (
            kind is not MediaKind.DOCUMENT and document is not None and size <= document.max_bytes
        )
        raise ContentRefused(
            f"The {kind} has {megabytes(size)}; WhatsApp takes at most {megabytes(limit)} for this kind.",
            action="Make it smaller, or send it as a document."
            if as_document
            else "Make it smaller.",
            code="file_too_large",
        )


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size} bytes"


# --- places, contacts, polls, links -----------------------------------------------------------------------------------


def _location(features: Features, request: Request) -> list[Draft]:
    _need(features.location, "locations")
    given = _object(request.attributes, "location")
    place = {
        "latitude": _degrees(given, "latitude", 90),
        "longitude": _degrees(given, "longitude", 180),
        "name": _word(given.get("name"), 1000),
        "address": _word(given.get("address"), 1000),
    }
    shown = request.content or ", ".join(
        str(place[key]) for key in ("name", "address") if place[key]
    )
    payload = {"kind": "location", "text": "", **place}
    return [
        Draft(
            "location",
            shown,
            payload,
            parts=(Part("location", {**place, "url": "", "live": False}),),
        )
    ]


def _contacts(features: Features, request: Request) -> list[Draft]:
    _need(features.contacts, "contacts")
    given = request.attributes.get("contacts")
    if not isinstance(given, list) or not given:
        raise _malformed("contacts", "a list of contacts with name and phones")
    cards = [_card(entry) for entry in given]
    size = max(1, features.max_contacts)
    return [_contact_draft(cards[start : start + size]) for start in range(0, len(cards), size)]


def _card(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise _malformed("contacts", "a list of contacts with name and phones")
    card = {
        "name": _word(given.get("name"), 255),
        "phones": _words(given.get("phones")),
        "emails": _words(given.get("emails")),
        "organization": _word(given.get("organization"), 255),
    }
    if not card["name"] or not card["phones"]:
        raise _malformed("contacts", "contacts that each have a name and at least one phone number")
    return card


def _contact_draft(cards: list[dict[str, Any]]) -> Draft:
    names = ", ".join(card["name"] for card in cards)
    parts = tuple(Part("contact", {**card, "raw": ""}) for card in cards)
    return Draft("contact", names, {"kind": "contacts", "text": "", "cards": cards}, parts=parts)


def _poll(features: Features, request: Request) -> list[Draft]:
    _need(features.polls, "polls")
    given = _object(request.attributes, "poll")
    question = _word(given.get("question") or request.content, 255)
    options = _words(given.get("options"))
    if (
        not question
        or not 2 <= len(options) <= MAX_POLL_OPTIONS
        or len(set(options)) != len(options)
    ):
        raise _malformed("poll", f"a question and 2 to {MAX_POLL_OPTIONS} different options")
    answers = given.get("max_answers", 1)
    if (
        not isinstance(answers, int)
        or isinstance(answers, bool)
        or not 1 <= answers <= len(options)
    ):
        raise _malformed("poll", "max_answers between 1 and the number of options")
    data = {"question": question, "options": options, "max_answers": answers}
    return [
        Draft(
            "structured",
            question,
            {"kind": "poll", "text": question, **data},
            attributes={"structured": {"kind": "poll", "data": data}},
        )
    ]


def _link(features: Features, request: Request) -> list[Draft]:
    """A link with a preview; with ``button``, a text with a button that opens the link."""
    given = _object(request.attributes, "link")
    button = _word(given.get("button"), 255)
    if button:
        _need(features.cta_url, "buttons that open a link")
    else:
        _need(features.link, "links with a preview")
    url = _word(given.get("url"), 2000)
    if not re.match(r"^https?://[^\s]+$", url):
        raise _malformed("link", "a url that begins with http:// or https://")
    if button:
        return [_link_button(features, request, url, button)]
    caption = rendered(request, features.max_text) if request.content.strip() else url
    data = {"url": url, "caption": caption}
    return [
        Draft(
            "structured",
            request.content or url,
            {"kind": "link", "text": caption, **data},
            attributes={"structured": {"kind": "link", "data": data}},
        )
    ]


def _link_button(features: Features, request: Request, url: str, title: str) -> Draft:
    if not request.content.strip():
        raise _empty()
    _check_titles([{"title": title}], MAX_BUTTON_TITLE)
    payload = {
        "kind": "interactive",
        "style": "cta_url",
        "text": rendered(request, features.max_text),
        "choices": [],
        "button": title,
        "url": url,
    }
    data = {"url": url, "caption": request.content, "button": title}
    return Draft(
        "structured",
        request.content,
        payload,
        attributes={"structured": {"kind": "link", "data": data}},
    )


# --- choices ----------------------------------------------------------------------------------------------------------


def _choices(features: Features, request: Request) -> list[Draft]:
    """Up to three choices are buttons, more are a list; where the provider has neither, they are numbered text."""
    given = request.attributes.get("items")
    if not isinstance(given, list) or not given:
        raise _malformed("items", "a list of items with title and value")
    choices = [_choice(item) for item in given]
    if len({choice["id"] for choice in choices}) != len(choices):
        raise _malformed("items", "items with different values")
    if not request.content.strip():
        raise _empty()
    body = rendered(request, features.max_text)
    attributes = {"items": given}
    if len(choices) <= min(3, features.buttons):
        _check_titles(choices, MAX_BUTTON_TITLE)
        style = "buttons"
    elif features.list_rows:
        if len(choices) > features.list_rows:
            raise ContentRefused(
                f"{len(choices)} items are given; WhatsApp takes at most {features.list_rows}.",
                action="Leave some out, or ask in two steps.",
                code="too_many_items",
            )
        _check_titles(choices, MAX_ROW_TITLE)
        style = "list"
    else:
        numbered = "\n".join(f"{n}. {choice['title']}" for n, choice in enumerate(choices, 1))
        text = checked_text(f"{body}\n\n{numbered}", features.max_text)
        payload: dict[str, Any] = {"kind": "text", "text": text, "preview_url": False}
        return [Draft("input_select", request.content, payload, attributes)]
    button = _word(request.attributes.get("button"), MAX_BUTTON_TITLE) or LIST_BUTTON
    payload = {
        "kind": "interactive",
        "style": style,
        "text": body,
        "choices": choices,
        "button": button,
    }
    return [Draft("input_select", request.content, payload, attributes)]


def _choice(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping) or not _word(given.get("title"), 255):
        raise _malformed("items", "items that each have a title")
    title = _word(given.get("title"), 255)
    return {
        "id": _word(given.get("value"), 200) or title,
        "title": title,
        "description": _word(given.get("description"), MAX_ROW_DESCRIPTION),
    }


def _check_titles(choices: list[dict[str, str]], limit: int) -> None:
    for choice in choices:
        if len(choice["title"]) > limit:
            raise ContentRefused(
                f"The title {choice['title']!r} has {len(choice['title'])} characters; WhatsApp takes {limit}.",
                action="Shorten the title.",
                code="title_too_long",
            )


# --- templates --------------------------------------------------------------------------------------------------------


def _template(features: Features, request: Request) -> Draft:
    given = request.template_params or {}
    name, language = _word(given.get("name"), 512), _word(given.get("language"), 16)
    if not features.templates:
        # A template's readable text is all that this provider can send.
        if request.content.strip():
            return _text(features, request)[0]
        raise UnsupportedFeature(
            "This provider has no message templates.",
            action="Send the text itself.",
            code="no_templates",
        )
    definition = templates.find(request.templates, name, language)
    params = templates.sections(given.get("processed_params"))
    templates.check(definition, params)
    payload = {
        "kind": "template",
        "name": name,
        "language": definition.get("language", language),
        "category": _word(given.get("category") or definition.get("category"), 64),
        "namespace": _word(given.get("namespace") or definition.get("namespace"), 128),
        "params": params,
    }
    shown = request.content or templates.text(definition, params)
    payload["text"] = shown
    return Draft("template", shown, payload, attributes={"template_params": dict(given)})


# --- reading what a client gave ---------------------------------------------------------------------------------------


def _need(able: bool, what: str) -> None:
    if not able:
        raise UnsupportedFeature(
            f"This provider cannot send {what}.", action="Send it as text.", code="unsupported"
        )


def _malformed(key: str, wanted: str) -> ContentRefused:
    return ContentRefused(
        f"content_attributes.{key} is not usable.",
        action=f"Give {wanted}.",
        code=f"malformed_{key}",
    )


def _object(attributes: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = attributes.get(key)
    if not isinstance(value, Mapping):
        raise _malformed(key, "an object")
    return value


def _degrees(given: Mapping[str, Any], key: str, limit: float) -> float:
    try:
        number = float(given[key])
    except (KeyError, TypeError, ValueError):
        raise _malformed("location", "latitude and longitude as numbers") from None
    if not -limit <= number <= limit:
        raise _malformed("location", f"a {key} between -{limit} and {limit}")
    return number


def _word(value: Any, limit: int) -> str:
    return str(value).strip()[:limit] if isinstance(value, str | int | float) else ""


def _words(value: Any) -> list[str]:
    found = [_word(item, 255) for item in value] if isinstance(value, list) else []
    return [word for word in found if word]


_KINDS = {
    "text": _text,
    "location": _location,
    "contact": _contacts,
    "contacts": _contacts,
    "poll": _poll,
    "link": _link,
    "input_select": _choices,
}
