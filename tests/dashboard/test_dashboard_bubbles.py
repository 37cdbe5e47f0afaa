"""What a bubble shows once, in its own reading direction, and without disguise."""

from __future__ import annotations

from typing import Any

from chatport.db import tables as t


def test_question_of_a_poll_is_shown_once(site: Any) -> None:
    chat = site.chat()
    poll = {"kind": "poll", "data": {"question": "Which day?", "options": ["Tuesday"]}}
    chat.ours("Which day?", content_type="structured", content_attributes={"structured": poll})

    log = site.admin.get(f"{chat.path}/log", fragment=True).text

    assert "Tuesday" in log
    assert log.count("Which day?") == 1


def test_coordinates_read_from_left_to_right_in_every_language(site: Any) -> None:
    chat = site.chat()
    message = chat.message("", content_type="media")
    site.add(
        t.Attachment,
        account_id=site.account_id,
        message_id=message,
        kind="location",
        state="ready",
        meta={"latitude": -6.2, "longitude": 106.8},
    )

    log = site.admin.get(f"{chat.path}/log", fragment=True).text

    assert '<bdi dir="ltr">-6.20000, 106.80000</bdi>' in log


def test_file_name_cannot_turn_its_ending_around(site: Any) -> None:
    chat = site.chat()
    message = chat.message("", content_type="media")
    chat.file(message, "document", b"MZ", "invoice\u202efdp.exe", "application/octet-stream")

    log = site.admin.get(f"{chat.path}/log", fragment=True).text

    assert "invoicefdp.exe" in log and "\u202e" not in log
