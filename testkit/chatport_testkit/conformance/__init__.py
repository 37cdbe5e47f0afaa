"""Checks that every Chatport provider must pass, for authors of providers.

Subclass :class:`ProviderConformance` in a test module, describe the provider with a :class:`ProviderCase`, and pytest
runs the suite. It knows Chatport's public vocabulary and the rules by which the core calls plugins, and no provider.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    f"{__name__}.check_declaration",
    f"{__name__}.check_receiving",
    f"{__name__}.check_sending",
    f"{__name__}.check_service",
    f"{__name__}.verify",
)

from .case import ProviderCase, Webhook, webhooks_in  # noqa: E402 (after the registration)
from .scripted import Received, Reply, ScriptedService, json_reply  # noqa: E402
from .suite import ProviderConformance  # noqa: E402

__all__ = [
    "ProviderCase",
    "ProviderConformance",
    "Received",
    "Reply",
    "ScriptedService",
    "Webhook",
    "json_reply",
    "webhooks_in",
]
