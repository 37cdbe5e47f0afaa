"""Rules of the body of a send call. Raises the catalogue's errors; knows no state."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .catalogue import GraphError
from .identifiers import BSUID
from .interactive import check_interactive
from .numbers import digits_of

JSON = dict[str, Any]

TYPES = (
    "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "reaction",
    "interactive", "template",
)  # fmt: skip
MEDIA_TYPES = frozenset({"image", "video", "audio", "document", "sticker"})
_CAPTIONED = frozenset({"image", "video", "document"})
_NAME_PARTS = ("first_name", "last_name", "middle_name", "suffix", "prefix")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A send body that passed the checks. ``address`` as given; ``addressed_by`` to, recipient, group."""

    address: str
    addressed_by: str
    kind: str
    content: Any
    quoted: str | None
    callback_data: str | None


def check_product(body: JSON) -> None:
    """Refuse a body without ``messaging_product: whatsapp``."""
    if "messaging_product" not in body:
        raise GraphError(100, message="The parameter messaging_product is required.")
    if body["messaging_product"] != "whatsapp":
        raise GraphError(100, message="Param messaging_product must be one of {WHATSAPP}")


def check_send(body: JSON) -> Outgoing:
    """The checked parts of a send body.

    Raises:
        GraphError: 100, 131008, 131009, or 131051.
    """
    check_product(body)
    address, addressed_by = _recipient(body)
    kind = body.get("type", "text")
    if kind not in TYPES:
        listed = ", ".join(name.upper() for name in TYPES)
        raise GraphError(100, message=f"Param type must be one of {{{listed}}}")
    if kind not in body:
        raise GraphError(131008, f"Parameter '{kind}' is mandatory for type '{kind}'")
    content = body[kind]
    if not isinstance(content, list if kind == "contacts" else dict):
        raise GraphError(131009, f"Parameter '{kind}' must be an {_shape(kind)}")
    _CONTENT_CHECKS[kind](content)
    callback = body.get("biz_opaque_callback_data")
    if callback is not None and (not isinstance(callback, str) or len(callback) > 512):
        raise GraphError(131009, "biz_opaque_callback_data may hold 512 characters")
    return Outgoing(address, addressed_by, kind, content, _quoted(body, kind), callback)


def _shape(kind: str) -> str:
    return "array" if kind == "contacts" else "object"


def _recipient(body: JSON) -> tuple[str, str]:
    kind = body.get("recipient_type", "individual")
    if kind not in {"individual", "group"}:
        raise GraphError(100, message="Param recipient_type must be one of {INDIVIDUAL, GROUP}")
    to, recipient = body.get("to"), body.get("recipient")
    if to:
        if not isinstance(to, str):
            raise GraphError(100, message="Param to must be a string")
        if kind == "group":
            return to, "group"
        if not re.fullmatch(r"\d{5,20}", digits_of(to)):
            raise GraphError(131009, "Parameter 'to' is not a valid phone number or WhatsApp id")
        return to, "to"
    if recipient:
        if not isinstance(recipient, str) or not BSUID.fullmatch(recipient):
            raise GraphError(131009, "Parameter 'recipient' is not a business-scoped user id")
        return recipient, "recipient"
    raise GraphError(100, message="The parameter to is required.")


def _quoted(body: JSON, kind: str) -> str | None:
    context = body.get("context")
    if context is None:
        return None
    if not isinstance(context, dict) or not isinstance(context.get("message_id"), str):
        raise GraphError(131009, "context must be an object with a message_id")
    if kind == "reaction":
        raise GraphError(131009, "A reaction cannot quote another message")
    return str(context["message_id"])


def _length(name: str, value: Any, longest: int, *, shortest: int = 1) -> None:
    if value is None:
        raise GraphError(131008, f"Parameter '{name}' is required")
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise GraphError(
            131009,
            f"Param {name} must be at least {shortest} and at most {longest} characters long.",
        )


def _text(content: JSON) -> None:
    _length("text['body']", content.get("body"), 4096)
    if not isinstance(content.get("preview_url", False), bool):
        raise GraphError(131009, "text['preview_url'] must be a boolean")


def _media(kind: str) -> Callable[[JSON], None]:
    def check(content: JSON) -> None:
        if ("id" in content) == ("link" in content):
            raise GraphError(
                131008 if "id" not in content else 131009,
                f"Exactly one of '{kind}['id']' and '{kind}['link']' is required",
            )
        if "id" in content and not isinstance(content["id"], str):
            raise GraphError(131009, f"{kind}['id'] must be a string")
        if "link" in content and urlsplit(str(content["link"])).scheme not in {"http", "https"}:
            raise GraphError(131009, f"{kind}['link'] is not a valid URI")
        if "caption" in content:
            if kind not in _CAPTIONED:
                raise GraphError(131009, f"Unexpected key 'caption' on param '{kind}'")
            _length(f"{kind}['caption']", content["caption"], 1024, shortest=0)
        if "filename" in content and kind != "document":
            raise GraphError(131009, f"Unexpected key 'filename' on param '{kind}'")

    return check


def _location(content: JSON) -> None:
    for key, most in (("latitude", 90.0), ("longitude", 180.0)):
        if key not in content:
            raise GraphError(131008, f"Parameter 'location['{key}']' is required")
        try:
            value = float(content[key])
        except (TypeError, ValueError) as error:
            raise GraphError(131009, f"location['{key}'] is not a number") from error
        if not -most <= value <= most:
            raise GraphError(131009, f"location['{key}'] is out of range")


def _contacts(content: list[Any]) -> None:
    if not 1 <= len(content) <= 257:
        raise GraphError(131009, "contacts must hold 1 to 257 elements")
    for card in content:
        name = card.get("name") if isinstance(card, dict) else None
        if not isinstance(name, dict) or not name.get("formatted_name"):
            raise GraphError(131008, "contacts['name']['formatted_name'] is required")
        if not any(name.get(part) for part in _NAME_PARTS):
            raise GraphError(131009, "contacts['name'] needs one more part besides formatted_name")


def _reaction(content: JSON) -> None:
    if not isinstance(content.get("message_id"), str):
        raise GraphError(131008, "reaction['message_id'] is required")
    if not isinstance(content.get("emoji"), str):
        raise GraphError(131008, "reaction['emoji'] is required")


def _template(content: JSON) -> None:
    if not isinstance(content.get("name"), str) or not content["name"]:
        raise GraphError(131008, "template['name'] is required")
    language = content.get("language")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise GraphError(131008, "template['language']['code'] is required")


_CONTENT_CHECKS: dict[str, Callable[[Any], None]] = {
    "text": _text,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": check_interactive,
    "template": _template,
    **{kind: _media(kind) for kind in MEDIA_TYPES},
}
