"""A plugin that misbehaves, installed by pip, beside one that does not.

Owns: its wheel, and the scenarios. Must not know: how plugins are loaded.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from uuid import uuid4

import requests

from support import eventually

from .invariants import Expect
from .load import traffic
from .scenario import Scenario
from .world import World

LINE = "5491100000777"
SECRET = "secret of the line"
#: The shortest patience with a plugin that an operator would choose.
ENVIRONMENT = {"CHATPORT_PROVIDERS": "whatsapp_web,trouble", "CHATPORT_HOOK_TIME_LIMIT": "2"}
WAYS = ("raise", "hang", "hang_stubbornly", "rubbish", "exit")
#: Seconds that a message of another channel may take while this one's plugin hangs, ends processes and raises.
BEARABLE = 45.0

_METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: chatport-trouble\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: faults\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "entry_points.txt": "[chatport.providers]\ntrouble = chatport_trouble.plugin\n",
}


def install(folder: Path) -> Path:
    """Make a wheel of the plugin and let pip install it into a folder; returns the folder."""
    folder.mkdir()
    wheel = folder / "chatport_trouble-1.0-py3-none-any.whl"
    files = {f"chatport_trouble-1.0.dist-info/{name}": text for name, text in _METADATA.items()}
    for path in (Path(__file__).parent / "trouble_plugin").glob("*.py"):
        files[f"chatport_trouble/{path.name}"] = path.read_text(encoding="utf-8")
    files["chatport_trouble-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    target = folder / "site"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--disable-pip-version-check", "--target", str(target), str(wheel)),
        ],
        check=True,
    )
    return target


def plugin_misbehaves(world: World) -> None:
    """One plugin raises, hangs, also inside its own except, returns rubbish, ends its process: nobody else suffers."""
    _misbehaves(world, WAYS)


def plugin_fails(world: World) -> None:
    """One plugin raises, returns rubbish, ends its process: nobody else suffers."""
    _misbehaves(world, ("raise", "rubbish", "exit"))


def plugin_hangs(world: World) -> None:
    """One plugin hangs for longer than a service waits for its answer: every webhook is taken at once all the same."""
    line = _Line(world)
    with traffic(world, per_second=4, agents=1):
        bad = [line.receive(how) for how in ("hang", "hang_stubbornly")]
        time.sleep(12)
        line.await_accounted(bad)
    refused = [one for one in world.deliveries if any(a.status != 200 for a in one.attempts)]
    assert not refused, f"refused: {len(refused)} deliveries while a plugin hung"


def _misbehaves(world: World, ways: tuple[str, ...]) -> None:
    line = _Line(world)
    with traffic(world, per_second=4, agents=1):
        good = [line.receive("ok") for _ in range(3)]
        bad = [line.receive(how) for how in ways]
        good += [line.receive("ok") for _ in range(3)]
        line.await_messages(good)
        asked = {how: line.answer(good[0], how) for how in ("ok", *ways, "ok again")}
        line.await_accounted(bad)
        line.await_settled(asked)


class _Line:
    """The channel of the plugin, and what was told through it: a ledger of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        made = world.installation.post(
            "/inboxes",
            {
                "name": "Trouble",
                "channel": {
                    "type": "whatsapp",
                    "phone_number": f"+{LINE}",
                    "provider": "trouble",
                    "provider_config": {"line": LINE, "webhook_secret": SECRET},
                },
            },
        )
        self._inbox = made["id"]
        self._bodies: dict[str, bytes] = {}

    def receive(self, how: str) -> str:
        """A webhook that makes the plugin do something; it is acknowledged in any case. Returns its id."""
        name = uuid4().hex
        body = json.dumps(
            {
                "line": LINE,
                "id": name,
                "from": f"5493300{int(name[:5], 16) % 10**6:06d}",
                "text": f"{how} {name}",
                "do": how,
            }
        ).encode()
        self._bodies[name] = body
        if how != "ok":
            self._world.ledger.poison.append(body)
            self._world.ledger.fault("plugin on receiving", how=how)
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        answer = requests.post(
            f"{self._world.installation.url}/webhooks/whatsapp/+{LINE}",
            data=body,
            headers={"X-Trouble-Signature": f"sha256={signature}"},
            timeout=10,
        )
        assert answer.status_code == 200, f"refused: {answer.status_code} {answer.text}"
        return name

    def await_messages(self, names: list[str]) -> None:
        """Each good one is a message, once, however many bad ones stand between."""

        def missing() -> list[str]:
            have = [row.source_id for row in self._world.observed.messages()]
            return [name for name in names if have.count(name) != 1]

        eventually(
            lambda: not missing(),
            60,
            message=lambda: f"lost: {len(missing())} messages of the plugin's own channel",
        )

    def await_accounted(self, names: list[str]) -> None:
        """Each bad one is kept, with the reason why nothing came of it."""
        wanted = {self._bodies[name] for name in names}

        def silent() -> list[str]:
            return [
                f"{row.state} {bytes(row.body)!r}"
                for row in self._world.observed.requests()
                if bytes(row.body or b"") in wanted and not row.error
            ]

        eventually(lambda: not silent(), 90, message=lambda: f"no reason: {silent()}")

    def answer(self, name: str, how: str) -> int:
        """An agent answers; the plugin does something with it. Returns the message's id."""
        self._world.ledger.fault("plugin on sending", how=how)
        conversation = self._world.observed.one(
            "SELECT v.display_id FROM conversations v JOIN messages m ON m.conversation_id = v.id"
            " WHERE m.source_id = :name",
            name=name,
        )
        made = self._world.installation.post(
            f"/conversations/{conversation}/messages", {"content": f"{how} {uuid4().hex}"}
        )
        return int(made["id"])

    def await_settled(self, asked: dict[str, int]) -> None:
        """What the plugin did well is sent; all else shows what became of it, and why."""

        def unsettled() -> list[str]:
            shown = {row.id: row for row in self._world.observed.messages()}
            return [
                f"{how} shows {shown[number].status} {shown[number].external_error!r}"
                for how, number in asked.items()
                if not (
                    shown[number].status == "sent"
                    if how.startswith("ok")
                    else shown[number].status in ("failed", "unknown", "retrying")
                    and shown[number].external_error
                )
            ]

        eventually(lambda: not unsettled(), 120, message=lambda: f"wrong: {unsettled()}")
        time.sleep(1)


_EXPECT = Expect(dead_letters=True, bearable=BEARABLE)

SCENARIOS = (
    Scenario(plugin_fails, own=True, plugin=True, expect=_EXPECT, short_on=(), quiet_within=150),
    Scenario(
        plugin_misbehaves,
        own=True,
        plugin=True,
        expect=_EXPECT,
        short_on=(),
        quiet_within=150,
    ),
    Scenario(
        plugin_hangs,
        own=True,
        plugin=True,
        expect=_EXPECT,
        environment={"CHATPORT_HOOK_TIME_LIMIT": "8"},
        short_on=(),
        quiet_within=150,
    ),
)
