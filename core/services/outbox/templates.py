"""Message templates as synchronised from a provider: finding one, fitting values to it, its text for people.

Owns: what can be refused before a template is stored for sending. Must not know: providers, the wire format.

Values come as ``{"body": {name: value}, "header": {…}, "buttons": […]}``; a plain list means the body's variables in
order, a flat object the body's variables by name. Both are older forms that clients still send.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ContentRefused, PolicyRefused

_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_SECTIONS = frozenset({"body", "header", "footer", "buttons", "carousel", "limited_time_offer"})


def find(templates: Sequence[Mapping[str, Any]], name: str, language: str) -> Mapping[str, Any]:
    """The synchronised template of a name and language.

    :raises ContentRefused: there is none; says which languages exist.
    """
    if not name:
        raise ContentRefused(
            "The template has no name.", action="Choose a template.", code="template_missing"
        )
    same_name = [template for template in templates if template.get("name") == name]
    for template in same_name:
        if language and template.get("language") == language:
            return template
    if not same_name:
        raise ContentRefused(
            f"There is no template {name!r} at this channel.",
            action="Synchronise the templates, or choose another one.",
            code="template_missing",
        )
    languages = ", ".join(sorted(str(template.get("language", "")) for template in same_name))
    raise ContentRefused(
        f"The template {name!r} does not exist in the language {language!r}.",
        action=f"It exists in: {languages}.",
        code="template_language",
    )


def sections(given: Any) -> dict[str, Any]:
    """Values in today's form, from whichever form a client sent."""
    if isinstance(given, list):
        return {"body": {str(number): value for number, value in enumerate(given, 1)}}
    if not isinstance(given, Mapping):
        return {}
    if given and not _SECTIONS & set(given):
        return {"body": dict(given)}
    return dict(given)


def check(definition: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Refuse what WhatsApp would refuse: a template that is not approved, values that do not fit its body.

    :raises PolicyRefused: not approved.
    :raises ContentRefused: a value is missing, empty or too many.
    """
    state = str(definition.get("status", "")).upper()
    if state and state != "APPROVED":
        raise PolicyRefused(
            f"The template {definition.get('name')!r} is not approved: WhatsApp calls it"
            f" {state.lower().replace('_', ' ')}.",
            action="Use another template, or wait for WhatsApp's approval.",
            code="template_not_approved",
        )
    wanted = variables(_body(definition))
    values = params.get("body")
    values = (
        {str(key): value for key, value in values.items()} if isinstance(values, Mapping) else {}
    )
    missing = [
        name for name in wanted if values.get(name) is None or str(values[name]).strip() == ""
    ]
    if missing:
        raise ContentRefused(
            f"The template needs values for: {', '.join(missing)}.",
            action="Fill in every variable.",
            code="template_variables",
        )
    unknown = sorted(set(values) - set(wanted))
    if unknown and wanted:
        raise ContentRefused(
            f"The template has no variables named: {', '.join(unknown)}.",
            action=f"It has: {', '.join(wanted)}.",
            code="template_variables",
        )


def variables(text: str) -> tuple[str, ...]:
    """Names of a text's variables, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def text(definition: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """A template's body with its variables filled in, for people to read."""
    values = params.get("body")
    values = values if isinstance(values, Mapping) else {}
    return _VARIABLE.sub(
        lambda match: str(values.get(match.group(1), match.group(0))), _body(definition)
    )


def _body(definition: Mapping[str, Any]) -> str:
    for component in definition.get("components") or ():
        if isinstance(component, Mapping) and str(component.get("type", "")).upper() == "BODY":
            return str(component.get("text", ""))
    return ""
