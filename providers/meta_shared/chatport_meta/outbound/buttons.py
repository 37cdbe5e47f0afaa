"""The buttons of a template that need a value with every send.

Owns: the components of buttons. Must not know: the rest of a template, HTTP. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport.errors import ContentRefused

MAX_COUPON = 15
_VALUE_KEYS = ("parameter", "text", "value", "payload", "coupon_code", "code")


def button_components(buttons: Any, given: Any, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A component for each button that has a variable.

    :param given: values by the buttons' place: objects with ``parameter``, texts, or nothing.
    :param body: the body's values by variable; a login code stands there too.
    :raises ContentRefused: a value is missing or too long.
    """
    values = _by_place(given)
    found = []
    for index, button in enumerate(buttons if isinstance(buttons, list) else ()):
        if not isinstance(button, Mapping):
            continue
        made = _button(button, values.pop(index, None), body)
        if made is not None:
            sub_type, parameter = made
            component: dict[str, Any] = {
                "type": "button",
                "sub_type": sub_type,
                "index": str(index),
                "parameters": [parameter],
            }
            found.append(component)
    if values:
        raise ContentRefused(
            f"The template has no button number {min(values) + 1}.",
            action="Leave its value out.",
            code="template_buttons",
        )
    return found


def _by_place(given: Any) -> dict[int, Any]:
    values: dict[int, Any] = {}
    entries = given if isinstance(given, list) else []
    for place, entry in enumerate(entries):
        told = entry.get("index") if isinstance(entry, Mapping) else None
        index = int(told) if isinstance(told, int | str) and str(told).isdigit() else place
        if entry not in (None, "", {}):
            values[index] = entry
    return values


def _button(
    button: Mapping[str, Any], given: Any, body: Mapping[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    label = str(button.get("text", ""))
    value = _value(given)
    match str(button.get("type", "")).upper():
        case "URL":
            if "{{" not in str(button.get("url", "")):
                return None
            return "url", {"type": "text", "text": _needed(value, label, "the end of its address")}
        case "COPY_CODE":
            code = _needed(value, label, "the code to copy")
            if len(code) > MAX_COUPON:
                raise ContentRefused(
                    f"The code has {len(code)} characters; WhatsApp takes {MAX_COUPON}.",
                    action="Use a shorter code.",
                    code="template_buttons",
                )
            return "copy_code", {"type": "coupon_code", "coupon_code": code}
        case "OTP":
            code = _needed(value or str(body.get("1", "")), label, "the login code")
            return "url", {"type": "text", "text": code}
        case "QUICK_REPLY":
            return ("quick_reply", {"type": "payload", "payload": value}) if value else None
        case "FLOW" | "CATALOG" | "MPM" as kind:
            action = given.get("action") if isinstance(given, Mapping) else None
            if isinstance(action, Mapping):
                return kind.lower(), {"type": "action", "action": dict(action)}
    return None


def _value(given: Any) -> str:
    if isinstance(given, Mapping):
        given = next((given[key] for key in _VALUE_KEYS if given.get(key) not in (None, "")), "")
    return str(given).strip() if isinstance(given, str | int | float) else ""


def _needed(value: str, label: str, what: str) -> str:
    if not value:
        raise ContentRefused(
            f"The template's button {label!r} needs {what}.",
            action="Give it under buttons, at the button's place, as parameter.",
            code="template_buttons",
        )
    if any(c in value for c in "\n\r\t"):
        raise ContentRefused(
            f"The value of the template's button {label!r} holds a line break or a tab.",
            action="Write it on one line.",
            code="template_buttons",
        )
    return value
