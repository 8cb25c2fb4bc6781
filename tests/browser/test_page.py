"""The page as a whole: hostile strings, keyboards, small screens, scale, restarts, tokens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from getimg_mock import MockServer
from getimg_mock.control.page_files import load_page_files
from tests.browser.page_actions import STOPPED, VIEWS, fill, show
from tests.control.client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from getimg_mock import WorkspaceHandle

pytestmark = pytest.mark.slow  # Chromium takes a second of processor time for each

_AXE: Final[dict[str, object]] = {"preload": False, "resultTypes": ["violations"]}
_AXE_ALL: Final[dict[str, object]] = {**_AXE, "runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}
_AXE_COLOURS: Final[dict[str, object]] = {**_AXE, "runOnly": ["color-contrast"]}
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>"\'><svg/onload=alert(3)> {{7*7}}'


def test_no_string_from_outside_is_markup(page: Page, client: Client, server: MockServer) -> None:
    """Prompts, models, headers, paths, rules and error messages are text in every view."""
    workspace = server.workspace(client.key)
    client.image(prompt=HOSTILE)
    client.video(prompt=HOSTILE)
    client.image(model=HOSTILE)
    client.image(prompt="x", images=[{"url": f"https://example.com/{HOSTILE}", "role": HOSTILE}])
    client.get("/v2/%3Cscript%3Ealert(1)%3C/script%3E", user_agent=HOSTILE, x_note=HOSTILE)
    Client(client.url, "sk_<script>alert(1)</script>").get("/v2/models")
    workspace.scenarios.add(on="images.generate", error="server_error", message=HOSTILE, first=1)
    client.image(prompt="fails")
    video = client.video(prompt=HOSTILE)
    workspace.generations[video].fail(code="server_error", message=HOSTILE)
    for view in VIEWS:
        show(page, client, view)
        assert page.locator("main script, main img[onerror], main svg[onload]").count() == 0
    show(page, client, "timeline")
    for number in range(1, 6):
        page.get_by_role("button", name=re.compile(rf"^#{number} ")).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        assert dialog.locator("script, img[onerror], svg[onload]").count() == 0
        page.keyboard.press("Escape")
    show(page, client, "gallery")
    expect(page.locator(".prompt").first).to_contain_text("onerror")
    page.locator(".card").last.click()
    expect(page.get_by_role("dialog")).to_contain_text("<script>alert(2)</script>")


@pytest.mark.parametrize("width", [360, 1440])
def test_every_view_is_accessible_and_fits(
    page: Page, client: Client, server: MockServer, axe: str, width: int
) -> None:
    """No finding of axe-core (WCAG AA), light and dark, and nothing wider than the screen."""
    client.image(prompt="A heron")
    client.video()
    client.image(model="nope")
    client.image(prompt="Pneumonoultramicroscopic" * 20)
    server.workspace(client.key).scenarios.add("flaky")
    server.workspace(client.key).clock.advance(minutes=1)
    page.set_viewport_size({"width": width, "height": 800})
    show(page, client, "gallery")
    page.evaluate(axe)
    for view in VIEWS:
        show(page, client, view)
        _assert_accessible(page, view)
    show(page, client, "gallery")
    page.locator(".card").first.click()
    expect(page.get_by_role("dialog").locator("img.media")).to_be_visible()
    _assert_accessible(page, "a picture")


def _assert_accessible(page: Page, view: str) -> None:
    page.emulate_media(color_scheme="light")
    _assert_no_violations(page, _AXE_ALL, view)
    page.emulate_media(color_scheme="dark")
    # Only colours differ.
    _assert_no_violations(page, _AXE_COLOURS, view)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, view


def _assert_no_violations(page: Page, options: dict[str, object], view: str) -> None:
    found = page.evaluate("options => axe.run(options)", options)
    assert [(e["id"], e["nodes"][0]["html"]) for e in found["violations"]] == [], view
    assert found["passes"], view


def test_the_keyboard_alone_is_enough(page: Page, client: Client, server: MockServer) -> None:
    """From the top of the page to a completed job, with Tab, Enter and the arrows."""
    video = client.video()
    show(page, client, "gallery")
    page.locator("body").click(position={"x": 1, "y": 1})
    _tab_to(page, "a", "Gallery")
    _tab_to(page, "button", "Waves under a full moon")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    _tab_to(page, "button", "Complete")
    page.keyboard.press("Space")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert server.workspace(client.key).generations[video].status == "completed"


def test_views_and_forms_are_reached_by_keyboard(
    page: Page, client: Client, ws: WorkspaceHandle
) -> None:
    """Another view, a switch, a form with a choice, and back from what was opened."""
    client.image()
    show(page, client, "gallery")
    _tab_to(page, "a", "Scenarios")
    page.keyboard.press("Enter")
    expect(page.locator("main h1")).to_have_text("Scenarios")
    _tab_to(page, "button", "Switch on")
    page.keyboard.press("Space")
    expect(page.get_by_role("table", name="Rules in force")).to_be_visible()
    _tab_to(page, "select", "status")
    page.keyboard.type("status")
    _tab_to(page, "button", "Add the rule")
    page.keyboard.press("Enter")
    expect(page.locator("#messages")).to_contain_text("The rule is in force.")
    assert ws.scenarios.rules()[-1]["status"] == 500
    show(page, client, "timeline")
    _tab_to(page, "button", "#1 POST")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="#1 POST")).to_be_focused()


def _tab_to(page: Page, tag: str, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "[document.activeElement.tagName, document.activeElement.textContent]"
        )
        if focused[0].lower() == tag and text in focused[1]:
            return
    raise AssertionError(f"60 steps of the keyboard do not reach {text!r}")


def test_ten_thousand_stay_usable(page: Page, client: Client) -> None:
    """A page of them is shown, and the next picture appears among them."""
    page.expected_errors = STOPPED  # type: ignore[attr-defined]
    with MockServer(journal_exchanges=10_000, quiet=True) as server:
        many = Client(server.url, client.key)
        workspace = server.workspace(client.key)
        fill(server, client.key, 10_000)
        show(page, many, "gallery")
        expect(page.locator("main")).to_contain_text("1 to 48 of 10000")
        shown = page.evaluate("performance.getEntriesByType('paint').at(-1).startTime")
        assert shown < 10_000  # bounded; benchmarks/page.py has the figure
        many.image(prompt="one more")
        expect(page.locator(".card").first).to_contain_text("one more")
        show(page, many, "timeline")
        expect(page.locator(".lines")).to_contain_text("one more")
        assert workspace.summary()["generations"]["completed"] == 10_001


def test_a_restart_is_survived(page: Page, client: Client) -> None:
    """The page follows again, and shows the new, empty world."""
    page.expected_errors = STOPPED  # type: ignore[attr-defined]
    first = MockServer()
    first.start()
    url = first.url
    again = Client(url, client.key)
    again.image(prompt="before")
    show(page, again, "gallery")
    expect(page.locator(".card")).to_have_count(1)
    first.stop()
    expect(page.locator("#connection")).to_have_text("Reconnecting")
    with MockServer(port=int(url.rpartition(":")[2])):
        expect(page.locator("#connection")).to_have_text("Live", timeout=30_000)
        Client(url, "sk_after_the_restart").image(prompt="after")
        expect(page.locator(".card")).to_contain_text("after")


def test_a_token_is_asked_for_once(page: Page) -> None:
    """It becomes a cookie that no script can read."""
    page.expected_errors = ("401", *STOPPED)  # type: ignore[attr-defined]
    with MockServer(control_token="a secret token") as server:
        Client(server.url, "sk_guarded").image(prompt="guarded")
        page.goto(f"{server.url}/__mock__/")
        page.get_by_role("textbox", name="Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("The control token is wrong.")
        page.get_by_role("textbox", name="Token").fill("a secret token")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".card")).to_contain_text("guarded")
        assert page.evaluate("document.cookie") == ""
        assert "secret" not in page.url
        page.reload()
        expect(page.locator(".card")).to_contain_text("guarded")


def test_a_restart_with_another_token_asks_for_it(page: Page) -> None:
    """The page would go on asking with a cookie that opens nothing any more."""
    page.expected_errors = ("401", *STOPPED)  # type: ignore[attr-defined]
    first = MockServer()
    first.start()
    port = int(first.url.rpartition(":")[2])
    Client(first.url, "sk_open").image(prompt="open")
    page.goto(f"{first.url}/__mock__/")
    expect(page.locator(".card")).to_contain_text("open")
    first.stop()
    with MockServer(port=port, control_token="a secret token") as server:
        Client(server.url, "sk_guarded").image(prompt="guarded")
        page.get_by_role("textbox", name="Token").fill("a secret token")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".card")).to_contain_text("guarded")


def test_a_tab_that_is_not_seen_keeps_no_connection(page: Page, client: Client) -> None:
    """Browsers open six to one server: the seventh tab would wait for ever."""
    page.expected_errors = STOPPED  # type: ignore[attr-defined]
    client.image(prompt="before")
    show(page, client, "gallery")
    turn = """state => {
        const hidden = state == "hidden";
        Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with page.expect_event("requestfailed", lambda request: "/changes" in request.url):
        page.evaluate(turn, "hidden")
    client.image(prompt="meanwhile")
    page.evaluate(turn, "visible")
    expect(page.locator(".card").first).to_contain_text("meanwhile")


def test_every_button_is_pressed_by_a_test() -> None:
    """A new button needs a test that names it and looks at its effect."""
    here = Path(__file__).parent
    tests = "".join(each.read_text(encoding="utf-8") for each in here.glob("test_*.py"))
    scripts = "".join(
        each.data.decode() for path, each in load_page_files().items() if path.endswith(".js")
    )
    pressed = r"(?:button|step|done)\((?:[`\"])([^`\"$]+)"
    sent = r"\], \"([A-Z][^\"]*)\", async|\), \"([A-Z][^\"]*)\", async"
    names = {*re.findall(pressed, scripts), *(a or b for a, b in re.findall(sent, scripts))}
    assert len(names) > 25
    missing = sorted(each for each in names if each.strip() not in tests)
    assert missing == []


def test_the_page_refuses_to_be_framed(page: Page, client: Client) -> None:
    """Clickjacking: another site must not lay its buttons over ours."""
    client.image()
    page.expected_errors = ("frame-ancestors",)  # type: ignore[attr-defined]
    with page.expect_event("requestfailed") as refused:
        page.set_content(f'<iframe src="{client.url}/__mock__/"></iframe>')
    assert refused.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
    assert page.frames[-1].locator("nav").count() == 0


def test_nothing_is_fetched_from_elsewhere(page: Page, client: Client) -> None:
    """Every request of the page goes to its own server, and none shows the key."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    client.image(images=[{"url": "https://example.com/cat.png", "role": "reference_image"}])
    for view in VIEWS:
        show(page, client, view)
    page.goto(f"{client.url}/__mock__/#gallery")
    page.locator(".card").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    elsewhere = [url for url in urls if not url.startswith((client.url, "data:", "blob:"))]
    assert elsewhere == []
    assert [url for url in urls if client.key in url] == []
