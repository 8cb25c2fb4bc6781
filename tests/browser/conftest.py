"""A real Chromium, a fake on a port, and a page that fails the test on any error of its own.

Without Chromium the tests are skipped with a reason. Where `REQUIRE_BROWSER` is set, as CI
does, they are not skipped: a missing browser fails them.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from getimg_mock import MockServer
from getimg_mock.cli.serve import judge_client
from tests.browser.chromium import find_obstacle, run_chromium
from tests.control.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from getimg_mock import WorkspaceHandle

_NUMBERS = count(1)
# Milliseconds of real time.
_LONGEST: Final = 30_000
AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


def _refuse(missing: str) -> NoReturn:
    if os.environ.get("REQUIRE_BROWSER"):
        raise AssertionError(f"{missing}, and REQUIRE_BROWSER says that it must be there")
    pytest.skip(missing)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run Chromium without a window.

    Not for the session: playwright keeps an event loop running in this thread, in which other
    tests start their own.
    """
    missing = find_obstacle()
    if missing is not None:
        _refuse(missing)
    from playwright.sync_api import expect  # noqa: PLC0415 - not everyone has it

    # A bound for a page that hangs; a busy machine can take longer than the usual five seconds.
    expect.set_options(timeout=_LONGEST)
    with run_chromium() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core."""
    if not AXE.exists():
        _refuse("axe-core is not installed (npm install --prefix tests/browser)")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def server() -> Iterator[MockServer]:
    """Run a fake whose videos take ten minutes."""
    with MockServer(video_seconds=600) as server:
        server.app.judge = judge_client
        yield server


@pytest.fixture
def client(server: MockServer) -> Client:
    """Return a client with a fresh key."""
    return Client(server.url, f"sk_browser_{next(_NUMBERS):04}")


@pytest.fixture
def ws(server: MockServer, client: Client) -> WorkspaceHandle:
    """Return the handle on the workspace that the page shows."""
    return server.workspace(client.key)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return an empty page; errors, messages of the console and violations of the policy fail."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(_LONGEST)
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"a script ran: {dialog.message}"))
    yield page
    expected = getattr(page, "expected_errors", ())
    context.close()
    assert [each for each in said if not any(part in each for part in expected)] == []
