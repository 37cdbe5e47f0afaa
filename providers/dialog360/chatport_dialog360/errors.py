"""360dialog's error shapes and the codes of the older stack.

Owns: finding the error in a body, whichever of the services on the way wrote it. Must not know: HTTP, channels.

Meta's own errors pass through; the gateway has its own shape in two spellings; newer parts answer a text; the older
stack answers a list. A status inside a body may contradict the real one, which alone counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatport.errors import (
    AuthenticationFailed,
    ContentRefused,
    MediaGone,
    NotConnected,
    PolicyRefused,
    RateLimited,
    RecipientInvalid,
    TemporarilyRefused,
    UnsupportedFeature,
    WindowClosed,
)
from chatport_meta import catalogue
from chatport_meta.catalogue import Meaning
from chatport_meta.failures import Told, graph_error, number, text

#: The code of a recipient whom the older stack has never looked up.
UNKNOWN_CONTACT = "1006"
#: The older stack's code where no webhook address is set.
NO_WEBHOOK = "1022"

_LATER = "Nothing to do; it is tried again."
_HUB = "Look at the number in the 360dialog Hub."
_CHANGE = "Change what is named and send it again."
_SYNC = "Synchronise the templates and look at this one."
#: Meta's codes for rights that its token lacks.
_RIGHTS = frozenset({"3", "10", "131005", *(str(code) for code in range(200, 300))})
#: How the gateway words its own limits, under the status 400.
_LIMIT = re.compile(
    r"\brequests?\b.{0,40}\b(?:every|per)\b.{0,20}\b(?:second|minute)", re.IGNORECASE
)
#: How it words that the account owes money, under the same status.
_DEBT = re.compile(r"\b(?:payments?|invoices?|unpaid)\b", re.IGNORECASE)
_PASSING = Meaning(
    TemporarilyRefused, "360dialog's WhatsApp stack is not ready for a moment.", _LATER
)
_TOO_MUCH = Meaning(RateLimited, "Too many requests for this number.", _LATER, 5.0)
_CERTIFICATE = Meaning(NotConnected, "The number's certificate at WhatsApp does not work.", _HUB)
_VALUE = Meaning(ContentRefused, "WhatsApp does not accept a value of the message.", _CHANGE)
_VARIABLES = Meaning(ContentRefused, "A value does not fit the template.", _SYNC)

#: Codes of the older generation ("on-premise" stack), which Meta's own list does not have.
_CODES: Mapping[str, Meaning] = {
    "400": Meaning(
        MediaGone, "The file could not be fetched.", "Ask the customer to send it again."
    ),
    "402": Meaning(PolicyRefused, "WhatsApp refuses the number because of a payment.", _HUB),
    "408": Meaning(
        RecipientInvalid, "The message waited too long for the recipient.", "Send it again."
    ),
    "410": Meaning(
        RecipientInvalid, "The message's time ran out before it was delivered.", "Send it again."
    ),
    "429": _TOO_MUCH,
    "430": _CERTIFICATE,
    "432": _CERTIFICATE,
    "433": _CERTIFICATE,
    "470": Meaning(
        WindowClosed,
        "The customer's last message is more than 24 hours ago.",
        "Send a template, or wait until the customer writes.",
    ),
    "471": Meaning(
        PolicyRefused,
        "WhatsApp stops this number for a time, or its limit of new people is reached.",
        "Stop campaigns, and wait some hours.",
    ),
    "472": Meaning(
        PolicyRefused,
        "The person takes part in an experiment of Meta and gets no such message.",
        "Do not repeat it; wait until the customer writes.",
    ),
    "480": Meaning(
        RecipientInvalid,
        "The person's security code changed.",
        "Make sure that it is the same person, and send again.",
    ),
    "500": _PASSING,
    "501": Meaning(
        UnsupportedFeature,
        "WhatsApp does not support this kind of message here.",
        "Send it as text.",
    ),
    "1000": _PASSING,
    "1001": Meaning(ContentRefused, "The message is too long.", "Shorten it."),
    "1002": Meaning(
        RecipientInvalid, "WhatsApp does not accept this kind of recipient.", "Choose another one."
    ),
    "1004": Meaning(ContentRefused, "It exists already.", "Nothing has to be done."),
    "1005": Meaning(PolicyRefused, "The number has no access to this.", _HUB),
    UNKNOWN_CONTACT: Meaning(RecipientInvalid, "WhatsApp does not know this.", "Check the number."),
    "1007": Meaning(
        RecipientInvalid,
        "The number may not write to this recipient.",
        "The sandbox writes to your own number only.",
    ),
    "1008": _VALUE,
    "1009": _VALUE,
    "1010": _VALUE,
    "1011": _PASSING,
    "1013": Meaning(RecipientInvalid, "The recipient does not use WhatsApp.", "Check the number."),
    "1014": _PASSING,
    "1015": _TOO_MUCH,
    "1016": Meaning(RateLimited, "360dialog's WhatsApp stack is overloaded.", _LATER, 10.0),
    "1018": Meaning(PolicyRefused, "The group cannot be written to.", "Choose another recipient."),
    "1021": _VALUE,
    NO_WEBHOOK: Meaning(
        ContentRefused, "No webhook address is set.", "Set the inbox up again under its settings."
    ),
    "1023": _PASSING,
    "1025": _VALUE,
    "1026": Meaning(
        RecipientInvalid, "The recipient's WhatsApp cannot show this message.", "Send it as text."
    ),
    "1031": Meaning(PolicyRefused, "WhatsApp locked the account.", _HUB),
    "2000": Meaning(ContentRefused, "The number of variables does not fit the template.", _SYNC),
    "2001": Meaning(
        ContentRefused, "The template does not exist in this language, or is not approved.", _SYNC
    ),
    "2002": Meaning(ContentRefused, "The recipient could not fetch the template.", _SYNC),
    "2003": _VARIABLES,
    "2004": _VARIABLES,
    "2005": _VARIABLES,
    "2006": _VARIABLES,
    "2012": _VARIABLES,
}


def explain(code: str, subcode: str = "") -> Meaning | None:
    """The meaning of a code, of Meta's list or the older stack's.

    Token, rights and registration at Meta are 360dialog's here: nothing in the inbox's settings changes them.
    """
    meaning = catalogue.explain(code, subcode)
    if meaning is None:
        return _CODES.get(code)
    if issubclass(meaning.kind, (AuthenticationFailed, NotConnected)) or code in _RIGHTS:
        return replace(meaning, action=_HUB)
    return meaning


def told(body: Any, ok: bool) -> Told | None:
    """The error in a body; ``None`` where there is none.

    :param ok: the status was a success; then only what calls itself an error is one.
    """
    if not isinstance(body, dict):
        return None
    found = graph_error(body, ok) or _listed(body) or _gateway(body)
    if found is None and text(body.get("error")):
        found = Told(message=text(body["error"]))
    if found is None and not ok:
        words = text(body.get("message")) or text(body.get("detail"))
        found = Told(message=words) if words else None
    return _with_code(found) if found is not None and not found.code else found


def _with_code(found: Told) -> Told:
    """What the gateway says in words only, under the code that says it elsewhere."""
    if _LIMIT.search(found.message):
        return replace(found, code="429")
    return replace(found, code="402") if _DEBT.search(found.message) else found


def _listed(body: Mapping[str, Any]) -> Told | None:
    """The older stack: ``{"errors": [{"code", "title", "details"}]}``."""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return None
    return Told(number(first.get("code")), "", text(first.get("title")), text(first.get("details")))


def _gateway(body: Mapping[str, Any]) -> Told | None:
    """The gateway: ``{"meta": {"success": false, "developer_message"}}``; Meta's error may stand as text inside."""
    meta = body.get("meta")
    if not isinstance(meta, dict):
        return None
    words = meta.get("developer_message") or meta.get("developerMessage")
    if meta.get("success") is not False and not words:
        return None
    if not isinstance(words, str):
        return Told(message="")
    inner = words[words.find("{") : words.rfind("}") + 1]
    try:
        return graph_error(json.loads(inner)) or Told(message=text(words))
    except (ValueError, RecursionError):
        return Told(message=text(words))
