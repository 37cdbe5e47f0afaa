"""GoWA's errors into Chatport's classes, each with what to do next.

Owns: the table of errors. Must not know: requests, channels.

GoWA answers 500 to nearly everything that has no code of its own, mistakes of the caller among them, so the words of
the message decide there. Two kinds of 401 exist: plain text is about the credentials, JSON about the WhatsApp login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatport.errors import (
    AuthenticationFailed,
    ContentRefused,
    NotConnected,
    OutcomeUnknown,
    PolicyRefused,
    ProviderError,
    RateLimited,
    RecipientInvalid,
    ServiceUnreachable,
    TemporarilyRefused,
    UnsupportedFeature,
)
from chatport.http import Answer

SERVICE = "GoWA"
#: WhatsApp restricts an account that writes to too many strangers for hours; trying sooner makes it worse.
TIMELOCK_SECONDS = 6 * 3600.0
_LINK = "Link the phone under the inbox's settings, or reconnect there."
_CREDENTIALS = "Check user and password against GoWA's APP_BASIC_AUTH."
_LOG = "Look into GoWA's log; try again later."
_DEVICE = "Set the inbox up again under its settings, or correct its device id."
_LOOK = "Look at the phone or wait for a tick before you send again."
_FILE = "Send the file in another format, or as a document."


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one error means."""

    kind: type[ProviderError]
    message: str
    action: str
    retry_after: float | None = None


_TIMELOCK = Meaning(
    RateLimited,
    "WhatsApp does not let this number write to new contacts for now (error 463).",
    "Wait some hours, and do not repeat it: each try prolongs the restriction. Answer customers who wrote first.",
    TIMELOCK_SECONDS,
)
_NO_SESSION = Meaning(NotConnected, "GoWA works, but its WhatsApp login does not.", _LINK)
_UNKNOWN_OUTCOME = Meaning(
    OutcomeUnknown,
    "GoWA broke off while it sent; the message may or may not have been sent.",
    _LOOK,
)
_CRASHED = Meaning(TemporarilyRefused, "GoWA failed inside.", _LOG)
_SLOW = Meaning(TemporarilyRefused, "GoWA gave up waiting for WhatsApp.", _LOG)

BY_CODE: Mapping[str, Meaning] = {
    "AUTHENTICATION_ERROR": _NO_SESSION,
    "RECONNECT_ERROR": _NO_SESSION,
    "INVALID_WA_CLI": _NO_SESSION,
    "DEVICE_ID_REQUIRED": Meaning(
        NotConnected,
        "GoWA holds no device or several, and this channel does not say which is its own.",
        _DEVICE,
    ),
    "DEVICE_NOT_FOUND": Meaning(
        NotConnected, "GoWA does not know this channel's device any more.", _DEVICE
    ),
    "DEVICE_MANAGER_UNAVAILABLE": Meaning(
        TemporarilyRefused, "GoWA is just starting.", "Wait a moment."
    ),
    "INVALID_JID": Meaning(
        RecipientInvalid,
        "WhatsApp does not know this recipient, or could not be asked about it.",
        "Check the number. If it is right, send again: GoWA says the same when its look-up fails.",
    ),
    "VALIDATION_ERROR": Meaning(
        ContentRefused, "GoWA refuses the message.", "Change what is named and send it again."
    ),
    "INVALID_GROUP_ID": Meaning(
        RecipientInvalid, "GoWA does not accept this group.", "Check that the group still exists."
    ),
    "BAD_REQUEST": Meaning(ContentRefused, "GoWA refuses the request.", _LOG),
    "INVALID_REQUEST": Meaning(ContentRefused, "GoWA refuses the request.", _LOG),
    "INVALID_IMAGE_FORMAT": Meaning(ContentRefused, "GoWA cannot read the picture.", _FILE),
    "ALREADY_LOGGED_IN": Meaning(
        ContentRefused, "A phone is linked already.", "Log out first if you want to link another."
    ),
    "CONTEXT_ERROR": Meaning(TemporarilyRefused, "WhatsApp took too long to answer GoWA.", _LOG),
    "WA_REACHOUT_TIMELOCK": _TIMELOCK,
    "UPLOAD_MEDIA_ERROR": Meaning(
        TemporarilyRefused, "GoWA could not upload the file to WhatsApp.", _LOG
    ),
    "QR_CHANNEL_ERROR": Meaning(
        TemporarilyRefused, "GoWA could not get a QR code from WhatsApp.", "Try again in a moment."
    ),
    "SESSION_SAVED_ERROR": Meaning(
        TemporarilyRefused, "GoWA is just saving the login.", "Wait some seconds.", 3.0
    ),
}

