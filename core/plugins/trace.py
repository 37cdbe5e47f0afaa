"""A line in the log for each hook call, with secrets masked.

Owns: how a call is shown. Must not know: who calls. Switched on by ``CHATPORT_TRACE_PLUGINS``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from ..channels import Channel
from ..schema import MASK, ProviderSchema, secret_names
from .discovery import one_line

logger = logging.getLogger(__name__)

_LONGEST = 300
#: Shorter values are no secrets, and masking them would make the line unreadable.
_SHORTEST_SECRET = 4


def start_trace(
    manager: pluggy.PluginManager, schema_of: Callable[[str], type[ProviderSchema] | None]
) -> None:
    """Log every hook call of a plugin manager.

    :param schema_of: the schema of a provider's key, to know which values are secret.
    """
    calls = threading.local()

    def before(_hook: str, _implementations: Any, _arguments: Mapping[str, Any]) -> None:
        calls.began = [*getattr(calls, "began", ()), time.monotonic()]

    def after(outcome: Any, hook: str, implementations: Any, arguments: Mapping[str, Any]) -> None:
        spent = time.monotonic() - calls.began.pop()
        secrets = _secrets(arguments.get("channel"), schema_of)
        names = ", ".join(str(one.plugin_name) for one in implementations)
        shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        error = outcome.exception
        answer = f"{type(error).__name__}: {error}" if error else repr(outcome.get_result())
        logger.info(
            "hook %s(%s) by %s -> %s (%.0f ms)",
            hook,
            _masked(shown, secrets),
            names,
            _masked(answer, secrets),
            spent * 1000,
        )

    manager.add_hookcall_monitoring(before, after)


def _secrets(channel: Any, schema_of: Callable[[str], type[ProviderSchema] | None]) -> list[str]:
    if not isinstance(channel, Channel):
        return []
    schema = schema_of(channel.provider)
    names = secret_names(schema) if schema else frozenset(channel.config)
    found: list[str] = []
    for name in names:
        value = channel.config.get(name)
        found += [item for item in (value if isinstance(value, list) else [value]) if item]
    kept = {str(item) for item in found if len(str(item)) >= _SHORTEST_SECRET}
    return sorted(kept, key=len, reverse=True)  # a longer secret may hold a shorter one


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return one_line(text, _LONGEST)
