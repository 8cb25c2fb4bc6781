"""The views that steer: clock, scenarios, money, models, workspaces."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from getimg_mock import MockServer
from getimg_mock.errors import GetimgMockError
from getimg_mock.redaction import shorten_key
from getimg_mock.world.identities import derive_workspace_id
from tests.browser.page_actions import REFUSED, STOPPED, confirm, copied, downloaded, show
from tests.control.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from getimg_mock import WorkspaceHandle

pytestmark = pytest.mark.slow  # Chromium takes a second of processor time for each


def test_the_clock_is_moved(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """By each of its buttons, and each says what happened."""
    page.expected_errors = REFUSED  # type: ignore[attr-defined]
    video = client.video()
    show(page, client, "clock")
    expect(page.locator("main")).to_contain_text(f"video {video} ends at")
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#clock")).to_contain_text("(frozen)")
    for name, seconds in (("+1 min", 60), ("+10 min", 600), ("+1 h", 3600)):
        before = ws.clock.now()
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.locator(".lines > li").first).to_contain_text(name)
        assert (ws.clock.now() - before).total_seconds() == seconds
    expect(page.locator(".lines")).to_contain_text(f"generation.completed  {video}")
    before = ws.clock.now()
    page.get_by_role("button", name="To the next event").click()
    expect(page.locator(".lines > li").first).to_contain_text("To the next event")
    assert ws.clock.now() > before
    page.get_by_label("Moment, in UTC").fill("2030-01-01T12:00:00")
    page.get_by_role("button", name="Move there").click()
    expect(page.locator("#clock")).to_contain_text("2030-01-01 12:00:00")
    page.get_by_label("Clock seconds per real second").fill("60")
    page.get_by_role("button", name="Scale").click()
    expect(page.locator("#clock")).to_contain_text("(x60)")
    page.get_by_role("button", name="Real time").click()
    expect(page.locator("#clock")).not_to_contain_text("x60")
    assert ws.clock.rate == 1
    page.get_by_label("Moment, in UTC").fill("2001-01-01T12:00:00")
    page.get_by_role("button", name="Move there").click()
    expect(page.get_by_role("alert")).to_contain_text(["a clock cannot go backwards"])


def test_scenarios_are_switched(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """Shipped ones by a button, one's own by a form that shows the TOML to keep."""
    page.expected_errors = REFUSED  # type: ignore[attr-defined]
    client.image()
    show(page, client, "scenarios")
    page.get_by_role("button", name="Switch on rate-limited").click()
    expect(page.get_by_role("table", name="Rules in force")).to_contain_text("rate-limited")
    for _ in range(3):
        client.image()
    expect(
        page.get_by_role("table", name="Rules in force").locator("td.number").first
    ).to_have_text("1")
    page.get_by_role("button", name="Switch off rate-limited").click()
    expect(page.get_by_text("No rule is in force.")).to_be_visible()
    assert len(ws.scenarios.rules()) == 0

    page.get_by_label("Operation").select_option("videos.create")
    page.get_by_label("Behaviour").select_option("status")
    page.get_by_label("Value").fill("503")
    page.get_by_label("How often").select_option("first")
    page.get_by_label("How many").fill("2")
    expect(page.get_by_label("The rule as TOML")).to_have_text(
        '[[rules]]\non = "videos.create"\nstatus = 503\nfirst = 2'
    )
    assert copied(page, "Copy the TOML").startswith("[[rules]]")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_role("table", name="Rules in force")).to_contain_text("status=503")
    assert (
        client.post("/v2/videos/generations", {"model": "seedance-v1-5-pro", "prompt": "x"}).status
        == 503
    )
    page.get_by_role("button", name="Remove rule-").click()
    expect(page.get_by_text("No rule is in force.")).to_be_visible()
    page.get_by_role("button", name="Switch on flaky").click()
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("No rule is in force.")).to_be_visible()


def test_a_rule_is_validated_as_its_file_would_be(
    page: Page, client: Client, ws: WorkspaceHandle, tmp_path: Path
) -> None:
    """The text to keep makes the same rule, and has the same error where it has one."""
    page.expected_errors = REFUSED  # type: ignore[attr-defined]
    client.image()
    show(page, client, "scenarios")
    page.get_by_label("Operation").select_option("images.*")
    page.get_by_label("Model (a glob)").fill("seed*")
    page.get_by_label("Prompt (a pattern)").fill('a "quoted" \\w+')
    page.get_by_label("only after the work").check()
    page.get_by_label("How often").select_option("every")
    page.get_by_label("How many").fill("2")
    file = tmp_path / "kept.toml"
    for kind, value in (("error", "unavailable"), ("fault", "reset"), ("status", "503")):
        page.get_by_label("Behaviour").select_option(kind)
        field = page.get_by_label("Value", exact=True)
        (field.fill if kind == "status" else field.select_option)(value)
        page.get_by_role("button", name="Add the rule").click()
        expect(page.get_by_role("table", name="Rules in force")).to_contain_text(value)
        file.write_text(copied(page, "Copy the TOML"))
        (added,) = ws.scenarios.rules()
        (kept,) = ws.scenarios.add(file).rules()
        assert _select_meaning(kept) == _select_meaning(added)
        page.get_by_role("button", name="Remove all").click()
        expect(page.get_by_text("No rule is in force.")).to_be_visible()
    page.get_by_label("Prompt (a pattern)").fill("(")
    page.get_by_role("button", name="Add the rule").click()
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("prompt")
    file.write_text(copied(page, "Copy the TOML"))
    with pytest.raises(GetimgMockError) as refused:
        ws.scenarios.add(file)
    assert str(problem.text_content()).removeprefix("rules[0].") in str(refused.value)


