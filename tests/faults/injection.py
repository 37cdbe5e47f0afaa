"""Patches in the processes of an installation: how the harness gets into them.

Owns: a ``sitecustomize`` on the path of the processes, which patches a module right after it was loaded. Never part of
the product. Must not know: what is patched.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

VARIABLE = "CHATPORT_TEST_INJECT"

#: Patches by name, each with the module that it belongs into.
Patches = Mapping[str, tuple[str, Callable[[Any], None]]]


class _Finder(importlib.abc.MetaPathFinder):
    """Finds a module as usual and patches it once it is loaded."""

    def __init__(self, name: str, patch: Callable[[Any], None]) -> None:
        self._name, self._patch, self._busy = name, patch, False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The usual spec, with a loader that patches."""
        if name != self._name or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._busy = False
        if spec is not None and spec.loader is not None:
            patch, run = self._patch, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                patch(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def inject() -> None:
    """Called in a process of an installation: patch what is named as soon as it is imported."""
    for one in filter(None, os.environ.get(VARIABLE, "").split(";")):
        file, _, name = one.rpartition(":")
        sys.meta_path.insert(0, _Finder(*_load(file).PATCHES[name]))


def _load(file: str) -> Any:
    name = f"injected_{Path(file).stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def environment(
    folder: Path, patches: Iterable[tuple[Path, str]], *further: Path
) -> dict[str, str]:
    """Variables with which the processes of an installation bear patches.

    :param folder: a new one, of the injection's own.
    :param patches: files with a table ``PATCHES``, and which name in it. Read alone, so they import nothing of ours.
    :param further: folders that the processes find distributions in.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('injection', {str(Path(__file__))!r})\n"
        "injection = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(injection)\n"
        "injection.inject()\n",
        encoding="utf-8",
    )
    return {
        "PYTHONPATH": os.pathsep.join(str(one) for one in (folder, *further)),
        VARIABLE: ";".join(f"{file}:{name}" for file, name in patches),
        "CHATPORT_TEST_PLANT_FOLDER": str(folder),
    }
