"""The plugins that this process uses, and those that it could not use.

Owns: the one plugin manager, the handles of providers, observers. The only module that touches pluggy. Must not know:
tables, jobs, surfaces.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

from .. import hookspecs
from ..errors import ConfigurationError, HookTimeout, PluginLoadError, PluginMissing
from ..guards import forbid_in_transaction
from ..notices import Notice
from . import discovery
from .checks import Checked, check
from .discovery import PLUGINS, PROVIDERS, Loaded, one_line
from .handle import HOOK_TIME_LIMIT, ProviderHandle, is_job_timeout
from .limits import time_limit
from .trace import start_trace

if TYPE_CHECKING:
    from ..schema import ProviderSchema
    from ..settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PluginDescription:
    """One plugin for ``chatport plugins`` and the API. ``kind`` is ``provider`` or ``plugin``; ``error`` is empty when
    it is usable."""

    name: str
    kind: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str = ""


class Registry:
    """Usable plugins of one process.

    :param loaded: modules; each is checked, and refused ones are in :attr:`failed`.
    :param failures: what could not even be loaded.
    :param hook_time_limit: seconds that one hook call may take.
    :param disabled: names that the operator switched off, for messages.
    :param trace: log every call.
    """

    def __init__(
        self,
        loaded: Iterable[Loaded] = (),
        failures: Iterable[PluginLoadError] = (),
        *,
        hook_time_limit: float = HOOK_TIME_LIMIT,
        disabled: Iterable[str] = (),
        trace: bool = False,
    ) -> None:
        self.providers: dict[str, ProviderHandle] = {}
        self.failed: list[PluginLoadError] = list(failures)
        self._disabled = frozenset(disabled)
        self._limit = hook_time_limit
        self._manager = pluggy.PluginManager("chatport")
        self._manager.add_hookspecs(hookspecs)
        self._callers: dict[tuple[str, str], Callable[..., Any]] = {}
        self._aliases: dict[str, str] = {}
        self._usable: list[Checked] = []
        checked, refused = check(list(loaded))
        self.failed += refused
        # In order of names, so that wrappers are nested the same way on every machine.
        for one in sorted(checked, key=lambda c: (c.found.group, c.key)):
            self._register(one)
        if trace:
            start_trace(self._manager, self._schema_of)
        for failure in self.failed:
            logger.error("%s", failure)

    @classmethod
    def load(cls, settings: Settings) -> Registry:
        """The installed plugins, as far as the settings allow them.

        :raises ConfigurationError: with ``CHATPORT_STRICT_PLUGINS``, when any cannot be used; it names all of them.
        """
        found, failures = discovery.select(
            discovery.find(), only=settings.providers, disabled=settings.disabled_providers
        )
        loaded, broken = discovery.load(found)
        registry = cls(
            loaded,
            failures + broken,
            hook_time_limit=settings.hook_time_limit,
            disabled=settings.disabled_providers,
            trace=settings.trace_plugins,
        )
        if settings.strict_plugins and registry.failed:
            raise ConfigurationError(
                "plugins cannot be used:\n  "
                + "\n  ".join(str(error) for error in registry.failed),
                action="Mend or uninstall them, or unset CHATPORT_STRICT_PLUGINS.",
            )
        return registry

    @classmethod
    def from_modules(
        cls,
        providers: Mapping[str, Any],
        plugins: Mapping[str, Any] | None = None,
        *,
        hook_time_limit: float = HOOK_TIME_LIMIT,
        trace: bool = False,
    ) -> Registry:
        """A registry of plugins that are not installed: by key, modules or objects with a plugin's attributes."""
        loaded = discovery.in_memory(providers) + discovery.in_memory(plugins or {}, PLUGINS)
        return cls(loaded, hook_time_limit=hook_time_limit, trace=trace)

    # --- providers ----------------------------------------------------------------------------------------------------

    def provider(self, key: str) -> ProviderHandle:
        """The provider with this key or alias.

        :raises PluginMissing: with the reason.
        """
        handle = self.providers.get(self.resolve_key(key))
        if handle is None:
            raise PluginMissing(key, self._why_missing(key))
        return handle

    def resolve_key(self, key: str) -> str:
        """The key for a key or an alias; an unknown word comes back as it is."""
        return self._aliases.get(key, key)

    def _why_missing(self, key: str) -> str:
        for failure in self.failed:
            if failure.name == key:
                return f"{failure.distribution} {failure.version}: {failure.reason}"
        if key in self._disabled:
            return "it is switched off by CHATPORT_DISABLED_PROVIDERS"
        return ""

    def _schema_of(self, key: str) -> type[ProviderSchema] | None:
        handle = self.providers.get(key)
        return handle.info.schema if handle else None

    # --- observers ----------------------------------------------------------------------------------------------------

    def notify(self, notice: Notice) -> None:
        """Tell every observer; one that fails is logged and disturbs nobody."""
        observers = self._manager.hook.observe.get_hookimpls()
        if not observers:
            return
        forbid_in_transaction("an observer")
        for observer in reversed(observers):
            arguments = {"notice": notice} if observer.argnames else {}
            try:
                with time_limit(self._limit):
                    observer.function(**arguments)
            except HookTimeout:
                logger.error(
                    "observer of plugin %s took too long: %s", observer.plugin_name, notice.kind
                )
            except (Exception, SystemExit) as error:
                if is_job_timeout(error):
                    raise
                logger.exception(
                    "observer of plugin %s failed: %s", observer.plugin_name, notice.kind
                )

    # --- what is there ------------------------------------------------------------------------------------------------

    def describe(self) -> list[PluginDescription]:
        """All plugins: the usable ones, then those that cannot be used and why."""
        usable = [
            PluginDescription(
                one.key,
                "provider" if one.info else "plugin",
                one.found.distribution,
                one.found.version,
                tuple(sorted(one.hooks)),
            )
            for one in self._usable
        ]
        broken = [
            PluginDescription(f.name, "", f.distribution, f.version, (), f.reason)
            for f in self.failed
        ]
        return usable + broken

    # --- registering --------------------------------------------------------------------------------------------------

    def _register(self, one: Checked) -> None:
        name = f"{one.found.group}:{one.key}"
        module = one.loaded.module
        if self._manager.is_registered(module):
            other = self._manager.get_name(module)
            self.failed.append(one.found.failed(f"its module is already in use as {other}"))
            return
        try:
            self._manager.register(module, name=name)
        except (ValueError, pluggy.PluginValidationError) as error:
            if self._manager.get_plugin(name) is module:
                self._manager.unregister(name=name)
            self.failed.append(one.found.failed(one_line(str(error))))
            return
        self._usable.append(one)
        if one.found.group != PROVIDERS or one.info is None:
            return
        self._aliases.update(dict.fromkeys(one.info.aliases, one.key))
        self.providers[one.key] = ProviderHandle(
            one.found,
            one.info,
            one.hooks,
            lambda hook, key=one.key: self._caller(key, hook),  # type: ignore[misc]
            time_limit=self._limit,
        )

    def _caller(self, key: str, hook: str) -> Callable[..., Any]:
        """The caller of a hook that reaches one provider, and every cross-cutting plugin."""
        caller = self._callers.get((key, hook))
        if caller is None:
            others = [one.loaded.module for one in self._usable if one.info and one.key != key]
            caller = self._manager.subset_hook_caller(hook, remove_plugins=others)
            self._callers[key, hook] = caller
        return caller
