"""The generated pages say what the code says."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import pytest

from chatport import Features, ProviderInfo, ProviderSchema, channels, events, hookspecs, messages
from chatport.channels import HOOK_API, AuthScheme, MediaLimit
from chatport.messages import MediaKind
from chatport.plugins.checks import SPECIFICATIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generate() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["hooks.md", "features.md", "api-reference.md"])
def test_page_is_current(generate: types.ModuleType, page: str) -> None:
    path = ROOT / "docs" / page

    assert path.read_text() == generate.pages()[path], "run: python docs/generate.py"


def test_hooks_page_has_every_hook_argument_and_record(generate: types.ModuleType) -> None:
    text = generate.hooks_page()

    for hook, arguments in SPECIFICATIONS.items():
        assert f"### `{hook}`\n" in text
        assert all(f"`{argument}`" in text for argument in arguments)
    for module in (events, messages, channels):
        for name, record in vars(module).items():
            if isinstance(record, type) and record.__module__ == module.__name__:
                assert f"### `{name}`\n" in text


def test_every_hook_raise_is_in_the_page(generate: types.ModuleType) -> None:
    section = generate.hooks_page().split("### `validate_config`")[1].split("### ")[0]

    assert "**Required.**" in section
    assert "* `ConfigInvalid`: with field errors." in section
    assert "* `channel`: with its loaded config; `id` is 0 on creation." in section
    assert hookspecs.validate_config.__doc__


def test_words_have_their_comments(generate: types.ModuleType) -> None:
    text = generate.hooks_page()

    assert "| `delivered` | reached the recipient's device (two ticks) |" in text
    assert "| `temporary` | the service refused for a passing reason" in text


def test_features_page_tells_limits_and_absence(generate: types.ModuleType) -> None:
    class Schema(ProviderSchema):
        pass

    features = Features(
        media={MediaKind.IMAGE: MediaLimit(5_000_000, ("image/png",), caption=False)},
        typing=True,
        pairing=("qr", "code"),
    )
    info = ProviderInfo(
        "Other",
        HOOK_API,
        Schema,
        features,
        AuthScheme("basic", ("secret",)),
        aliases=("older",),
    )

    text = generate.features_page({"other": ("chatport-other", info)})

    assert "| typing | yes |" in text
    assert "| polls | – |" in text
    assert '| pairing (of "qr", "code") | qr, code |' in text
    assert "| image | 5 MB: image/png; no caption |" in text
    assert "| sticker | – |" in text
    assert "| install | `chatport-other` |" in text
    assert "`older`" in text


def test_every_shipped_provider_is_in_the_matrix(generate: types.ModuleType) -> None:
    keys = set(generate.shipped_providers())

    shipped = [
        path
        for path in ROOT.glob("providers/*/setup.cfg")
        if "chatport.providers" in path.read_text()  # the others are libraries of several providers
    ]
    assert len(keys) == len(shipped)
    assert all(f"`{key}`" in (ROOT / "docs/features.md").read_text() for key in keys)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    import re

    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []
