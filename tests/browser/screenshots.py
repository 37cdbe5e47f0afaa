"""Pictures of the main screens for the documentation: both themes, left to right and right to left, large and small.

PYTHONPATH=tests python -m browser.screenshots [folder]      docs/screenshots without a folder
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from browser.busy_day import BusyDay, day
from browser.windows import CHROMIUM, SIZES, launched, sign_in, window
from installation import installed

MAIN = ("thread", "channel-add", "channel-health", "failures")
LANGUAGES = ("en", "ar")
FOLDER = Path(__file__).resolve().parents[2] / "docs/screenshots"


def take(busy: BusyDay, chromium: Any, folder: Path) -> None:
    """Write ``<screen>-<language>-<theme>-<size>.png`` for every combination."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for theme in ("light", "dark"):
            for size in SIZES:
                context = window(chromium, size, theme, language)
                page = context.new_page()
                sign_in(page, busy.chatport.url)
                for name in MAIN:
                    page.goto(busy.chatport.url + busy.screens()[name])
                    page.wait_for_load_state("load")
                    page.wait_for_timeout(700)
                    page.screenshot(path=str(folder / f"{name}-{language}-{theme}-{size}.png"))
                context.close()


def main() -> int:
    """Stage a day and take the pictures."""
    if not CHROMIUM.exists():
        sys.stderr.write(f"There is no {CHROMIUM}: apt-get install chromium\n")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with (
        tempfile.TemporaryDirectory() as place,
        installed(Path(place) / "data") as chatport,
        launched() as chromium,
    ):
        for busy in day(chatport):
            take(busy, chromium, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
