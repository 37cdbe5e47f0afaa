"""A template with its variables, as a send wants it; what does not fit is refused here, with the reason.

Owns: reading the template's definition and the given values, and the components made of both. Must not know: HTTP.

Values come as ``{"body": {name: value}, "header": {…}, "buttons": […]}``; a flat mapping means the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from chatport.errors import ContentRefused, PolicyRefused
from chatport.messages import Template

from .buttons import button_components

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_SECTIONS = frozenset({"body", "header", "footer", "buttons", "carousel", "limited_time_offer"})
_MEDIA_HEADERS = {"IMAGE": "image", "VIDEO": "video", "GIF": "video", "DOCUMENT": "document"}
#: Of the text with its values filled in.
MAX_BODY = 1024
MAX_VALUE = 1000
MAX_LINK = 2000
#: Where Meta keeps the samples of templates; its own fetcher is refused there, and the message fails minutes later.
_SAMPLES = ".whatsapp.net"


def template_object(template: Template) -> dict[str, Any]:
    """``{"name", "language", "components"}``.

    :raises ContentRefused: the template is not known, or the variables do not fit it.
    :raises PolicyRefused: the template is not approved.
    """
    definition = template.definition
    _check_state(template)
    given = _sections(template.params)
    named = str(definition.get("parameter_format", "")).upper() == "NAMED"
    components: list[dict[str, Any]] = []
    for component in _components(definition):
        match str(component.get("type", "")).upper():
            case "HEADER":
                components += _header(component, given.get("header"), named)
            case "BODY":
                components += _body(component, given.get("body"), named)
            case "BUTTONS":
                components += button_components(
                    component.get("buttons"), given.get("buttons"), text_values(given.get("body"))
                )
            case "CAROUSEL" | "LIMITED_TIME_OFFER" as kind:
                components += _as_given(kind.lower(), given.get(kind.lower()))
    found: dict[str, Any] = {
        "name": template.name,
        "language": {"policy": "deterministic", "code": template.language},
    }
    if components:
        found["components"] = components
    return found


def needs_phone(template: Template) -> bool:
    """Whether the template can go to a phone number only, not to a user id: codes to log in with."""
    buttons = [
        button
        for component in _components(template.definition)
        for button in component.get("buttons") or ()
        if isinstance(button, Mapping)
    ]
    return any(str(button.get("type", "")).upper() == "OTP" for button in buttons)


def _check_state(template: Template) -> None:
    if not template.definition:
        raise ContentRefused(
            f"There is no template {template.name!r} in the language {template.language!r} at this channel.",
            action="Synchronise the templates, or choose another one.",
            code="template_missing",
        )
    state = str(template.definition.get("status", "")).upper()
    if state and state != "APPROVED":
        raise PolicyRefused(
            f"The template {template.name!r} is not approved: WhatsApp calls it {state.lower().replace('_', ' ')}.",
            action="Use another template, or wait for WhatsApp's approval.",
            code="template_not_approved",
        )


def _sections(params: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"body": params} if params and not _SECTIONS & set(params) else params


def _components(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for component in definition.get("components") or ():
        if isinstance(component, Mapping):
            yield component


def variables(text: Any) -> tuple[str, ...]:
    """Names of a text's variables, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text))) if isinstance(text, str) else ()


def _in_order(text: Any, named: bool) -> tuple[str, ...]:
    """Variables as a send lists them. Numbered ones go by their number: a translation may have {{2}} before {{1}}."""
    found = variables(text)
    numbered = not named and all(name.isascii() and name.isdigit() for name in found)
    return tuple(sorted(found, key=int)) if numbered else found


# --- texts ----------------------------------------------------------------------------------------


def _body(component: Mapping[str, Any], given: Any, named: bool) -> list[dict[str, Any]]:
    names = _in_order(component.get("text"), named)
    values = text_values(given)
    _check_names("body", names, values)
    if not names:
        return []
    parameters = [_parameter(name, values[name], named) for name in names]
    filled = _VARIABLE.sub(
        lambda match: _shown(values[match.group(1)]), str(component.get("text", ""))
    )
    if len(filled) > MAX_BODY:
        raise ContentRefused(
            f"With these values the template's text has {len(filled)} characters; WhatsApp takes {MAX_BODY}.",
            action="Shorten the values.",
            code="template_too_long",
        )
    return [{"type": "body", "parameters": parameters}]


def text_values(given: Any) -> dict[str, Any]:
    """Values by variable; a list stands for 1, 2, 3, …"""
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items() if value not in (None, "")}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return {str(n): value for n, value in enumerate(given, 1) if value not in (None, "")}
    return {}


def _check_names(where: str, names: Sequence[str], values: Mapping[str, Any]) -> None:
    missing = [name for name in names if name not in values]
    if missing:
        raise ContentRefused(
            f"The template's {where} needs a value for: {', '.join(missing)}.",
            action="Give each variable a value.",
            code="template_variables",
        )
    unknown = [name for name in values if name not in names]
    if unknown:
        raise ContentRefused(
            f"The template's {where} has no variable called: {', '.join(unknown)}.",
            action=f"It has: {', '.join(names) or 'none'}.",
            code="template_variables",
        )


