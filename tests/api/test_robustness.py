"""Whatever a client sends, it is never an internal error."""

from __future__ import annotations

from typing import Any

from api.client import Api
from api.test_isolation import bodies, fill, request_of
from marshmallow import Schema, fields

from chatport.api.routing import Routes

#: Values that databases, JSON and clocks stumble over.
ODD: tuple[Any, ...] = (
    None,
    "a\x00b",
    "\ud83d",
    "x" * 70_000,
    2**63,
    10**400,
    {"\x00": "\x00", "a": ["\ud83d"]},
    [[[[[[[[]]]]]]]],
)


def odd_bodies(schema: type[Schema], good: dict[str, Any]) -> list[Any]:
    """A good body with one field spoilt at a time, nested ones too."""
    found: list[Any] = []
    for name, one in schema().fields.items():
        found += [{**good, name: value} for value in ODD]
        if isinstance(one, fields.Nested):
            inner = good.get(name) or {}
            found += [{**good, name: body} for body in odd_bodies(type(one.schema), inner)]
    return found


def test_no_body_makes_an_internal_error(both: Api) -> None:
    ids = fill(both)
    for route in Routes.all:
        if route.body is None:
            continue
        call = request_of(route, ids, both.world.account_id)
        for body in odd_bodies(route.body, bodies(ids)[route.name]):
            status = both.raw(call["method"], call["path"], json=body).status_code
            assert status < 500, (route.name, str(body)[:300])


def test_no_query_makes_an_internal_error(both: Api) -> None:
    ids = fill(both)
    for route in Routes.all:
        if route.query is None:
            continue
        call = request_of(route, ids, both.world.account_id)
        for name in route.query().fields:
            for value in (
                "",
                "\x00",
                "a\x00b",
                "٣",
                "-1",
                "0",
                str(2**63),
                "9" * 400,
                "%",
                "x" * 300,
            ):
                answer = both.raw(call["method"], call["path"], query_string={name: value})
                assert answer.status_code < 500, (route.name, name, value)


def test_odd_forms_are_refused_or_taken(api: Api) -> None:
    path = f"{api.chat}/messages"
    for form in (
        {"content[a][b]": "x"},
        {"content": "x", "content[a]": "y"},
        {"content_attributes": "{not json"},
        {"content_attributes": '{"a": NaN}'},
        {"content": "a\x00b"},
        {"[a]": "x", "": "y", "]": "z"},
        {"content": "x", "content_attributes[a][b][c][d][e][f][g][h]": "deep"},
        {"attachments[]": "no file", "content": "x"},
    ):
        assert api.raw("POST", path, data=form).status_code < 500, form


def test_deep_nesting_is_refused(api: Api) -> None:
    for depth in (50, 300, 500, 900, 980, 995, 2000):
        body = '{"custom_attributes": ' + '{"a":' * depth + "1" + "}" * depth + "}"
        answer = api.raw(
            "POST",
            f"{api.chat}/custom_attributes",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in ((200,) if depth == 50 else (400, 422)), depth


def test_odd_headers_are_refused(api: Api) -> None:
    for token in ("\xff", "x" * 5000, " "):
        api.call("GET", "/profile", as_="", headers={"api_access_token": token}, status=401)
    for key in ("\xff", "k" * 5000):
        told = api.raw(
            "POST", f"{api.chat}/messages", json={"content": "x"}, headers={"Idempotency-Key": key}
        )
        assert told.status_code < 500
