"""What is Echo's own: the JSON in both directions, and that pip alone makes it appear."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatport import Channel, Identity, InboundRequest, MediaKind, OutboundMessage, Recipient
from chatport.errors import AuthenticationFailed, RecipientInvalid, ServiceUnreachable
from chatport.events import MediaPart, MediaRef, MessageReceived, StatusChanged, UnknownEvent
from chatport.http import NetworkPolicy, network_policy, set_network_policy
from chatport.messages import MessageRef, Text
from chatport_echo import plugin
from chatport_testkit.conformance import ScriptedService, json_reply

HERE = Path(__file__).parent
MESSAGE = OutboundMessage(
    "0" * 32, Recipient((Identity("phone", "6281290001122"),)), Text("Selamat pagi")
)


@pytest.fixture(autouse=True)
def _loopback_is_allowed() -> Iterator[None]:
    former = network_policy()
    set_network_policy(NetworkPolicy(("127.0.0.1",)))
    yield
    set_network_policy(former)


def channel(url: str = "https://echo.example") -> Channel:
    config = {"url": url, "token": "token-1", "webhook_secret": "s"}
    return Channel(1, 1, "echo", "+6281100000009", config)


def events(name: str) -> list[object]:
    body = (HERE / "webhooks" / f"{name}.json").read_bytes()
    return list(plugin.handle_event(InboundRequest(body, {}, datetime.now(UTC))))


def test_send_posts_what_echo_wants() -> None:
    with ScriptedService(lambda request: json_reply({"id": "e-9"}, 201)) as echo:
        message = replace(MESSAGE, reply_to=MessageRef("e-1", from_me=False))
        sent = plugin.send_message(channel(echo.url), message)

    (request,) = echo.received
    assert sent.source_id == "e-9"
    assert (request.method, request.path) == ("POST", "/messages")
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.json() == {
        "to": "6281290001122",
        "reference": "0" * 32,
        "text": "Selamat pagi",
        "reply_to": "e-1",
    }


def test_refused_token_says_what_to_do() -> None:
    with ScriptedService(lambda request: json_reply({}, 403)) as echo:
        with pytest.raises(AuthenticationFailed) as raised:
            plugin.send_message(channel(echo.url), MESSAGE)

    assert raised.value.status_code == 403
    assert raised.value.action == "Copy the token from Echo again: Settings, Access."


def test_recipient_without_number_is_refused() -> None:
    nobody = replace(MESSAGE, recipient=Recipient((Identity("lid", "123"),)))

    with pytest.raises(RecipientInvalid):
        plugin.send_message(channel(), nobody)


def test_other_service_at_the_address_is_told() -> None:
    with ScriptedService(lambda request: json_reply({"hello": "world"})) as other:
        with pytest.raises(ServiceUnreachable, match="is not Echo"):
            plugin.validate_config(channel(other.url))


def test_photo_becomes_a_media_part_in_reply() -> None:
    (event,) = events("photo")

    assert isinstance(event, MessageReceived)
    assert event.key == "m:e-1002"
    assert event.reply_to == "e-1001"
    assert event.parts == (MediaPart(MediaRef(MediaKind.IMAGE, {"file": "f-77"}), "this one"),)
    assert event.time == datetime(2026, 3, 4, 5, 6, 20, tzinfo=UTC)


def test_each_status_has_its_own_key_and_reason() -> None:
    found = [event for event in events("statuses") if isinstance(event, StatusChanged)]

    assert [event.key for event in found] == [
        "s:e-2001:sent",
        "s:e-2001:delivered",
        "s:e-2002:failed",
    ]
    assert found[0].delivery_id == "0123456789abcdef0123456789abcdef"
    assert found[2].error_message == "The number is not on WhatsApp."


def test_item_that_cannot_be_read_hides_no_other() -> None:
    body = json.loads((HERE / "webhooks/message.json").read_text())
    body["events"].insert(0, {"type": "message", "id": ["not a text"]})

    found = plugin.handle_event(InboundRequest(json.dumps(body).encode(), {}, datetime.now(UTC)))

    assert [type(event) for event in found] == [UnknownEvent, MessageReceived]


def test_pip_alone_makes_it_appear(tmp_path: Path) -> None:
    """Installed into an empty folder, Chatport's own loader finds it: no change to the core."""
    pytest.importorskip("setuptools", reason="pip would have to download it to build the package")
    source = HERE.parent
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / "source").mkdir(exist_ok=True)
        (tmp_path / "source" / name).write_bytes((source / name).read_bytes())
    package = tmp_path / "source/chatport_echo"
    package.mkdir()
    for path in (source / "chatport_echo").iterdir():
        if path.is_file():
            (package / path.name).write_bytes(path.read_bytes())
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(tmp_path / "source")], check=True)
    code = (
        "from importlib.metadata import distributions\n"
        "from chatport.plugins import Registry, discovery\n"
        f"found = discovery.find(distributions(path=[{str(target)!r}]))\n"
        "registry = Registry(*discovery.load(found))\n"
        "print(registry.provider('echo').info.title, registry.failed)\n"
        "import chatport_echo; print(chatport_echo.__file__)"
    )
    started = f"import sys; sys.path.insert(0, {str(target)!r})\n{code}"
    answer = subprocess.run(
        [sys.executable, "-c", started], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    title, where = answer.stdout.splitlines()
    assert title == "Echo []"
    assert where == str(target / "chatport_echo" / "__init__.py")
    assert (target / "chatport_echo/py.typed").is_file()
