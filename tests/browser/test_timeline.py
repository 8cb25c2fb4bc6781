"""The timeline and one exchange: what happened, what it cost, which rule acted."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.page_actions import copied, downloaded, show

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from getimg_mock import WorkspaceHandle
    from tests.control.client import Client

pytestmark = pytest.mark.slow  # Chromium takes a second of processor time for each


def test_the_timeline_shows_the_retry_that_paid_twice(
    page: Page, client: Client, ws: WorkspaceHandle
) -> None:
    """With the finding of the client contract, and steps between."""
    ws.scenarios.add("lost-response")
    with pytest.raises(OSError, match=r"closed|reset"):
        client.image()
    client.image()
    ws.clock.advance(minutes=10)
    show(page, client, "timeline")
    lines = page.locator(".lines")
    expect(lines).to_contain_text("The same request as #1, paid again: 0.04 USD")
    expect(lines).to_contain_text("Sent again as #2, and paid again")
    finding = lines.locator(".finding").filter(has_text="GC402 FAIL")
    expect(finding.first).to_contain_text("0.04 USD charged twice")
    expect(page.locator("main")).to_contain_text("broken: GC402")
    expect(lines).to_contain_text("fault: close after commit")
    expect(lines.get_by_text("clock.advance")).to_be_visible()
    client.image(model="nope")
    expect(lines).to_contain_text("invalid_parameter: Unsupported model 'nope'.")
    page.get_by_label("Operation").select_option("videos.*")
    expect(page.locator(".lines > li")).to_have_count(0)
    page.get_by_label("Operation").select_option("images.*")
    expect(page.locator(".lines > li")).to_have_count(3)
    expect(lines).to_contain_text("no answer")
    har = json.loads(downloaded(page, page.get_by_role("button", name="Download HAR")))
    assert len(har["log"]["entries"]) == 3
    page.get_by_role("button", name="Clear the journal").click()
    expect(page.locator(".lines > li")).to_have_count(0)
    assert ws.journal.count() == 0


def test_states_and_money_are_on_the_same_line_in_time(
    page: Page, client: Client, ws: WorkspaceHandle
) -> None:
    """Newest first: what ended between two commands is between them."""
    ws.summary()
    show(page, client, "timeline")
    expect(page.get_by_text("Nothing has happened yet")).to_be_visible()
    video = client.video()
    ws.clock.advance(minutes=11)
    ws.ledger.top_up("5")
    lines = page.locator(".lines > li")
    expect(lines).to_have_count(4)
    for at, part in enumerate(
        ("ledger.top_up", f"video {video}, 0.12 USD", "clock.advance", "hold 0.12 USD")
    ):
        expect(lines.nth(at)).to_contain_text(part)


def test_lines_stay_while_a_client_goes_on(page: Page, client: Client) -> None:
    """A line that has the focus, or is being pressed, is not replaced by each new request."""
    client.image()
    show(page, client, "timeline")
    first = page.get_by_role("button", name="#1 POST")
    first.focus()
    first.evaluate("button => { window.kept = button; }")
    for number in range(2, 5):
        client.image(prompt=f"picture {number}")
        expect(page.get_by_role("button", name=f"#{number} POST")).to_be_visible()
    assert page.evaluate("window.kept.isConnected && document.activeElement === window.kept")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Exchange 1")).to_be_visible()


def test_a_prompt_cannot_turn_the_text_around_it(page: Page, client: Client) -> None:
    """A character that turns the direction of writing acts inside the prompt alone."""
    client.image(prompt="\u202eturned")
    show(page, client, "timeline")
    isolated = page.locator(".lines bdi").filter(has_text="turned")
    expect(isolated).to_have_text("\u202eturned")


def test_the_timeline_is_paged(page: Page, client: Client) -> None:
    """A page has 100 exchanges."""
    for _ in range(105):
        client.get("/v2/models")
    show(page, client, "timeline")
    expect(page.locator(".lines > li")).to_have_count(100)
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".lines > li")).to_have_count(5)
    page.get_by_role("button", name="Newest").click()
    expect(page.locator(".lines > li")).to_have_count(100)


def test_an_exchange_is_shown_whole(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """Headers, bodies, effects, duration and the rule that acted, without the key."""
    body = {"model": "seedream-5-lite", "prompt": "A heron"}
    client.post("/v2/images/generations", body, idempotency_key="one")
    show(page, client, "timeline")
    page.get_by_role("button", name="#1 POST /v2/images/generations").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('"prompt": "A heron"')
    expect(dialog).to_contain_text("content-type")
    expect(dialog).to_contain_text("hold 0.04 USD, charge 0.04 USD")
    expect(dialog).to_contain_text(" ms")
    assert client.key not in page.content()
    command = shlex.split(copied(page, "Copy as curl"))
    assert json.loads(command[command.index("--data-raw") + 1]) == body
    assert "idempotency-key: one" in command
    assert "Authorization: Bearer $GETIMG_API_KEY" in command
    har = json.loads(downloaded(page, dialog.get_by_role("button", name="Download HAR")))
    assert len(har["log"]["entries"]) == 1
    page.keyboard.press("Escape")
    rule = ws.scenarios.add(on="images.generate", error="server_error").id
    client.image()
    page.get_by_role("button", name="#2 POST").click()
    expect(dialog).to_contain_text(rule)
    expect(dialog).to_contain_text("500 server_error")
