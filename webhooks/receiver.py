"""What happens to a webhook request, as one function without a web framework.

Owns: the order of checks and the answers. Must not know: WSGI, ASGI, providers.

Unknown number, missing and wrong signature get the same 401 after comparable work. A request is acknowledged only
once it is on disk.
"""

from __future__ import annotations

import hmac
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from chatport.channels import InboundRequest
from chatport.db import utcnow
from chatport.db.tables import Channel
from chatport.errors import ChatportError
from chatport.services.channels import load_channel

from .authenticate import comparable_work, matching_secret
from .channels import Gate, Gates
from .committer import Committer, NotDurable

if TYPE_CHECKING:
    from chatport.context import Core

logger = logging.getLogger(__name__)

#: Headers that are kept with a request. None of them carries a secret.
KEPT_HEADERS = ("content-type", "user-agent", "content-length", "transfer-encoding")
#: Seconds between two notes of refused deliveries on a channel's row.
REFUSAL_NOTE_EVERY = 10.0
#: Bytes of a body that is checked in no time.
SMALL = 64 << 10
_DECODER = json.JSONDecoder()
#: Longest challenge that is echoed.
MAX_CHALLENGE = 512


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, plain text or JSON body."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


def _refusal(status: int, code: str, error: str, action: str = "") -> Reply:
    """A refusal, as the API words its own: one shape for whoever reads the answers of an installation."""
    body = {
        "error": error,
        "message": error,
        "attributes": [],
        "errors": {},
        "action": action,
        "code": code,
    }
    return Reply(status, json.dumps(body).encode(), "application/json")


REFUSED = _refusal(401, "unauthorised", "unauthorized")
TOO_LARGE = _refusal(413, "too_large", "the body is too large")
NOT_JSON = _refusal(400, "bad_request", "the body is not JSON")
UNAVAILABLE = _refusal(
    503, "unavailable", "cannot store the request now; send it again", "Send it again."
)
NOT_ALLOWED = _refusal(405, "method_not_allowed", "method not allowed")


