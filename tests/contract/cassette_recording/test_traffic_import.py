"""Traffic of other recorders becomes a cassette, and a cassette becomes a HAR file again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cassettes.har_export import build_cassette_har
from getimg_mock.cassettes.inspection import inspect_cassette
from getimg_mock.cli import main
from getimg_mock.contract.cassette_recording.traffic_import import import_traffic
from getimg_mock.errors import CassetteError, SettingsError
from getimg_mock.in_process.exchange import AdvanceClock
from tests.api.driver import Driver
from tests.cassettes.written_cassette import (
    IMAGE,
    WrittenCassette,
    build_error,
    build_result,
    draw_picture,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a cassette with one entry of every kind."""
    made = WrittenCassette(tmp_path / "cassette")
    headers = {"retry-after": "7", "x-ratelimit-reset": "{answer+30s}"}
    made.add(IMAGE, 429, build_error("rate_limit", "Slower."), headers=headers)
    pictures = [draw_picture("red"), draw_picture("blue")]
    made.add_image(IMAGE, build_result(items=2), files=pictures, seconds=28.42)
    images = [{"url": "https://x.example/a.png?{query}", "role": "reference_image"}]
    made.add_image(IMAGE | {"images": images}, build_result(0.5), cost="0.5")
    made.add_video(
        changes=[("pending", 0.1), ("processing", 5.0), ("completed", 30.5)],
        interruptions=[(7.5, 500, build_error("server_error", "Oh."))],
    )
    unended = {"model": "m", "prompt": "p"}
    made.add_video(final=False, body=unended, changes=[("pending", 0.3)], cost="0")
    made.add(None, 200, [{"id": "m"}], method="GET", path="/v2/models", query="type=image")
    made.add(None, 200, {"balance": "{balance+0}"}, method="GET", path="/v2/billing/balance")
    made.add(None, 404, build_error("not_found", "No."), method="GET", path="/v3/other")
    return made.save()


def test_a_cassette_comes_back_from_har_as_it_was(folder: Path, tmp_path: Path) -> None:
    """Nothing of an entry is lost: requests, answers, times, states, costs and files."""
    file, again = tmp_path / "cassette.har", tmp_path / "again"
    assert main(["cassette", "export", str(folder), str(file)]) == 0
    assert main(["cassette", "import", str(again), str(file)]) == 0
    before = [each for each in read_cassette(folder).entries if each.operation]
    after = read_cassette(again)
    for old, new in zip(before, after.entries, strict=True):
        assert old == new
    assert after.manifest.upstream == "api.getimg.ai"
    assert {each.severity for each in inspect_cassette(again)} == {"fault"}  # b"not a film"


def test_an_imported_har_of_the_journal_replays(tmp_path: Path) -> None:
    """What a fake's journal exports is traffic like any other: keys and links do not stay."""
    from getimg_mock.control.channels import LocalChannel  # noqa: PLC0415 - for this test alone
    from getimg_mock.control.handle import WorkspaceHandle  # noqa: PLC0415 - see above

    driver = Driver.of()
    made = driver.image()
    driver.download(made.json["data"][0]["url"])
    video = driver.video().json["id"]
    driver.poll(video)
    driver.advance(100)
    driver.poll(video)
    handle = WorkspaceHandle(LocalChannel(driver.app.fake, driver.key))
    file = tmp_path / "journal.har"
    file.write_text(json.dumps(handle.journal.to_har()), encoding="utf-8")
    summary = import_traffic(file, tmp_path / "cassette")
    assert (summary.manifest.exchanges, summary.manifest.jobs) == (1, 1)
    assert summary.missing == 2  # a journal keeps the beginning of a file alone
    found = inspect_cassette(tmp_path / "cassette")
    assert [each for each in found if each.severity != "note"] == []
    # A journal measures real time: the image comes after as long as it took to draw it.
    again = Driver.of(replay=tmp_path / "cassette", seed="another", patience=AdvanceClock())
    replayed = again.image()
    assert replayed.json["usage"] == made.json["usage"]
    assert again.download(replayed.json["data"][0]["url"]).status == 200
    second = again.video().json["id"]
    again.advance(200)  # 100 s were recorded, and the moments that the requests took
    assert again.poll(second).json["status"] == "completed"


BAD: list[tuple[Any, type[Exception], str]] = [
    ("{", SettingsError, "is not recorded traffic"),
    ({"log": {"entries": []}}, SettingsError, "it has no exchange"),
    ({"log": {"entries": [7]}}, SettingsError, "entry 1"),
    (
        {
            "log": {
                "entries": [
                    {
                        "request": {"method": "GET", "url": "https://x.example/"},
                        "response": {"status": 200},
                    }
                ]
            }
        },
        CassetteError,
        "no exchange with the API",
    ),
]


@pytest.mark.parametrize(("value", "error", "text"), BAD)
def test_a_file_that_cannot_be_imported_is_one_sentence(
    tmp_path: Path, value: Any, error: type[Exception], text: str
) -> None:
    """And nothing is written."""
    file = tmp_path / "bad.har"
    file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    with pytest.raises(error, match=text):
        import_traffic(file, tmp_path / "cassette")
    assert not (tmp_path / "cassette").exists()


def test_a_har_of_a_hostile_cassette_is_only_data(tmp_path: Path) -> None:
    """Placeholders that lead nowhere stay texts, and a file that is missing is one sentence."""
    made = WrittenCassette(tmp_path / "hostile")
    made.add_image(IMAGE, build_result(note="{answer+9999999999s} {link:9999} {balance-1}"))
    made.save()
    har = build_cassette_har(read_cassette(made.folder), "0")
    assert len(har["log"]["entries"]) == 2
    next((made.folder / "media").iterdir()).unlink()
    with pytest.raises(CassetteError, match="cannot be read"):
        build_cassette_har(read_cassette(made.folder), "0")