#: For codes without meaning of their own: the first words found in the message decide. Lower case.
BY_WORDS: tuple[tuple[tuple[str, ...], Meaning], ...] = (
    (("error 463",), _TIMELOCK),
    (("runtime error", "panic"), _CRASHED),
    (
        ("error 429", "rate-overlimit"),
        Meaning(RateLimited, "WhatsApp refuses more for now.", _LOG, 60.0),
    ),
    (
        ("error 401", "error 403", "error 405", "forbidden", "not-authorized"),
        Meaning(
            PolicyRefused,
            "WhatsApp does not allow this message.",
            "Check that the number is not restricted, and that it is a member of the group and may write there.",
        ),
    ),
    (
        (
            "context deadline exceeded",
            "timed out",
            "timeout",
            "context canceled",
            "disconnected before",
        ),
        _SLOW,
    ),
    (
        ("bind ", "unprocessable entity", "cannot unmarshal"),
        Meaning(
            ProviderError,
            "GoWA could not read Chatport's request.",
            "Report this as a bug of the plugin.",
        ),
    ),
    (
        (
            "not logged in",
            "session deleted",
            "not connect",
            "websocket",
            "no session",
            "your whatsapp cli",
        ),
        _NO_SESSION,
    ),
    (("not on whatsapp", "is not registered", "no lid found"), BY_CODE["INVALID_JID"]),
    (("that group does not exist",), BY_CODE["INVALID_GROUP_ID"]),
    (
        ("not a participant", "not in the group", "group not found", "you're not participating"),
        Meaning(
            RecipientInvalid,
            "The number is not a member of this group.",
            "Ask a member to add the number.",
        ),
    ),
    (
        ("ffmpeg", "ffprobe", "cwebp"),
        Meaning(
            ContentRefused,
            "GoWA lacks a program that it needs for this kind of file, or the file is broken.",
            "Install ffmpeg and webp where GoWA runs, or send the file as a document.",
        ),
    ),
    (
        (
            "failed to open image",
            "failed to decode",
            "unsupported",
            "invalid image",
            "failed to create thumbnail",
            "failed to convert",
        ),
        Meaning(ContentRefused, "GoWA cannot read this file.", _FILE),
    ),
    (
        ("failed to upload", "no such host", "connection refused", "connection reset", "eof"),
        Meaning(TemporarilyRefused, "GoWA does not reach WhatsApp.", _LOG),
    ),
)


def error_of(answer: Answer, *, sending: bool = False) -> ProviderError:
    """The error that an answer without success means.

    :param sending: the request asked for a message to be sent; then it matters whether it may have left.
    """
    told = answer.json()
    if isinstance(told, dict) and isinstance(told.get("code"), str):
        return _told_error(answer, told, sending)
    return _plain_error(answer, sending)


def not_gowa(answer: Answer) -> ServiceUnreachable:
    """Something answers, but it is not GoWA."""
    return ServiceUnreachable(
        f"What answers there is not {SERVICE} (HTTP {answer.status}, {answer.content_type or 'no content type'}).",
        action="Check address, port and base path of the service.",
        code="not_gowa",
        status_code=answer.status,
    )


def _told_error(answer: Answer, told: Mapping[str, Any], sending: bool) -> ProviderError:
    code, words = told["code"], told.get("message")
    detail = words[:300] if isinstance(words, str) else ""
    meaning = _meaning(answer.status, code, detail.lower())
    if sending and meaning in (_SLOW, _CRASHED):
        meaning = _UNKNOWN_OUTCOME
    return meaning.kind(
        _with_detail(meaning.message, detail),
        action=meaning.action,
        code=code[:80],
        status_code=answer.status,
        retry_after=_pause(meaning, answer.retry_after()),
        detail=detail,
    )


