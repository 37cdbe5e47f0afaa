"""Answers that are no success into Chatport's error classes.

Owns: what HTTP statuses and Graph errors mean for a call. Must not know: which call it was, channels.

The code decides before the status: Meta answers 500 to errors that never pass and 400 to some that do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chatport.errors import (
    AuthenticationFailed,
    ContentRefused,
    OutcomeUnknown,
    PolicyRefused,
    ProviderError,
    RateLimited,
    ServiceUnreachable,
    TemporarilyRefused,
)
from chatport.http import Answer

from .catalogue import Explain, Meaning

MAX_DETAIL = 500
_LOOK = "Wait for a tick before you send again."
_ADDRESS = "Check the address of the service in the inbox's settings."
_CREDENTIALS = "Check the access key in the inbox's settings."
_LATER = "Nothing to do; it is tried again."
_USAGE_HEADER = "X-Business-Use-Case-Usage"


@dataclass(frozen=True, slots=True)
class Told:
    """What the body of an answer says about its error."""

    code: str = ""
    subcode: str = ""
    message: str = ""
    details: str = ""

    @property
    def words(self) -> str:
        """The service's own words."""
        same = self.details and self.details in self.message
        parts = (self.message, "" if same else self.details)
        return ": ".join(part for part in parts if part)[:MAX_DETAIL]


def graph_error(body: Any, ok: bool = False) -> Told | None:
    """The error of a Graph API body, whatever the status; ``None`` where there is none. Members may be of any type.

    :param ok: the status was a success; then ``{"success": false}`` says that it was none.
    """
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        refused = ok and isinstance(body, dict) and body.get("success") is False
        return Told(message="it was not done (success: false)") if refused else None
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else data
    return Told(
        code=number(error.get("code")),
        subcode=number(error.get("error_subcode")),
        message=text(error.get("message")) or text(error.get("error_user_title")),
        details=text(details) or text(error.get("error_user_msg")),
    )


def number(value: Any) -> str:
    """A code as text; empty for anything that is no whole number."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value.isascii() and value.isdigit() else ""


def text(value: Any) -> str:
    """A text, one line, not too long; empty for anything else."""
    return " ".join(value.split())[:MAX_DETAIL] if isinstance(value, str) else ""


def judge(
    answer: Answer, told: Told | None, explain: Explain, *, service: str, sending: bool
) -> ProviderError:
    """The error that an answer is.

    :param told: what its body says, if it says anything.
    :param sending: the call has an effect that must not happen twice.
    """
    told = told or Told()
    meaning = explain(told.code, told.subcode) if told.code else None
    retry_after = answer.retry_after()
    if meaning is None:
        meaning = _by_status(answer, told, service=service, sending=sending)
    elif retry_after is None:
        retry_after = _usage_wait(answer) or meaning.retry_after
    message = meaning.message
    if told.words:
        message = f"{message} {service} says: {told.words}"
    return meaning.kind(
        message,
        action=meaning.action,
        code=told.code or None,
        status_code=answer.status,
        retry_after=retry_after,
        detail=told.words or answer.text(),
    )


def _by_status(answer: Answer, told: Told, *, service: str, sending: bool) -> Meaning:
    status = answer.status
    if status == 401:
        return Meaning(
            AuthenticationFailed, f"{service} does not accept the credentials.", _CREDENTIALS
        )
    if status == 429:
        return Meaning(RateLimited, f"{service} refuses more for now.", _LATER)
    if status == 403:
        return Meaning(
            PolicyRefused, f"{service} does not allow this.", "Look into the account there."
        )
    if sending and status in (408, 504):
        return Meaning(
            OutcomeUnknown,
            f"{service} gave up waiting; the message may or may not have been sent.",
            _LOOK,
        )
    if status >= 500:
        return Meaning(TemporarilyRefused, f"{service} failed inside (HTTP {status}).", _LATER)
    if 300 <= status < 400:
        words = f"{service} answers with a redirect (HTTP {status}), which is not followed."
        return Meaning(ServiceUnreachable, words, _ADDRESS)
    if status in (404, 405) and not told.words:
        return Meaning(
            ServiceUnreachable, f"{service} has nothing at this address (HTTP {status}).", _ADDRESS
        )
    return Meaning(
        ContentRefused, f"{service} refuses the request (HTTP {status}).", "Change what is named."
    )


def _usage_wait(answer: Answer) -> float | None:
    """Seconds until calls are allowed again, from the header that tells the use of management calls in minutes."""
    try:
        usage = json.loads(answer.headers.get(_USAGE_HEADER, ""))
        entries: Iterable[Any] = [one for found in usage.values() for one in found]
        minutes = max(float(one["estimated_time_to_regain_access"]) for one in entries)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return minutes * 60.0 if 0 < minutes < 24 * 60 else None


def unreadable(answer: Answer, *, service: str, sending: bool) -> ProviderError:
    """The error for a success that cannot be read."""
    if sending:
        return OutcomeUnknown(
            f"{service} took the message, but its answer cannot be read.",
            action=_LOOK,
            code="unreadable",
            status_code=answer.status,
        )
    return ServiceUnreachable(
        f"What answers is not {service}: {answer.content_type or 'no type'} instead of JSON.",
        action=_ADDRESS,
        code="not_the_service",
        status_code=answer.status,
    )


def no_id(*, service: str) -> OutcomeUnknown:
    """The error for a send whose answer names no message."""
    return OutcomeUnknown(
        f"{service} says that it took the message, but not under which id.",
        action=_LOOK,
        code="no_id",
    )


def masked(error: ProviderError, secrets: Iterable[str]) -> ProviderError:
    """The error without our secrets, should the service repeat them."""
    hidden = [secret for secret in secrets if len(secret) > 3]
    shown = (error.message, error.detail, error.code or "", error.action)
    if not any(secret in words for secret in hidden for words in shown):
        return error
    message, detail, code, action = shown
    for secret in hidden:
        message, detail = message.replace(secret, "…"), detail.replace(secret, "…")
        code, action = code.replace(secret, "…"), action.replace(secret, "…")
    return type(error)(
        message,
        action=action,
        code=code or None,
        status_code=error.status_code,
        retry_after=error.retry_after,
        detail=detail,
    )
