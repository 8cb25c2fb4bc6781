"""Each view of the page: a client runs beside it, every button does what it says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from getimg_mock.redaction import shorten_key
from tests.control.client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Download, Page

    from getimg_mock import MockServer, WorkspaceHandle


@pytest.fixture
def ws(server: MockServer, client: Client) -> WorkspaceHandle:
    """Return the handle on the workspace that the page shows."""
    return server.workspace(client.key)


# What Chromium itself says of a refused command, beside the message of the page.
REFUSED = ("the server responded with a status of 400",)


def show(page: Page, client: Client, view: str) -> None:
    """Open a view of the workspace of a client's key."""
    page.goto(f"{client.url}/__mock__/#{view}")
    expect(page.locator("#connection")).to_have_text("Live")
    chooser = page.locator("#workspace")
    # Keys of these tests differ at their end.
    chooser.select_option(label=shorten_key(client.key))
    expect(page.locator("main h1")).to_be_visible()


def test_the_gallery_follows_a_client(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """Pictures appear, jobs progress and end without a reload."""
    client.image(prompt="A heron at dawn")
    show(page, client, "gallery")
    card = page.locator(".card").filter(has_text="A heron at dawn")
    expect(card.locator("img")).to_be_visible()
    assert card.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    expect(card).to_contain_text("0.04 USD")
    expect(card).to_contain_text("link lives 23 h 59 min")

    video = client.video(prompt="A slow river")
    job = page.locator(".card").filter(has_text="A slow river")
    expect(job.locator("progress")).to_be_visible()
    ws.clock.advance(minutes=5)
    expect(job).to_contain_text("pending, 4 min 5")
    ws.clock.run_until(video, "completed")
    expect(job.locator("img")).to_be_visible()
    ws.clock.advance("2d")
    expect(card).to_contain_text("link expired")


def test_a_picture_opens_with_all_that_is_known(
    page: Page, client: Client, ws: WorkspaceHandle
) -> None:
    """File, facts, references and code to repeat it."""
    pixel = (
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8A"
        "AQUBAScY42YAAAAASUVORK5CYII="
    )
    made = client.image(images=[{"url": pixel, "role": "reference_image"}]).json["id"]
    show(page, client, "gallery")
    page.locator(".card").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img.media")).to_be_visible()
    expect(dialog.get_by_text("0.04 USD")).to_be_visible()
    expect(dialog.get_by_alt_text("reference, reference_image")).to_be_visible()
    for name, part in (
        ("Copy as curl", "curl -s -X POST"),
        ("Copy as SDK code", "images.generate"),
    ):
        assert part in copied(page, name)
    assert f"/v2/downloads/{made}/0?exp=" in copied(page, "Copy link")
    assert downloaded(page, dialog.get_by_role("button", name="Save file"))[:3] == b"\xff\xd8\xff"
    with page.context.expect_page() as opened:
        dialog.get_by_role("button", name="Open").click()
    assert f"/v2/downloads/{made}/0" in opened.value.url
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    assert ws.journal.count(operation="downloads.retrieve") == 1  # only "Open" downloads


def test_a_video_plays_and_seeks(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """As the file that a client downloads."""
    ws.generations[client.video()].complete()
    show(page, client, "gallery")
    page.locator(".card").click()
    video = page.locator("video")
    expect(video).to_be_visible()
    seek = """video => new Promise(done => {
        const go = () => {
            video.onseeked = () => done([video.duration, video.currentTime]);
            video.currentTime = 3;
        };
        video.readyState >= 1 ? go() : video.onloadedmetadata = go;
    })"""
    length, at = video.evaluate(seek)
    assert round(length) == 5
    assert round(at) == 3


@pytest.mark.parametrize(
    ("press", "status"), [("Complete", "completed"), ("Fail", "failed"), ("Hold", "pending")]
)
def test_jobs_are_ended_by_hand(
    page: Page, client: Client, ws: WorkspaceHandle, press: str, status: str
) -> None:
    """With the code that was chosen."""
    video = client.video()
    show(page, client, "gallery")
    page.locator(".card").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("error code").select_option("content_policy_violation")
    dialog.get_by_role("button", name=press).click()
    expect(dialog).to_have_count(0)
    assert ws.generations[video].status == status
    if press == "Fail":
        assert (ws.generations[video].error or {})["code"] == "content_policy_violation"
    if press == "Hold":
        assert ws.generations[video].ends_at is None


def test_the_gallery_is_filtered_and_paged(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """A page has 48; the rest is older."""
    for number in range(50):
        client.image(prompt=f"picture {number}")
    client.video()
    show(page, client, "gallery")
    expect(page.locator(".card")).to_have_count(48)
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".card")).to_have_count(3)
    page.get_by_role("button", name="Newer").click()
    expect(page.locator(".card")).to_have_count(48)
    page.get_by_label("Kind").select_option("video")
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_label("State").select_option("failed")
    expect(page.locator(".card")).to_have_count(0)
    assert len(ws.generations) == 51


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
    expect(lines).to_contain_text("GC402 FAIL")
    expect(lines).to_contain_text("fault: close after commit")
    expect(lines.get_by_text("clock.advance")).to_be_visible()
    client.image(model="nope")
    expect(lines).to_contain_text("invalid_parameter: Unsupported model 'nope'.")
    page.get_by_label("Operation").select_option("videos.*")
    expect(page.locator(".lines > li")).to_have_count(0)
    page.get_by_label("Operation").select_option("images.*")
    expect(page.locator(".lines > li")).to_have_count(3)
    har = json.loads(downloaded(page, page.get_by_role("button", name="Download HAR")))
    assert len(har["log"]["entries"]) == 3
    page.get_by_role("button", name="Clear the journal").click()
    expect(page.locator(".lines > li")).to_have_count(0)
    assert ws.journal.count() == 0


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


def test_an_exchange_is_shown_whole(page: Page, client: Client) -> None:
    """Headers, bodies and effects, without the key."""
    client.image(prompt="A heron")
    show(page, client, "timeline")
    page.get_by_role("button", name="#1 POST /v2/images/generations").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text('"prompt": "A heron"')
    expect(dialog).to_contain_text("content-type")
    expect(dialog).to_contain_text("hold 0.04 USD, charge 0.04 USD")
    assert client.key not in page.content()
    assert "A heron" in copied(page, "Copy as curl")
    har = json.loads(downloaded(page, dialog.get_by_role("button", name="Download HAR")))
    assert len(har["log"]["entries"]) == 1


def test_the_clock_is_moved(page: Page, client: Client, ws: WorkspaceHandle) -> None:
    """By each of its buttons, and each says what happened."""
    page.expected_errors = REFUSED  # type: ignore[attr-defined]
    video = client.video()
    show(page, client, "clock")
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
    expect(page.locator("#messages")).to_contain_text("a clock cannot go backwards")


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
    page.get_by_label("Prompt (a pattern)").fill("(")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.locator("#messages")).to_contain_text("prompt")
    page.get_by_role("button", name="Remove rule-").click()
    expect(page.get_by_text("No rule is in force.")).to_be_visible()
    page.get_by_role("button", name="Switch on flaky").click()
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("No rule is in force.")).to_be_visible()


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
    expect(page.locator("#messages")).to_contain_text("is not an amount")


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


def confirm(page: Page, verb: str) -> None:
    """Press the button of the open question."""
    page.get_by_role("dialog").get_by_role("button", name=verb).click()


def copied(page: Page, name: str) -> str:
    """Press a button that copies, and return what it shows or has copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name=name).click()
    expect(page.locator("#messages").get_by_text("Copied.").last).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def downloaded(page: Page, button: Any) -> bytes:
    """Press a button that saves a file, and return the file."""
    with page.expect_download() as waiting:
        button.click()
    download: Download = waiting.value
    return download.path().read_bytes()
