"""Rules of interactive messages. Raises the catalogue's errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .catalogue import GraphError

JSON = dict[str, Any]


def check_interactive(content: JSON) -> None:
    """Refuse an interactive content that Meta refuses.

    Raises:
        GraphError: 131008 for what is missing, 131009 for what is wrong.
    """
    kind = content.get("type")
    if not isinstance(kind, str):
        raise _missing("interactive.type")
    check = _CHECKS.get(kind)
    if check is None and kind not in _UNCHECKED:
        raise GraphError(131009, f"interactive.type {kind!r} is not one of the supported types")
    action = content.get("action")
    if not isinstance(action, dict):
        raise _missing("interactive.action")
    _header(content.get("header"), kind)
    if kind not in {"product", "catalog_message"} or "body" in content:
        _text(content.get("body"), "Body", 4096 if kind == "list" else 1024)
    footer = content.get("footer")
    if footer is not None:
        _text(footer, "Footer", 60)
    if check is not None:
        check(action)


def _missing(name: str) -> GraphError:
    return GraphError(131008, f"The parameter {name} is required.")


def _length(what: str, value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise _missing(what)
    if not 1 <= len(value) <= longest:
        raise GraphError(131009, f"{what} length invalid. Min length: 1, Max length: {longest}")
    return value


def _text(part: Any, what: str, longest: int) -> None:
    if not isinstance(part, dict):
        raise _missing(f"interactive.{what.lower()}")
    _length(f"{what} text", part.get("text"), longest)


def _header(header: Any, kind: str) -> None:
    if header is None:
        return
    if not isinstance(header, dict):
        raise GraphError(131009, "interactive.header must be an object")
    form = header.get("type")
    allowed = (
        {"text"} if kind in {"list", "product_list"} else {"text", "image", "video", "document"}
    )
    if kind in {"location_request_message", "request_contact_info"} or form not in allowed:
        raise GraphError(131009, f"Header type {form!r} is not allowed for {kind}")
    if form == "text":
        _length("Header text", header.get("text"), 60)
        return
    medium = header.get(form)
    if not isinstance(medium, dict) or ("id" in medium) == ("link" in medium):
        raise GraphError(131009, f"Header {form} needs exactly one of id and link")


def _buttons(action: JSON) -> None:
    buttons = action.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
        raise GraphError(
            131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3"
        )
    titles: list[str] = []
    ids: list[str] = []
    for button in buttons:
        reply = button.get("reply") if isinstance(button, dict) else None
        if not isinstance(reply, dict) or button.get("type") != "reply":
            raise GraphError(131009, "A button must be of type reply with a reply object")
        titles.append(_length("Button title", reply.get("title"), 20))
        ids.append(_identity("Button id", reply.get("id"), 256))
    _unique("Button titles", titles)
    _unique("Button ids", ids)


def _list(action: JSON) -> None:
    _length("Button", action.get("button"), 20)
    sections = action.get("sections")
    if not isinstance(sections, list) or not 1 <= len(sections) <= 10:
        raise GraphError(
            131009, "Invalid section count. Min allowed sections: 1, Max allowed sections: 10"
        )
    rows: list[JSON] = []
    for section in sections:
        if not isinstance(section, dict) or not isinstance(section.get("rows"), list):
            raise _missing("action.sections.rows")
        if len(sections) > 1 or "title" in section:
            _length("Section title", section.get("title"), 24)
        if not section["rows"]:
            raise GraphError(131009, "A section needs at least one row")
        rows += section["rows"]
    if len(rows) > 10:
        raise GraphError(131009, "Total row count exceed max allowed count: 10")
    ids: list[str] = []
    for row in rows:
        if not isinstance(row, dict):
            raise GraphError(131009, "A row must be an object")
        _length("Row title", row.get("title"), 24)
        ids.append(_identity("Row id", row.get("id"), 200))
        if "description" in row:
            _length("Row description", row.get("description"), 72)
    _unique("Row ids", ids)


def _identity(what: str, value: Any, longest: int) -> str:
    text = _length(what, value, longest)
    if text != text.strip():
        raise GraphError(131009, f"{what} cannot start or end with a space")
    return text


def _unique(what: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise GraphError(131009, f"{what} must be unique")


def _parameters(action: JSON, name: str) -> JSON:
    if action.get("name") != name:
        raise GraphError(131009, f"action.name must be {name}")
    parameters = action.get("parameters")
    if not isinstance(parameters, dict):
        raise _missing("action.parameters")
    return parameters


def _cta_url(action: JSON) -> None:
    parameters = _parameters(action, "cta_url")
    _length("display_text", parameters.get("display_text"), 20)
    url = str(parameters.get("url", ""))
    if urlsplit(url).scheme not in {"http", "https"}:
        raise GraphError(131009, "action.parameters.url must be an http or https address")


def _flow(action: JSON) -> None:
    parameters = _parameters(action, "flow")
    _length("flow_cta", parameters.get("flow_cta"), 30)
    if ("flow_id" in parameters) == ("flow_name" in parameters):
        raise GraphError(131009, "Exactly one of flow_id and flow_name is required")
    if str(parameters.get("flow_message_version")) != "3":
        raise GraphError(131009, "flow_message_version must be 3")
    payload = parameters.get("flow_action_payload")
    if isinstance(payload, dict) and payload.get("data") == {}:
        raise GraphError(131009, "flow_action_payload.data must not be empty")


def _named(name: str) -> Callable[[JSON], None]:
    def check(action: JSON) -> None:
        if action.get("name") != name:
            raise GraphError(131009, f"action.name must be {name}")

    return check


_CHECKS: dict[str, Callable[[JSON], None]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _cta_url,
    "flow": _flow,
    "location_request_message": _named("send_location"),
    "request_contact_info": _named("request_contact_info"),
    "voice_call": _named("voice_call"),
    "call_permission_request": _named("call_permission_request"),
}
_UNCHECKED = {"product", "product_list", "catalog_message", "carousel"}
