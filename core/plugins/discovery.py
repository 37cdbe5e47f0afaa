"""From installed distributions to loaded plugin modules: find, select, load.

Owns: entry points, doubled names, the operator's allow and deny lists, failures of imports. Must not know: what a
plugin must look like (``checks``), who calls it (``registry``).

Finding imports nothing, and the operator's lists stand between finding and loading, so that the code of a provider that
is not allowed never runs.
"""

from __future__ import annotations

import logging
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

from ..errors import HookTimeout, PluginLoadError
from .limits import time_limit

logger = logging.getLogger(__name__)

PROVIDERS = "chatport.providers"
PLUGINS = "chatport.plugins"
GROUPS = (PROVIDERS, PLUGINS)

#: Seconds that the import of one plugin may take.
IMPORT_LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Found:
    """An entry point that was seen and not imported."""

    group: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint | None = field(default=None, repr=False, compare=False)

    def failed(self, reason: str) -> PluginLoadError:
        """The error that says why this one cannot be used."""
        return PluginLoadError(self.name, self.distribution, self.version, one_line(reason))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin whose module was imported and not yet checked."""

    found: Found
    module: types.ModuleType


def one_line(text: str, limit: int = 300) -> str:
    """Text without line breaks, shortened."""
    return " ".join(str(text).split())[:limit]


# --- find -------------------------------------------------------------------------------------------------------------


def find(installed: Iterable[Distribution] | None = None) -> list[Found]:
    """All plugins of installed distributions, in an order that is the same on every machine.

    A distribution whose metadata cannot be read is logged and left out; one that is on the path twice counts once.
    """
    found: list[Found] = []
    seen: set[str] = set()
    for distribution in distributions() if installed is None else installed:
        try:
            name = str(distribution.metadata["Name"])
            normalised = name.lower().replace("_", "-").replace(".", "-")
            if normalised in seen:
                continue
            seen.add(normalised)
            found += _entries(distribution, name)
        except Exception as error:  # noqa: BLE001 (metadata of others: anything may be wrong with it)
            logger.warning("a distribution's metadata cannot be read: %s", one_line(str(error)))
    return sorted(found, key=lambda one: (one.group, one.name, one.distribution))


def _entries(distribution: Distribution, name: str) -> list[Found]:
    return [
        Found(entry.group, entry.name, name, str(distribution.version), entry)
        for entry in distribution.entry_points
        if entry.group in GROUPS
    ]


# --- select -----------------------------------------------------------------------------------------------------------


def select(
    found: Iterable[Found], *, only: tuple[str, ...] = (), disabled: tuple[str, ...] = ()
) -> tuple[list[Found], list[PluginLoadError]]:
    """What may be loaded, and what may not and why.

    :param only: keys of the providers to load; empty for all. A listed one that is not installed is a failure.
    :param disabled: names that are not loaded.
    """
    kept: list[Found] = []
    failures: list[PluginLoadError] = []
    first: dict[tuple[str, str], Found] = {}
    for one in found:
        if one.name in disabled or (only and one.group == PROVIDERS and one.name not in only):
            continue
        earlier = first.setdefault((one.group, one.name), one)
        if earlier is one:
            kept.append(one)
            continue
        failures.append(
            one.failed(
                f"the name {one.name!r} is taken by {earlier.distribution} {earlier.version}; "
                f"uninstall {earlier.distribution} or {one.distribution}"
            )
        )
    installed = {one.name for one in kept if one.group == PROVIDERS}
    for name in only:
        if name not in installed:
            failures.append(_not_installed(name))
    return kept, failures


def _not_installed(name: str) -> PluginLoadError:
    distribution = f"chatport-{name.replace('_', '-')}"
    return PluginLoadError(
        name,
        distribution,
        "(not installed)",
        f"CHATPORT_PROVIDERS lists it, but it is not installed: pip install {distribution}",
    )


# --- load -------------------------------------------------------------------------------------------------------------


def load(found: Iterable[Found]) -> tuple[list[Loaded], list[PluginLoadError]]:
    """Import each plugin, each on its own: one that fails does not disturb the others."""
    loaded: list[Loaded] = []
    failures: list[PluginLoadError] = []
    for one in found:
        try:
            loaded.append(Loaded(one, _import(one)))
        except PluginLoadError as error:
            failures.append(error)
    return loaded, failures


def _import(found: Found) -> types.ModuleType:
    assert found.entry_point is not None
    try:
        with time_limit(IMPORT_LIMIT):
            module = found.entry_point.load()
    except HookTimeout:
        raise found.failed(f"its import took more than {IMPORT_LIMIT:.0f} seconds") from None
    except (Exception, SystemExit) as error:
        logger.warning("plugin %s cannot be imported", found.name, exc_info=True)
        raise found.failed(
            f"it cannot be imported: {type(error).__name__}: {one_line(str(error), 200)}"
        ) from error
    if not isinstance(module, types.ModuleType):
        raise found.failed(
            f"the entry point must name a module, not {type(module).__name__}: write "
            f"'{found.name} = package.module'"
        )
    return module


def in_memory(modules: Mapping[str, Any], group: str = PROVIDERS) -> list[Loaded]:
    """Plugins that are not installed: modules, or any objects with a plugin's attributes (tests, the documentation)."""
    return [
        Loaded(Found(group, name, f"(in memory) {name}", "0"), _as_module(name, thing))
        for name, thing in sorted(modules.items())
    ]


def _as_module(name: str, thing: Any) -> types.ModuleType:
    if isinstance(thing, types.ModuleType):
        return thing
    module = types.ModuleType(f"chatport_in_memory_{name}")
    attributes = (
        thing
        if isinstance(thing, Mapping)
        else {key: getattr(thing, key) for key in dir(thing) if not key.startswith("__")}
    )
    module.__dict__.update(attributes)
    return module
