"""A body that is too large: the same answer under a WSGI and under an ASGI server, and one shape everywhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from api.client import Api

from chatport.api.errors import ApiError
from chatport.runtime.bridge import WsgiBridge
from chatport_webhooks import receiver

LIMIT = 1000


def over_asgi(api: Api, path: str, body: bytes, kind: str) -> tuple[int, str, bytes]:
    """Status, content type and body of a POST through the bridge, whose body comes in pieces."""
    headers = [(b"content-type", kind.encode()), (b"api_access_token", api.tokens["ana"].encode())]
    scope = {"method": "POST", "path": path, "headers": headers, "server": ("localhost", 80)}
    pieces = [body[start : start + 400] for start in range(0, len(body), 400)]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    bridge = WsgiBridge(api.app, threads=1, max_body_bytes=LIMIT)
    asyncio.run(bridge({"type": "http", "query_string": b"", **scope}, receive, send))
    start, *rest = sent
    told = dict(start["headers"])[b"content-type"].decode()
    return start["status"], told, b"".join(piece["body"] for piece in rest)


@pytest.mark.parametrize("length", [LIMIT + 1, 5 * LIMIT])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/accounts/{account}/contacts", "application/json"),
        ("/login", "application/x-www-form-urlencoded"),
    ],
)
def test_too_large_is_told_alike_by_wsgi_and_asgi(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str, kind: str, length: int
) -> None:
    monkeypatch.setitem(api.app.config, "MAX_CONTENT_LENGTH", LIMIT)
    path = path.format(account=api.world.account_id)
    body = b'{"name": "' + b"x" * (length - 12) + b'"}'
    token = {"api_access_token": api.tokens["ana"]}
    plain = api.app.test_client().post(path, data=body, content_type=kind, headers=token)

    assert plain.status_code == 413
    status, told, answer = over_asgi(api, path, body, kind)
    assert (status, told) == (413, plain.headers["Content-Type"])
    if path.startswith("/api"):
        assert json.loads(answer) == plain.get_json() == ApiError(413).body()


def test_a_body_at_the_limit_passes_the_bridge(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api.app.config, "MAX_CONTENT_LENGTH", LIMIT)
    path = f"/api/v1/accounts/{api.world.account_id}/contacts"
    body = (b'{"name": "Rina"}').ljust(LIMIT)
    status, _, answer = over_asgi(api, path, body, "application/json")
    assert status == 200, answer


def test_the_receiver_refuses_in_the_shape_of_the_api() -> None:
    keys = set(ApiError(413).body())
    for name, code in [
        ("REFUSED", "unauthorised"),
        ("TOO_LARGE", "too_large"),
        ("NOT_JSON", "bad_request"),
        ("UNAVAILABLE", "unavailable"),
        ("NOT_ALLOWED", "method_not_allowed"),
    ]:
        reply = getattr(receiver, name)
        body = json.loads(reply.body)
        assert set(body) == keys, name
        assert body["code"] == code == ApiError(reply.status).code
        assert body["error"] == body["message"] != ""
        assert reply.content_type == "application/json"
