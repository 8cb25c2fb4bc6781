"""Downloads of files of the user's own, through every way to name them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from getimg_mock import MockServer, Settings, connect, create_app
from getimg_mock.cli import main
from getimg_mock.errors import SettingsError
from tests.media.test_own_files import write_picture, write_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk_own_media"
IMAGE = {"model": "z-image-turbo", "prompt": "A cat"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "A cat"}


@pytest.fixture
def server() -> Iterator[MockServer]:
    """Return a fake whose videos are ready at once."""
    with MockServer(video_seconds=0, clock="virtual") as running:
        yield running


def fetch(url: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
    """Return status, headers and body of an answer."""
    sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"} | headers
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, sent), timeout=30) as answer:  # noqa: S310 - our own
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def make_image(server: MockServer, **changes: Any) -> dict[str, Any]:
    """Return the item of a new picture."""
    _, _, body = fetch(f"{server.url}/v2/images/generations", IMAGE | changes)
    item: dict[str, Any] = json.loads(body)["data"][0]
    return item


def make_video(server: MockServer, **changes: Any) -> dict[str, Any]:
    """Return the answer for a new video that is ready."""
    _, _, body = fetch(f"{server.url}/v2/videos/generations", VIDEO | changes)
    _, _, body = fetch(f"{server.url}/v2/videos/generations/{json.loads(body)['id']}")
    answer: dict[str, Any] = json.loads(body)
    return answer


def test_a_download_has_the_bytes_of_the_file(server: MockServer, tmp_path: Path) -> None:
    """The answer states the file's own size and type; the price is that of the request."""
    path = write_picture(tmp_path / "cat.png")
    server.workspace(KEY).media.add(path, prompt="(?i)cat")
    item = make_image(server, output_format="jpeg")
    assert (item["width"], item["height"], item["mime_type"]) == (30, 20, "image/png")
    status, headers, body = fetch(item["url"])
    assert (status, body, headers["content-type"]) == (200, path.read_bytes(), "image/png")
    assert headers["content-disposition"].endswith('.png"')
    assert make_image(server, prompt="A dog")["width"] != 30


def test_a_video_states_what_its_file_has(server: MockServer, tmp_path: Path) -> None:
    """Two seconds with sound, whatever was asked for; five seconds are paid."""
    path = write_video(tmp_path / "cat.mp4")
    server.workspace(KEY).media.add(path, model="seedance-*", on="videos.create")
    answer = make_video(server, duration=5, sound=False)
    item = answer["data"][0]
    assert (item["duration"], item["fps"], item["has_sound"]) == (2, 24, True)
    assert answer["usage"]["quantity"] == 5
    assert fetch(item["url"])[2] == path.read_bytes()
    # A video cannot answer for a picture.
    assert make_image(server)["mime_type"] == "image/jpeg"


def test_ranges_conditions_and_expiry_hold(server: MockServer, tmp_path: Path) -> None:
    """A file of one's own is a file like any other."""
    path = write_picture(tmp_path / "cat.png")
    workspace = server.workspace(KEY)
    workspace.media.add(path)
    url = make_image(server)["url"]
    status, headers, body = fetch(url, Range="bytes=2-9")
    assert (status, body) == (206, path.read_bytes()[2:10])
    assert fetch(url, **{"If-None-Match": headers["etag"]})[0] == 304
    workspace.scenarios.add(on="downloads.retrieve", status=503, first=1)
    assert [fetch(url)[0], fetch(url)[0]] == [503, 200]
    workspace.clock.advance(days=2)
    assert fetch(url)[0] == 410


def test_a_large_file_is_sent_whole(server: MockServer, tmp_path: Path) -> None:
    """More than is kept in memory at once."""
    path = write_picture(tmp_path / "large.png", (10, 10))
    with path.open("ab") as file:
        file.write(bytes(range(256)) * 40_000)
    server.workspace(KEY).media.add(path)
    url = make_image(server)["url"]
    assert fetch(url)[2] == path.read_bytes()
    assert fetch(url, Range="bytes=-5")[2] == path.read_bytes()[-5:]


def test_a_folder_gives_equal_requests_their_turn(server: MockServer, tmp_path: Path) -> None:
    """Which file a request gets depends on the request and its number, not on others."""
    for number in range(1, 5):
        write_picture(tmp_path / f"{number}.png", (number, number))
    server.workspace(KEY).media.add(tmp_path)
    first = [make_image(server)["width"] for _ in range(12)]
    assert len(set(first)) > 1
    workspace = server.workspace(KEY)
    workspace.reset()
    workspace.media.add(tmp_path)
    assert [make_image(server)["width"] for _ in range(12)] == first


def test_a_file_that_has_changed_is_not_delivered_as_the_old_one(
    server: MockServer, tmp_path: Path
) -> None:
    """What was promised would be wrong; the hint names the file."""
    path = write_picture(tmp_path / "cat.png")
    server.workspace(KEY).media.add(path)
    url = make_image(server)["url"]
    write_picture(path, (40, 40))
    status, headers, _ = fetch(url)
    assert (status, "has changed" in headers["x-mock-hint"]) == (404, True)
    path.unlink()
    assert fetch(url)[0] == 404


def test_snapshots_keep_rules_and_files(server: MockServer, tmp_path: Path) -> None:
    """A fork delivers what its original delivers; a snapshot opens no file that is not media."""
    path = write_picture(tmp_path / "cat.png")
    workspace = server.workspace(KEY)
    workspace.media.add(path)
    url = make_image(server)["url"]
    state = workspace.snapshot()
    workspace.reset()
    workspace.restore(state)
    assert fetch(url)[2] == path.read_bytes()
    assert make_image(server)["width"] == 30
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    state["generations"][0]["product"]["file"] = str(secret)
    workspace.restore(state)
    assert fetch(url)[0] == 404


def test_the_configuration_names_files_for_all_workspaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`[[media]]` in the file; a rule of a workspace precedes it."""
    write_picture(tmp_path / "cat.png")
    write_picture(tmp_path / "dog.png", (50, 50))
    config = tmp_path / "getimg-mock.toml"
    config.write_text('[[media]]\nfile = "cat.png"\nprompt = "cat"\non = "images.generate"\n')
    monkeypatch.chdir(tmp_path)
    settings = Settings.load({"port": 0, "quiet": True}, {}, config)
    with MockServer(settings=settings) as server:
        assert make_image(server, prompt="cat")["width"] == 30
        server.workspace(KEY).media.add("dog.png")
        assert make_image(server, prompt="cat")["width"] == 50
    config.write_text('[[media]]\nfile = "cat.png"\n[[media]]\nfile = "none.png"\n')
    with pytest.raises(SettingsError, match=r"^media\[1\]: .*none\.png cannot be read"):
        create_app(Settings.load({}, {}, config))


def test_the_command_line_adds_and_removes_rules(
    server: MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A path is one of the folder in which the command runs."""
    write_picture(tmp_path / "cat.png")
    monkeypatch.chdir(tmp_path)
    where = ["--url", server.url, "--key", KEY]
    assert main(["media", "add", "cat.png", "--prompt", "cat", *where]) == 0
    assert "cat.png (1 file)  prompt=cat" in capsys.readouterr().out
    assert make_image(server, prompt="cat")["width"] == 30
    remote = connect(server.url, KEY)
    (rule,) = remote.media.rules()
    assert main(["media", "remove", rule["id"], *where]) == 0
    assert main(["media", "list", *where]) == 0
    assert "No rules." in capsys.readouterr().out
    assert main(["media", "add", "none.png", *where]) == 2
    assert "none.png cannot be read" in capsys.readouterr().err
