"""Finding, selecting and importing plugins."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from importlib.metadata import Distribution

import pytest

from chatport.errors import PluginLoadError
from chatport.plugins import discovery
from chatport.plugins.discovery import PLUGINS, PROVIDERS

Install = Callable[..., Distribution]


def reasons(failures: list[PluginLoadError]) -> dict[str, str]:
    return {failure.name: failure.reason for failure in failures}


def test_find_lists_both_groups_in_order_and_imports_nothing(install: Install) -> None:
    other = install("other", entries="[chatport.plugins]\nlogger = other_module\n", code="1/0")
    beta = install("beta", code="1/0")

    found = discovery.find([other, beta])

    assert [(one.group, one.name, one.distribution, one.version) for one in found] == [
        (PLUGINS, "logger", "chatport-other", "1.0"),
        (PROVIDERS, "beta", "chatport-beta", "1.0"),
    ]
    assert "beta_module" not in sys.modules


def test_find_counts_a_distribution_once_that_is_on_the_path_twice(install: Install) -> None:
    beta = install("beta")

    assert len(discovery.find([beta, beta])) == 1


def test_find_passes_over_foreign_entry_points(install: Install) -> None:
    assert discovery.find([install("x", entries="[console_scripts]\nx = x:main\n")]) == []


def test_find_leaves_out_a_distribution_without_readable_metadata(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Distribution):
        def read_text(self, filename: str) -> str | None:
            raise OSError("disk error")

        def locate_file(self, path: object) -> object:  # type: ignore[override]
            raise NotImplementedError

    found = discovery.find([Broken(), install("beta")])

    assert [one.name for one in found] == ["beta"]
    assert "disk error" in caplog.text


def test_select_names_both_distributions_of_a_doubled_key(install: Install) -> None:
    first = install("beta")
    second = install("gamma", entries="[chatport.providers]\nbeta = gamma_module\n")

    kept, failures = discovery.select(discovery.find([second, first]))

    assert [one.distribution for one in kept] == ["chatport-beta"]
    (failure,) = failures
    assert failure.distribution == "chatport-gamma"
    assert failure.reason == (
        "the name 'beta' is taken by chatport-beta 1.0; uninstall chatport-beta or chatport-gamma"
    )


def test_select_leaves_out_disabled_names_silently(install: Install) -> None:
    found = discovery.find([install("beta"), install("gamma")])

    kept, failures = discovery.select(found, disabled=("gamma",))

    assert [one.name for one in kept] == ["beta"]
    assert failures == []


def test_select_keeps_only_listed_providers_and_all_other_plugins(install: Install) -> None:
    other = install("other", entries="[chatport.plugins]\nlogger = other_module\n")
    found = discovery.find([install("beta"), install("gamma"), other])

    kept, failures = discovery.select(found, only=("gamma",))

    assert [one.name for one in kept] == ["logger", "gamma"]
    assert failures == []


def test_select_tells_how_to_install_a_listed_provider_that_is_missing() -> None:
    kept, failures = discovery.select([], only=("my_service",))

    assert kept == []
    assert "pip install chatport-my-service" in reasons(failures)["my_service"]


def test_provider_and_plugin_may_have_the_same_name(install: Install) -> None:
    both = install(
        "beta",
        entries="[chatport.providers]\nbeta = beta_module\n[chatport.plugins]\nbeta = beta_module\n",
    )

    kept, failures = discovery.select(discovery.find([both]))

    assert [(one.group, one.name) for one in kept] == [(PLUGINS, "beta"), (PROVIDERS, "beta")]
    assert failures == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def (", "SyntaxError"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("raise RuntimeError('line one\\nline two')", "RuntimeError: line one line two"),
    ],
)
def test_load_isolates_a_plugin_that_cannot_be_imported(
    install: Install, code: str, reason: str
) -> None:
    found = discovery.find([install("beta", code=code), install("gamma")])

    loaded, failures = discovery.load(found)

    assert [one.found.name for one in loaded] == ["gamma"]
    assert reason in reasons(failures)["beta"]
    assert str(failures[0]).startswith("plugin 'beta' of chatport-beta 1.0 cannot be used: ")


def test_load_ends_an_import_that_hangs(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "IMPORT_LIMIT", 0.2)
    hanging = install("beta", code="import time\nwhile True:\n    time.sleep(1)\n")
    began = time.monotonic()

    loaded, failures = discovery.load(discovery.find([hanging]))

    assert loaded == []
    assert "import took more than" in reasons(failures)["beta"]
    assert time.monotonic() - began < 5


def test_load_refuses_an_entry_point_that_names_no_module(install: Install) -> None:
    named = install("beta", entries="[chatport.providers]\nbeta = beta_module:PROVIDER\n")

    _, failures = discovery.load(discovery.find([named]))

    assert "write 'beta = package.module'" in reasons(failures)["beta"]


def test_load_shortens_long_messages(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    _, failures = discovery.load(
        discovery.find([install("beta", code="raise ValueError('x' * 9999)")])
    )

    assert len(reasons(failures)["beta"]) <= 300
