"""The API guide's examples are ones that the API takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chatport import Features
from chatport.api.inputs import MessageCreate
from chatport.services.outbox import drafts

GUIDE = Path(__file__).resolve().parents[2] / "docs/api.md"
TEMPLATE = {
    "name": "order_update",
    "language": "en",
    "status": "APPROVED",
    "components": [{"type": "BODY", "text": "Hello {{1}}, order {{2}} left."}],
}
ABLE = Features(
    location=True,
    contacts=True,
    polls=True,
    link=True,
    cta_url=True,
    buttons=3,
    list_rows=10,
    templates=True,
)


def examples() -> list[dict[str, Any]]:
    """The bodies that the guide shows."""
    return [
        json.loads(block)
        for block in re.findall(r"^```json\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    ]


def kind(body: dict[str, Any]) -> str:
    """What an example shows."""
    return "template" if "template_params" in body else body.get("content_type", "text")


def test_guide_shows_every_kind() -> None:
    shown = {kind(body) for body in examples()}

    assert shown == {"text", "location", "contact", "poll", "link", "input_select", "template"}


@pytest.mark.parametrize("body", examples(), ids=kind)
def test_example_is_taken(body: dict[str, Any]) -> None:
    loaded = MessageCreate().load(body)
    request = drafts.Request(
        content=loaded["content"] or "",
        content_type=loaded["content_type"],
        attributes=loaded["content_attributes"],
        template_params=loaded["template_params"],
        templates=[TEMPLATE],
    )

    (draft,) = drafts.private_note(request) if loaded["private"] else drafts.compose(ABLE, request)

    assert draft.content