def _select_meaning(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in rule.items() if name not in {"id", "seen", "hits"}}


def test_money_and_limits_are_changed(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """Entries and chart follow."""
    page.expected_errors = REFUSED  # type: ignore[attr-defined]
    client.image()
    show(page, client, "money")
    expect(page.get_by_role("img", name="Costs by day")).to_be_visible()
    page.get_by_label("Amount in USD").fill("2.50")
    page.get_by_role("button", name="Top up").click()
    expect(page.get_by_role("table", name="Entries")).to_contain_text("2.50")
    assert ws.ledger.balance == Decimal("102.46")
    page.get_by_label("Balance in USD").fill("7")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#balance")).to_have_text("7.00 USD")
    page.get_by_label("image_rpm").fill("20")
    page.get_by_role("button", name="Change").click()
    expect(page.locator("main")).to_contain_text("of 20 left in this window")
    assert ws.limits.get()["image_rpm"] == 20
    page.get_by_label("Amount in USD").fill("much")
    page.get_by_role("button", name="Top up").click()
    expect(page.get_by_role("alert").first).to_contain_text("is not an amount")


def test_a_request_is_tried(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """With what the model offers, as a client would send it."""
    client.get("/v2/models")
    show(page, client, "models")
    page.locator("select[name=model]").select_option("seedance-v1-5-pro")
    page.get_by_label("Prompt").fill("A river")
    page.get_by_label("Duration").select_option("6")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Status 202")).to_be_visible()
    (made,) = ws.generations.where(kind="video")
    assert made.prompt == "A river"
    page.get_by_role("button", name="Show exchange 2").click()
    expect(page.get_by_role("dialog")).to_contain_text('"duration": 6')
    page.keyboard.press("Escape")
    ws.scenarios.add(on="images.generate", error="quota_exceeded", first=1)
    page.locator("select[name=model]").select_option("seedream-5-lite")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Status 402")).to_be_visible()


def test_workspaces_are_listed_selected_and_replaced(
    page: Page, client: Client, ws: WorkspaceHandle, tmp_path: Path
) -> None:
    """Snapshot, restore, fork and reset, each after a confirmation."""
    client.image()
    Client(client.url, "wrong").get("/v2/models")
    other = Client(client.url, f"{client.key}_bis1")
    other.image()
    show(page, client, "workspaces")
    expect(page.get_by_role("table", name="Requests without a workspace")).to_contain_text("401")
    row = page.get_by_role("row").filter(has_text=shorten_key(client.key))
    for part in (f"{ws.clock.now():%Y-%m-%d}", "x1", "99.96 USD", "selected"):
        expect(row).to_contain_text(part)
    state = tmp_path / "snapshot.json"
    state.write_bytes(downloaded(page, page.get_by_role("button", name="Download a snapshot")))
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    assert len(ws.generations) == 1  # not confirmed
    page.get_by_role("button", name="Reset").click()
    confirm(page, "Reset")
    expect(page.locator("#messages")).to_contain_text("The workspace is empty.")
    assert len(ws.generations) == 0
    page.get_by_label("A snapshot").set_input_files(state)
    page.get_by_role("button", name="Restore").click()
    confirm(page, "Restore")
    expect(page.locator("#messages")).to_contain_text("The snapshot is restored.")
    assert len(ws.generations) == 1
    page.get_by_label("Copy to the key").fill(f"{client.key}_copy")
    page.get_by_role("button", name="Fork").click()
    confirm(page, "Fork")
    expect(page.get_by_role("table", name="Workspaces")).to_contain_text("copy")
    page.get_by_role("button", name=f"Select {shorten_key(other.key)}").click()
    expect(page.locator("#balance")).to_have_text("99.96 USD")
    assert client.key not in page.content()


def test_short_keys_are_told_apart(page: Page) -> None:
    """Of a short key nothing may be shown: the beginning of the workspace's id tells them apart."""
    with MockServer(quiet=True) as server:
        for key in ("sk_a", "sk_b"):
            Client(server.url, key).image()
        page.expected_errors = STOPPED  # type: ignore[attr-defined]
        page.goto(f"{server.url}/__mock__/#workspaces")
        names = [f"sk_... ({derive_workspace_id(key)[:4]})" for key in ("sk_b", "sk_a")]
        expect(page.locator("#workspace option")).to_have_text(names)
        page.get_by_role("button", name=f"Select {names[1]}").click()
        expect(page.locator("#workspace")).to_have_value(derive_workspace_id("sk_a"))
