"""The pictures of docs/dashboard.md: `make docs` takes them anew where Chromium is installed."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from PIL import Image

from getimg_mock import MockServer
from getimg_mock.cli.serve import judge_client
from tests.browser.chromium import find_obstacle, run_chromium
from tests.control.client import Client
from tests.docs.markdown_tables import DOCS

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES: Final = DOCS / "images"
# Of each view, what is there once all of it is shown.
_VIEWS: Final = {"gallery": ".card img", "timeline": ".finding strong"}
_PROMPTS: Final = (
    "A lighthouse in a storm",
    "A heron at dawn",
    "Waves under a full moon",
    "A market in the rain",
    "An old tram, seen from above",
    "Two chairs on a beach",
)
_WIDTH: Final = 1000
_QUALITY: Final = 80


def take_pictures() -> bool:
    """Write the pictures, and return whether Chromium and playwright are there to do it."""
    if find_obstacle() is not None:
        return False
    PICTURES.mkdir(exist_ok=True)
    with MockServer(video_seconds=600, quiet=True) as server, run_chromium() as browser:
        server.app.judge = judge_client
        _fill(server)
        page = browser.new_page(viewport={"width": _WIDTH, "height": 720})
        for view in _VIEWS:
            _save(page, server.url, view)
    return True


def _fill(server: MockServer) -> None:
    key = "sk_an_example_key"
    client, workspace = Client(server.url, key), server.workspace(key)
    for prompt in _PROMPTS:
        client.image(prompt=prompt)
    workspace.scenarios.add("lost-response")
    try:
        client.image(prompt="A bill that came twice")
    except OSError:  # the scenario closes the connection after the work
        client.image(prompt="A bill that came twice")
    client.video(prompt="A slow river")
    workspace.clock.advance(minutes=4)
    client.image(model="seedream-6")


def _save(page: Page, url: str, view: str) -> None:
    page.goto(f"{url}/__mock__/#{view}")
    page.locator("main h1").wait_for()
    page.wait_for_load_state("load")
    page.locator(_VIEWS[view]).last.wait_for()
    page.wait_for_function("() => [...document.images].every(each => each.naturalWidth)")
    shown = Image.open(BytesIO(page.screenshot(animations="disabled")))
    shown.convert("RGB").save(PICTURES / f"{view}.jpg", quality=_QUALITY, optimize=True)
