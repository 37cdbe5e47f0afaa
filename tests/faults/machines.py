"""Chatport on several machines: each with processes and a data folder of its own, one database, one Redis, one media
folder, and a balancer in front of the web machines.

Owns: starting them as an operator does, restarting what ended, as an init system does, and the scenario.
Must not know: what is checked.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
import requests
from installation import EMAIL, Installation, free_port

from chatport.runtime.valkey import find_binary
from support import eventually

from . import processes
from .balancer import Balancer
from .load import traffic
from .media_faults import await_files, send_files
from .scenario import Scenario
from .world import World

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Machine:
    """A machine, as far as one can be had in a process group.

    :param command: the one process that its init system keeps running.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def run(self) -> None:
        """Start it, or start it again."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.starts += 1

    def living(self) -> list[int]:
        """Its processes, the first one first."""
        return [] if self.process is None else processes.family(self.process.pid)


class Machines(Installation):
    """Two web machines, three worker machines, two sweepers.

    :param folder: of all of it.
    :param url: of a PostgreSQL database.
    :param variables: further ones of every process.
    """

    def __init__(self, folder: Path, url: str, variables: dict[str, str]) -> None:
        self._web_ports = [free_port(), free_port()]
        self._balancer = Balancer(self._web_ports)
        super().__init__(folder / "first", port=self._balancer.port)
        self.folder.mkdir()
        self._root = folder
        self._redis_port = free_port()
        self._redis: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._keep_running, daemon=True)
        self._token = ""
        self.machines: list[Machine] = []
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CHATPORT_")},
            "CHATPORT_DATABASE_URL": url,
            "CHATPORT_REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "CHATPORT_MEDIA_URL": f"file://{folder / 'shared-media'}",
            "CHATPORT_SECRET_KEY": "one-key-for-all-machines-0123456789abcdef",
            "CHATPORT_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "CHATPORT_ALLOW_PRIVATE_HOSTS": "127.0.0.1",
            "CHATPORT_PROVIDERS": "whatsapp_web",
            **variables,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join(10)
        for machine in self.machines:
            processes.send(signal.SIGKILL, machine.living())
        self._balancer.close()
        if self._redis is not None:
            self._redis.terminate()
            self._redis.wait(10)

    def start(self, within: float = 60.0) -> None:
        """The surroundings, the database, the first administrator, then every machine."""
        (self._root / "shared-media").mkdir()
        self._redis = subprocess.Popen(
            [find_binary(), "--port", str(self._redis_port), "--save", "", "--bind", "127.0.0.1"],
            cwd=self._root,
            stdout=subprocess.DEVNULL,
        )
        self._command("db", "upgrade")
        self._command("account", "create", "Shop")
        self._command("user", "create", EMAIL, "--role", "administrator", "--no-password")
        self._token = self._command("token", "create", EMAIL).strip()
        with redis.Redis(port=self._redis_port) as client:
            eventually(client.ping, 10)
        self.machines = [
            *(self._web(number, port) for number, port in enumerate(self._web_ports, 1)),
            *(self._machine(f"worker {number}", "worker") for number in (1, 2, 3)),
            *(self._machine(f"sweeper {number}", "sweep") for number in (1, 2)),
        ]
        for machine in self.machines:
            machine.run()
        self._balancer.start()
        self._watch.start()
        for port in self._web_ports:
            eventually(
                lambda port=port: requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok,
                within,
                message=lambda: f"a web machine does not answer:\n{self.log[-4000:]}",
            )

    @property
    def log(self) -> str:
        """The end of what each machine wrote."""
        parts = []
        for machine in self.machines:
            path = machine.folder / "log"
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            parts.append(f"--- {machine.name}, started {machine.starts} times\n{text[-1500:]}")
        return "\n".join(parts)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call the API through the balancer."""
        headers = {"api_access_token": self._token, **more.pop("headers", {})}
        return requests.request(method, self.api + path, headers=headers, timeout=20, **more)

    def kill_any(self, rng: random.Random) -> tuple[str, list[int]]:
        """SIGKILL one process of a machine, or all of them; returns the machine and who was hit."""
        machine = rng.choice(self.machines)
        found = machine.living()
        if found and rng.random() < 0.5:
            found = [rng.choice(found)]
        return machine.name, processes.send(signal.SIGKILL, found)

    def _web(self, number: int, port: int) -> Machine:
        program = ["gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]
        more = ["--bind", f"127.0.0.1:{port}", "--workers", "2", "chatport.wsgi:app"]
        return self._machine(f"web {number}", module=[*program, *more])

    def _machine(self, name: str, *words: str, module: list[str] | None = None) -> Machine:
        folder = self._root / name.replace(" ", "-")
        folder.mkdir()
        environment = {**self._environment, "CHATPORT_DATA_DIR": str(folder)}
        command = [sys.executable, "-m", *(module or ["chatport.cli", *words])]
        return Machine(name, command, environment, folder)

    def _command(self, *words: str) -> str:
        environment = {**self._environment, "CHATPORT_DATA_DIR": str(self.folder)}
        done = subprocess.run(
            [sys.executable, "-m", "chatport.cli", *words],
            env=environment,
            cwd=self._root,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"chatport {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def _keep_running(self) -> None:
        while not self._ending.wait(0.5):
            for machine in self.machines:
                if machine.process is not None and machine.process.poll() is not None:
                    machine.run()


def many_machines(world: World) -> None:
    """Two web, three worker machines and two sweepers on one PostgreSQL and one Redis; any of them is killed."""
    _machines(world, seconds=12)


def many_machines_for_long(world: World) -> None:
    """The same for a minute and a half."""
    _machines(world, seconds=90)


def _machines(world: World, seconds: float) -> None:
    machines = world.installation
    assert isinstance(machines, Machines)
    with traffic(world, per_second=8, agents=2):
        files = send_files(world, 6)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(world.rng.uniform(0.5, 2.5))
            world.ledger.killed(*machines.kill_any(world.rng))
    await_files(world, files)


SCENARIOS = (
    Scenario(
        many_machines,
        databases=("postgresql",),
        short_on=("postgresql",),
        own=True,
        machines=True,
        points=True,
        quiet_within=120,
    ),
    Scenario(
        many_machines_for_long,
        databases=("postgresql",),
        short_on=(),
        own=True,
        machines=True,
        points=True,
        quiet_within=120,
    ),
)
