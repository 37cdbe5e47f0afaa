"""Commands that leave work for others tell the Chatport that runs in the same folder, with the real embedded server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import redis
from cli.shell import NUMBER, Installed

from chatport.db import tables as t
from chatport.runtime import valkey
from chatport.runtime.valkey import EmbeddedValkey
from chatport.services.bells import CALLS, EVENTS

SEND = ("message", "send", "--channel", NUMBER, "--to", "+6281290001122", "--text", "hello")
ADD = ("channel", "add", "--provider", "fake", "--phone", "+6281100000010", "--name", "Support")


@pytest.fixture(params=["socket", "port"])
def server(
    installed: Installed, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddedValkey]:
    """The embedded server of a running Chatport; on a port where the path is too long for a socket."""
    if request.param == "port":
        monkeypatch.setattr(valkey, "SOCKET_PATH_LIMIT", 10)
    server = EmbeddedValkey(installed.shell.folder / "data")
    server.start()
    yield server
    server.stop()


def rung(server: EmbeddedValkey) -> set[str]:
    """For which kind of work a job waits."""
    with redis.Redis.from_url(server.url) as client:
        return {
            kind
            for kind in (CALLS, EVENTS)
            if client.exists(f"chatport:wake:{kind}") and client.llen(f"rq:queue:chatport-{kind}")
        }


def test_message_send_rings_for_calls(installed: Installed, server: EmbeddedValkey) -> None:
    assert rung(server) == set()
    assert installed.shell.run(*SEND).exit_code == 0
    assert rung(server) == {CALLS}


def test_channel_add_rings_for_calls(installed: Installed, server: EmbeddedValkey) -> None:
    assert installed.shell.run(*ADD).exit_code == 0
    assert rung(server) == {CALLS}


def test_events_replay_rings_for_events(installed: Installed, server: EmbeddedValkey) -> None:
    event = installed.request(state="dead")
    assert installed.shell.run("events", "replay", str(event)).exit_code == 0
    assert rung(server) == {EVENTS}


def test_dead_replay_rings_for_events(installed: Installed, server: EmbeddedValkey) -> None:
    letter = installed.letter(installed.request(state="dead"))
    assert installed.shell.run("dead", "replay", str(letter)).exit_code == 0
    assert rung(server) == {EVENTS}


@pytest.mark.parametrize("left", ["nothing", "address of one that was killed"])
def test_without_a_running_server_work_is_left_for_the_sweeper(
    installed: Installed, left: str
) -> None:
    if left != "nothing":
        server = EmbeddedValkey(installed.shell.folder / "data")
        server.start()
        assert server.pid is not None and server._process is not None
        server._process.kill()
        server._process.wait()
        server._end_watcher()
        assert (server.folder / "valkey.sock").exists()
    began = time.monotonic()
    result = installed.shell.run(*SEND)
    assert (result.exit_code, result.stderr) == (0, "")
    assert time.monotonic() - began < 20
    assert [row.state for row in installed.rows(t.Send)] == ["queued"]


def test_the_address_goes_with_the_server(installed: Installed, server: EmbeddedValkey) -> None:
    folder = installed.shell.folder / "data"
    assert valkey.running_url(folder) == server.url
    assert (server.folder / "address").stat().st_mode & 0o777 == 0o600
    server.stop()
    assert valkey.running_url(folder) is None
    assert not (server.folder / "address").exists()
