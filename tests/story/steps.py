"""Steps of a story: what an agent does through the API, and what they then see there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from installation import Installation

from support import eventually

JSON = dict[str, Any]

_numbers = itertools.count(1)


def new_phone() -> str:
    """A customer's number that no other test has."""
    return f"4915209{next(_numbers):06d}"


def inbox_body(provider: str, number: str, **config: Any) -> JSON:
    """A request for an inbox, as the form makes it."""
    return {
        "name": f"Shop at {provider}",
        "channel": {
            "type": "whatsapp",
            "phone_number": f"+{number}",
            "provider": provider,
            "provider_config": config,
        },
    }


def wait_for_setup(chatport: Installation, inbox: Mapping[str, Any]) -> None:
    """Wait until the service has been told where to deliver events."""
    told: JSON = {}

    def done() -> bool:
        told.update(chatport.get(f"/inboxes/{inbox['id']}/health"))
        return bool(told["provisioning"].get("state") == "done")

    eventually(done, timeout=20, message=lambda: told)


@dataclass
class Chat:
    """A customer with their telephone, and the conversation that the agent sees."""

    chatport: Installation
    customer: Any

    def conversation(self) -> JSON:
        """The conversation as it is now; waits for it to begin."""
        found = eventually(self._find, timeout=15, message="there is no conversation")
        return dict(found)

    def _find(self) -> Any:
        wanted = f"+{self.customer.phone}"
        listed = self.chatport.get("/conversations", status="all")["data"]["payload"]
        return next((c for c in listed if c["meta"]["sender"]["phone_number"] == wanted), None)

    @property
    def path(self) -> str:
        return f"/conversations/{self.conversation()['id']}"

    def messages(self) -> list[JSON]:
        """The newest messages, oldest first."""
        return list(self.chatport.get(f"{self.path}/messages")["payload"])

    def message(self, message_id: int) -> JSON:
        return dict(self.chatport.get(f"{self.path}/messages/{message_id}"))

    # -- what the customer does --------------------------------------------------------------------

    def arrived(self, source_id: str) -> JSON:
        """The message with this id of the service; waits for it."""
        return self.all_arrived(source_id, 1)[0]

    def all_arrived(self, source_id: str, count: int) -> list[JSON]:
        """All parts of a message."""
        path = self.path

        def found() -> Any:
            shown = self.chatport.get(f"{path}/messages")["payload"]
            parts = [one for one in shown if one["source_id"] == source_id]
            return parts if len(parts) >= count else None

        return list(eventually(found, timeout=15, message=f"{source_id} did not arrive"))

    def file(self, source_id: str) -> JSON:
        """The attachment of an incoming message once its bytes are here."""
        message_id = self.arrived(source_id)["id"]

        def ready() -> Any:
            files = self.message(message_id)["attachments"]
            return files[0] if files and files[0]["state"] == "ready" else None

        return dict(
            eventually(ready, timeout=20, message=lambda: self.message(message_id)["attachments"])
        )

    # -- what the agent does -----------------------------------------------------------------------

    def say(self, content: str = "", **body: Any) -> JSON:
        """Send; the answer of the API."""
        return dict(self.chatport.post(f"{self.path}/messages", {"content": content, **body}))

    def attach(self, name: str, data: bytes, mime: str, **form: str) -> JSON:
        """Send a file by a form, as a browser does."""
        files = [("attachments[]", (name, data, mime))]
        return dict(self.chatport.post(f"{self.path}/messages", data=form, files=files))

    def refused(self, content: str = "", **body: Any) -> JSON:
        """Try to send what is refused at once; the error."""
        answer = self.chatport.call(
            "POST", f"{self.path}/messages", json={"content": content, **body}
        )
        assert answer.status_code == 422, answer.text
        return dict(answer.json())

    def becomes(self, message: Mapping[str, Any], **wanted: Any) -> JSON:
        """The message once its fields have these values."""
        seen: JSON = {}

        def reached() -> bool:
            seen.update(self.message(message["id"]))
            return all(seen[key] == value for key, value in wanted.items())

        eventually(reached, timeout=20, message=lambda: f"wanted {wanted}, is {seen}")
        return seen

    def taken(self, message: Mapping[str, Any]) -> JSON:
        """The message once the service took it."""
        return self.becomes(message, state="sent")


def download(link: str) -> bytes:
    """The bytes behind a signed link."""
    answer = requests.get(link, timeout=10)
    assert answer.status_code == 200, (answer.status_code, answer.text[:200])
    return answer.content


def texts_of(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [one["content"] for one in messages]
