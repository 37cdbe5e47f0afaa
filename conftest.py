"""For all tests of the repository: their order, and reports that can be handed from process to process."""

from __future__ import annotations

from typing import Any

import pytest

#: Files that take minutes. They begin first, so that no process is left alone with one at the end.
SLOW = ("tests/faults/", "tests/browser/", "tests/story/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow files first; within that, as found."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Tests of hostile text show lone surrogates in their reports, which no channel between processes carries."""
    report = yield
    report.sections = [(name, _plain(text)) for name, text in report.sections]
    if report.failed and not isinstance(report.longrepr, str):
        report.longrepr = _plain(str(report.longrepr))
    return report


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
