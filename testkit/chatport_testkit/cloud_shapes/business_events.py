"""Events that no customer caused: echoes, history, templates, quality, account. Part of the simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from .catalogue import webhook_error
from .envelope import Change
from .people import Person
from .records import SentMessage

if TYPE_CHECKING:
    from .simulation import Simulation

JSON = dict[str, Any]


class BusinessEvents:
    """Methods of the simulation that emit account, template, and coexistence events."""

    @property
    def _state(self) -> Simulation:
        return cast("Simulation", self)

    # -- the phone app beside the API ---------------------------------------------------------------

    def echo(
        self,
        to: str,
        text: str = "",
        *,
        kind: str = "text",
        content: JSON | None = None,
        field: str = "smb_message_echoes",
        number: str | None = None,
        wamid: str | None = None,
        timestamp: int | None = None,
    ) -> str:
        """The business wrote to ``to`` (a phone) from another surface. Returns the message's id.

        ``field`` is ``message_echoes`` for what another app sent through the API.
        """
        sim = self._state
        sender = sim.number_of(number)
        person = sim.person_at(to, "to")
        identity = wamid or sim.outbound_id(person)
        element: JSON = {"from": sender.display, "to": person.wa_id}
        if person.bsuid:
            element["to_user_id"] = person.bsuid
        element["id"] = identity
        element["timestamp"] = str(timestamp or int(sim.clock.now()))
        element["type"] = kind
        element[kind] = content if content is not None else {"body": text}
        value = {"contacts": [person.contact()], "message_echoes": [element]}
        sim.emit_for_number(sender, field, value)
        return identity

    def history(
        self,
        threads: dict[str, Sequence[JSON]],
        *,
        phase: int = 0,
        chunk_order: int = 1,
        progress: int = 100,
        number: str | None = None,
    ) -> None:
        """A chunk of past messages. ``threads``: phone to messages.

        A message is ``{"text": …}`` or ``{"type": …, type: content}``, plus optional ``by`` ("business" or
        "customer"), ``at`` (seconds), ``status`` (READ, DELIVERED, …), ``id``.
        """
        sim = self._state
        sender = sim.number_of(number)
        shaped = [
            {"id": phone, "messages": [self._past(sender.display, phone, m) for m in messages]}
            for phone, messages in threads.items()
        ]
        metadata = {"phase": phase, "chunk_order": chunk_order, "progress": progress}
        chunk = {"metadata": metadata, "threads": shaped}
        sim.emit_for_number(sender, "history", {"history": [chunk]})

    def history_declined(self, *, number: str | None = None) -> None:
        """The business did not share its history."""
        sim = self._state
        error = webhook_error(2593109, "The business declined to share its history")
        del error["href"]
        sim.emit_for_number(sim.number_of(number), "history", {"history": [{"errors": [error]}]})

    def _past(self, business: str, phone: str, given: JSON) -> JSON:
        sim = self._state
        ours = given.get("by") == "business"
        person = Person(phone)
        identity = given.get("id") or (
            sim.ids.outbound_wamid(phone) if ours else sim.ids.inbound_wamid(phone)
        )
        element: JSON = {"from": business, "to": phone} if ours else {"from": person.wa_id}
        kind = given.get("type", "text")
        at = int(given.get("at", sim.clock.now() - 86400))
        element.update({"id": identity, "timestamp": str(at), "type": kind})
        if kind == "text" and isinstance(given.get("text"), str):
            element["text"] = {"body": given["text"]}
        elif kind in given:
            element[kind] = given[kind]
        element["history_context"] = {"status": given.get("status", "READ")}
        return element

    def contact_sync(self, phone: str, name: str | None, *, number: str | None = None) -> None:
        """The phone app's address book changed; ``name`` None removes the contact."""
        sim = self._state
        contact: JSON = {"phone_number": phone}
        if name is not None:
            contact = {"full_name": name, "first_name": name.split(" ")[0], "phone_number": phone}
        element = {
            "type": "contact",
            "contact": contact,
            "action": "remove" if name is None else "add",
            "metadata": {"timestamp": str(int(sim.clock.now()))},
        }
        sim.emit_for_number(sim.number_of(number), "smb_app_state_sync", {"state_sync": [element]})

    def marketing_preference(
        self, person: Person, *, stop: bool, number: str | None = None
    ) -> None:
        """A customer opted out of marketing messages, or in again."""
        sim = self._state
        with sim.lock:
            (sim.opted_out.add if stop else sim.opted_out.discard)(person.wa_id)
        word = "stop" if stop else "resume"
        entry: JSON = {} if person.hide_phone else {"wa_id": person.wa_id}
        if person.bsuid:
            entry["user_id"] = person.bsuid
        entry.update(
            {
                "detail": f"User requested to {word} marketing messages",
                "category": "marketing_messages",
                "value": word,
                "timestamp": int(sim.clock.now()),
            }
        )
        value = {"contacts": [person.contact()], "user_preferences": [entry]}
        sim.emit_for_number(sim.number_of(number), "user_preferences", value)

    # -- templates ----------------------------------------------------------------------------------

    def template_status(
        self,
        name: str,
        event: str,
        *,
        language: str | None = None,
        reason: str | None = "NONE",
        details: JSON | None = None,
    ) -> None:
        """Change a stored template's status and tell about it.

        ``details`` adds ``rejection_info``, ``disable_info`` or ``other_info``.

        Raises:
            LookupError: no such template.
        """
        sim = self._state
        with sim.lock:
            found = sim.templates.named(name, language)
            if not found:
                raise LookupError(f"There is no template {name!r} in {language or 'any language'}.")
            for template in found:
                template.status = event
                template.rejected_reason = reason if event == "REJECTED" else None
        for template in found:
            value: JSON = {
                "event": event,
                "message_template_id": int(template.id),
                "message_template_name": template.name,
                "message_template_language": template.language,
                "reason": reason,
                "message_template_category": template.category,
                **(details or {}),
            }
            self.account_event("message_template_status_update", value, waba=template.waba_id)

    def template_quality(self, name: str, new: str, previous: str = "GREEN") -> None:
        """The quality score of a stored template changed."""
        sim = self._state
        for template in sim.templates.named(name):
            template.quality_score = new
            value = {
                "previous_quality_score": previous,
                "new_quality_score": new,
                "message_template_id": int(template.id),
                "message_template_name": template.name,
                "message_template_language": template.language,
            }
            self.account_event("message_template_quality_update", value, waba=template.waba_id)

    def template_category(self, name: str, new: str) -> None:
        """Meta moved a stored template into another category."""
        sim = self._state
        for template in sim.templates.named(name):
            previous, template.category = template.category, new
            value = {
                "message_template_id": int(template.id),
                "message_template_name": template.name,
                "message_template_language": template.language,
                "previous_category": previous,
                "new_category": new,
            }
            self.account_event("template_category_update", value, waba=template.waba_id)

    # -- account ------------------------------------------------------------------------------------

    def quality(
        self,
        event: str = "FLAGGED",
        *,
        tier: str = "TIER_UNLIMITED",
        rating: str | None = None,
        number: str | None = None,
    ) -> None:
        """The number's quality or limit changed; ``rating`` is what the API shows from now on."""
        sim = self._state
        target = sim.number_of(number)
        target.quality_rating = rating or {"FLAGGED": "RED"}.get(event, "GREEN")
        value = {
            "display_phone_number": target.display,
            "event": event,
            "max_daily_conversations_per_business": tier,
        }
        self.account_event("phone_number_quality_update", value, waba=target.waba_id)

    def account_update(self, event: str, *, waba: str | None = None, **info: Any) -> None:
        """An ``account_update``, for instance ``("DISABLED_UPDATE", ban_info={…})``."""
        self.account_event("account_update", {"event": event, **info}, waba=waba)

    def account_event(self, field: str, value: JSON, *, waba: str | None = None) -> None:
        """Any account-level change. Those go to the app's own address, never to overrides."""
        sim = self._state
        account = waba or sim.number_of().waba_id
        sim.emit(Change(account, None, field, value, int(sim.clock.now())))

    def number_event(self, field: str, content: JSON, *, number: str | None = None) -> None:
        """Any change that concerns a number: calls, groups, fields of the future."""
        sim = self._state
        sim.emit_for_number(sim.number_of(number), field, content)

    def conversation(self, phone: str) -> list[JSON]:
        """What the customer's phone shows: both sides' messages in order of time."""
        sim = self._state
        with sim.lock:
            person = sim.person_at(phone, "to")
            lines = [
                {
                    "id": m.wamid,
                    "side": "customer",
                    "type": m.kind,
                    "text": _preview(m.kind, m.content),
                    "at": m.at,
                    "state": "read" if m.read else "",
                }
                for m in sim.inbound
                if m.customer == person.wa_id
            ]
            mine = {person.wa_id, person.bsuid}
            lines += [_sent_line(m) for m in sim.outbox.sent if m.recipient in mine]
        return sorted(lines, key=lambda line: float(line["at"]))


def _sent_line(message: SentMessage) -> JSON:
    return {
        "id": message.wamid,
        "side": "business",
        "type": message.type,
        "text": message.text or _preview(message.type, message.payload.get(message.type)),
        "at": message.at,
        "state": message.statuses[-1] if message.statuses else "",
        "choices": _choices(message),
    }


def _choices(message: SentMessage) -> list[JSON]:
    action = message.payload.get("interactive", {}).get("action", {})
    choices = [
        {"kind": "button", "id": b["reply"]["id"], "title": b["reply"]["title"]}
        for b in action.get("buttons", [])
    ]
    for section in action.get("sections", []):
        choices += [
            {"kind": "list", "id": r["id"], "title": r["title"]} for r in section.get("rows", [])
        ]
    return choices


def _preview(kind: str, content: Any) -> str:
    if not isinstance(content, dict):
        return f"[{kind}]"
    for key in ("body", "caption", "emoji", "filename", "name", "text"):
        if isinstance(content.get(key), str) and content[key]:
            return str(content[key])
    inner = content.get(str(content.get("type", "")))
    if isinstance(inner, dict) and isinstance(inner.get("title"), str):
        return str(inner["title"])
    return f"[{kind}]"
