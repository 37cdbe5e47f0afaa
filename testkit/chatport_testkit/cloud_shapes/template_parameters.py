"""Checks the parameters of a template message against the template. Raises the catalogue's errors."""

from __future__ import annotations

import re
from typing import Any

from .catalogue import GraphError
from .templates import Template, variables

JSON = dict[str, Any]

_MEDIA_FORMATS = {"IMAGE", "VIDEO", "DOCUMENT"}
_FORBIDDEN_TEXT = re.compile(r"[\n\t]| {5,}")
_MAX_TEXT = 1024
#: Buttons whose variable must be given with the message.
_NEEDS_PARAMETER = {"COPY_CODE", "OTP"}


def find_template(template: Template | None, name: str, language: str) -> Template:
    """The template when it may be sent.

    Raises:
        GraphError: 132001 missing or not approved, 132015 paused, 132016 disabled.
    """
    if template is not None and template.status == "PAUSED":
        raise GraphError(132015, "Template is paused due to low quality")
    if template is not None and template.status == "DISABLED":
        raise GraphError(132016, "Template was disabled for good")
    if template is None or template.status not in {"APPROVED", "FLAGGED"}:
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    return template


def check_parameters(template: Template, components: Any) -> None:
    """Compare the message's components with what the template asks for.

    Raises:
        GraphError: 131008, 132000, 132005, 132012, 132018.
    """
    if components is None:
        components = []
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise GraphError(131009, "template.components must be an array of objects")
    given = {str(c.get("type", "")).lower(): c for c in components if c.get("type") != "button"}
    unknown = set(given) - {"header", "body", "carousel", "limited_time_offer", "order_status"}
    if unknown:
        raise GraphError(131009, f"template.components: unknown type {sorted(unknown)[0]!r}")
    _check_header(template, _parameters(given.get("header"), "header"))
    body = template.component("BODY") or {}
    _check_texts(
        template, "body", str(body.get("text", "")), _parameters(given.get("body"), "body")
    )
    buttons = [c for c in components if str(c.get("type", "")).lower() == "button"]
    _check_buttons(template, buttons)


def _parameters(component: JSON | None, where: str) -> list[JSON]:
    if component is None:
        return []
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(p, dict) for p in parameters):
        raise GraphError(131009, f"{where}: parameters must be an array of objects")
    return parameters


def _check_header(template: Template, parameters: list[JSON]) -> None:
    header = template.component("HEADER")
    if header is None:
        if parameters:
            raise _count("header", len(parameters), 0)
        return
    form = str(header.get("format", "TEXT")).upper()
    if form == "TEXT":
        _check_texts(template, "header", str(header.get("text", "")), parameters)
        return
    if form == "LOCATION":
        kind = parameters[0].get("type") if parameters else None
        if kind != "location":
            raise _format("header", form, kind)
        return
    if form in _MEDIA_FORMATS:
        kind = str(parameters[0].get("type", "")) if parameters else ""
        if kind.upper() != form:
            raise _format("header", form, kind)
        medium = parameters[0].get(kind)
        if not isinstance(medium, dict) or ("id" in medium) == ("link" in medium):
            raise GraphError(131008, f"header: {kind} needs exactly one of id and link")


def _check_texts(template: Template, where: str, text: str, parameters: list[JSON]) -> None:
    wanted = variables(text)
    if len(parameters) != len(wanted):
        raise _count(where, len(parameters), len(wanted))
    named = template.parameter_format == "NAMED"
    if named and wanted:
        names = [str(p.get("parameter_name", "")) for p in parameters]
        if sorted(names) != sorted(wanted):
            raise GraphError(132012, f"{where}: expected parameter_name of {', '.join(wanted)}")
    length = len(text)
    for parameter in parameters:
        length += len(_text_of(where, parameter))
    if length > _MAX_TEXT and where == "body":
        raise GraphError(132005, f"{where}: the text with its parameters is over {_MAX_TEXT}")


def _text_of(where: str, parameter: JSON) -> str:
    kind = parameter.get("type", "text")
    if kind in {"currency", "date_time"}:
        inner = parameter.get(kind)
        if not isinstance(inner, dict) or not inner.get("fallback_value"):
            raise GraphError(131008, f"{where}: {kind} needs a fallback_value")
        return str(inner["fallback_value"])
    if kind != "text":
        raise _format(where, "TEXT", kind)
    text = parameter.get("text")
    if not isinstance(text, str) or not text:
        raise GraphError(131008, f"{where}: Parameter of type text is missing text value")
    if _FORBIDDEN_TEXT.search(text):
        raise GraphError(
            132018,
            f"{where}: Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
        )
    return text


def _check_buttons(template: Template, given: list[JSON]) -> None:
    holder = template.component("BUTTONS") or {}
    buttons: list[JSON] = holder.get("buttons", [])
    by_index: dict[int, JSON] = {}
    for component in given:
        try:
            index = int(component.get("index", ""))
        except (TypeError, ValueError) as error:
            raise GraphError(131009, "button: index must be a number") from error
        if not 0 <= index < len(buttons):
            raise GraphError(132018, f"button: the template has no button at index {index}")
        wanted = _sub_type(buttons[index])
        if str(component.get("sub_type", "")).lower() != wanted:
            raise GraphError(
                132018, f"button: sub_type at index {index} must be {wanted} for this template"
            )
        if not _parameters(component, "button"):
            raise GraphError(131008, f"button: parameters at index {index} are missing")
        by_index[index] = component
    for index, button in enumerate(buttons):
        kind = str(button.get("type", "")).upper()
        dynamic = kind == "URL" and variables(str(button.get("url", "")))
        if (dynamic or kind in _NEEDS_PARAMETER) and index not in by_index:
            raise GraphError(
                131008,
                f"buttons: Button at index {index} of type {kind.title()} requires a parameter",
            )


def _sub_type(button: JSON) -> str:
    kind = str(button.get("type", "")).lower()
    return {"otp": "url"}.get(kind, kind)


def _count(where: str, given: int, wanted: int) -> GraphError:
    return GraphError(
        132000,
        f"{where}: number of localizable_params ({given}) does not match the expected number of "
        f"params ({wanted})",
    )


def _format(where: str, wanted: str, given: object) -> GraphError:
    shown = str(given).upper() if given else "UNKNOWN"
    return GraphError(132012, f"{where}: Format mismatch, expected {wanted}, received {shown}")
