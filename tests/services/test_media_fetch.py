"""Files of incoming messages: fetched by their own rows, safely, and shown for what they are."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from services.fake_provider import World
from services.file_server import FileServer, file_server

from chatport import errors as e
from chatport.channels import MediaRequest
from chatport.db import tables as t
from chatport.db import utcnow
from chatport.db.upsert import insert
from chatport.errors import MediaGone
from chatport.events import MediaRef
from chatport.http import NetworkPolicy, set_network_policy
from chatport.messages import MediaKind
from chatport.services.ingest.codec import to_json
from chatport.services.media import fetch
from chatport.services.media.fetch import fetch_due, refetch

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
HTML = b"<html><script>alert(1)</script></html>"
SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


@pytest.fixture(autouse=True)
def _loopback_allowed() -> Iterator[None]:
    set_network_policy(NetworkPolicy(("127.0.0.1",)))
    yield
    set_network_policy(NetworkPolicy(()))


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as made:
        yield made


def waiting_file(world: World, *, sha256: str = "", filename: str = "", **values: Any) -> int:
    """A message whose file is still at the service; returns the attachment's id."""
    message_id = world.incoming(
        f"M{len(world.rows(t.Message))}", content_type=values.pop("content_type", "media")
    )
    ref = MediaRef(MediaKind.IMAGE, {"path": "/a"}, filename=filename, sha256=sha256)
    with world.core.db.write("file") as connection:
        return insert(
            connection,
            t.Attachment.__table__,
            {
                "account_id": world.account_id,
                "message_id": message_id,
                "kind": "image",
                "state": "pending",
                "filename": filename,
                "media_ref": to_json(ref),
                "next_try_at": utcnow(),
                **values,
            },
        )


def offer(world: World, server: FileServer, path: str = "/a", **more: Any) -> None:
    """What the provider says about where the file is."""
    world.provider.answers["media_url"] = MediaRequest(
        f"{server.url}{path}",
        headers={"Authorization": "Basic c2VjcmV0"},
        allowed_hosts=more.pop("allowed_hosts", (server.host,)),
        **more,
    )


def attachment(world: World, attachment_id: int) -> Any:
    return world.one(t.Attachment, t.Attachment.id == attachment_id)


def test_fetch_stores_the_file_and_tells_the_page(world: World, server: FileServer) -> None:
    server.file("/a", PNG)
    offer(world, server)
    file_id = waiting_file(world)

    result = fetch_due(world.core)

    row = attachment(world, file_id)
    assert (result.fetched, row.state, row.content_type, row.size) == (1, "ready", "image/png", 108)
    assert row.sha256 == hashlib.sha256(PNG).hexdigest()
    assert b"".join(world.core.storage.chunks(row.storage_key)) == PNG
    assert server.requests[0][1]["authorization"] == "Basic c2VjcmV0"
    assert [n.message_id for n in world.notices] == [row.message_id]


def test_fetch_asks_the_provider_again_where_the_address_is_lost(
    world: World, server: FileServer
) -> None:
    server.file("/second", PNG)
    world.provider.answers["media_url"] = lambda given: MediaRequest(
        f"{server.url}/{'first' if given[1] == 0 else 'second'}", allowed_hosts=(server.host,)
    )
    file_id = waiting_file(world)

    fetch_due(world.core)

    assert attachment(world, file_id).state == "ready"
    assert [path for path, _ in server.requests] == ["/first", "/second"]


def test_fetch_says_gone_where_the_provider_has_it_no_more(
    world: World, server: FileServer
) -> None:
    world.provider.answers["media_url"] = MediaGone("WhatsApp keeps files for 14 days.")
    file_id = waiting_file(world)

    fetch_due(world.core)

    row = attachment(world, file_id)
    assert (row.state, row.error) == ("gone", "WhatsApp keeps files for 14 days.")
    assert world.rows(t.DeadLetter) == []


def test_fetch_tries_again_later_and_gives_up_with_a_dead_letter(
    world: World, server: FileServer
) -> None:
    server.file("/a", b"", status=503)
    offer(world, server)
    file_id = waiting_file(world)
    for _ in range(5):
        fetch_due(world.core)
        world.make_due()

    row = attachment(world, file_id)
    assert row.state == "failed"
    assert "503" in row.error
    assert world.one(t.DeadLetter).kind == "media"
    assert world.one(t.Alert).kind == "dead_letter"


def test_refetch_resolves_the_dead_letter(world: World, server: FileServer) -> None:
    server.file("/a", b"", status=503)
    offer(world, server)
    file_id = waiting_file(world)
    for _ in range(5):
        fetch_due(world.core)
        world.make_due()
    server.file("/a", PNG)

    assert refetch(world.core, world.account_id, file_id) is True
    fetch_due(world.core)

    assert attachment(world, file_id).state == "ready"
    assert world.one(t.DeadLetter).state == "resolved"
    assert refetch(world.core, world.account_id + 1, file_id) is False


@pytest.mark.parametrize(
    ("data", "more"),
    [
        (PNG[:50], {"length": len(PNG)}),
        (PNG, {"headers": {"Location": "http://127.0.0.1:1/"}, "status": 302}),
        (b"x" * 200_000, {}),
    ],
    ids=["cut off", "redirect", "too large"],
)
def test_fetch_keeps_nothing_of_a_bad_answer(
    world: World, server: FileServer, tmp_path: Path, data: bytes, more: dict[str, Any]
) -> None:
    server.file("/a", data, **more)
    offer(world, server)
    file_id = waiting_file(world)

    fetch_due(world.core)

    row = attachment(world, file_id)
    assert row.state in ("pending", "failed")
    assert row.error
    assert row.storage_key is None
    assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []


