"""Sending from the command line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from cli.shell import NUMBER, Installed

from chatport.db import tables as t
from chatport.errors import RecipientInvalid
from chatport.services import outbox

RINA = "+6281290001122"
SEND = ("message", "send", "--channel", NUMBER, "--to", RINA)


@contextmanager
def delivering(installed: Installed) -> Iterator[None]:
    """A worker in a thread."""
    stop = threading.Event()

    def deliver() -> None:
        while not stop.wait(0.02):
            outbox.deliver_due(installed.core, 1.0)

    worker = threading.Thread(target=deliver)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def test_message_send_stores_a_message_for_the_workers(installed: Installed) -> None:
    document = installed.shell.json(*SEND, "--text", "Your order is ready")
    (message,) = document["messages"]
    assert message["status"] == "queued"
    (row,) = installed.rows(t.Message)
    assert (row.id, row.content, row.sender_user_id) == (message["id"], "Your order is ready", None)
    assert [send.state for send in installed.rows(t.Send)] == ["queued"]
    (contact,) = installed.rows(t.Contact)
    assert contact.phone_number == RINA


def test_message_send_joins_the_open_conversation(installed: Installed) -> None:
    first = installed.shell.json(*SEND, "--text", "one")["conversation_id"]
    second = installed.shell.json(*SEND, "--text", "two")["conversation_id"]
    third = installed.shell.json(
        "message", "send", "--conversation", str(first), "--text", "three"
    )["conversation_id"]
    assert first == second == third
    assert [row.content for row in installed.rows(t.Message)] == ["one", "two", "three"]


def test_message_send_reads_the_text_from_standard_input(installed: Installed) -> None:
    assert installed.shell.run(*SEND, "--text-file", "-", stdin="a\nb\n").exit_code == 0
    assert installed.rows(t.Message)[0].content == "a\nb"


def test_message_send_waits_until_the_service_took_it(installed: Installed) -> None:
    with delivering(installed):
        (message,) = installed.shell.json(*SEND, "--text", "hi", "--wait", "20")["messages"]
    assert (message["status"], message["source_id"]) == ("sent", "ID1")


def test_message_send_with_wait_fails_when_the_service_refuses(installed: Installed) -> None:
    installed.shell.provider.outcomes = [
        RecipientInvalid("This number is not on WhatsApp.", action="Check the number.")
    ]
    with delivering(installed):
        document = installed.shell.json(*SEND, "--text", "hi", "--wait", "20", code=1)
    (message,) = document["messages"]
    assert message["status"] == "failed"
    assert message["external_error"] == "This number is not on WhatsApp."


def test_message_send_with_wait_fails_when_nobody_works(installed: Installed) -> None:
    document = installed.shell.json(*SEND, "--text", "hi", "--wait", "0.1", code=1)
    assert document["messages"][0]["status"] == "queued"


def test_message_send_attaches_files(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "bill.pdf").write_bytes(b"%PDF-1.4\n" + b"0" * 100)
    result = installed.shell.run(*SEND, "--text", "Bill", "--file", str(tmp_path / "bill.pdf"))
    assert result.exit_code == 0, result.output
    (attachment,) = installed.rows(t.Attachment)
    assert (attachment.kind, attachment.filename) == ("document", "bill.pdf")


def test_message_send_twice_with_one_key_sends_once(installed: Installed) -> None:
    key = ("--idempotency-key", "order-7")
    first = installed.shell.json(*SEND, "--text", "hi", *key)["messages"]
    assert installed.shell.json(*SEND, "--text", "hi", *key)["messages"] == first
    result = installed.shell.run(*SEND, "--text", "something else", *key)
    assert result.exit_code == 1
    assert "order-7" in result.stderr
    assert len(installed.rows(t.Send)) == 1


def test_message_send_refuses_what_the_provider_cannot_send(installed: Installed) -> None:
    result = installed.shell.run(*SEND, "--text", "x" * 5000)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and "Traceback" not in result.stderr
    assert installed.rows(t.Message) == []


def test_message_send_private_note_is_not_sent(installed: Installed) -> None:
    assert installed.shell.run(*SEND, "--text", "call him", "--private").exit_code == 0
    assert installed.rows(t.Message)[0].private is True
    assert installed.rows(t.Send) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--text", "hi"), 2),
        (("--channel", NUMBER, "--text", "hi"), 2),
        (("--conversation", "99", "--text", "hi"), 4),
        (("--channel", "99", "--to", RINA, "--text", "hi"), 4),
        (("--channel", NUMBER, "--to", "0812", "--text", "hi"), 1),
        (("--channel", NUMBER, "--to", RINA, "--text", "hi", "--text-file", "-"), 2),
        (("--channel", NUMBER, "--to", RINA), 1),
    ],
)
def test_message_send_to_nobody_or_nothing(
    installed: Installed, arguments: tuple[str, ...], code: int
) -> None:
    told = installed.shell.json("message", "send", *arguments, code=code)
    assert told["error"] and told["action"]
    with installed.core.db.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(t.Send)).scalar() == 0
