"""A shop on a busy day: channels at three services, conversations in several languages, one of every kind of message.

What services and customers do goes through the simulators, what agents do through the API. Only what no healthy
installation has, a dead letter and an alert, is written into the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from browser.pictures import DUSK
from browser.services import MAKERS, Service
from installation import Installation

from chatport.db import Database, utcnow
from chatport.db import tables as t
from chatport.db.upsert import insert
from support import eventually

NUMBERS = {
    "whatsapp_web": "5491100000000",
    "whatsapp_cloud": "15557001234",
    "dialog360": "4930700001234",
}
NAMES = {"whatsapp_web": "Shop", "whatsapp_cloud": "Kiosk", "dialog360": "Atelier"}
#: name, number, text, minutes ago
OTHERS = (
    ("Mateo García", "5491122334455", "¿Tienen envío a Valparaíso?", 3),
    ("أحمد الخطيب", "971501234567", "شكرًا جزيلًا، وصل الطلب 🌹", 12),
    ("João Pereira", "5511987654321", "Pode me mandar a *nota fiscal*, por favor?", 45),
    ("", "6281290004411", "Stock 42 masih ada?", 95),
    ("Lena Müller", "4915112345678", "Perfekt, danke!", 60 * 26),
)


@dataclass
class BusyDay:
    """The installation with its services.

    :param main: number of the conversation in which everything happens.
    """

    chatport: Installation
    services: Mapping[str, Service]
    main: int = 0
    contact: int = 0
    letter: int = 0
    event: int = 0

    def screens(self) -> dict[str, str]:
        """Every screen of the dashboard behind the login: name and address."""
        account = "/app/accounts/1"
        channel = f"{account}/channels/1"
        return {
            "conversations": f"{account}/conversations",
            "thread": f"{account}/conversations/{self.main}",
            "providers": f"{account}/providers",
            "channels": f"{account}/channels",
            "channel-choose": f"{account}/channels/add",
            "channel-add": f"{account}/channels/add?provider=whatsapp_web",
            "channel-health": channel,
            "channel-setup": f"{channel}/setup",
            "channel-login": f"{channel}/login",
            "channel-behaviour": f"{channel}/behaviour",
            "channel-agents": f"{channel}/agents",
            "channel-configuration": f"{channel}/configuration",
            "channel-templates": f"{account}/channels/2/templates",
            "failures": f"{account}/failures",
            "failure": f"{account}/failures/{self.letter}",
            "alerts": f"{account}/failures/alerts",
            "events": f"{account}/events",
            "outgoing": f"{account}/events/sent",
            "event": f"{account}/events/{self.event}",
            "people": f"{account}/settings",
            "canned": f"{account}/settings/answers",
            "tokens": f"{account}/settings/tokens",
            "audit": f"{account}/settings/audit",
            "plugins": f"{account}/settings/plugins",
            "about": f"{account}/settings/about",
            "profile": "/app/profile",
            "totp": "/app/profile/totp",
            "missing": f"{account}/conversations/999999",
        }

    # --- staging ------------------------------------------------------------------------------------------------------

    def stage(self) -> None:
        """Let the day happen."""
        for service in self.services.values():
            self._add_channel(service)
        self._others()
        self._group()
        self._rina()
        self._trouble()
        for code, text in (
            ("hours", "We are here from nine to six."),
            ("thanks", "Thank you, {{contact.name}}!"),
        ):
            self.chatport.post("/canned_responses", {"short_code": code, "content": text})

    def _add_channel(self, service: Service) -> None:
        if service.pairing:
            service.simulator.add_device("device-1")
            service.simulator.service.log_in(service.simulator.device("device-1"), service.number)
        config = dict(service.typed)
        made = self.chatport.post(
            "/inboxes",
            {
                "name": NAMES[service.provider],
                "channel": {
                    "type": "whatsapp",
                    "phone_number": f"+{service.number}",
                    "provider": service.provider,
                    "provider_config": config,
                },
            },
        )
        eventually(
            lambda: (
                self.chatport.get(f"/inboxes/{made['id']}/health")["provisioning"].get("state")
                == "done"
            ),
            timeout=20,
        )

    def _others(self) -> None:
        gowa = self.services["whatsapp_web"].simulator
        for name, number, text, minutes in OTHERS:
            gowa.customer(number, name).text(text, at=ago(minutes=minutes))
        kiosk = self.services["whatsapp_cloud"].simulator
        kiosk.customer("15550101010", "Chloe Tan").text("Do you open on Sunday?")

    def _group(self) -> None:
        gowa = self.services["whatsapp_web"].simulator
        dewi = gowa.customer("628129000777", "Dewi Lestari")
        yusuf = gowa.customer("905321112233", "Yusuf Demir")
        group = gowa.group("Wholesale partners", [dewi, yusuf])
        group.text(dewi, "Who brings the *price list* on Friday?")
        group.text(yusuf, "I do.")

    def _rina(self) -> None:
        gowa = self.services["whatsapp_web"].simulator
        rina = gowa.customer("6281290001122", "Rina Wijaya")
        yesterday = ago(days=1, hours=2)
        rina.text("Good morning! Is the *walnut* table still available?", at=yesterday)
        photo = rina.image(
            DUSK, "This one", filename="table.png", at=yesterday + timedelta(minutes=1)
        )
        self.main = self._conversation("+6281290001122")["id"]
        self.contact = self._conversation("+6281290001122")["meta"]["sender"]["id"]
        answer = self._say(
            "Yes, two are left. Delivery takes _three days_:\n- Monday to Friday\n- between 9 and"
            " 17\nhttps://shop.example/tables/walnut",
            content_attributes={"in_reply_to": self._arrived(photo)["id"]},
        )
        rina.react(answer["source_id"], "👍")
        self.services["whatsapp_web"].read(rina)
        rina.location(-6.2088, 106.8456, "Warehouse gate 3", "Jl. Sudirman 12, Jakarta")
        rina.contact("Pak Hadi", "+6281290005566")
        rina.voice()
        self._settle()
        self._say("She asked for a refund last month. Be kind 🙂", private=True)
        poll = {
            "question": "Which day suits you?",
            "options": ["Tuesday", "Wednesday", "Thursday"],
            "max_answers": 1,
        }
        self._say("", content_type="poll", content_attributes={"poll": poll})
        day = rina.text("Tuesday then")
        self._arrived(day)
        rina.edit(day, "Wednesday then, at 10")
        slip = rina.text("wrong chat")
        self._arrived(slip)
        rina.revoke(slip)
        gowa.own_phone_app.text("6281290001122", "Booked. The driver calls before he comes.")
        self._settle()
        refused = self.services["whatsapp_web"].refuse()
        failed = self._say("Here is the tracking link.", wanted="failed")
        assert refused in failed["external_error"]
        self.services["whatsapp_web"].heal()
        rina.document("Invoice 2026-0314.pdf", b"%PDF-1.4 invoice" * 9000, "The signed invoice")
        last = rina.text("Yes 😊 see you on Wednesday")
        self._arrived(last)
        self.chatport.post(f"/conversations/{self.main}/labels", {"labels": ["vip", "refund"]})
        self.chatport.post(f"/conversations/{self.main}/assignments", {"assignee_id": 1})
        eventually(lambda: not self._pending_files(), timeout=20)

    def _trouble(self) -> None:
        self.event = self.chatport.get("/events")["payload"][0]["id"]
        database = Database(f"sqlite:///{self.chatport.folder / 'chatport.db'}")
        with database.write("trouble") as connection:
            for number, error in enumerate(("field 'a' of 12 is missing", "field 'b' is missing")):
                self.letter = insert(
                    connection,
                    t.DeadLetter.__table__,
                    {
                        "account_id": 1,
                        "channel_id": 1,
                        "kind": "request",
                        "subject_id": self.event - number,
                        "error_type": "AnomalousPayload",
                        "error": error,
                        "action": "Update the plugin.",
                        "payload": '{"event": "message", "payload": {}}',
                    },
                )
            insert(
                connection,
                t.Alert.__table__,
                {
                    "account_id": 1,
                    "channel_id": 1,
                    "kind": "dead_letter",
                    "severity": "error",
                    "title": "2 deliveries could not be applied",
                    "body": "field 'a' of 12 is missing",
                    "dedupe_key": "sample",
                    "created_at": utcnow(),
                },
            )
            connection.execute(
                sa.update(t.Channel).where(t.Channel.id == 3).values(refused_count=2)
            )
        database.dispose()

    # --- steps --------------------------------------------------------------------------------------------------------

    def _conversation(self, phone: str) -> dict[str, Any]:
        def find() -> Any:
            listed = self.chatport.get("/conversations")["data"]["payload"]
            return next((c for c in listed if c["meta"]["sender"]["phone_number"] == phone), None)

        return dict(eventually(find, timeout=20))

    def _messages(self) -> list[dict[str, Any]]:
        return list(self.chatport.get(f"/conversations/{self.main}/messages")["payload"])

    def _arrived(self, source_id: str) -> dict[str, Any]:
        def find() -> Any:
            return next((m for m in self._messages() if m["source_id"] == source_id), None)

        return dict(eventually(find, timeout=20))

    def _say(self, content: str, *, wanted: str = "sent", **body: Any) -> dict[str, Any]:
        made = self.chatport.post(
            f"/conversations/{self.main}/messages", {"content": content, **body}
        )
        if body.get("private"):
            return dict(made)

        def find() -> Any:
            return next(
                (m for m in self._messages() if m["id"] == made["id"] and m["state"] == wanted),
                None,
            )

        return dict(eventually(find, timeout=20))

    def _settle(self) -> None:
        assert self.services["whatsapp_web"].simulator.wait_idle()
        eventually(
            lambda: all(e["state"] != "pending" for e in self.chatport.get("/events")["payload"]),
            timeout=20,
        )

    def _pending_files(self) -> list[Any]:
        return [
            file
            for m in self._messages()
            for file in m["attachments"]
            if file["state"] == "pending"
        ]


def ago(**much: float) -> datetime:
    return datetime.now(UTC) - timedelta(**much)


def day(chatport: Installation) -> Iterator[BusyDay]:
    """A staged day; its services end with it."""
    made = BusyDay(chatport, {key: MAKERS[key](NUMBERS[key]) for key in NUMBERS})
    try:
        made.stage()
        yield made
    finally:
        for service in made.services.values():
            service.simulator.stop()
