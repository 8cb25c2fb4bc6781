"""Latency files: what is read from one, what a recording writes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock import MockServer
from getimg_mock.errors import SettingsError
from getimg_mock.latency_file import build_latency_reader, read_latency, summarize_latency
from getimg_mock.schemas import violations
from getimg_mock.setting_values import MAX_SECONDS, Span
from getimg_mock.settings import Settings

FILE = Path(__file__).parent / "latency.json"
PROFILE = Path(__file__).parents[1] / "fixtures" / "timing" / "observed.json"


def test_each_option_takes_its_part_of_a_file() -> None:
    """Arguments, environment and file of settings read it alike."""
    settings = Settings.load({"image_seconds": str(FILE)}, {"GETIMG_MOCK_VIDEO_SECONDS": str(FILE)})
    assert settings == Settings.of(image_seconds=FILE, video_seconds=FILE)
    assert str(settings.image_seconds) == "quantiles(p0=21.5, p50=28, p99=34, p100=36.25)"
    assert str(settings.video_seconds) == "quantiles(p10=40, p90=90)"


def test_the_shipped_profile_is_what_was_observed() -> None:
    """25 to 35 s for an image; nothing is known of videos, and a time that is given wins."""
    settings = Settings.of(timing="observed")
    assert settings == Settings.of(timing="observed", image_seconds=PROFILE)
    assert str(settings.image_seconds) == "quantiles(p0=25, p100=35)"
    assert settings.video_seconds is None
    assert Settings.of(timing="observed", image_seconds=3).image_seconds == Span(3, 3)
    assert Settings.of(timing="instant").image_seconds == Span(0, 0)


def test_a_server_opens_no_file_that_a_request_names(tmp_path: Path) -> None:
    """A handle and the command line read the file themselves; over HTTP its name is refused."""
    with MockServer(clock="virtual") as server:
        workspace = server.workspace("sk_latency")
        workspace.configure(image_seconds=FILE)
        assert workspace.settings["image_seconds"] == str(
            Settings.of(image_seconds=FILE).image_seconds
        )
        with pytest.raises(SettingsError, match="is not a time in seconds"):
            workspace._channel.call("PATCH", "/settings", {"image_seconds": str(FILE)})
        with pytest.raises(SettingsError, match="cannot be read"):
            workspace.configure(image_seconds=tmp_path / "none.json")
        state = workspace.snapshot()
        workspace.reset()
        workspace.restore(state)
        assert workspace.settings["image_seconds"].startswith("quantiles(p0=21.5")


@given(st.lists(st.floats(0, MAX_SECONDS), min_size=1), st.lists(st.floats(0, 10**4)))
def test_what_a_recording_writes_is_read_again(images: list[float], videos: list[float]) -> None:
    """Any durations make a file of the published schema, between the least and the greatest."""
    document = json.loads(json.dumps(summarize_latency({"image": images, "video": videos}, "now")))
    assert violations("own/latency-file", document) == []
    span = read_latency(document, "image", "latency.json")
    assert (span.low, span.high) == pytest.approx((min(images), max(images)), abs=0.001)
    assert document["image"]["count"] == len(images)
    assert ("video" in document) == bool(videos)


def test_the_shipped_profile_fits_the_schema() -> None:
    """It is the example that users copy."""
    for path in (PROFILE, FILE):
        assert violations("own/latency-file", json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("[1]", "use an object with image, video, or both"),
        ('{"images": {}}', "use an object with image, video, or both"),
        ('{"video": {"quantiles": {"p1": 1}}}', "no durations of images"),
        ('{"image": 30}', "image has no quantiles"),
        ('{"image": {"quantiles": {}}}', "1 to 1000 quantiles"),
        ('{"image": {"quantiles": {"median": 3}}}', "not a percentage"),
        ('{"image": {"quantiles": {"p50": "3"}}}', "not a number of seconds"),
        ('{"image": {"quantiles": {"p50": 3, "p40": 4}}}', "out of order"),
        ('{"image": {"quantiles": {"p50": 3, "p60": 2}}}', "out of order"),
        ('{"image": {"quantiles": {"p500": 3}}}', "out of order"),
        ('{"image": {"quantiles": {"p50": NaN}}}', "out of range"),
        ('{"image": {"quantiles": {"p50": -1}}}', "out of order"),
        (f'{{"image": {{"quantiles": {{"p50": {10**400}}}}}}}', "out of range"),
        ("[" * 100_000, "it is not JSON"),
        ("", "it is not JSON"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, document: str, message: str) -> None:
    """It names the file, and says what would have worked."""
    path = tmp_path / "latency.json"
    path.write_text(document, encoding="utf-8")
    read: Any = build_latency_reader("image")
    with pytest.raises(SettingsError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
