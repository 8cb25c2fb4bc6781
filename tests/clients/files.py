"""Holding a downloaded file to the JSON that promised it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
from PIL import Image


def assert_picture(item: Any, data: bytes) -> None:
    """Assert that `data` decodes to exactly the format and size of `item`."""
    with Image.open(BytesIO(data)) as picture:
        picture.load()
        assert picture.get_format_mimetype() == item["mime_type"]
        assert picture.size == (item["width"], item["height"])


def assert_video(item: Any, data: bytes) -> None:
    """Assert that `data` has exactly the size, length, rate and sound of `item`."""
    assert item["mime_type"] == "video/mp4"
    with av.open(BytesIO(data), mode="r") as container:
        (stream,) = container.streams.video
        assert (stream.width, stream.height) == (item["width"], item["height"])
        assert stream.average_rate == item["fps"]
        assert stream.frames == item["duration"] * item["fps"]
        assert bool(container.streams.audio) == item["has_sound"]
        assert container.duration is not None
        assert abs(container.duration / 1_000_000 - item["duration"]) < 0.1
        for each in container.streams:
            assert each.duration is not None
            assert each.time_base is not None
            assert abs(each.duration * each.time_base - item["duration"]) < 0.1
        decoded = list(container.decode(stream))
    assert len(decoded) == item["duration"] * item["fps"]
