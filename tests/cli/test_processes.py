"""The program as an operator starts it: real processes, real signals, real Redis."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from chatport.context import Core
from chatport.db import migrate
from chatport.notices import Notice, NoticeKind
from chatport.plugins.registry import Registry
from chatport.services import accounts
from chatport.settings import Settings
from support import eventually

pytestmark = pytest.mark.processes
CHATPORT = (sys.executable, "-m", "chatport.cli")


@dataclass
class Host:
    """A machine's environment with the processes that a test started."""

    folder: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CHATPORT, *arguments],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        with (self.folder / f"{arguments[0]}.log").open("w") as log:
            process = subprocess.Popen(
                [*CHATPORT, *arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.running.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def settings(self) -> Settings:
        return Settings.from_env(self.environment)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A folder without a database and without Redis."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHATPORT_")}
    made = Host(tmp_path, {**environment, "CHATPORT_DATA_DIR": str(tmp_path / "data")})
    yield made
    for process in made.running:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def shared(host: Host, valkey_url: str) -> Host:
    """A machine with a database and a Redis that several processes share."""
    host.environment["CHATPORT_REDIS_URL"] = valkey_url
    host.environment["CHATPORT_QUEUE_PREFIX"] = f"t{uuid4().hex[:8]}"
    core = Core.build(host.settings(), plugins=Registry())
    migrate.upgrade(core.db)
    core.close()
    return host


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(20)


# --- answers ----------------------------------------------------------------------------------------------------------


def test_commands_load_neither_web_server_nor_test_kit(host: Host) -> None:
    heavy = ("flask", "granian", "chatport_testkit", "chatport.runtime.supervisor")
    code = (
        "import sys; from chatport.cli import main\n"
        "try: main(['config'])\n"
        f"finally: print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=host.environment,
        cwd=host.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr.strip()) == (0, "[]")


def test_json_is_all_that_stands_on_standard_output(host: Host) -> None:
    result = host.run("plugins", "--json")
    assert result.returncode == 0, result.stderr
    assert isinstance(json.loads(result.stdout)["plugins"], list)


def test_a_refusal_has_its_exit_code_and_no_traceback(host: Host) -> None:
    result = host.run("dead", "list")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("Error: there is no database at ")
    assert "Traceback" not in result.stderr


def test_from_nothing_to_a_working_token(host: Host) -> None:
    assert host.run("db", "upgrade").returncode == 0
    account = json.loads(host.run("account", "create", "Shop", "--json").stdout)["account_id"]
    made = host.run(
        *("user", "create", "ana@shop.test", "--account", str(account), "--password-file", "-"),
        stdin="correct horse\n",
    )
    assert made.returncode == 0, made.stderr
    token = host.run("token", "create", "ana@shop.test")
    assert token.returncode == 0 and len(token.stdout.strip()) > 20


# --- up ---------------------------------------------------------------------------------------------------------------


def test_up_serves_says_so_and_ends_in_order(host: Host) -> None:
    port = free_port()
    process = host.start("up", "--port", str(port), "--workers", "1")
    line = f"Chatport is ready at http://127.0.0.1:{port}"
    eventually(lambda: line in host.log("up"), 60, message=lambda: host.log("up"))
    assert f"http://127.0.0.1:{port}/setup/" in host.log("up")
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    assert json.loads(host.run("db", "current", "--json").stdout)["matches"] is True
    assert end(process) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)


def test_up_on_a_port_that_is_taken_exits_with_3(host: Host) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = host.run("up", "--port", str(taken.getsockname()[1]))
    assert result.returncode == 3
    assert "--port" in result.stderr and "Traceback" not in result.stderr


# --- single processes -------------------------------------------------------------------------------------------------


def test_stream_serves_events_to_a_token(shared: Host) -> None:
    core = Core.build(shared.settings(), plugins=Registry())
    account = accounts.create_account(core, "Shop")
    user = accounts.create_user(
        core, account_id=account, email="ana@shop.test", name="Ana", role="administrator"
    )
    token, port = accounts.create_token(core, user, "test"), free_port()
    process = shared.start("stream", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    eventually(
        lambda: requests.get(f"{url}/healthz", timeout=2).ok,
        30,
        message=lambda: shared.log("stream"),
    )
    path = f"{url}/api/v1/accounts/{account}/stream"
    assert requests.get(path, timeout=5).status_code == 401
    assert requests.get(f"{url}/api/v1/accounts/{account}/inboxes", timeout=5).status_code == 404
    with requests.get(path, headers={"api_access_token": token}, stream=True, timeout=20) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == "retry: 2000"
        with publishing(core, account):
            assert "event: message.created" in _until(lines, "event: message.created")
    core.close()
    assert end(process) == 0


@contextmanager
def publishing(core: Core, account: int) -> Iterator[None]:
    """Publish again and again: a stream tells what happens from a moment soon after its beginning."""
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.1):
            core.publish([Notice(NoticeKind.MESSAGE_CREATED, account, message_id=1)])

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _until(lines: Iterator[str], wanted: str) -> list[str]:
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if line == wanted:
            break
    return seen


@pytest.mark.parametrize("arguments", [("worker", "events"), ("worker", "calls"), ("worker",)])
def test_worker_takes_what_is_rung_for_and_ends_on_sigterm(
    shared: Host, arguments: tuple[str, ...]
) -> None:
    process = shared.start(*arguments)
    core = Core.build(shared.settings(), plugins=Registry())
    kind = arguments[1] if len(arguments) > 1 else "calls"
    ring: Callable[[], bool] = core.bells.ring_events if kind == "events" else core.bells.ring_calls
    # The flag is lowered by the job alone: gone again means that a worker took it.
    client, flag = core.bells.client(), core.bells.flag(kind)
    eventually(
        lambda: client.exists(f"rq:workers:{core.bells.queue_name(kind)}"),
        30,
        message=lambda: shared.log("worker"),
    )
    assert ring()
    eventually(lambda: not client.exists(flag), 30, message=lambda: shared.log("worker"))
    core.close()
    assert end(process) == 0, shared.log("worker")


def test_sweep_works_without_redis_and_ends_on_sigterm(host: Host) -> None:
    assert host.run("db", "upgrade").returncode == 0
    process = host.start("sweep")
    core = Core.build(host.settings(), plugins=Registry())
    eventually(lambda: _beats(core), 30, message=lambda: host.log("sweep"))
    core.close()
    assert end(process) == 0, host.log("sweep")


def _beats(core: Core) -> bool:
    with core.db.read() as connection:
        return (
            connection.exec_driver_sql("SELECT 1 FROM heartbeats WHERE name = 'receiver'").scalar()
            == 1
        )
