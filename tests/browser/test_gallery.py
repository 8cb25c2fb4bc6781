"""The gallery: a client runs beside it, every button does what it says."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser.page_actions import copied, downloaded, show

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from getimg_mock import WorkspaceHandle
    from tests.control.client import Client

pytestmark = pytest.mark.slow  # Chromium takes a second of processor time for each

QUOTED: Final = """It's "quoted", $HOME `id` \\ and\non two lines, \U0001f600"""


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
    ws.clock.freeze()
    ws.clock.advance_to(ws.generations[video].created_at + timedelta(minutes=5, seconds=20))
    expect(job).to_contain_text("pending, 4 min 40 s left")
    assert job.locator("progress").evaluate("bar => bar.value.toFixed(2)") == "0.53"
    ws.clock.run_until(video, "completed")
    expect(job.locator("img")).to_be_visible()
    ws.clock.advance("2d")
    expect(card).to_contain_text("link expired")


def test_a_failed_job_says_that_it_cost_nothing(
    page: Page, client: Client, ws: WorkspaceHandle
) -> None:
    """Its price is given back: a card with the price would say otherwise."""
    video = client.video()
    show(page, client, "gallery")
    expect(page.locator(".card")).to_contain_text("0.12 USD")
    ws.generations[video].fail()
    expect(page.locator(".card")).to_contain_text("not charged")
    expect(page.locator(".card")).not_to_contain_text("USD")
    page.locator(".card").click()
    expect(page.get_by_role("dialog")).to_contain_text("not charged")
    assert ws.ledger.balance == 100


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
    expect(dialog.get_by_text("link expires")).to_be_visible()
    assert f"/v2/downloads/{made}/0?exp=" in copied(page, "Copy link")
    assert downloaded(page, dialog.get_by_role("button", name="Save file"))[:3] == b"\xff\xd8\xff"
    with page.context.expect_page() as opened:
        dialog.get_by_role("button", name="Open").click()
    assert f"/v2/downloads/{made}/0" in opened.value.url
    dialog.get_by_role("button", name="Show exchange 1").click()
    expect(page.get_by_role("dialog", name="Exchange 1")).to_contain_text("images.generate")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    assert ws.journal.count(operation="downloads.retrieve") == 1  # only "Open" downloads


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("image", {"model": "seedream-5-lite", "prompt": QUOTED, "resolution": "3K"}),
        ("video", {"model": "seedance-v1-5-pro", "prompt": QUOTED, "duration": 6, "sound": True}),
        ("image", {"model": "z-image-turbo", "prompt": "x", "a-b": {"deep": [None, True, 1.5]}}),
    ],
)
def test_copied_code_repeats_the_request(
    page: Page,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    body: dict[str, Any],
) -> None:
    """As curl and as code for the SDK: each sends the same body, whatever is in it."""
    client.post(f"/v2/{kind}s/generations", body)
    show(page, client, "gallery")
    page.locator(".card").click()
    command = shlex.split(copied(page, "Copy as curl"))
    assert command[:4] == ["curl", "-s", "-X", "POST"]
    assert command[4] == f"{client.url}/v2/{kind}s/generations"
    assert json.loads(command[command.index("--data-raw") + 1]) == body
    code = copied(page, "Copy as SDK code")
    monkeypatch.setenv("GETIMG_API_KEY", client.key)
    monkeypatch.setenv("GETIMG_AI_BASE_URL", client.url)
    exec(code, {})  # noqa: S102 - running it is the test
    sent = client.get("/__mock__/journal").json["exchanges"][-1]
    assert json.loads(sent["request"]["text"]) == body
    assert sent["response"]["status"] < 300


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
