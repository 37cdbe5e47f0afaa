"""The HTTP client of providers, against real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chatport.errors import OutcomeUnknown, ServiceUnreachable
from chatport.guards import NetworkInTransaction, transaction_marker
from chatport.http import Answer, NetworkPolicy, ServiceClient, network_policy, set_network_policy


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request's head per connection and then does what the test says."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    listener.shutdown(socket.SHUT_RDWR)  # wakes accept
    listener.close()
    thread.join(5)


@pytest.fixture(autouse=True)
def _loopback_allowed() -> Iterator[None]:
    before = network_policy()
    set_network_policy(NetworkPolicy(("127.0.0.1",)))
    yield
    set_network_policy(before)


def client(url: str, **options: object) -> ServiceClient:
    return ServiceClient(url, service="the service", **options)  # type: ignore[arg-type]


def respond(text: str) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text.replace("\n", "\r\n").encode())


def test_client_returns_any_status_with_its_body() -> None:
    head = "HTTP/1.1 404 Not Found\nContent-Type: application/json; charset=utf-8\nContent-Length: 8\n\n"
    with server(respond(head + '{"a": 1}')) as url:
        answer = client(url).get("/x")
    assert (answer.status, answer.ok, answer.content_type, answer.json()) == (
        404,
        False,
        "application/json",
        {"a": 1},
    )


def test_client_does_not_follow_redirects() -> None:
    text = "HTTP/1.1 302 Found\nLocation: http://127.0.0.1:1/\nContent-Length: 0\n\n"
    with server(respond(text)) as url:
        assert client(url).post("/x", json={}).status == 302


def test_client_private_address_is_refused_naming_the_setting() -> None:
    set_network_policy(NetworkPolicy())
    with server(respond("HTTP/1.1 200 OK\nContent-Length: 0\n\n")) as url:
        port = url.rsplit(":", 1)[1]
        with pytest.raises(ServiceUnreachable) as caught:
            client(url).get("/")
    assert "CHATPORT_ALLOW_PRIVATE_HOSTS" in caught.value.action
    assert f"127.0.0.1:{port}" in caught.value.action
    assert caught.value.code == "private_address"


@pytest.mark.parametrize(
    ("allowed", "host", "port", "address", "verdict"),
    [
        ((), "example.org", 443, "93.184.216.34", True),
        ((), "rebind.example", 80, "127.0.0.1", False),
        ((), "x", 80, "10.0.0.1", False),
        ((), "x", 80, "169.254.169.254", False),
        ((), "x", 80, "::1", False),
        ((), "x", 80, "::ffff:127.0.0.1", False),
        ((), "x", 80, "fe80::1%eth0", False),
        (("gowa",), "gowa", 3000, "10.0.0.7", True),
        (("gowa:3000",), "gowa", 3000, "10.0.0.7", True),
        (("gowa:3000",), "gowa", 3001, "10.0.0.7", False),
        (("other",), "gowa", 3000, "10.0.0.7", False),
        (("*",), "gowa", 3000, "10.0.0.7", True),
    ],
)
def test_policy(
    allowed: tuple[str, ...], host: str, port: int, address: str, verdict: bool
) -> None:
    assert NetworkPolicy(allowed).allows(host, port, address) is verdict


def test_client_refused_connection_was_surely_not_sent() -> None:
    probe = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    probe.close()
    with pytest.raises(ServiceUnreachable, match="connection refused"):
        client(url).post("/send", json={}, sending=True)


def test_client_cut_after_the_request_is_of_unknown_outcome_when_sending() -> None:
    with server(lambda connection: None) as url:
        with pytest.raises(OutcomeUnknown):
            client(url).post("/send", json={}, sending=True)
        with pytest.raises(ServiceUnreachable):
            client(url).get("/read")


def test_client_time_out_is_of_unknown_outcome_when_sending() -> None:
    with server(lambda connection: time.sleep(1.0)) as url, pytest.raises(OutcomeUnknown) as caught:
        client(url).post("/send", json={}, sending=True, deadline=0.2)
    assert "no answer in time" in str(caught.value)


def test_client_deadline_covers_a_dripping_answer() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(40):
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.05)

    with server(drip) as url:
        started = time.monotonic()
        with pytest.raises(ServiceUnreachable):
            client(url).get("/", deadline=0.3)
        assert time.monotonic() - started < 2


def test_client_error_text_holds_no_credentials() -> None:
    with server(lambda connection: None) as url, pytest.raises(OutcomeUnknown) as caught:
        client(url, auth=("admin", "tops3cret"), headers={"D360-API-KEY": "k3y"}).post(
            "/x?token=q3ry", sending=True
        )
    told = f"{caught.value} {caught.value.action} {caught.value.detail} {caught.value!r}"
    assert not any(secret in told for secret in ("tops3cret", "k3y", "q3ry"))
    assert caught.value.__cause__ is None


def test_client_basic_credentials_may_hold_any_letter() -> None:
    seen: list[bytes] = []

    def record(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            seen.append(connection.recv(65536))
            record(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    client(f"http://127.0.0.1:{listener.getsockname()[1]}", auth=("ädmin", "пароль")).get("/")
    thread.join(5)
    listener.close()
    assert b"Authorization: Basic w6RkbWluOtC/0LDRgNC+0LvRjA==" in seen[0]


def test_client_refuses_to_run_inside_a_transaction() -> None:
    with transaction_marker("test"), pytest.raises(NetworkInTransaction):
        client("http://127.0.0.1:9").get("/")


def test_answer_nested_too_deeply_is_no_json() -> None:
    assert Answer(200, {}, b"[" * 100_000 + b"]" * 100_000).json() is None
