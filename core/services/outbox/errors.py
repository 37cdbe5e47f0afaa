"""Why a request to send is refused before anything is stored.

Owns: refusals that are no fault of a message's content. Must not know: HTTP. Everything else is refused with classes of
``chatport.errors``: ``ContentRefused``, ``UnsupportedFeature``, ``WindowClosed``, ``RecipientInvalid``.
"""

from __future__ import annotations

from ...errors import ChatportError


class IdempotencyConflict(ChatportError):
    """The same idempotency key came with another request."""

    action = "Use a new Idempotency-Key for a new message; repeat a request unchanged."

    def __init__(self, key: str) -> None:
        super().__init__(f"The Idempotency-Key {key!r} was used for another request.")


class NotPossible(ChatportError):
    """The message, conversation or channel is not in a state in which this can be done.

    :param code: a word for programs.
    """

    def __init__(self, message: str, *, action: str = "", code: str = "not_possible") -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.code = code


class NotFound(ChatportError):
    """There is no such row in this account."""