def _parameter(name: str, value: Any, named: bool) -> dict[str, Any]:
    found = _special(value) or {"type": "text", "text": checked_value(value)}
    return {**found, "parameter_name": name} if named else found


def _special(value: Any) -> dict[str, Any] | None:
    """An amount of money or a date, which WhatsApp writes as the recipient's phone does."""
    if not isinstance(value, Mapping):
        return None
    kind = value.get("type")
    if kind not in ("currency", "date_time"):
        raise ContentRefused(
            "A template's value is neither text, nor currency, nor date_time.",
            action="Give a text.",
            code="template_variables",
        )
    inner = value.get(kind)
    fields = (
        inner if isinstance(inner, Mapping) else {k: v for k, v in value.items() if k != "type"}
    )
    return {"type": kind, kind: dict(fields)}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = value.get(value.get("type"))
        found = (inner if isinstance(inner, Mapping) else value).get("fallback_value", "")
        return str(found)
    return str(value).strip()


def checked_value(value: Any) -> str:
    """A variable's text, if WhatsApp takes it.

    :raises ContentRefused: empty, too long, or with characters that WhatsApp refuses.
    """
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ContentRefused(
            "A template's value is not a text.", action="Give a text.", code="template_variables"
        )
    text = str(value).strip()
    if not text:
        raise ContentRefused(
            "A template's value is empty.", action="Give each a value.", code="template_variables"
        )
    if any(c in text for c in "\n\r\t") or " " * 5 in text:
        raise ContentRefused(
            "A template's value holds a line break, a tab, or more than four blanks in a row.",
            action="Write it on one line.",
            code="template_variables",
        )
    if len(text) > MAX_VALUE:
        raise ContentRefused(
            f"A template's value has {len(text)} characters; {MAX_VALUE} are possible.",
            action="Shorten it.",
            code="template_variables",
        )
    return text


# --- header ---------------------------------------------------------------------------------------


def _header(component: Mapping[str, Any], given: Any, named: bool) -> list[dict[str, Any]]:
    kind = str(component.get("format") or "TEXT").upper()
    values = given if isinstance(given, Mapping) else {}
    if kind == "TEXT":
        names = _in_order(component.get("text"), named)
        texts = text_values(given)
        _check_names("header", names, texts)
        if not names:
            return []
        return [{"type": "header", "parameters": [_parameter(n, texts[n], named) for n in names]}]
    if kind == "LOCATION":
        return [{"type": "header", "parameters": [_location(values)]}]
    media = _MEDIA_HEADERS.get(kind)
    if media is None:
        return _as_given("header", given)
    return [{"type": "header", "parameters": [{"type": media, media: _media(values, media)}]}]


def _location(values: Mapping[str, Any]) -> dict[str, Any]:
    if any(values.get(key) in (None, "") for key in ("latitude", "longitude")):
        raise ContentRefused(
            "The template's header needs a place.",
            action="Give header.latitude and header.longitude.",
            code="template_header",
        )
    keys = ("latitude", "longitude", "name", "address")
    # Zero is a coordinate: the equator, the meridian of Greenwich.
    told = {key: values[key] for key in keys if values.get(key) not in (None, "")}
    return {"type": "location", "location": told}


def _media(values: Mapping[str, Any], media: str) -> dict[str, str]:
    """The header's file. It must be given with every send; the template's own sample cannot be used."""
    told = values.get("media_type")
    if isinstance(told, str) and told and told.lower() != media:
        raise ContentRefused(
            f"The template's header needs the kind {media}, not {told}.",
            action="Give such a file.",
            code="template_header",
        )
    identifier = values.get("media_id") or values.get("id")
    link = values.get("media_url") or values.get("link")
    if isinstance(identifier, str) and identifier:
        found = {"id": identifier}
    elif isinstance(link, str) and link.strip():
        found = {"link": checked_link(link)}
    else:
        raise ContentRefused(
            f"The template's header needs a file of the kind {media}.",
            action="Give its address as header.media_url.",
            code="template_header",
        )
    name = values.get("media_name") or values.get("filename")
    if media == "document" and isinstance(name, str) and name:
        found["filename"] = name
    return found


def checked_link(link: str) -> str:
    """An address that Meta can fetch a file from.

    :raises ContentRefused: it cannot.
    """
    text = link.strip().replace(" ", "%20")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
    except ValueError:
        parts, host = None, ""
    usable = parts is not None and parts.scheme in ("http", "https") and parts.username is None
    if not usable or not host or len(text) > MAX_LINK:
        raise ContentRefused(
            "The file's address is not usable.",
            action=f"Give a public address without a password, that begins with https:// and has at most {MAX_LINK}"
            " characters.",
            code="template_header",
        )
    if host.endswith(_SAMPLES):
        raise ContentRefused(
            "The file's address is the template's own sample, which WhatsApp does not deliver.",
            action="Put the file on a public server and give its address there.",
            code="template_header",
        )
    return text


def _as_given(kind: str, given: Any) -> list[dict[str, Any]]:
    """A component that is passed on as it is given."""
    if isinstance(given, Mapping):
        return [{"type": kind, **given}]
    raise ContentRefused(
        f"The template has a {kind.replace('_', ' ')}, for which nothing is given.",
        action=f"Give its part of the request under {kind}.",
        code="template_variables",
    )
