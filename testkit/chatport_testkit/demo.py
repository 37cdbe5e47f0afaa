"""The demonstration of ``chatport up --demo``: simulated WhatsApp services, and an inbox connected to each.

Owns: which simulators run, on which ports, and the inboxes of the first start. Must not know: how Chatport or the
simulators work inside. An inbox that somebody deleted is not made again.
"""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from chatport.context import Core
    from chatport.settings import Settings

ACCOUNT = 1
GRAPH_TOKEN = "EAAGsimulated0token0of0the0demonstration"  # noqa: S105 (the simulator's own)
_STATE = "demo.json"


@dataclass(frozen=True, slots=True)
class Service:
    """One simulated service with the channel that is connected to it."""

    provider: str
    title: str
    phone_number: str
    make: Callable[[int], Any]
    config: Callable[[Any], Mapping[str, Any]]


def _gowa(port: int) -> Any:
    from .gowa import (
        GowaSimulator,
    )  # each simulator loads a web framework; only the demonstration needs all

    return GowaSimulator(
        port=port,
        username="demo",
        password="demo-password",  # noqa: S106 (the simulator's own)
        own_phone="5491100000000",
    )


def _meta(port: int) -> Any:
    from .meta import GraphSimulator

    return GraphSimulator(
        port=port, token=GRAPH_TOKEN, display_phone_number="15557001234", media_origin="same"
    )


def _dialog360(port: int) -> Any:
    from .dialog360 import Dialog360Simulator

    return Dialog360Simulator(port=port, phone="4930700001234")


SERVICES = (
    Service(
        "whatsapp_web",
        "Shop (WhatsApp Web, simulated)",
        "+5491100000000",
        _gowa,
        lambda sim: {
            "api_base_url": sim.url,
            "basic_auth_username": "demo",
            "basic_auth_password": "demo-password",
        },
    ),
    Service(
        "whatsapp_cloud",
        "Kiosk (Cloud API, simulated)",
        "+15557001234",
        _meta,
        lambda sim: {
            "api_base_url": sim.url,
            "api_key": GRAPH_TOKEN,
            "phone_number_id": next(iter(sim.numbers)),
            "business_account_id": next(iter(sim.wabas)),
            "app_secret": sim.app_secret,
        },
    ),
    Service(
        "dialog360",
        "Atelier (360dialog, simulated)",
        "+4930700001234",
        _dialog360,
        lambda sim: {"api_base_url": sim.url, "api_key": sim.api_key},
    ),
)


class Demo:
    """The simulators of one data folder. Their ports are kept, since stored channels name them.

    :param data_dir: the installation's data folder.
    :param port: of the web server; the simulators listen on the next free ones.
    """

    def __init__(self, data_dir: Path, port: int) -> None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = data_dir / _STATE
        self._state: dict[str, Any] = (
            json.loads(self._file.read_text()) if self._file.exists() else {}
        )
        ports: dict[str, int] = self._state.setdefault("ports", {})
        following = (port or 5000) + 1
        for service in SERVICES:
            if service.provider not in ports:
                ports[service.provider] = following = _free_port(following)
                following += 1
        self._keep()

    @property
    def private_hosts(self) -> tuple[str, ...]:
        """Addresses that Chatport must be allowed to call."""
        return tuple(f"127.0.0.1:{port}" for port in self._state["ports"].values())

    @property
    def phone_url(self) -> str:
        """The page that plays the phones of the first service's customers."""
        return f"http://127.0.0.1:{self._state['ports'][SERVICES[0].provider]}/_sim/phone"

    def run(self, settings: Settings, url: str) -> None:
        """Run until SIGTERM. Meant for a process of its own."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        running = {service.provider: self._start(service) for service in SERVICES}
        try:
            _await_server(url, stop)
            self._connect(settings, url, running)
            stop.wait()
        finally:
            for simulator in running.values():
                simulator.stop()

    def _start(self, service: Service) -> Any:
        simulator = service.make(self._state["ports"][service.provider])
        simulator.start()
        return simulator

    def _connect(self, settings: Settings, url: str, running: Mapping[str, Any]) -> None:
        from chatport.context import Core  # after the fork that made this process

        core = Core.build(settings, pool_size=2)
        try:
            for service in SERVICES:
                self._open(core, url, service, running[service.provider])
        finally:
            core.close()

    def _open(self, core: Core, url: str, service: Service, simulator: Any) -> None:
        from chatport.errors import ChatportError
        from chatport.services.inboxes import create_inbox

        if service.provider not in core.plugins.providers:
            return
        made: list[str] = self._state.setdefault("made", [])
        if service.provider not in made:
            try:
                create_inbox(
                    core,
                    account_id=ACCOUNT,
                    name=service.title,
                    provider=service.provider,
                    phone_number=service.phone_number,
                    provider_config=service.config(simulator),
                    callback_base_url=url,
                )
            except ChatportError as error:
                _say(f"{service.title}: not connected: {error} {error.action}".rstrip())
                return
            made.append(service.provider)
            self._keep()
        _say(f"{service.title}: the customer's phone is at {simulator.url}/_sim/phone")

    def _keep(self) -> None:
        self._file.write_text(json.dumps(self._state))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (for the person at the terminal)


def _free_port(first: int) -> int:
    for port in range(first, first + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port after {first}")


def _await_server(url: str, stop: threading.Event) -> None:
    deadline = time.monotonic() + 60
    while not stop.wait(0.1) and time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        except requests.RequestException:
            continue
