"""A shop at Meta's Cloud API: the simulated service, the inbox's fields, conversations with its customers."""

from __future__ import annotations

from typing import Any

from installation import Installation
from story.cloud_story import TEMPLATE
from story.steps import Chat, inbox_body, new_phone

from chatport_testkit.meta import GraphSimulator

OWN = "15557001234"
TOKEN = "EAAGsimulated0token0of0a0system0user"
SECRET = "0123456789abcdef0123456789abcdef"
NUMBER_ID, ACCOUNT_ID = "109870000333444", "214700000111222"


def simulated_graph() -> GraphSimulator:
    """Meta with one number and two templates; ticks come when a test says so."""
    made = GraphSimulator(
        display_phone_number=OWN,
        token=TOKEN,
        app_secret=SECRET,
        phone_number_id=NUMBER_ID,
        waba_id=ACCOUNT_ID,
        tick="manual",
    )
    made.templates.add(*TEMPLATE)
    made.templates.add("winter_sale", "es_AR", "MARKETING", "Rebajas", status="PENDING")
    return made


def body_of(graph: GraphSimulator, number: str = OWN, **changes: Any) -> dict[str, Any]:
    """A request for an inbox at this service."""
    config = {
        "api_key": TOKEN,
        "phone_number_id": NUMBER_ID,
        "business_account_id": ACCOUNT_ID,
        "app_secret": SECRET,
        "api_base_url": graph.url,
    }
    return inbox_body("whatsapp_cloud", number, **{**config, **changes})


def begun(chatport: Installation, graph: GraphSimulator, **person: Any) -> Chat:
    """A conversation that a new customer began."""
    customer = graph.customer(person.pop("phone", new_phone()), "Ana Gómez", **person)
    customer.text("hola")
    made = Chat(chatport, customer)
    made.conversation()
    return made


def sent(graph: GraphSimulator, message: dict[str, Any]) -> Any:
    """What Meta took for this message of ours."""
    return next(one for one in graph.sent if one.wamid == message["source_id"])
