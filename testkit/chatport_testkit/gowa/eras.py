"""Versions of GoWA and what changed in each. Owns version comparison; knows nothing of bodies or routes."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The newest release of each era of webhook bodies, by the era's short name.
ERA_VERSIONS = {
    "v5": "v5.6.1",
    "v6": "v6.2.0",
    "v7.2.0": "v7.2.0",
    "v7": "v7.11.4",
    "v8.0": "v8.0.0",
    "v8.2": "v8.2.1",
    "v8.3": "v8.3.0",
    "v8": "v8.11.0",
    "v9": "v9.2.0",
}

_NUMBERS = re.compile(r"^v?(\d+)\.(\d+)(?:\.(\d+))?$")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release number that compares like one."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"v{self.major}.{self.minor}.{self.patch}"

    def since(self, text: str) -> bool:
        """Whether this release is ``text`` or newer."""
        return self >= parse_version(text)


def parse_version(text: str) -> Version:
    """Read ``v9.2.0`` or ``9.2``.

    Raises:
        ValueError: the text is not a release number.
    """
    match = _NUMBERS.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a version such as v9.2.0.")
    return Version(int(match[1]), int(match[2]), int(match[3] or 0))


def version_of(era: str, version: str | None = None) -> Version:
    """Return the release to play: ``version`` if given, else the newest one of ``era``.

    Raises:
        ValueError: unknown era, or a version whose webhook bodies belong to another era's major release.
    """
    if era not in ERA_VERSIONS:
        raise ValueError(f"Unknown era {era!r}; choose one of {', '.join(ERA_VERSIONS)}.")
    chosen = parse_version(version or ERA_VERSIONS[era])
    if version and chosen < parse_version("v4.22.0"):
        raise ValueError("Webhook bodies before v4.22.0 are not simulated.")
    return chosen
