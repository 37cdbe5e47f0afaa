"""Windows of a real Chromium: sizes, themes, languages, and signing in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from installation import EMAIL, PASSWORD

CHROMIUM = Path("/usr/bin/chromium")
SIZES = {"desktop": (1360, 860), "phone": (390, 844)}


@contextmanager
def launched() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


def window(chromium: Any, size: str, theme: str, language: str) -> Any:
    """A window of somebody in Jakarta.

    :param size: a key of ``SIZES``.
    :param theme: ``light`` or ``dark``.
    """
    width, height = SIZES[size]
    return chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        locale=language,
        timezone_id="Asia/Jakarta",
    )


def sign_in(page: Any, url: str) -> None:
    """Sign the administrator in."""
    page.goto(f"{url}/login")
    page.fill("[name=email]", EMAIL)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/app/**")
