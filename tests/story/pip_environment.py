"""A virtual environment of its own, into which real ``pip`` installs our distributions from the sources.

It sees the third-party packages of the environment that runs the tests, through links, and nothing of ours: neither
editable installs nor wheels that are installed there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Folders of the distributions beside Chatport itself.
FOLDERS = {
    "chatport-meta": "providers/meta_shared",
    "chatport-dialog360": "providers/dialog360",
    "chatport-whatsapp-cloud": "providers/whatsapp_cloud",
    "chatport-echo": "examples/chatport-echo",
}
#: What Chatport's own distribution is built from.
CORE = ("core", "webhooks", "dashboard", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
#: Beginnings of names, in a folder of installed packages, that are ours or that pip manages itself.
LEFT_OUT = ("chatport", "__editable__", "__pycache__", "pip")
#: Leftovers of earlier builds, which must not get into a new one.
_litter = shutil.ignore_patterns("*.egg-info", "build", "__pycache__", ".*_cache")


@dataclass(frozen=True, slots=True)
class PipEnvironment:
    """One virtual environment below a folder, and copies of the sources beside it."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "venv" / "bin" / "python")

    def create(self) -> None:
        """Make it, with third-party packages and Chatport itself."""
        venv.create(self.folder / "venv", with_pip=False)
        others = self.folder / "others"
        others.mkdir()
        for place in map(Path, sys.path):
            if any(place.glob("*.dist-info")):
                _link_all(place, others)
        [packages] = (self.folder / "venv" / "lib").glob("python*/site-packages")
        (packages / "others.pth").write_text(f"{others}\n")
        source = self.folder / "chatport"
        source.mkdir()
        for name in CORE:
            _copy(ROOT / name, source / name)
        self._pip("install", *_INSTALL, str(source))

    def install(self, *distributions: str) -> None:
        """``pip install`` of the sources, without their requirements and without an index."""
        for name in distributions:
            source = self.folder / name
            if not source.exists():
                _copy(ROOT / FOLDERS[name], source)
            self._pip("install", *_INSTALL, str(source))

    def uninstall(self, *distributions: str) -> None:
        """``pip uninstall``."""
        self._pip("uninstall", "--yes", *distributions)

    def chatport(self, *arguments: str) -> Any:
        """What the console script ``chatport`` answers as JSON."""
        script = self.folder / "venv" / "bin" / "chatport"
        return json.loads(_run(str(script), *arguments, "--json", cwd=self.folder))

    def _pip(self, *arguments: str) -> None:
        _run(
            sys.executable,
            "-m",
            "pip",
            "--python",
            self.python,
            *_QUIET,
            *arguments,
            cwd=self.folder,
        )


_QUIET = ("--isolated", "--no-input", "--disable-pip-version-check", "--quiet")
_INSTALL = ("--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir")


def _link_all(place: Path, target: Path) -> None:
    for entry in place.iterdir():
        ours = entry.name.lower().startswith(LEFT_OUT) or entry.suffix == ".pth"
        link = target / entry.name
        if not ours and not link.exists():
            link.symlink_to(entry)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=_litter)
    else:
        shutil.copy(source, target)


def _run(*command: str, cwd: Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LANG": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
