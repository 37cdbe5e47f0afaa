"""The guide for authors, followed to the letter: its files make a provider that passes every check."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs/writing-a-provider.md"


def files() -> dict[str, str]:
    """Every block of the guide that stands under a file's name."""
    blocks = re.finditer(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    return {block[1]: block[2] for block in blocks}


def write_project(folder: Path) -> None:
    """The files, and what ``pip install`` would note about the package."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    wanted = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{wanted}"
    )
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_guide_has_all_files_of_a_provider() -> None:
    assert sorted(files()) == [
        "chatport_ping/__init__.py",
        "chatport_ping/inbound.py",
        "chatport_ping/plugin.py",
        "chatport_ping/service.py",
        "pyproject.toml",
        "tests/test_conformance.py",
    ]


@pytest.mark.processes
def test_provider_of_the_guide_passes_every_check(tmp_path: Path) -> None:
    write_project(tmp_path)

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 100
    assert "skipped" not in done.stdout


@pytest.mark.processes
def test_checks_of_the_guide_can_fail(tmp_path: Path) -> None:
    """The same provider with one claim too many."""
    write_project(tmp_path)
    module = tmp_path / "chatport_ping/plugin.py"
    text = module.read_text()
    changed = text.replace("Features(max_text=1000)", "Features(max_text=1000, location=True)")
    assert changed != text
    module.write_text(changed)

    done = run_pytest(tmp_path, "-k", "location")

    assert done.returncode == 1
    assert "the features declare location" in done.stdout
