"""Templates: what does not fit is refused before anything is stored."""

from __future__ import annotations

from typing import Any

import pytest
from services.fake_provider import World

from chatport.db import tables as t
from chatport.errors import ContentRefused, PolicyRefused
from chatport.messages import Template

HELLO = {
    "name": "hello",
    "language": "en",
    "status": "APPROVED",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello {{1}}, your order {{2}} is ready."}],
}


@pytest.fixture
def with_templates(world: World) -> World:
    world.features(templates=True, window_hours=24)
    named = {
        **HELLO,
        "name": "named",
        "components": [{"type": "BODY", "text": "Hi {{customer}}"}],
    }
    world.set(
        t.Channel, message_templates=[HELLO, named, {**HELLO, "name": "new", "status": "PENDING"}]
    )
    return world


def send(world: World, name: str = "hello", language: str = "en", **params: Any) -> int:
    given = {"name": name, "language": language, **params}
    [message_id] = world.send("", template_params=given)
    return message_id


@pytest.mark.parametrize(
    "values",
    [
        {"body": {"1": "Ana", "2": "#7"}},
        {"1": "Ana", "2": "#7"},
        ["Ana", "#7"],
        {"body": {1: "Ana", 2: "#7"}},
    ],
    ids=["sections", "flat", "list", "numbers"],
)
def test_template_takes_its_values_in_every_form(with_templates: World, values: Any) -> None:
    message_id = send(with_templates, processed_params=values)
    with_templates.deliver()

    assert with_templates.message(message_id).content == "Hello Ana, your order #7 is ready."
    content = with_templates.provider.sent[0].content
    assert isinstance(content, Template)
    assert dict(content.params["body"]) == {"1": "Ana", "2": "#7"}
    assert content.definition["name"] == "hello"


def test_template_is_sent_outside_the_window(with_templates: World) -> None:
    assert send(with_templates, name="named", processed_params={"body": {"customer": "Ana"}})


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "nobody"}, "template_missing"),
        ({"language": "de"}, "template_language"),
        ({"processed_params": {}}, "template_variables"),
        ({"processed_params": {"body": {"1": "Ana"}}}, "template_variables"),
        ({"processed_params": {"body": {"1": "Ana", "2": " "}}}, "template_variables"),
        ({"processed_params": ["Ana", "#7", "more"]}, "template_variables"),
    ],
)
def test_template_that_does_not_fit_is_refused_with_the_reason(
    with_templates: World, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(ContentRefused) as caught:
        send(with_templates, **more)

    assert caught.value.code == code
    assert caught.value.action
    assert with_templates.rows(t.Message) == []


def test_template_that_is_not_approved_is_refused(with_templates: World) -> None:
    with pytest.raises(PolicyRefused, match="pending"):
        send(with_templates, name="new", processed_params=["a", "b"])
