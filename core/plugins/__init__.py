"""Installed plugins: found, loaded, checked, and called.

``discovery`` finds and loads, ``checks`` decides what may be used, ``registry`` holds what is usable, ``handle`` calls
one provider, ``limits`` ends a call that hangs.
"""

from __future__ import annotations

from .handle import ProviderHandle
from .registry import PluginDescription, Registry

__all__ = ["PluginDescription", "ProviderHandle", "Registry"]
