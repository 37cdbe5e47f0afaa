"""What really happened, kept outside the system under test.

Owns: the record of what customers wrote, what agents asked to be sent, and every fault, with times, in a file that a
failed run shows. Must not know: databases, processes, what Chatport made of it.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Incoming:
    """A message that a customer wrote.

    :param at: the provider's time; ``None`` where the message bears none that could be used.
    :param text: what must be shown in the end, after edits.
    :param acknowledged: some delivery of it was answered with success.
    """

    source_id: str
    phone: str
    text: str
    at: datetime | None
    revoked: bool = False
    reactions: dict[str, str] = field(default_factory=dict)
    acknowledged: bool = False


@dataclass(slots=True)
class Outgoing:
    """A message that an agent asked to be sent.

    :param key: the idempotency key; the text is as unique.
    :param message_id: as the API answered; ``None`` when it never accepted it.
    """

    key: str
    phone: str
    text: str
    message_id: int | None = None


class Ledger:
    """One scenario's truth. Every method may be called from any thread."""

    def __init__(self, path: Path, name: str, seed: int) -> None:
        self.path = path
        self.name = name
        self.seed = seed
        self.incoming: dict[str, Incoming] = {}
        self.outgoing: dict[str, Outgoing] = {}
        self.kills = 0
        self.faults = 0
        #: Seconds from a start until everything of a downtime was there.
        self.recovered = 0.0
        #: When the clock of the system was first set wrong; its times say nothing after that.
        self.clock_stepped: datetime | None = None
        #: Bodies that nothing useful can come of; each must be accounted for all the same.
        self.poison: list[bytes] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._file = path.open("w", encoding="utf-8")
        self.note("begin", name=name, seed=seed)

    def note(self, what: str, **details: Any) -> None:
        """Add a line to the history."""
        line = {"t": round(time.monotonic() - self._began, 3), "what": what, **details}
        with self._lock:
            self._file.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
            self._file.flush()

    def wrote(self, message: Incoming) -> None:
        """A customer wrote."""
        with self._lock:
            self.incoming[message.source_id] = message
        self.note("customer wrote", id=message.source_id, phone=message.phone, text=message.text)

    def asked(self, message: Outgoing) -> None:
        """An agent is about to ask for a message."""
        with self._lock:
            self.outgoing[message.text] = message
        self.note("agent asks", key=message.key, phone=message.phone, text=message.text)

    def killed(self, role: str, pids: list[int]) -> None:
        """Processes were ended without warning."""
        self.kills += 1
        self.faults += 1
        self.note("kill", role=role, pids=pids)

    def fault(self, what: str, **details: Any) -> None:
        """Something else was done to the system."""
        self.faults += 1
        self.note("fault", fault=what, **details)

    def history(self, last: int = 60) -> str:
        """The end of the history, and where all of it is."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return "\n".join([f"seed {self.seed}; whole history in {self.path}", *lines[-last:]])
