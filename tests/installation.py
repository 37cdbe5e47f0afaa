"""A whole Chatport of real processes, started as an operator starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

TOKEN = "test-administrator-token"
EMAIL = "admin@example.com"
PASSWORD = "correct horse battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """``chatport up`` in a folder of its own.

    :param environment: further variables.
    :param python: the interpreter whose environment has Chatport installed.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)
    python: str = sys.executable

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.url}/api/v1/accounts/1"

    def start(self, within: float = 40.0) -> None:
        """Start it and wait for the line that says ready."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CHATPORT_")}
        environment |= {
            "CHATPORT_BOOTSTRAP_EMAIL": EMAIL,
            "CHATPORT_BOOTSTRAP_PASSWORD": PASSWORD,
            "CHATPORT_BOOTSTRAP_TOKEN": TOKEN,
            "CHATPORT_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
            **self.environment,
        }
        self.lines = []
        self.process = subprocess.Popen(
            [
                *(self.python, "-m", "chatport.cli", "up", "--host", "127.0.0.1"),
                *("--port", str(self.port), "--data-dir", str(self.folder), *self.arguments),
            ],
            env=environment,
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        deadline = time.monotonic() + within
        while not any(" ready at " in line for line in self.lines):
            assert self.process.poll() is None, f"chatport up ended:\n{self.log}"
            assert time.monotonic() < deadline, f"chatport up is not ready:\n{self.log}"
            time.sleep(0.02)

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(40)

    def children(self) -> dict[int, str]:
        """Processes below ``chatport up``, by process id, with their command lines."""
        assert self.process is not None
        return dict(_below(self.process.pid))

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call the API as the administrator; ``path`` is below the account."""
        headers = {"api_access_token": TOKEN, **more.pop("headers", {})}
        return requests.request(method, self.api + path, headers=headers, timeout=20, **more)

    def get(self, path: str, **parameters: Any) -> Any:
        """The decoded answer of a successful GET."""
        answer = self.call("GET", path, params=parameters)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """The decoded answer of a successful POST."""
        answer = self.call("POST", path, json=body, **more)
        assert answer.ok, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line)


@contextmanager
def installed(folder: Path, **more: Any) -> Iterator[Installation]:
    """An installation that runs, and is ended whatever happens."""
    made = Installation(folder, **more)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _below(pid: int) -> Iterator[tuple[int, str]]:
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            stat = (path / "stat").read_text()
            parent = int(re.sub(r"^.*\) ", "", stat).split()[1])
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
        if parent == pid:
            yield int(path.name), command
            yield from _below(int(path.name))