class Receiver:
    """Receives webhooks for all channels of an installation."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.limit = core.settings.max_body_bytes
        self.gates = Gates(core)
        self.committer = Committer(core.db, core.bells.ring_events)
        self._refusals = _Refusals(core)

    def receive(
        self, phone: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> Reply:
        """Receive one POST, and wait until it is on disk.

        :param phone: the number in the path, ``+`` optional.
        :param headers: names in lower case.
        :param body: the whole raw body; longer than :attr:`limit` when it was cut there.
        """
        verdict = self.judge(phone, headers, query, body)
        if isinstance(verdict, Reply):
            return verdict
        row, gate = verdict
        try:
            self.committer.store(row)
        except NotDurable as error:
            logger.error("channel %s: %s; the request is refused", gate.id, error)
            return UNAVAILABLE
        return Reply(gate.answer_status)

    def judge(
        self, phone: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> Reply | tuple[dict[str, Any], Gate]:
        """Everything before the commit: a refusal, or the row to store."""
        if len(body) > self.limit:
            return TOO_LARGE
        digits = phone_digits(phone)
        try:
            gate = self.gates.find(digits) if digits else None
        except SQLAlchemyError as error:
            logger.error("the database does not answer: %s", type(error).__name__)
            return UNAVAILABLE
        if gate is None:
            comparable_work(body)
            return REFUSED
        secret = self._authenticated_by(gate, headers, query, body)
        if secret is None:
            self._refusals.note(gate.id)
            return REFUSED
        if "application/json" in gate.content_types and not is_json(body):
            return NOT_JSON
        return self._row(gate, headers, secret, body), gate

    def can_judge_at_once(self, phone: str, body: bytes) -> bool:
        """Whether :meth:`judge` neither waits for the database or a plugin nor computes for long, so that an event loop
        may call it."""
        gate = self.gates.fresh(phone_digits(phone)) if len(body) <= SMALL else None
        return gate is not None and gate.scheme.get("kind") != "custom"

    def challenge(self, phone: str, query: Mapping[str, str]) -> Reply:
        """Answer a GET: the challenge where the provider has one and the token fits, never 2xx otherwise."""
        digits = phone_digits(phone)
        try:
            gate = self.gates.find(digits) if digits else None
        except SQLAlchemyError:
            return UNAVAILABLE
        if gate is None or gate.challenge is None:
            hmac.compare_digest(
                "0" * 32, query.get("hub.verify_token", "").encode("utf-8", "replace").hex()
            )
            return REFUSED if gate is None else NOT_ALLOWED
        scheme = gate.challenge
        given = query.get(scheme["token_parameter"], "").encode("utf-8", "replace")
        matches = [hmac.compare_digest(secret.encode(), given) for secret in gate.challenge_secrets]
        challenge = query.get(scheme["challenge_parameter"], "")
        mode = query.get(scheme["mode_parameter"]) == scheme["mode_value"]
        if not any(matches) or not mode or not challenge or len(challenge) > MAX_CHALLENGE:
            return REFUSED
        return Reply(200, challenge.encode())

    def _authenticated_by(
        self, gate: Gate, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> str | None:
        if gate.scheme.get("kind") == "custom":
            return "custom" if self._custom(gate, headers, query, body) else None
        return matching_secret(gate.scheme, gate.accepted_secrets(), headers, query, body)

    def _custom(
        self, gate: Gate, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> bool:
        try:
            handle = self.core.plugins.provider(gate.provider)
            with self.core.db.read("load channel") as connection:
                row = connection.execute(
                    sa.select(Channel.__table__).where(Channel.id == gate.id)
                ).one()
            request = InboundRequest(body=body, headers=headers, received_at=utcnow(), query=query)
            return handle.authenticate_request(load_channel(self.core, row), request) is True
        except ChatportError as error:
            logger.error("channel %s: its request cannot be authenticated: %s", gate.id, error)
            return False

    def _row(
        self, gate: Gate, headers: Mapping[str, str], secret: str, body: bytes
    ) -> dict[str, Any]:
        verdict = (
            "account_suspended"
            if not gate.account_active
            else "accepted"
            if gate.active
            else "channel_inactive"
        )
        if verdict != "accepted":
            logger.warning("channel %s: %s; the request is kept and not applied", gate.id, verdict)
        return {
            "account_id": gate.account_id,
            "channel_id": gate.id,
            "received_at": utcnow(),
            "headers": {name: headers[name] for name in KEPT_HEADERS if name in headers},
            "body": body,
            "secret_hash": gate.fingerprints.get(secret, ""),
            "verdict": verdict,
            "state": "pending" if verdict == "accepted" else "held",
            "tries": 0,
            "crashes": 0,
            "error": "",
            "items": [],
        }


class _Refusals:
    """Counts refused deliveries per channel and notes them on its row now and then, from another thread."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lock = threading.Lock()
        self._counts: dict[int, int] = {}
        self._noted = 0.0

    def note(self, channel_id: int) -> None:
        """Count one refused delivery."""
        with self._lock:
            self._counts[channel_id] = self._counts.get(channel_id, 0) + 1
            now = time.monotonic()
            if now - self._noted < REFUSAL_NOTE_EVERY and self._noted:
                return
            self._noted = now
            counts, self._counts = self._counts, {}
        threading.Thread(target=self._write, args=(counts,), name="refusals", daemon=True).start()

    def _write(self, counts: dict[int, int]) -> None:
        try:
            with self._core.db.write("note refusals") as connection:
                for channel_id, count in sorted(counts.items()):
                    connection.execute(
                        sa.update(Channel)
                        .where(Channel.id == channel_id)
                        .values(
                            refused_count=Channel.refused_count + count, last_refused_at=utcnow()
                        )
                    )
        except SQLAlchemyError as error:
            logger.warning("refused deliveries cannot be noted: %s", type(error).__name__)


def phone_digits(phone: str) -> str:
    """Digits of a number in a path; empty for anything else."""
    digits = phone.strip().removeprefix("+").removeprefix("%2B")
    return digits if digits.isascii() and digits.isdigit() and len(digits) <= 15 else ""


def is_json(body: bytes) -> bool:
    """Whether a body is JSON. A depth that the parser cannot bear counts as none."""
    for read in (
        _read_utf8,
        json.loads,
    ):  # what anybody sends; then every encoding that JSON ever had
        try:
            read(body)
        except (ValueError, RecursionError):
            continue
        return True
    return False


def _read_utf8(body: bytes) -> object:
    return _DECODER.decode(body.decode())
