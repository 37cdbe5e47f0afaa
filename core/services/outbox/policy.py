"""What follows from the class of a failed send: one table, and the times of retries.

Owns: when to try again, what pauses a channel, what becomes a dead letter. Must not know: tables, providers.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ...errors import ErrorClass

#: Attempts in all.
MAX_TRIES = 5
#: A message that cannot be sent for so long is shown as failed; its conversation waits no longer.
GIVE_UP_AFTER = timedelta(minutes=5)
#: Seconds to wait after the first, second, … failure; the sum stays below ``GIVE_UP_AFTER``.
BACKOFF = (5.0, 15.0, 45.0, 120.0)
#: While a channel is paused because of its credentials or login, messages fail without asking the service again.
PAUSE_AFTER_REFUSAL = timedelta(seconds=30)


class Fault(StrEnum):
    """Whose fault a failure is."""

    MESSAGE = "message"  #: this message's, or this recipient's
    WAIT = "wait"  #: the channel's; the others wait too
    FAIL = "fail"  #: the channel's, and only a person can mend it; the others fail too


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows from one class.

    :param tries: attempts in all; 1 fails at once.
    :param connection: what the channel's connection is called then; empty leaves it.
    """

    tries: int = 1
    fault: Fault = Fault.MESSAGE
    connection: str = ""
    dead_letter: bool = False
    unknown: bool = False


RULES: Mapping[ErrorClass, Rule] = {
    ErrorClass.UNREACHABLE: Rule(tries=MAX_TRIES, fault=Fault.WAIT, connection="unreachable"),
    ErrorClass.RATE_LIMITED: Rule(tries=MAX_TRIES),
    ErrorClass.TEMPORARY: Rule(tries=MAX_TRIES),
    ErrorClass.AUTHENTICATION: Rule(fault=Fault.FAIL, connection="unauthorised"),
    ErrorClass.NOT_CONNECTED: Rule(fault=Fault.FAIL, connection="disconnected"),
    ErrorClass.WINDOW_CLOSED: Rule(),
    ErrorClass.POLICY: Rule(),
    ErrorClass.RECIPIENT: Rule(),
    ErrorClass.CONTENT: Rule(),
    ErrorClass.MEDIA_GONE: Rule(),
    ErrorClass.UNKNOWN_OUTCOME: Rule(unknown=True),
    ErrorClass.BUG: Rule(tries=3, dead_letter=True),
}


def retry_delay(tries: int, retry_after: float | None = None) -> timedelta:
    """How long to wait after a failed attempt, with jitter.

    :param tries: attempts made, 1 after the first.
    :param retry_after: seconds that the provider asked for; never tried earlier.
    """
    base = BACKOFF[min(max(tries, 1), len(BACKOFF)) - 1]
    seconds = base * random.uniform(0.8, 1.2)
    if retry_after is not None:
        seconds = max(seconds, retry_after * random.uniform(1.0, 1.1))
    return timedelta(seconds=seconds)
