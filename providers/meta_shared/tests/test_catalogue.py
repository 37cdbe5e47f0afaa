"""Codes, statuses and shapes of errors."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

import pytest

from chatport.errors import ErrorClass
from chatport.http import Answer
from chatport_meta.catalogue import explain
from chatport_meta.failures import graph_error, judge, masked

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud" / "http"
#: The class of each recorded error, by the name of its file.
CLASSES = {
    "error_0": "authentication",
    "error_1_unknown": "temporary",
    "error_2_service": "temporary",
    "error_4": "rate_limited",
    "error_10_permission": "policy",
    "error_100_33_unknown_object": "not_connected",
    "error_100_missing_to": "content",
    "error_190_expired": "authentication",
    "error_190_malformed": "authentication",
    "error_200_permission": "policy",
    "error_80007": "rate_limited",
    "error_130429": "rate_limited",
    "error_131000": "temporary",
    "error_131008": "content",
    "error_131009": "content",
    "error_131016": "temporary",
    "error_131021": "recipient",
    "error_131030": "recipient",
    "error_131031": "policy",
    "error_131045": "not_connected",
    "error_131047": "window_closed",
    "error_131048": "policy",
    "error_131056": "rate_limited",
    "error_131057": "temporary",
    "error_132000": "content",
    "error_132001": "content",
    "error_132012": "content",
    "error_132015": "policy",
    "error_133010": "not_connected",
    "error_media_not_found": "not_connected",
    "error_override_verification": "content",
}
STORED = sorted(e.name.removesuffix(".json") for e in CORPUS.iterdir() if e.name[:5] == "error")


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)


def judged(given: Answer, *, sending: bool = True) -> Any:
    return judge(given, graph_error(given.json()), explain, service="Meta", sending=sending)


@pytest.mark.parametrize("name", STORED)
def test_recorded_error_has_its_class(name: str) -> None:
    stored = json.loads((CORPUS / f"{name}.json").read_text(encoding="utf-8"))
    given = Answer(stored["http_status"], stored["headers"], json.dumps(stored["body"]).encode())
    error = judged(given)
    assert error.error_class == CLASSES[name]
    assert error.code == str(stored["body"]["error"]["code"])
    assert error.message and error.action


@pytest.mark.parametrize("code", ["131045", "3", "133000"])
def test_code_decides_before_the_status(code: str) -> None:
    error = judged(answer(500, {"error": {"code": int(code), "message": "x"}}))
    assert error.error_class == ("temporary" if code == "133000" else error.error_class)
    assert code == "133000" or error.error_class != ErrorClass.TEMPORARY


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("131026", "recipient"),
        ("131049", "policy"),
        ("131050", "policy"),
        ("130472", "policy"),
        ("131042", "policy"),
        ("131053", "content"),
        ("131062", "recipient"),
        ("132016", "policy"),
        ("33", "not_connected"),
        ("250", "policy"),
    ],
)
def test_explain_knows_the_codes_of_statuses(code: str, kind: str) -> None:
    meaning = explain(code)
    assert meaning is not None
    assert meaning.kind.error_class == kind
    assert meaning.message.endswith(".") and meaning.action.endswith(".")


@pytest.mark.parametrize("code", ["", "x", "999999", "1.5", "-1"])
def test_explain_knows_no_other_codes(code: str) -> None:
    assert explain(code) is None


@pytest.mark.parametrize(
    ("status", "sending", "kind"),
    [
        (302, True, "unreachable"),
        (400, True, "content"),
        (401, True, "authentication"),
        (403, True, "policy"),
        (404, True, "unreachable"),
        (429, True, "rate_limited"),
        (500, True, "temporary"),
        (502, True, "temporary"),
        (504, True, "unknown_outcome"),
        (504, False, "temporary"),
    ],
)
def test_status_decides_without_a_code(status: int, sending: bool, kind: str) -> None:
    assert judged(answer(status, b"<html></html>"), sending=sending).error_class == kind


def test_wait_comes_from_the_header_then_from_the_usage_then_from_the_table() -> None:
    body = {"error": {"code": 80007, "message": "x"}}
    usage = json.dumps({"22": [{"estimated_time_to_regain_access": 7}]})
    assert judged(answer(400, body, Retry_After="11")).retry_after == 11
    assert judged(answer(400, body, X_Business_Use_Case_Usage=usage)).retry_after == 420
    assert judged(answer(400, body, X_Business_Use_Case_Usage="[")).retry_after == 60


@pytest.mark.parametrize(
    "error",
    [
        {},
        {"code": None, "message": 5},
        {"code": "abc"},
        {"code": True},
        {"error_data": "details as text"},
        {"error_data": {"details": {}}},
    ],
)
def test_graph_error_bears_any_types(error: Any) -> None:
    told = graph_error({"error": error})
    assert told is not None and told.code == ""


def test_masked_error_has_no_secret() -> None:
    error = judged(answer(400, {"error": {"code": 100, "message": "token EAAsecret is bad"}}))
    shown = masked(error, ["EAAsecret", "abc"])
    assert "EAAsecret" not in f"{shown} {shown.detail}" and shown.error_class == "content"


@pytest.mark.parametrize(
    ("code", "kind"),
    [(131020, "policy"), (131041, "policy"), (134100, "content"), (134102, "policy")],
)
def test_codes_of_groups_and_the_marketing_api_say_what_to_do(code: int, kind: str) -> None:
    error = judged(answer(400, {"error": {"code": code, "message": "x"}}))
    assert error.error_class == kind
    assert "HTTP 400" not in error.message and error.action
