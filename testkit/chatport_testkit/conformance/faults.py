"""Ways in which a service fails, and what a provider may make of each.

Owns: the table of faults. Must not know: any provider, pytest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chatport.errors import ErrorClass

from .scripted import Reply, json_reply

#: Seconds that calls may take while a service is slow on purpose.
SHORT_DEADLINE = 0.4

_PASSING = frozenset(
    {
        ErrorClass.TEMPORARY,
        ErrorClass.UNREACHABLE,
        ErrorClass.UNKNOWN_OUTCOME,
        ErrorClass.NOT_CONNECTED,
    }
)
_LOST = frozenset({ErrorClass.UNKNOWN_OUTCOME})
_ANY = frozenset(ErrorClass) - {ErrorClass.BUG}


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    :param reply: ``None``: nothing listens at the address.
    :param sending: classes that ``send_message`` may raise.
    """

    name: str
    reply: Reply | None
    sending: frozenset[ErrorClass]
    retry_after: float | None = None


_HTML = {"Content-Type": "text/html"}
_JSON = {"Content-Type": "application/json"}
_PAGE = b"<!doctype html><html><title>Sign in</title><body>Sign in to the network</body></html>"

FAULTS: tuple[Fault, ...] = (
    Fault("down", None, frozenset({ErrorClass.UNREACHABLE})),
    Fault("no-answer", Reply(cut="before"), _LOST),
    Fault("cut-inside-answer", Reply(200, b'{"id": "12345678"}', _JSON, cut="inside"), _LOST),
    Fault("slow", Reply(200, b"{}", _JSON, delay=5 * SHORT_DEADLINE), _LOST),
    Fault("dripping", Reply(200, b" " * 60 + b"{}", _JSON, drip=True), _LOST),
    Fault("ok-html", Reply(200, _PAGE, _HTML), _LOST | {ErrorClass.UNREACHABLE}),
    Fault("ok-empty", Reply(200, b"", _JSON), _LOST),
    Fault("ok-without-id", json_reply({}), _LOST),
    Fault("ok-list", json_reply([]), _LOST),
    Fault("ok-null-fields", json_reply({"id": None, "results": None, "messages": None}), _LOST),
    Fault("ok-broken-json", Reply(200, b'{"id": ', _JSON), _LOST),
    Fault("redirect", Reply(302, b"", {"Location": "/elsewhere"}), _ANY),
    Fault("401", json_reply({"error": "unauthorized"}, 401), _ANY),
    Fault(
        "401-plain",
        Reply(401, b"Unauthorized", {"WWW-Authenticate": 'Basic realm="x"'}),
        frozenset({ErrorClass.AUTHENTICATION}),
    ),
    Fault(
        "429",
        json_reply({"error": "slow down"}, 429, {"Retry-After": "17"}),
        frozenset({ErrorClass.RATE_LIMITED}),
        retry_after=17.0,
    ),
    Fault("429-bare", Reply(429), frozenset({ErrorClass.RATE_LIMITED})),
    Fault("500-empty", Reply(500), _PASSING),
    Fault("500-html", Reply(500, b"<html>Internal error</html>", _HTML), _PASSING),
    Fault("502-html", Reply(502, b"<html>Bad gateway</html>", _HTML), _PASSING),
    Fault("503", json_reply({"error": "overloaded"}, 503), _PASSING),
)
FAULT_NAMES = tuple(fault.name for fault in FAULTS)
#: Faults on which every other hook is tried.
FOR_ALL_HOOKS = (
    "down",
    "no-answer",
    "slow",
    "ok-html",
    "ok-empty",
    "ok-list",
    "401-plain",
    "500-html",
)


def repeating(secrets: Iterable[str], status: int) -> Reply:
    """An answer that says the credentials aloud, as some services do in their errors."""
    words = " ".join(secrets)
    return json_reply(
        {"error": words, "message": words, "code": words, "detail": {"headers": words}}, status
    )
