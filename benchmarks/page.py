"""How long the page takes until it shows something, with 10,000 generations and exchanges.

Chromium says when the page was first painted; content is there when the first picture, line or
entry is. Nothing is measured where Chromium or playwright is missing.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks.load import IMAGES, encoded, image_requests, load
from benchmarks.processes import fake, running
from benchmarks.targets import at_most
from tests.browser.chromium import find_obstacle, run_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COUNT: Final = 10_000
TARGET: Final = 1.0
VIEWS: Final = {"gallery": ".card img", "timeline": ".lines > li", "money": "td"}
_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


def main() -> int:
    """Measure, print, and return the exit status."""
    missing = find_obstacle()
    if missing is not None:
        print(f"page      not measured: {missing}")
        return 0
    (request,) = image_requests(1)
    with running(_keep_all, request) as server:
        _fill(server.port)
        with run_chromium() as browser:
            return max(_measure(browser, server.port, view) for view in VIEWS)


def _keep_all(port: int) -> list[str]:
    return [*fake(port), "--journal-exchanges", str(COUNT + 1)]


def _fill(port: int) -> None:
    body = {"model": "z-image-turbo", "prompt": "one of many"}
    request = encoded("POST", IMAGES, body=body)
    load(port=port, requests=[request], count=COUNT, connections=4)


def _measure(browser: Browser, port: int, view: str) -> int:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    begun = time.perf_counter()
    page.goto(f"http://127.0.0.1:{port}/__mock__/#{view}")
    page.locator(VIEWS[view]).first.wait_for()
    content = time.perf_counter() - begun
    print(f"page      {view}: content after {content:.2f} s")
    missed = at_most(f"page      first paint of {view}", page.evaluate(_PAINT), TARGET, " s")
    page.close()
    return missed


if __name__ == "__main__":
    sys.exit(main())
