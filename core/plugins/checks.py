"""What a loaded module must be to serve as a provider or as a cross-cutting plugin.

Owns: the rules, each broken one with a reason of one line. Must not know: entry points, who calls hooks.

pluggy itself accepts much that later fails silently: a misspelt hook is never called, a default value hides a missing
argument, ``specname`` steers a call past the selection of one provider. So everything is judged before registration.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import hookspecs
from ..channels import HOOK_API, AuthScheme, Features, ProviderInfo
from ..errors import PluginLoadError
from ..schema import ProviderSchema, describe, secret_names
from .discovery import PLUGINS, PROVIDERS, Found, Loaded, one_line

REQUIRED = ("validate_config", "send_message", "media_url", "handle_event")
SCHEMES = ("hmac_sha256", "header_secret", "basic", "custom")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")


def _specifications() -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(inspect.signature(function).parameters)
        for name, function in vars(hookspecs).items()
        if callable(function) and hasattr(function, "chatport_spec")
    }


#: Arguments of every hook, by name.
SPECIFICATIONS: Mapping[str, tuple[str, ...]] = _specifications()


@dataclass(frozen=True, slots=True)
class Checked:
    """A plugin that may be registered. ``info`` is set for providers."""

    loaded: Loaded
    hooks: frozenset[str]
    info: ProviderInfo | None = None

    @property
    def found(self) -> Found:
        """Where it came from."""
        return self.loaded.found

    @property
    def key(self) -> str:
        """Its name."""
        return self.loaded.found.name


class _Refused(Exception):
    """The reason, in one line."""


def check(loaded: list[Loaded]) -> tuple[list[Checked], list[PluginLoadError]]:
    """Judge all plugins; the second list tells what is refused and why."""
    checked: list[Checked] = []
    failures: list[PluginLoadError] = []
    for one in loaded:
        try:
            judge = _check_provider if one.found.group == PROVIDERS else _check_plugin
            checked.append(judge(one))
        except _Refused as refused:
            failures.append(one.found.failed(str(refused)))
        except Exception as error:  # noqa: BLE001 (a plugin's own attributes may do anything)
            failures.append(
                one.found.failed(f"it cannot be checked: {type(error).__name__}: {error}")
            )
    kept, clashes = _without_clashes(checked)
    return kept, failures + clashes


def _without_clashes(checked: list[Checked]) -> tuple[list[Checked], list[PluginLoadError]]:
    """Leave out providers one of whose aliases is another provider's key or alias. A key goes before an alias."""
    owners: dict[str, Checked] = {one.key: one for one in checked if one.info}
    kept: list[Checked] = []
    failures: list[PluginLoadError] = []
    for one in checked:
        aliases = one.info.aliases if one.info else ()
        clash = next((a for a in aliases if owners.get(a, one) is not one), None)
        if clash is not None:
            other = owners[clash]
            failures.append(
                one.found.failed(
                    f"its alias {clash!r} belongs to the provider {other.key!r} of "
                    f"{other.found.distribution} {other.found.version}"
                )
            )
            continue
        owners.update(dict.fromkeys(aliases, one))
        kept.append(one)
    return kept, failures


# --- providers --------------------------------------------------------------------------------------------------------


def _check_provider(loaded: Loaded) -> Checked:
    key = loaded.found.name
    if not _KEY.fullmatch(key):
        raise _Refused(
            f"the key {key!r} must begin with a letter and hold only a-z, 0-9 and _, at most 63"
        )
    info = _provider_info(loaded.module)
    hooks = _implementations(loaded.module)
    for name, (function, options) in hooks.items():
        _check_function(name, function, options)
        if options.get("wrapper") or options.get("hookwrapper"):
            raise _Refused(
                f"{name} is a wrapper; a provider answers, wrappers belong to the group {PLUGINS}"
            )
    missing = [name for name in REQUIRED if name not in hooks]
    if missing:
        raise _Refused(f"it does not implement {', '.join(missing)}")
    _check_declarations(info, frozenset(hooks))
    return Checked(loaded, frozenset(hooks), info)


def _provider_info(module: Any) -> ProviderInfo:
    info = getattr(module, "PROVIDER", None)
    if info is None:
        raise _Refused("it has no constant PROVIDER = ProviderInfo(…)")
    api = getattr(info, "hook_api", None)
    if api != HOOK_API:
        raise _Refused(f"it speaks hook API {api}, this core speaks {HOOK_API}")
    if not isinstance(info, ProviderInfo):
        raise _Refused(f"PROVIDER is a {type(info).__name__}, not a chatport.ProviderInfo")
    if not isinstance(info.features, Features):
        raise _Refused("its features are not a chatport.Features")
    if not isinstance(info.aliases, tuple):
        # A text would count as one alias for each of its letters.
        raise _Refused("its aliases are not a tuple of keys")
    for alias in info.aliases:
        if not _KEY.fullmatch(alias):
            raise _Refused(f"the alias {alias!r} is not a valid key")
    return info


