"""The shapes and codes of errors."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

import pytest

from chatport.http import Answer
from chatport_dialog360.errors import explain, told
from chatport_meta.failures import Told, judge

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "dialog360" / "http"
CLASSES = {
    "v1_error_400_param": "content",
    "v1_error_400_payment": "policy",
    "v1_error_400_template_params": "content",
    "v1_error_401_gateway": "authentication",
    "v1_error_401_gateway_body_says_404": "authentication",
    "v1_error_401_gateway_camel": "authentication",
    "v1_error_403_blocked": "policy",
    "v1_error_404_unknown_contact": "recipient",
    "v1_error_429": "rate_limited",
    "v1_error_502_stack": "temporary",
    "v2_error_401_gateway": "authentication",
    "v2_error_message": "rate_limited",
    "v2_error_meta_131009": "content",
    "v2_error_string": "content",
    "v2_template_create_error_embedded": "content",
}
STORED = sorted(e.name.removesuffix(".json") for e in CORPUS.iterdir() if "error" in e.name)


@pytest.mark.parametrize("name", STORED)
def test_recorded_error_has_its_class(name: str) -> None:
    stored = json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8"))
    body, status = stored["body"], stored["http_status"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    given = Answer(status, stored["headers"], raw)
    found = told(given.json(), given.ok)
    error = judge(given, found, explain, service="360dialog", sending=True)
    assert error.error_class == CLASSES[name]
    assert error.message and error.action


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"error": {"code": 5, "message": "m"}, "meta": {}}, Told("5", "", "m")),
        ({"errors": [{"code": 9, "title": "t", "details": "d"}]}, Told("9", "", "t", "d")),
        ({"meta": {"success": False, "developer_message": "d"}}, Told("", "", "d")),
        ({"meta": {"developerMessage": "d"}}, Told("", "", "d")),
        (
            {"meta": {"success": False, "developer_message": 'x ({"error": {"code": 100}})'}},
            Told("100"),
        ),
        (
            {"meta": {"success": False, "developer_message": "x {broken}"}},
            Told("", "", "x {broken}"),
        ),
        ({"meta": {"success": False, "developer_message": 5}}, Told()),
        ({"error": "words"}, Told("", "", "words")),
        ({"message": "words"}, Told("", "", "words")),
        ({"detail": "words"}, Told("", "", "words")),
        ({"errors": [None]}, None),
        ({"meta": {"api_status": "stable"}}, None),
        ([], None),
    ],
)
def test_told_finds_the_error_in_every_shape(body: Any, wanted: Told | None) -> None:
    assert told(body, ok=False) == wanted


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        ({"message": "created"}, False),
        ({"meta": {"api_status": "stable", "version": "2"}, "messages": []}, False),
        ({"error": "no"}, True),
        ({"errors": [{"code": 1}]}, True),
        ({"meta": {"success": False}}, True),
    ],
)
def test_told_judges_a_success_by_what_calls_itself_an_error(body: Any, failed: bool) -> None:
    assert (told(body, ok=True) is not None) == failed


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("470", "window_closed"),
        ("471", "policy"),
        ("480", "recipient"),
        ("1013", "recipient"),
        ("1015", "rate_limited"),
        ("1000", "temporary"),
        ("2001", "content"),
        ("430", "not_connected"),
        ("131047", "window_closed"),
    ],
)
def test_explain_knows_both_lists(code: str, kind: str) -> None:
    meaning = explain(code)
    assert meaning is not None and meaning.kind.error_class == kind


@pytest.mark.parametrize("code", ["0", "190", "10", "200", "131005", "131045", "133010"])
def test_explain_sends_nobody_after_a_token_that_is_360dialogs(code: str) -> None:
    meaning = explain(code)
    assert meaning is not None and "360dialog Hub" in meaning.action


def test_explain_sends_nobody_after_ids_that_are_360dialogs() -> None:
    meaning = explain("100", "33")
    assert meaning is not None and "360dialog Hub" in meaning.action
    other = explain("100")
    assert other is not None and "Hub" not in other.action


@pytest.mark.parametrize(
    "body",
    [
        {"meta": {"success": False, "developer_message": "Only 5 requests every 10 seconds"}},
        {"meta": {"developerMessage": "Limit: 25 requests per second"}},
        {"error": "Max. 1 request every 60 seconds allowed"},
        {"message": "80 requests every 1 second"},
    ],
)
def test_limit_of_the_gateway_is_tried_again_though_it_comes_as_400(body: Any) -> None:
    given = Answer(400, {}, json.dumps(body).encode())
    error = judge(given, told(body, False), explain, service="360dialog", sending=True)
    assert error.error_class == "rate_limited" and error.retry_after
