"""The OpenAPI document, made from the declared routes and their schemas.

Owns: the document's form. Must not know: what routes do.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from .. import __version__
from .routing import Route, Routes
from .schemas import ErrorAnswer

_DESCRIPTION = (
    "Messages, conversations, contacts and inboxes of an account. Authenticate with the header `api_access_token` or"
    " `Authorization: Bearer`. Times are seconds since 1970; conversation ids in addresses count per account. Every"
    " error has the same shape: a sentence, messages by field, a suggested action and a word for programs."
)


@cache
def document() -> dict[str, Any]:
    """The document as JSON."""
    spec = APISpec(
        title="Chatport API",
        version=__version__,
        openapi_version="3.0.3",
        info={"description": _DESCRIPTION, "license": {"name": "MIT"}},
        plugins=[MarshmallowPlugin(schema_name_resolver=_name)],
    )
    spec.components.security_scheme(
        "token", {"type": "apiKey", "in": "header", "name": "api_access_token"}
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for route in Routes.all:
        spec.path(path=route.template, operations={route.method.lower(): _operation(route)})
    return spec.to_dict()


def _name(schema: Any) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return cls.__name__


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.description:
        operation["description"] = route.description
    if route.role:
        operation["security"] = [{"token": []}, {"bearer": []}]
        operation["x-role"] = route.role
    else:
        operation["security"] = []
    if route.body is not None:
        content: dict[str, Any] = {"application/json": {"schema": route.body}}
        if route.files:
            content["multipart/form-data"] = {"schema": _with_files(route.body)}
        operation["requestBody"] = {"required": _requires(route.body), "content": content}
    return operation


def _requires(schema: type[Schema]) -> bool:
    return any(one.required for one in schema().fields.values())


@cache
def _with_files(schema: type[Schema]) -> type[Schema]:
    files = fields.List(
        fields.Raw(metadata={"type": "string", "format": "binary"}), data_key="attachments[]"
    )
    return type(f"{schema.__name__}Form", (schema,), {"attachments": files})


def _parameters(route: Route) -> list[Any]:
    found: list[Any] = [
        {
            "in": "path",
            "name": name,
            "required": True,
            "schema": {"type": "integer" if kind == "id" else "string"},
        }
        for kind, name in re.findall(r"<(?:(\w+):)?(\w+)>", route.rule)
    ]
    if route.query is not None:
        found.append({"in": "query", "schema": route.query})
    found += [
        {"in": "header", "name": name, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in route.headers
    ]
    return found


def _responses(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done."}
    if route.answer is not None:
        schema = {"type": "array", "items": route.answer} if route.many else route.answer
        success["content"] = {route.media_type: {"schema": schema}}
    elif route.media_type != "application/json":
        success["content"] = {route.media_type: {"schema": {"type": "string", "format": "binary"}}}
    responses = {str(route.status): success}
    statuses = ["404"]
    if route.role:
        statuses = ["401", *statuses]
    if route.body is not None:
        statuses += ["400", "413"]
    if route.body is not None or route.query is not None or route.method != "GET":
        statuses.append("422")
    error = {"application/json": {"schema": ErrorAnswer}}
    for status in statuses:
        responses[status] = {"description": _MEANINGS[status], "content": error}
    return dict(sorted(responses.items()))


_MEANINGS = {
    "400": "The body cannot be read.",
    "401": "No valid token, a suspended account, or a role that may not do this.",
    "404": "Not there, or of another account.",
    "413": "The request is too large.",
    "422": "Refused, with field errors and a suggested action.",
}
