"""The OpenAPI document and the routes say the same."""

from __future__ import annotations

import re
from typing import Any

from api.client import Api

from chatport.api.routing import Routes


def in_document(api: Api) -> set[tuple[str, str]]:
    paths = api.get("/openapi.json", as_="")["paths"]
    return {(method.upper(), path) for path, operations in paths.items() for method in operations}


def served(api: Api) -> set[tuple[str, str]]:
    """Every route below ``/api`` that the application answers."""
    return {
        (method, re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_document_has_every_route_and_no_other(api: Api) -> None:
    assert in_document(api) == served(api)


def test_every_reference_of_the_document_leads_somewhere(api: Api) -> None:
    document = api.get("/openapi.json", as_="")

    missing = [name for name in references(document) if name not in components(document)]

    assert missing == []


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [name for inner in value.values() for name in references(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in references(inner)]
    return []


def components(document: dict[str, Any]) -> set[str]:
    return {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        for name in named
    }


def test_operations_tell_who_may_call_them(api: Api) -> None:
    paths = api.get("/openapi.json", as_="")["paths"]

    create = paths["/api/v1/accounts/{account_id}/inboxes"]["post"]
    assert create["security"] == [{"token": []}, {"bearer": []}]
    assert create["x-role"] == "administrator"
    assert create["requestBody"]["required"] is True
    assert create["responses"]["422"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ErrorAnswer"
    }
    assert paths["/api/v1/openapi.json"]["get"]["security"] == []


def test_parameters_of_addresses_are_declared(api: Api) -> None:
    paths = api.get("/openapi.json", as_="")["paths"]

    for path, operations in paths.items():
        for operation in operations.values():
            declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path)), path


def test_messages_may_be_sent_as_a_form_with_files(api: Api) -> None:
    path = "/api/v1/accounts/{account_id}/conversations/{conversation_id}/messages"
    operation = api.get("/openapi.json", as_="")["paths"][path]["post"]

    assert set(operation["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert "Idempotency-Key" in {p["name"] for p in operation["parameters"]}


def test_every_route_says_what_it_does_and_answers() -> None:
    for route in Routes.all:
        assert route.summary, route.name
        assert route.answer is not None or route.name in ("download_attachment", "openapi_document")


def test_names_of_operations_are_unique() -> None:
    names = [route.name for route in Routes.all]

    assert len(names) == len(set(names))
