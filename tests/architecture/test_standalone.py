"""The project stands alone: nobody needs another folder, machine or document to read or build it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {
    ".git",
    ".venv",
    ".stamps",
    "build",
    "dist",
    "data",
    "node_modules",
    "__pycache__",
}
SKIPPED_SUFFIXES = {
    ".pyc",
    ".png",
    ".ico",
    ".woff2",
    ".jpg",
    ".ogg",
    ".opus",
    ".mp4",
    ".webp",
    ".pdf",
    ".db",
}

#: What would be noise or a dead end for a reader, and why.
FOREIGN = {
    "a path of one developer's machine": r"(?<![\w.])/(?:home/(?!chatport)\w|Users/\w|work/)",
    "a folder outside the repository": r"\.\./(?:\.\./)*shared\b",
    "a document that is not here": r"\b(?:seed|design|parity|style|infrastructure)\.md\b|\bdesign section\b",
    "an id of a list that is not here": r"\bC?W-\d{1,3}\b",
    "a ticket that outsiders cannot open": r"\bissues? #?\d+\b|\bissues (?:show|list)\b",
    "the host of a package index": r"\b(?:pypi|pythonhosted|npmjs|crates)\.(?:org|com|io)\b",
}


def texts() -> Iterator[tuple[Path, str]]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if SKIPPED_FOLDERS & set(parts) or any(
            part.endswith((".egg-info", "_cache")) for part in parts
        ):
            continue
        if (
            path == Path(__file__).resolve()
            or not path.is_file()
            or path.suffix in SKIPPED_SUFFIXES
        ):
            continue
        yield path, path.read_text(encoding="utf-8", errors="replace")


def found_in(path: Path, text: str) -> Iterator[str]:
    for meaning, pattern in FOREIGN.items():
        for hit in re.finditer(pattern, text):
            line = text.count("\n", 0, hit.start()) + 1
            yield f"{path.relative_to(ROOT)}:{line}: {hit[0]!r} is {meaning}"


def test_nothing_points_outside_the_repository() -> None:
    assert [hit for path, text in texts() for hit in found_in(path, text)] == []


def test_every_kind_of_pointer_is_found() -> None:
    text = "see /work/x ../shared/y design.md CW-47 issue 12 pypi.org"

    assert len(list(found_in(ROOT / "x", text))) == len(FOREIGN)
