"""Recorded outcomes over every store: what was replayed is kept like what was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cassettes.written_cassette import IMAGE, VIDEO, WrittenCassette

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.driver import Driver
    from tests.store.makers import Maker


def _make(driver: Driver) -> tuple[str, str]:
    image = driver.post("/v2/images/generations", IMAGE)
    video = driver.post("/v2/videos/generations", VIDEO)
    assert (image.status, video.status) == (200, 202)
    return image.json["data"][0]["url"], video.json["id"]


def test_a_replay_goes_on_after_a_restart(maker: Maker, tmp_path: Path) -> None:
    """Links lead to the recorded file, and a pending video ends as recorded, in another process."""
    cassette = WrittenCassette(tmp_path / "cassette")
    cassette.add_image()
    cassette.add_video()
    first = maker.drive(replay=cassette.save())
    url, video = _make(first)
    file, charged = first.download(url), first.books().charged
    assert file.status == 200
    later = maker.drive(replay=cassette.folder) if maker.is_durable else first
    again = later.download(url)
    assert (again.status, again.body) == (200, file.body)
    assert later.books().charged == charged
    assert later.poll(video).json["status"] == "pending"
    later.workspace().advance(3600)
    ended = later.poll(video).json
    assert ended["status"] == "completed"
    assert later.download(ended["data"][0]["url"]).status == 200
    assert later.books().charged > charged
