"""Reading what a client sent: JSON, forms with bracketed names, query strings.

Owns: the way from a request's bytes to a plain dictionary. Must not know: routes, schemas.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from flask import Request
from werkzeug.datastructures import MultiDict

from ..db.types import storable_json
from .errors import ApiError

#: Deeper names of form fields are no message.
_MAX_DEPTH = 6
#: Deeper JSON is refused: whoever stores or answers it walks it by recursion.
_DEEPEST = 64
_PART = re.compile(r"\[([^\[\]]*)\]")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_body(request: Request) -> dict[str, Any]:
    """The request's body as an object; empty where there is none. Characters that no database takes are replaced.

    :raises ApiError: 400 for what is not JSON, 422 for JSON that is no object.
    """
    if request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return _clean(nested(request.form))
    data = request.get_data(cache=True)
    if not data.strip():
        return {}
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ApiError(
            400, "The body is not JSON.", code="not_json", action="Send a JSON object in UTF-8."
        ) from None
    if not isinstance(value, dict):
        raise ApiError(422, "The body must be a JSON object.", code="not_an_object")
    return _clean(value)


def _clean(value: dict[str, Any]) -> dict[str, Any]:
    if _depth(value) > _DEEPEST:
        raise ApiError(
            422, "The request is nested too deeply.", code="too_deep", action="Send it flatter."
        )
    clean: dict[str, Any] = storable_json(value)
    return clean


def _depth(value: Any) -> int:
    """How deep objects and lists are nested; without recursion, which has an end."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def nested(form: MultiDict[str, str]) -> dict[str, Any]:
    """Form fields as an object: ``a[b]=1`` is ``{"a": {"b": "1"}}``, ``a[]=1`` a list.

    A plain field that begins like a JSON object or list is read as such where it can be.
    """
    found: dict[str, Any] = {}
    for name, values in form.lists():
        head, bracket, rest = name.partition("[")
        path = [head, *(_PART.findall(bracket + rest) if bracket else [])][:_MAX_DEPTH]
        as_list = path[-1] == "" and len(path) > 1
        if as_list:
            path = path[:-1]
        _place(found, path, list(values) if as_list else _value(values[-1]))
    return found


def _place(target: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ApiError(422, f"The field {key!r} is given in two ways.", code="ambiguous_field")
        target = inner
    target[path[-1]] = value


def _value(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return text
    return text


def read_query(args: MultiDict[str, str]) -> dict[str, Any]:
    """The query string as an object; ``labels[]=a&labels[]=b`` and ``labels=a`` are both lists where a list is asked
    for."""
    found = {
        name.removesuffix("[]"): values if name.endswith("[]") or len(values) > 1 else values[0]
        for name, values in args.lists()
    }
    return _clean(found)
