"""The application: liveness, headers, webhooks, proxies, building it lazily."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api.client import Api, make_api
from services.fake_provider import NUMBER

from chatport.app import create_app, not_ready
from chatport.db import migrate
from chatport.db import tables as t
from chatport.services.bells import Bells


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An application that these tests may change."""
    made = make_api(f"sqlite:///{tmp_path / 'test.db'}", tmp_path, own_app=True)
    yield made
    made.close()


def test_liveness_needs_nothing(api: Api) -> None:
    api.world.core.db.dispose()

    assert api.app.test_client().get("/healthz").get_json() == {"status": "ok"}


def test_ready_when_database_and_redis_answer(
    api: Api, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.world.core.bells = Bells(valkey_url, "ready-test")
    monkeypatch.setattr(migrate, "current", lambda _: migrate.head())

    response = api.app.test_client().get("/readyz")

    assert (response.status_code, response.get_json()) == (200, {"ready": True, "reasons": []})


def test_not_ready_says_why(api: Api) -> None:
    api.world.core.bells = Bells("redis://127.0.0.1:1/0", "ready-test")

    response = api.app.test_client().get("/readyz")

    assert response.status_code == 503
    schema, redis = response.get_json()["reasons"]
    assert "chatport db upgrade" in schema
    assert "Redis" in redis


def test_not_ready_while_the_disk_is_full(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatport.app.ENOUGH_ROOM", 1 << 62)

    assert any("full" in reason for reason in not_ready(api.world.core))


def test_answers_carry_headers_that_keep_them_harmless(api: Api) -> None:
    headers = api.app.test_client().get("/api/v1/profile").headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_webhooks_are_received_under_wsgi(api: Api) -> None:
    client, path = api.app.test_client(), f"/webhooks/whatsapp/{NUMBER.lstrip('+')}"
    api.world.set(
        t.Channel,
        auth_scheme={
            "kind": "header_secret",
            "secret_keys": ["webhook_verify_token"],
            "header": "x-secret",
            "prefix": "",
            "query_parameter": "",
        },
        content_types=["application/json"],
    )

    assert client.post(path, json={"a": 1}).status_code == 401
    assert client.post(path, json={"a": 1}, headers={"x-secret": "s3cret"}).status_code == 200
    assert bytes(api.world.one(t.RawRequest).body) == b'{"a": 1}'
    assert client.get(path).status_code >= 400


def test_a_trusted_proxy_tells_the_clients_address(api: Api) -> None:
    settings = dataclasses.replace(api.world.core.settings, trusted_proxies=1)
    api.world.core.settings = settings
    app = create_app(api.world.core)
    seen: list[Any] = []

    @app.get("/who")
    def who() -> str:
        from flask import request

        seen.append((request.remote_addr, request.scheme))
        return ""

    app.test_client().get(
        "/who", headers={"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    )

    assert seen == [("203.0.113.7", "https")]


def test_nothing_is_opened_before_the_first_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CHATPORT_DATABASE_URL", f"sqlite:///{tmp_path / 'lazy.db'}")
    monkeypatch.setenv("CHATPORT_SECRET_KEY", "a key for the tests of this application")

    app = create_app()

    assert app.test_client().get("/healthz").status_code == 200
    assert not (tmp_path / "lazy.db").exists()


def test_several_applications_can_be_made(api: Api) -> None:
    other = create_app(api.world.core)

    assert other.test_client().get("/api/v1/openapi.json").status_code == 200


def test_too_large_bodies_are_refused(api: Api) -> None:
    api.app.config["MAX_CONTENT_LENGTH"] = 1000

    told = api.post("contacts", {"name": "x" * 2000}, status=413)

    assert told["code"] == "too_large"
