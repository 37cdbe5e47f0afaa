"""Reads the fields of a request as GoWA binds them to its structs: strict types, three content types.

Owns binding and its error texts (500, not 400). Must not know what the fields mean.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Request
from werkzeug.datastructures import FileStorage, MultiDict

from .answers import Failed
from .eras import Version

# Kind of a field → value when it is absent. "text?" and "int?" and "bool?" tell absent from empty.
ZERO: dict[str, Any] = {
    "text": "",
    "bool": False,
    "int": 0,
    "list": (),
    "text?": None,
    "int?": None,
    "bool?": None,
}
_TRUE = {"1", "t", "T", "TRUE", "true", "True", "on"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False", "off", ""}
_GO_TYPES = {"text": "string", "bool": "bool", "int": "int", "list": "[]string"}


class Form(dict[str, Any]):
    """The bound fields; ``files`` holds uploaded parts by field name."""

    def __init__(self, values: dict[str, Any], files: dict[str, FileStorage]) -> None:
        super().__init__(values)
        self.files = files


def bind(request: Request, struct: str, fields: dict[str, str], version: Version) -> Form:
    """Bind the body of ``request`` to ``fields`` (name → kind in ``ZERO``).

    Raises:
        Failed: broken JSON, a wrong type, or no usable content type.
    """
    values = {name: ZERO[kind] for name, kind in fields.items()}
    media_type = request.mimetype
    if media_type == "application/json":
        return Form(values | _from_json(request.get_data(), struct, fields, version), {})
    if media_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        files = {name.lower(): part for name, part in request.files.items()}
        return Form(values | _from_form(request.form, fields, version), files)
    raise Failed("Unprocessable Entity")


def query(request: Request, name: str, default: int) -> int:
    """A number of the query; a bad one counts as absent."""
    try:
        return int(request.args.get(name, default))
    except ValueError:
        return default


def query_bool(request: Request, name: str) -> bool | None:
    value = request.args.get(name)
    return None if value is None or value not in _TRUE | _FALSE else value in _TRUE


def read_json(data: bytes) -> Any:
    """Parse JSON.

    Raises:
        ValueError: with the text that Go's parser gives.
    """
    source = data.decode("utf-8", "replace")
    try:
        return json.loads(source)
    except json.JSONDecodeError as error:
        raise ValueError(_go_syntax_error(source, error.pos)) from error


def _go_syntax_error(source: str, position: int) -> str:
    rest = source[position:].lstrip()
    if not rest or (rest[0] in "\"'" and '"' not in rest[1:]):
        return "unexpected end of JSON input"
    character = "'\\''" if rest[0] == "'" else f"'{rest[0]}'"
    before = source[:position].rstrip()[-1:]
    if before == "{":
        where = "looking for beginning of object key string"
    elif before == ",":
        where = (
            "looking for beginning of object key string"
            if rest[0] == "}"
            else "looking for beginning of value"
        )
    elif before in {"", ":", "["}:
        where = "looking for beginning of value"
    else:
        where = "after top-level value" if before in "}]" else "after object key:value pair"
    return f"invalid character {character} {where}"


def _from_json(
    data: bytes, struct: str, fields: dict[str, str], version: Version
) -> dict[str, Any]:
    prefix = "bind from body: " if version.since("v9.0.0") else ""
    try:
        body = read_json(data)
    except ValueError as error:
        raise Failed(f"{prefix}{error}") from error
    if body is None:
        return {}
    if not isinstance(body, dict):
        kind = _json_type(body)
        raise Failed(
            f"{prefix}json: cannot unmarshal {kind} into Go value of type request.{struct}"
        )
    given = {str(name).lower(): value for name, value in body.items()}
    values = {}
    for name, kind in fields.items():
        value = given.get(name)
        if value is None:
            continue
        if not _fits(value, kind.rstrip("?")):
            go_type = _GO_TYPES[kind.rstrip("?")]
            place = f"Go struct field {struct}.{name} of type {go_type}"
            problem = f"json: cannot unmarshal {_json_type(value)} into {place}"
            raise Failed(
                f'bind "{name}" from body: {problem}' if version.since("v9.0.0") else problem
            )
        values[name] = value
    return values


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return f"number {value!r}"
    names = {int: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _from_form(
    form: MultiDict[str, str], fields: dict[str, str], version: Version
) -> dict[str, Any]:
    given: dict[str, list[str]] = {}
    for name, items in form.lists():
        given.setdefault(name.lower().removesuffix("[]"), []).extend(items)
    return {
        name: _convert(name, kind, given[name], version)
        for name, kind in fields.items()
        if name in given
    }


def _convert(name: str, kind: str, items: list[str], version: Version) -> Any:
    first = items[0]
    match kind.rstrip("?"):
        case "list":
            return items
        case "bool" if first in _TRUE | _FALSE:
            return first in _TRUE
        case "int" if first.lstrip("-").isdigit():
            return int(first)
        case "int" if first == "":
            return ZERO[kind]
        case "text":
            return first
        case _:
            problem = f'schema: error converting value for "{name}"'
            raise Failed(
                f'bind "{name}" from body: {problem}' if version.since("v9.0.0") else problem
            )
