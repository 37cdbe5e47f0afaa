"""The suite as one class to inherit from.

Owns: fixtures, and over what the checks run. Must not know: what is checked, any provider.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .case import ProviderCase
from .check_declaration import DeclarationChecks
from .check_receiving import ReceivingChecks
from .check_sending import SendingChecks
from .check_service import ServiceChecks
from .faults import FAULT_NAMES, FOR_ALL_HOOKS
from .samples import KIND_NAMES, arguments
from .world import Bench
from .world import bench as open_bench


class ProviderConformance(DeclarationChecks, ReceivingChecks, SendingChecks, ServiceChecks):
    """Every check. A subclass whose name begins with ``Test`` sets :attr:`case`::

    class TestMyProvider(ProviderConformance):
        case = ProviderCase(key="my_provider", plugin=plugin, …)
    """

    case: ProviderCase

    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        """The provider with its service, new for every check."""
        with open_bench(self.case, monkeypatch) as bench:
            yield bench

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Let checks run over the case's samples, the kit's messages and faults, the plugin's hooks."""
        wanted = metafunc.fixturenames
        if "webhook" in wanted:
            samples = self.case.webhooks
            metafunc.parametrize("webhook", samples, ids=[webhook.name for webhook in samples])
        if "kind" in wanted:
            metafunc.parametrize("kind", KIND_NAMES)
        if "fault" in wanted:
            metafunc.parametrize("fault", FAULT_NAMES)
        if "outage" in wanted:
            metafunc.parametrize("outage", FOR_ALL_HOOKS)
        if "hook" in wanted:
            known = arguments(self.case.info.features)
            metafunc.parametrize("hook", sorted(set(known) & set(vars(self.case.plugin))))
