"""A whole installation of real processes for the stories of a module, and a shop at Meta's Cloud API in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from installation import Installation, installed

from chatport_testkit.meta import GraphSimulator

pytest.register_assert_rewrite("story.steps", "story.cloud_story", "story.cloud_shop")

from story.cloud_shop import begun, body_of, simulated_graph  # noqa: E402 (after the line above)
from story.steps import Chat, wait_for_setup  # noqa: E402


@pytest.fixture(scope="module")
def chatport(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """``chatport up`` with an embedded Valkey and SQLite."""
    with installed(tmp_path_factory.mktemp("story") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def graph() -> Iterator[GraphSimulator]:
    """Meta on this machine."""
    with simulated_graph() as made:
        yield made


@pytest.fixture(scope="module")
def inbox(chatport: Installation, graph: GraphSimulator) -> dict[str, Any]:
    """An inbox at the Cloud API, as an administrator makes it."""
    made = chatport.post("/inboxes", body_of(graph))
    wait_for_setup(chatport, made)
    # What the app's dashboard does by hand: facts of the account come to the app's own address only.
    graph.set_webhook(
        made["callback_webhook_url"], made["generated_secrets"]["webhook_verify_token"]
    )
    return dict(made)


@pytest.fixture(scope="module")
def chat(chatport: Installation, graph: GraphSimulator, inbox: dict[str, Any]) -> Chat:
    """A conversation that a customer began at the Cloud API."""
    return begun(chatport, graph)