def _pause(meaning: Meaning, told: float | None) -> float | None:
    """Seconds to wait: what the answer says, but never less than a restriction lasts."""
    if told is None or meaning is _TIMELOCK:
        return max(told or 0.0, meaning.retry_after or 0.0) or meaning.retry_after
    return told


def _meaning(status: int, code: str, words: str) -> Meaning:
    if status == 504 or code == "GATEWAY_TIMEOUT":
        return _SLOW
    if code == "VALIDATION_ERROR" and "phone" in words and not words.startswith("contact"):
        return Meaning(
            RecipientInvalid, "GoWA does not accept this recipient.", "Check the number."
        )
    if code == "UPLOAD_MEDIA_ERROR" or code not in BY_CODE:
        for needles, meaning in BY_WORDS:
            if any(needle in words for needle in needles) and not (
                code == "UPLOAD_MEDIA_ERROR" and meaning is _SLOW
            ):
                return meaning
    if words.startswith("device ") and words.endswith("not found"):
        return BY_CODE["DEVICE_NOT_FOUND"]
    if code in BY_CODE:
        return BY_CODE[code]
    if status == 429:
        return Meaning(RateLimited, "GoWA refuses more for now.", "Wait a little.")
    if status == 401:
        return _NO_SESSION
    if status < 500:
        return Meaning(ContentRefused, "GoWA refuses the request.", _LOG)
    return Meaning(TemporarilyRefused, "GoWA could not do it.", _LOG)


def _with_detail(message: str, detail: str) -> str:
    return f"{message} It says: “{detail}”." if detail else message


def _plain_error(answer: Answer, sending: bool) -> ProviderError:
    """An answer that is not GoWA's JSON: of its server, or of something in front of it."""
    status = answer.status
    if status == 401:
        return AuthenticationFailed(
            f"{SERVICE} does not accept user and password.",
            action=_CREDENTIALS,
            code="unauthorised",
            status_code=status,
        )
    if status == 403:
        return AuthenticationFailed(
            f"Something in front of {SERVICE} refuses the request (HTTP 403).",
            action="Check the rules of the proxy in front of it.",
            code="forbidden",
            status_code=status,
        )
    if status == 413:
        return ContentRefused(
            "The file is larger than the service takes.",
            action="Send a smaller file; check the limit of a proxy in front of GoWA.",
            code="too_large",
            status_code=status,
        )
    if status in (404, 405):
        return UnsupportedFeature(
            f"This version of {SERVICE} cannot do that, or the address lacks its base path.",
            action="Update GoWA, or correct the address.",
            code="not_found",
            status_code=status,
        )
    if status == 429:
        return RateLimited(
            "Something in front of GoWA refuses more for now.",
            action="Wait a little.",
            status_code=status,
            retry_after=answer.retry_after(),
        )
    if 300 <= status < 400:
        return ServiceUnreachable(
            f"The address redirects elsewhere (HTTP {status}); redirects are not followed.",
            action="Give the final address, with https:// if that is where it leads.",
            code="redirect",
            status_code=status,
        )
    if status in (502, 504) or (status >= 500 and status != 503 and sending):
        return _broken_gateway(status, sending)
    if status >= 500:
        return TemporarilyRefused(
            f"The service is not available (HTTP {status}).",
            action=_LOG,
            status_code=status,
            retry_after=answer.retry_after(),
        )
    return not_gowa(answer)


def _broken_gateway(status: int, sending: bool) -> ProviderError:
    if sending:
        return OutcomeUnknown(
            f"A proxy before GoWA broke off (HTTP {status}); the message may or may not have been sent.",
            action=_LOOK,
            code="gateway",
            status_code=status,
        )
    return ServiceUnreachable(
        f"A proxy answers, but GoWA behind it does not (HTTP {status}).",
        action="Check that GoWA runs.",
        code="gateway",
        status_code=status,
    )
