"""Files of the user's own: delivered byte for byte, described as they are, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import pytest
from PIL import Image

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.media.own_files import OwnFile, read_media_rule, read_media_rules
from getimg_mock.media.video_files import Video, encode_video

if TYPE_CHECKING:
    from pathlib import Path


def write_picture(path: Path, size: tuple[int, int] = (30, 20), form: str = "PNG") -> Path:
    """Write a picture and return its path."""
    Image.new("RGB", size, "red").save(path, form)
    return path


def write_video(path: Path, *, sound: bool = True) -> Path:
    """Write an MP4 of two seconds and return its path."""
    path.write_bytes(encode_video(Video(64, 48, 2, 24, sound, "x", "m", "req-1", b"seed")))
    return path


@pytest.mark.parametrize(
    ("form", "mime_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
def test_a_picture_is_what_its_bytes_say(tmp_path: Path, form: str, mime_type: str) -> None:
    """Whatever its name says."""
    (file,) = read_media_rule({"file": str(write_picture(tmp_path / "a.png", form=form))}).files
    assert (file.kind, file.mime_type, file.width, file.height) == ("image", mime_type, 30, 20)
    assert (file.duration, file.fps, file.has_sound) == (None, None, False)


@pytest.mark.parametrize("sound", [True, False])
def test_a_video_says_its_length_rate_and_sound(tmp_path: Path, *, sound: bool) -> None:
    """All that an answer states of it."""
    path = write_video(tmp_path / "a.mp4", sound=sound)
    (file,) = read_media_rule({"file": str(path)}).files
    assert (file.kind, file.mime_type, file.width, file.height) == ("video", "video/mp4", 64, 48)
    assert (file.duration, file.fps, file.has_sound) == (2, 24, sound)


def test_a_folder_gives_the_files_that_can_be_delivered(tmp_path: Path) -> None:
    """Others, such as notes, are left out; one of its pictures that is broken is named."""
    write_picture(tmp_path / "b.png")
    write_video(tmp_path / "a.mp4")
    (tmp_path / "notes.txt").write_text("mine")
    rule = read_media_rule({"file": str(tmp_path)})
    assert [each.kind for each in rule.files] == ["video", "image"]
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    with pytest.raises(SettingsError, match=r"c\.jpg"):
        read_media_rule({"file": str(tmp_path)})


def _truncate(path: Path) -> None:
    path.write_bytes(write_picture(path, (300, 300), "JPEG").read_bytes()[:-400])


def _write_gif(path: Path) -> None:
    write_picture(path, form="GIF")


def _write_matroska(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))


def _write_wide(path: Path) -> None:
    write_picture(path, (16385, 1))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_truncate, "is a broken picture"),
        (_write_gif, "is GIF: use PNG, JPEG, WebP or MP4"),
        (_write_matroska, "is not an MP4"),
        (_write_wide, "longest side can have 16384 pixels"),
        (lambda path: path.write_text("text"), "is neither a picture nor a video"),
        (lambda path: path.write_bytes(b""), "is neither a picture nor a video"),
        (lambda path: path.mkdir(), r"holds no \.png"),
        (lambda _path: None, "cannot be read: No such file"),
    ],
)
def test_what_the_api_could_not_deliver_is_refused(tmp_path: Path, write: Any, said: str) -> None:
    """When the rule is written, with the path, and not at the first download."""
    path = tmp_path / "file"
    write(path)
    with pytest.raises(SettingsError, match=said):
        read_media_rule({"file": str(path)})


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"prompt": "x"}, SettingsError),
        ({"file": "a.png", "promt": "x"}, UnknownNameError),
        ({"file": "a.png", "on": "models.list"}, UnknownNameError),
        ({"file": "a.png", "prompt": "("}, SettingsError),
        ({"file": "a.png", "prompt": 1}, SettingsError),
        ({"file": "a\0.png"}, SettingsError),
        ({"file": "a.png", "on": "videos.create"}, SettingsError),
    ],
)
def test_a_rule_that_cannot_act_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: Any, error: type[Exception]
) -> None:
    """A picture cannot answer for a video, and every name is checked; a list says which rule."""
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "a.png")
    with pytest.raises(error):
        read_media_rule(rule)
    with pytest.raises(SettingsError, match=r"^media\[1\]: "):
        read_media_rules([{"file": "a.png"}, rule])


def test_a_large_file_is_read_in_slices(tmp_path: Path) -> None:
    """500 MB in a download need no 500 MB of memory; a file that shrinks gives fewer bytes."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.seek(500 * 1024 * 1024)
        file.write(b"end")
    data: Any = OwnFile.find(str(path)).read()
    assert not isinstance(data, bytes)
    assert len(data) == 500 * 1024 * 1024 + 3
    assert (data[-3:], data[:2], data[0]) == (b"end", b"\0\0", 0)
    path.write_bytes(b"short")
    assert data[10:20] == b""