def _check_declarations(info: ProviderInfo, hooks: frozenset[str]) -> None:
    if not (isinstance(info.schema, type) and issubclass(info.schema, ProviderSchema)):
        raise _Refused("its schema is not a subclass of chatport.ProviderSchema")
    describe(info.schema)
    fields = set(info.schema().fields)
    secrets = secret_names(info.schema)
    scheme = info.authentication
    problem = _scheme_problem(scheme, hooks)
    if problem:
        raise _Refused(problem)
    used = [*scheme.secret_keys, *([info.challenge.secret_key] if info.challenge else [])]
    for name in used:
        if name not in fields:
            raise _Refused(f"its authentication names the secret {name!r}, which its schema lacks")
        if name not in secrets:
            raise _Refused(
                f"its authentication uses {name!r}, which its schema does not call Secret"
            )


def _scheme_problem(scheme: Any, hooks: frozenset[str]) -> str:
    if not isinstance(scheme, AuthScheme) or scheme.kind not in SCHEMES:
        return f"its authentication scheme must be one of {', '.join(SCHEMES)}"
    if scheme.kind == "custom" and "authenticate_request" not in hooks:
        return "its authentication is custom, but it does not implement authenticate_request"
    if scheme.kind in ("hmac_sha256", "header_secret") and not scheme.header:
        return f"its authentication {scheme.kind} names no header"
    if scheme.kind != "custom" and not scheme.secret_keys:
        return f"its authentication {scheme.kind} names no secret"
    return ""


# --- cross-cutting plugins --------------------------------------------------------------------------------------------


def _check_plugin(loaded: Loaded) -> Checked:
    module = loaded.module
    if getattr(module, "PROVIDER", None) is not None:
        raise _Refused(f"it is a provider; register it in the group {PROVIDERS}")
    api = getattr(module, "HOOK_API", HOOK_API)
    if api != HOOK_API:
        raise _Refused(f"it speaks hook API {api}, this core speaks {HOOK_API}")
    hooks = _implementations(module)
    if not hooks:
        raise _Refused("it implements no hook")
    for name, (function, options) in hooks.items():
        _check_function(name, function, options)
        _check_crossing(name, function, options)
    return Checked(loaded, frozenset(hooks))


def _check_crossing(name: str, function: Any, options: Mapping[str, Any]) -> None:
    wrapper = bool(options.get("wrapper"))
    if options.get("hookwrapper"):
        raise _Refused(f"{name} is an old-style hookwrapper; write @hookimpl(wrapper=True)")
    if name == "observe":
        if wrapper:
            raise _Refused("observe cannot be wrapped: observers do not know of each other")
        return
    if wrapper and not inspect.isgeneratorfunction(function):
        raise _Refused(f"{name} is a wrapper without a yield")
    if not wrapper and not options.get("tryfirst"):
        # Without tryfirst it would run or not depending on the order of installation.
        raise _Refused(
            f"{name} is neither a wrapper nor @hookimpl(tryfirst=True): it would answer for a provider"
        )


# --- functions --------------------------------------------------------------------------------------------------------


def _implementations(module: Any) -> dict[str, tuple[Callable[..., Any], Mapping[str, Any]]]:
    """Functions marked with ``@hookimpl``, by name.

    :raises _Refused: a function with a hook's name that is not marked, and so would never be called.
    """
    hooks: dict[str, tuple[Callable[..., Any], Mapping[str, Any]]] = {}
    for name in dir(module):
        function = getattr(module, name, None)
        if not inspect.isroutine(function):
            continue
        options = getattr(function, "chatport_impl", None)
        if isinstance(options, Mapping):
            hooks[name] = (function, options)
        elif name in SPECIFICATIONS and getattr(function, "__module__", None) == module.__name__:
            raise _Refused(f"{name} is not marked with @hookimpl and would never be called")
    return hooks


def _check_function(name: str, function: Any, options: Mapping[str, Any]) -> None:
    if options.get("specname"):
        raise _Refused(f"{name} uses specname; name the function like the hook")
    if name not in SPECIFICATIONS:
        near = difflib.get_close_matches(name, SPECIFICATIONS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise _Refused(f"there is no hook {name}{hint}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise _Refused(f"{name} is async; hooks are synchronous")
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise _Refused(f"{name} takes {parameter}; name the arguments of the hook")
        if parameter.default is not parameter.empty:
            raise _Refused(f"{name} has a default for {parameter.name}, which hooks do not allow")
        if parameter.name not in SPECIFICATIONS[name]:
            given = one_line(", ".join(SPECIFICATIONS[name]))
            raise _Refused(f"{name} takes {parameter.name!r}; the hook has {given}")
