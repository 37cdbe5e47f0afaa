"""Rate limits: per recipient, per number, and per account for management calls. Knows no HTTP."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates as Meta publishes them; None switches a limit off.

    The pair limit is one message in six seconds to a recipient, with a burst of 45 that borrows from the future.
    """

    pair_burst: int | None = 45
    pair_interval: float = 6.0
    messages_per_second: int | None = 80
    management_per_hour: int | None = 5000


class RateMeter:
    """Counts against :class:`Limits`. Not thread-safe: the simulation's lock guards it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._pair: dict[tuple[str, str], tuple[float, float]] = {}
        self._second: dict[str, deque[float]] = defaultdict(deque)
        self._hour: dict[str, deque[float]] = defaultdict(deque)

    def pair_allowed(self, sender: str, recipient: str, now: float) -> bool:
        burst = self.limits.pair_burst
        if burst is None:
            return True
        level, since = self._pair.get((sender, recipient), (0.0, now))
        level = max(0.0, level - (now - since) / self.limits.pair_interval)
        allowed = level + 1 <= burst
        self._pair[sender, recipient] = (level + 1 if allowed else level, now)
        return allowed

    def message_allowed(self, sender: str, now: float) -> bool:
        return _window(self._second[sender], self.limits.messages_per_second, 1.0, now)

    def management_allowed(self, account: str, now: float) -> bool:
        return _window(self._hour[account], self.limits.management_per_hour, 3600.0, now)


def _window(times: deque[float], limit: int | None, seconds: float, now: float) -> bool:
    if limit is None:
        return True
    while times and times[0] <= now - seconds:
        times.popleft()
    if len(times) >= limit:
        return False
    times.append(now)
    return True
