"""The Chromium of this machine, without a window."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# The first draws the same pages without the browser around them: at half the processor time.
_NAMES: Final = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


def find_obstacle() -> str | None:
    """Return what is missing to run Chromium, or None."""
    if _find_program() is None:
        return "Chromium is not installed (Debian: apt-get install chromium)"
    try:
        import playwright.sync_api  # noqa: F401, PLC0415 - only looked for
    except ImportError:
        return "playwright is not installed"
    return None


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Run Chromium for the block; playwright keeps an event loop running in this thread."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not everyone has it

    with sync_playwright() as running:
        # Chromium refuses its sandbox to root, who runs CI; a page of plain boxes needs no GPU.
        chromium = running.chromium.launch(
            executable_path=_find_program(),
            args=["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer"],
        )
        try:
            yield chromium
        finally:
            chromium.close()


def _find_program() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)
