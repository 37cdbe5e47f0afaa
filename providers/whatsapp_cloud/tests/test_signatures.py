"""What Meta signs is let in byte for byte, and nothing that was written anew."""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import asdict
from typing import Any

import pytest

from chatport_webhooks.authenticate import matching_secret
from chatport_whatsapp_cloud import plugin

CORPUS = importlib.resources.files("chatport_testkit") / "payloads" / "whatsapp_cloud"
VECTORS: list[dict[str, str]] = json.loads((CORPUS / "_signature_vectors.json").read_bytes())
SCHEME = asdict(plugin.PROVIDER.authentication)

by_name = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))


def found(vector: dict[str, str], *secrets: str, signature: str = "", body: bytes = b"") -> Any:
    headers = {vector["header"].lower(): signature or vector["value"]}
    return matching_secret(SCHEME, secrets, headers, {}, body or vector["raw_body"].encode())


@by_name
def test_signature_is_made_of_the_bytes_as_they_came(vector: dict[str, str]) -> None:
    assert found(vector, vector["app_secret"]) == vector["app_secret"]


@by_name
def test_signature_of_the_same_json_written_anew_is_refused(vector: dict[str, str]) -> None:
    secret = vector["app_secret"]
    anew = vector["value_after_reserialising_MUST_FAIL"]
    body = json.dumps(json.loads(vector["raw_body"]), ensure_ascii=False, separators=(",", ":"))
    assert found(vector, secret, signature=anew) is None
    assert found(vector, secret, body=body.encode()) is None


@by_name
def test_signature_by_any_of_the_app_secrets_is_accepted(vector: dict[str, str]) -> None:
    secret = vector["app_secret"]
    assert found(vector, "another secret", secret) == secret
    assert found(vector, secret, "another secret") == secret
    assert found(vector, "another secret") is None
