"""The application under the production server, started as the recipes say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from installation import free_port

from chatport.context import Core
from chatport.db.migrate import upgrade
from chatport.settings import Settings
from support import eventually

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-gunicorn-test"
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of ``gunicorn wsgi:app``, started in the checkout without naming its configuration."""
    folder = tmp_path_factory.mktemp("gunicorn")
    variables = {
        "CHATPORT_DATA_DIR": str(folder),
        "CHATPORT_SECRET_KEY": "only for the test of gunicorn",
        "CHATPORT_BOOTSTRAP_EMAIL": "admin@example.com",
        "CHATPORT_BOOTSTRAP_TOKEN": TOKEN,
    }
    core = Core.build(Settings.from_env(variables))
    upgrade(core.db)
    core.close()
    address = f"127.0.0.1:{free_port()}"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CHATPORT_")}
    command = [sys.executable, "-m", "gunicorn", "--bind", address, "--workers", "1", "wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=inherited | variables)
    try:
        eventually(lambda: requests.get(f"http://{address}/healthz", timeout=5).ok, 30)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    "header",
    [
        {"api_access_token": TOKEN},
        {"api-access-token": TOKEN},
        {"Authorization": f"Bearer {TOKEN}"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_every_form_of_the_token_reaches_the_application(
    server: str, header: dict[str, str]
) -> None:
    response = requests.get(f"{server}/api/v1/profile", headers=header, timeout=10)

    assert response.json()["email"] == "admin@example.com"


def test_the_answer_of_the_receiver_comes_through(server: str) -> None:
    response = requests.post(f"{server}/webhooks/whatsapp/4915112340001", json={}, timeout=10)

    assert response.status_code == 401
