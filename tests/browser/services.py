"""The simulated services of a story: what an operator types, what customers do, what goes wrong.

One entry for each provider; the stories know none of them by name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chatport_testkit.dialog360 import Dialog360Simulator
from chatport_testkit.gowa import GowaSimulator
from chatport_testkit.meta import GraphSimulator

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "EAAGsimulated0token0of0a0system0user"
TEMPLATE = (
    "order_ready",
    "en",
    "UTILITY",
    [{"type": "BODY", "text": "Hello {{1}}, your order {{2}} is ready."}],
)


@dataclass(frozen=True, slots=True)
class Service:
    """One simulated service, with what an operator types into the form of its provider.

    :param typed: fields of the form by name.
    :param wrong: one field with a value that the service refuses.
    :param refuse: makes the service refuse messages, and answers a part of the reason shown.
    """

    provider: str
    number: str
    simulator: Any
    typed: Mapping[str, str]
    wrong: tuple[str, str]
    refuse: Callable[[], str]
    pairing: bool = False
    templates: bool = False

    def customer(self, name: str) -> Any:
        """A person of that name, with a number that no other service's customer has."""
        return self.simulator.customer(
            f"4915{zlib.crc32(f'{self.provider} {name}'.encode()):010d}", name
        )

    def sent(self) -> list[str]:
        """Texts that the service took from us."""
        return [one.text for one in self.simulator.sent]

    def heal(self) -> None:
        """Refuse nothing any more."""
        self.simulator.faults.clear()

    def read(self, customer: Any) -> None:
        """The customer reads everything."""
        if self.pairing:
            customer.read(*(one.source_id for one in self.simulator.sent))
        else:
            for one in self.simulator.sent:
                self.simulator.read(one.wamid)


def whatsapp_web(number: str) -> Service:
    """A GoWA service without a device: the phone is linked in the browser."""
    gowa = GowaSimulator(device=False, own_phone=number, password="pw", tick="manual")
    body = {"code": "400", "message": "phone: not registered", "results": None}

    def refuse() -> str:
        gowa.faults.set("/send/message", "status", count=None, status=400, body=body)
        return "not registered"

    gowa.start()
    typed = {
        "api_base_url": gowa.url,
        "basic_auth_username": "admin",
        "basic_auth_password": "pw",
    }
    wrong = ("basic_auth_password", "mistyped")
    return Service("whatsapp_web", number, gowa, typed, wrong, refuse, pairing=True)


def whatsapp_cloud(number: str) -> Service:
    """Meta's Graph API with one number and a template."""
    graph = GraphSimulator(
        display_phone_number=number, token=TOKEN, app_secret=SECRET, tick="manual"
    )
    graph.templates.add(*TEMPLATE)

    def refuse() -> str:
        graph.faults.set("messages", "graph_error", None, code=131030)
        return "(131030)"

    graph.start()
    typed = {
        "api_key": TOKEN,
        "phone_number_id": "109870000333444",
        "business_account_id": "214700000111222",
        "app_secret": SECRET,
        "api_base_url": graph.url,
    }
    wrong = ("api_key", "EAAGmistyped")
    return Service("whatsapp_cloud", number, graph, typed, wrong, refuse, templates=True)


def dialog360(number: str) -> Service:
    """360dialog's newer generation."""
    service = Dialog360Simulator(api_key="simulated-d360-key", phone=number, tick="manual")
    service.templates.add(*TEMPLATE)

    def refuse() -> str:
        service.faults.set("messages", "gateway_error", None, status=400, message="No such thing")
        return "No such thing"

    service.start()
    typed = {"api_key": "simulated-d360-key", "api_base_url": service.url}
    wrong = ("api_key", "mistyped")
    return Service("dialog360", number, service, typed, wrong, refuse, templates=True)


MAKERS = {
    "whatsapp_web": whatsapp_web,
    "whatsapp_cloud": whatsapp_cloud,
    "dialog360": dialog360,
}
