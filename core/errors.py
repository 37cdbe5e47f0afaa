"""The whole exception tree, and the error classes on which the core acts.

Owns: every exception that crosses a line between parts. Must not know: Flask, SQLAlchemy, RQ, any provider.
An error that reaches a person carries what happened (``str(error)``), and what to do next (``action``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any


class ErrorClass(StrEnum):
    """Why a provider call failed. The core decides on retry, pause and display by this word alone."""

    UNREACHABLE = "unreachable"  #: nothing answered; surely not sent; retried
    RATE_LIMITED = "rate_limited"  #: refused for now, with or without a Retry-After; retried
    TEMPORARY = (
        "temporary"  #: the service refused for a passing reason and surely did not send; retried
    )
    AUTHENTICATION = (
        "authentication"  #: the service does not accept our credentials; the channel pauses
    )
    NOT_CONNECTED = (
        "not_connected"  #: the service works, its WhatsApp login does not; the channel pauses
    )
    WINDOW_CLOSED = "window_closed"  #: only a template may be sent now
    POLICY = "policy"  #: WhatsApp refuses this sender or this kind of message
    RECIPIENT = "recipient"  #: this recipient cannot be reached
    CONTENT = "content"  #: the message itself is not acceptable, or not supported
    UNKNOWN_OUTCOME = (
        "unknown_outcome"  #: the request left and no answer came; never resent by itself
    )
    MEDIA_GONE = "media_gone"  #: the file is not at the provider any more
    BUG = "bug"  #: an error in the plugin or in Chatport; three tries, then a dead letter


class ChatportError(Exception):
    """Root of everything that Chatport raises on purpose."""

    #: What a person can do next; may be empty.
    action: str = ""


class ConfigurationError(ChatportError):
    """An operator's setting is wrong. Never retried, never swallowed, deliberately no ProviderError."""

    def __init__(self, message: str, *, action: str = "") -> None:
        super().__init__(message)
        self.action = action


class PluginLoadError(ChatportError):
    """A plugin could not be used."""

    def __init__(self, name: str, distribution: str, version: str, reason: str) -> None:
        super().__init__(name, distribution, version, reason)
        self.name = name
        self.distribution = distribution
        self.version = version
        self.reason = reason

    def __str__(self) -> str:
        return f"plugin {self.name!r} of {self.distribution} {self.version} cannot be used: {self.reason}"


class PluginMissing(ChatportError, LookupError):
    """A channel's provider is not installed, not allowed, or failed to load."""

    def __init__(self, key: str, reason: str = "") -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason
        self.action = f"Install the plugin (pip install chatport-{key.replace('_', '-')}) and restart Chatport."

    def __str__(self) -> str:
        return f"the provider {self.key!r} is not available: {self.reason or 'no installed plugin offers it'}"


class ConfigInvalid(ChatportError, ValueError):
    """A channel's configuration is refused.

    :param fields: messages by field name of the provider's schema; key ``_schema`` for the whole.
    :param action: what to do about it.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]], *, action: str = "") -> None:
        self.fields = {name: list(messages) for name, messages in fields.items()}
        self.action = action
        super().__init__(self.fields)

    def __str__(self) -> str:
        return "; ".join(f"{name}: {' '.join(messages)}" for name, messages in self.fields.items())


#: Whoever asks for a longer pause is asked again after a day, in seconds.
MAX_RETRY_AFTER = 86_400.0


def _pause(seconds: float | None) -> float | None:
    """A pause that can be waited for; services write anything into their headers."""
    if seconds is None or (isinstance(seconds, float) and math.isnan(seconds)):
        return None
    return float(min(max(seconds, 0), MAX_RETRY_AFTER))


class ProviderError(ChatportError):
    """A call to a provider failed.

    :param message: what happened, in a sentence that an agent can read.
    :param action: what to do next.
    :param code: the provider's own code, as text.
    :param status_code: the HTTP status, where there was one.
    :param retry_after: seconds to wait before the next try, where the provider said so; a day at most.
    :param detail: the provider's own words, without secrets.
    :param fields: messages by field of the channel's configuration, where one is to blame; Chatport names the address
        or the credentials by itself.
    """

    error_class: ErrorClass = ErrorClass.BUG

    def __init__(
        self,
        message: str,
        *,
        action: str = "",
        code: str | None = None,
        status_code: int | None = None,
        retry_after: float | None = None,
        detail: str = "",
        fields: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.code = code
        self.status_code = status_code
        self.retry_after = _pause(retry_after)
        self.detail = detail
        self.fields = {name: list(messages) for name, messages in (fields or {}).items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self._state()))

    def _state(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "code": self.code,
            "status_code": self.status_code,
            "retry_after": self.retry_after,
            "detail": self.detail,
            "fields": self.fields,
        }


def _rebuild(cls: type[ProviderError], message: str, state: dict[str, Any]) -> ProviderError:
    return cls(message, **state)


class ServiceUnreachable(ProviderError, ConnectionError):
    """Nothing answered, or not the service we expect; the request was surely not carried out."""

    error_class = ErrorClass.UNREACHABLE


class RateLimited(ProviderError):
    """Refused because of too many requests."""

    error_class = ErrorClass.RATE_LIMITED


class TemporarilyRefused(ProviderError):
    """Refused for a passing reason; surely not carried out."""

    error_class = ErrorClass.TEMPORARY


class AuthenticationFailed(ProviderError):
    """The service does not accept the credentials."""

    error_class = ErrorClass.AUTHENTICATION


class NotConnected(ProviderError):
    """The service accepted our credentials but has no working WhatsApp session."""

    error_class = ErrorClass.NOT_CONNECTED


class WindowClosed(ProviderError):
    """The customer-service window is closed; only a template may be sent."""

    error_class = ErrorClass.WINDOW_CLOSED


class PolicyRefused(ProviderError):
    """WhatsApp's policy or a restriction of the account forbids this message."""

    error_class = ErrorClass.POLICY


class RecipientInvalid(ProviderError, ValueError):
    """The recipient is not on WhatsApp, or cannot receive this."""

    error_class = ErrorClass.RECIPIENT


class ContentRefused(ProviderError, ValueError):
    """The message's own content is refused: too large, wrong type, malformed."""

    error_class = ErrorClass.CONTENT


class UnsupportedFeature(ContentRefused):
    """The provider cannot express this at all. Its feature must be absent from the declared features."""


class OutcomeUnknown(ProviderError, TimeoutError):
    """The request left, but whether it was carried out is unknown."""

    error_class = ErrorClass.UNKNOWN_OUTCOME


class MediaGone(ProviderError):
    """The file is no longer at the provider."""

    error_class = ErrorClass.MEDIA_GONE


class ProviderCrashed(ProviderError):
    """A hook raised something it may not raise, or answered rubbish."""

    error_class = ErrorClass.BUG


class AnomalousPayload(ChatportError, ValueError):
    """A webhook body that is not of that sender's shape at all. Kept, shown, never retried by itself."""


class HookTimeout(BaseException):
    """A hook used up its time.

    Derives from ``BaseException`` so that a plugin's own ``except Exception`` cannot eat it.
    """
