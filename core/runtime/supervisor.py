"""``chatport up``: the whole of Chatport from one command.

Owns: the order of starting and ending, and the one line that says ready. Must not know: what the processes do.
"""

from __future__ import annotations

import dataclasses
import fcntl
import http.client
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ..context import Core
from ..db import migrate
from ..errors import ConfigurationError
from ..jobs.sweeper import run_sweeper
from ..jobs.worker import run_worker
from ..plugins.registry import Registry
from ..services.accounts import bootstrap
from ..services.key_check import require_right_key
from . import logs
from .children import Children
from .server import serve
from .valkey import EmbeddedValkey

if TYPE_CHECKING:
    from ..settings import Settings

logger = logging.getLogger(__name__)

#: Seconds within which the web process must answer.
READY_WITHIN = 60.0
#: Seconds that processes get to finish what they do when told to stop.
STOP_WITHIN = 15.0


@dataclass(slots=True)
class Supervisor:
    """Runs Chatport's processes until SIGTERM or SIGINT.

    :param host: where to listen.
    :param port: 0 takes a free one.
    :param extras: further processes by name, called with the settings and the server's address (the demonstration).
    """

    settings: Settings
    host: str
    port: int
    extras: Mapping[str, Callable[[Settings, str], None]] = field(default_factory=dict)

    def run(self) -> None:
        """Start everything, stay until told to stop, end everything in order.

        :raises ConfigurationError: it cannot start; says why.
        """
        logs.configure(self.settings, "up")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        lock = take_data_folder(self.settings)
        valkey = None if self.settings.redis_url else EmbeddedValkey(self.settings.data_dir)
        children = Children()
        try:
            self.port = free_port(self.host, self.port)
            if valkey is not None:
                self.settings = dataclasses.replace(self.settings, redis_url=valkey.start())
            plugins = Registry.load(self.settings)  # imported once, before any fork
            setup_url = self._prepare(plugins)
            self._add(children, plugins)
            children.tend()
            if not self._await_ready(children, stop):
                return
            self._say_ready(setup_url)
            while not stop.wait(0.2):
                children.tend()
                if valkey is not None and not valkey.alive:
                    logger.error("the embedded Valkey ended; starting it again")
                    valkey.start()
        finally:
            children.stop(STOP_WITHIN)
            if valkey is not None:
                valkey.stop()
            os.close(lock)

    def _prepare(self, plugins: Registry) -> str:
        """Bring the database up to date and make the first administrator; the setup link where there is none."""
        core = Core.build(self.settings, plugins=plugins, pool_size=2)
        try:
            migrate.upgrade(core.db)
            require_right_key(core)
            return bootstrap(core).setup_url
        finally:
            core.close()

    def _add(self, children: Children, plugins: Registry) -> None:
        children.add("web", self._web)
        settings = self.settings
        children.add("events worker", lambda: _worker(settings, "events", plugins))
        for number in range(1, settings.workers + 1):
            children.add(f"calls worker {number}", lambda: _worker(settings, "calls", plugins))
        children.add("sweeper", lambda: _sweeper(settings, plugins))
        url = self._own_url()
        for name, run in self.extras.items():
            children.add(name, partial(_extra, run, name, settings, url))

    def _web(self) -> None:
        # The server makes processes of its own, which read their settings from the environment.
        os.environ.update(self.settings.as_environment())
        serve(self.host, self.port, self.settings.web_processes)

    def _await_ready(self, children: Children, stop: threading.Event) -> bool:
        """Wait for the web process; ``False`` when told to stop meanwhile.

        :raises ConfigurationError: it does not answer in time.
        """
        deadline = time.monotonic() + READY_WITHIN
        while not stop.wait(0.05):
            if answers(self.host, self.port):
                return True
            children.tend()
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"the web process does not answer on {self.host}:{self.port}",
                    action="Look at the messages above for the reason.",
                )
        return False

    def _own_url(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def _say_ready(self, setup_url: str) -> None:
        if setup_url:
            print(f"Make the first administrator here: {setup_url}", flush=True)  # noqa: T201
        print(f"Chatport is ready at {self._own_url()}", flush=True)  # noqa: T201


def take_data_folder(settings: Settings) -> int:
    """Hold the data folder for this installation; the descriptor keeps the lock.

    :raises ConfigurationError: not usable, or another ``chatport up`` has it.
    """
    path = settings.data_dir / "chatport.lock"
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"the data folder {settings.data_dir} cannot be used: {error}",
            action="Make it writable, or choose another with --data-dir.",
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise ConfigurationError(
            f"the data folder {settings.data_dir} is in use by another Chatport (process {owner or 'unknown'})",
            action="Stop that one first, or choose another folder with --data-dir.",
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def free_port(host: str, port: int) -> int:
    """The port, when nobody listens on it; a free one for 0.

    :raises ConfigurationError: taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host} port {port}: {error.strerror or error}",
                action="Stop what listens there, or choose another with --port.",
            ) from None
        return int(probe.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether ``/healthz`` answers 200."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(local, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _worker(settings: Settings, kind: str, plugins: Registry) -> None:
    logs.configure(settings, kind)
    run_worker(settings, kind, plugins)


def _extra(run: Callable[[Settings, str], None], name: str, settings: Settings, url: str) -> None:
    logs.configure(settings, name)
    run(settings, url)


def _sweeper(settings: Settings, plugins: Registry) -> None:
    logs.configure(settings, "sweeper")
    run_sweeper(settings, plugins)