def test_fetch_refuses_bytes_with_another_hash(world: World, server: FileServer) -> None:
    server.file("/a", PNG)
    offer(world, server)
    file_id = waiting_file(world, sha256="0" * 64)

    fetch_due(world.core)

    assert "hash" in attachment(world, file_id).error


def test_fetch_goes_to_the_providers_hosts_only(world: World, server: FileServer) -> None:
    server.file("/a", PNG)
    offer(world, server, allowed_hosts=("graph.example",))
    file_id = waiting_file(world)

    fetch_due(world.core)

    assert attachment(world, file_id).state == "gone"
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "{url}\\.graph.example/a",
        "http://graph.example@{host}/a",
        "http://{host}#@graph.example/a",
        "http://[graph.example/a",
    ],
)
def test_fetch_reads_an_address_as_the_client_does(
    world: World, server: FileServer, address: str
) -> None:
    server.file("/a", PNG)
    offer(world, server)
    world.provider.answers["media_url"] = MediaRequest(
        address.format(url=server.url, host=server.host), allowed_hosts=("graph.example",)
    )
    file_id = waiting_file(world)

    fetch_due(world.core)

    assert attachment(world, file_id).state == "gone"
    assert server.requests == []


def test_fetch_names_the_setting_for_a_private_address(world: World, server: FileServer) -> None:
    set_network_policy(NetworkPolicy(()))
    server.file("/a", PNG)
    offer(world, server)
    file_id = waiting_file(world)

    fetch_due(world.core)

    row = attachment(world, file_id)
    assert "CHATPORT_ALLOW_PRIVATE_HOSTS" in row.error_action
    assert server.requests == []


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        (HTML, "image/png", "text/html"),
        (SVG, "image/png", "image/svg+xml"),
        (PNG, "text/html", "image/png"),
        (b"%PDF-1.7 ...", "application/octet-stream", "application/pdf"),
        (b"just text", "image/jpeg", "text/plain"),
    ],
)
def test_fetch_believes_the_bytes_and_not_the_claim(
    world: World, server: FileServer, data: bytes, declared: str, found: str
) -> None:
    server.file("/a", data, declared)
    offer(world, server, content_type=declared)
    file_id = waiting_file(world)

    fetch_due(world.core)

    assert attachment(world, file_id).content_type == found


def test_fetch_takes_no_path_from_a_name(world: World, server: FileServer, tmp_path: Path) -> None:
    server.file("/a", PNG)
    offer(world, server)
    file_id = waiting_file(world, filename="../../etc/x\u202egnp.exe")

    fetch_due(world.core)

    row = attachment(world, file_id)
    assert row.filename == "xgnp.exe"
    assert (tmp_path / "media" / row.storage_key).read_bytes() == PNG


def test_fetched_placeholder_becomes_the_file(world: World, server: FileServer) -> None:
    server.file("/a", PNG)
    offer(world, server)
    file_id = waiting_file(world, content_type="unsupported")

    fetch_due(world.core)

    row = attachment(world, file_id)
    assert row.kind == "image"
    assert world.message(row.message_id).content_type == "media"


def test_fetch_outlives_a_crashing_provider(world: World, server: FileServer) -> None:
    world.provider.answers["media_url"] = ValueError("bug")
    broken = waiting_file(world)
    fetch_due(world.core)
    server.file("/a", PNG)
    offer(world, server)
    fine = waiting_file(world)

    fetch_due(world.core)

    assert attachment(world, broken).state == "pending"
    assert attachment(world, fine).state == "ready"


def test_fetch_unreachable_service_is_tried_again(world: World, server: FileServer) -> None:
    offer(world, server)
    world.provider.answers["media_url"] = e.ServiceUnreachable("nobody answers")
    file_id = waiting_file(world)

    fetch_due(world.core)

    row = attachment(world, file_id)
    assert (row.state, row.tries) == ("pending", 1)
    assert row.next_try_at > utcnow()


def test_fetch_keeps_its_file_while_it_lasts_and_not_longer(
    world: World, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was killed leaves the file to others soon; who is only slow keeps it."""
    monkeypatch.setattr(fetch, "LEASE", timedelta(seconds=0.9))
    came, go_on = threading.Event(), threading.Event()
    server.file("/a", PNG)
    at_once = server.answers["/a"]

    def slow(handler: BaseHTTPRequestHandler) -> None:
        came.set()
        go_on.wait(20)
        at_once(handler)

    server.answers["/a"] = slow
    offer(world, server)
    file_id = waiting_file(world)
    first = threading.Thread(target=fetch_due, args=(world.core,))
    first.start()
    assert came.wait(10)
    assert attachment(world, file_id).next_try_at <= utcnow() + timedelta(seconds=1)
    time.sleep(1.5)
    second = fetch_due(world.core)
    go_on.set()
    first.join(20)

    assert (second.fetched, second.failed) == (0, 0)
    assert len(server.requests) == 1
    assert attachment(world, file_id).state == "ready"
