"""The API reference as Markdown, from the OpenAPI document.

Owns: the page's form. Must not know: how routes are declared. ``docs/generate.py`` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

ABOUT = (
    "Every route with what it takes and answers; [api.md](api.md) shows how to use them. A running Chatport serves the"
    " same as OpenAPI 3 at `/api/v1/openapi.json`, without a token, for clients and code generators."
)
PREFIX = "/api/v1"


def api_page(document: Document, note: str) -> str:
    """``docs/api-reference.md``.

    :param note: the line that says where the page comes from.
    """
    lines = ["# API reference\n", note + "\n", ABOUT + "\n", document["info"]["description"] + "\n"]
    tags = grouped(document)
    lines.append("\n".join(contents(tags)) + "\n")
    for tag, operations in tags.items():
        lines.append(f"## {tag}\n")
        for method, path, operation in operations:
            lines += operation_section(document, method, path, operation)
    lines.append("## Shapes\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += shape_section(name, schema)
    return "\n".join(lines)


def grouped(document: Document) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    """Operations by tag, tags in alphabetical order, operations in the document's."""
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return dict(sorted(found.items()))


def contents(tags: Mapping[str, Iterable[tuple[str, str, Mapping[str, Any]]]]) -> Iterator[str]:
    """A table of all operations."""
    yield "| | | |"
    yield "|---|---|---|"
    for operations in tags.values():
        for method, path, operation in operations:
            name = operation["operationId"]
            yield f"| {method} | [`{path.removeprefix(PREFIX)}`](#{name}) | {cell(operation['summary'])} |"


def operation_section(
    document: Document, method: str, path: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    """One operation."""
    yield f"### {operation['operationId']}\n"
    yield f"`{method} {path}`\n"
    yield f"{operation['summary']}.\n"
    if text := operation.get("description"):
        yield text + "\n"
    yield f"{who(operation)}\n"
    parameters = [one for one in operation["parameters"] if one["in"] != "path"]
    if parameters:
        yield (
            "| parameter | in | type | |\n|---|---|---|---|\n"
            + "\n".join(
                f"| `{one['name']}` | {one['in']} | {type_of(one['schema'])} | {about(one, one['schema'])} |"
                for one in parameters
            )
            + "\n"
        )
    if body := operation.get("requestBody"):
        kinds = body["content"]
        shape = type_of(kinds["application/json"]["schema"])
        form = " or `multipart/form-data` with `attachments[]`" if len(kinds) > 1 else ""
        yield f"Takes {shape} as JSON{form}{'' if body['required'] else '; may be left out'}.\n"
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            yield f"Answers {status}{answer_of(response)}. Errors: {errors_of(operation)}.\n"


def who(operation: Mapping[str, Any]) -> str:
    """Who may call an operation."""
    role = operation.get("x-role")
    if role is None:
        return "Anybody, without a token."
    return "For administrators." if role == "administrator" else "For agents and administrators."


def answer_of(response: Mapping[str, Any]) -> str:
    """The shape of an answer, in words."""
    content = response.get("content")
    if not content:
        return " without a body"
    media_type, described = next(iter(content.items()))
    if media_type != "application/json":
        return f" with `{media_type}`"
    return f" with {type_of(described['schema'])}"


def errors_of(operation: Mapping[str, Any]) -> str:
    """The statuses of refusals."""
    return ", ".join(status for status in operation["responses"] if not status.startswith("2"))


def shape_section(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """One shape."""
    yield f"### {name}\n"
    required = set(schema.get("required", ()))
    rows = [
        f"| `{field}` | {type_of(described)} | {'yes' if field in required else ''} | {about(described, described)} |"
        for field, described in schema.get("properties", {}).items()
    ]
    if rows:
        yield "| field | type | required | |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    else:
        yield "Any object.\n" if schema.get("additionalProperties") else "An empty object.\n"


def type_of(schema: Mapping[str, Any]) -> str:
    """A schema's type in words, with a link where it is a shape of its own."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for either in ("allOf", "anyOf", "oneOf"):
        if either in schema:
            return " or ".join(type_of(one) for one in schema[either])
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return f"{kind}{' or null' if schema.get('nullable') else ''}"


def about(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Meaning, allowed values, default and limits."""
    said = [described["description"]] if described.get("description") else []
    if values := [value for value in schema.get("enum", ()) if value is not None]:
        said.append("One of " + ", ".join(f"`{value}`" for value in values) + ".")
    if schema.get("default") not in (None, "", {}, []):
        said.append(f"Default: `{schema['default']!r}`.")
    if schema.get("maxLength"):
        said.append(f"At most {schema['maxLength']:,} characters.")
    return cell(" ".join(said))


def cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")
