"""The table of formats."""

from __future__ import annotations

import pytest

from getimg_mock.errors import UnknownNameError
from getimg_mock.media.file_formats import FORMATS, format_named, format_of


def test_a_format_is_found_by_its_name_and_by_its_media_type() -> None:
    """Both words that the API uses lead to the same row."""
    for known in FORMATS:
        assert format_named(known.name) is known
        assert format_of(known.mime_type) is known


def test_jpeg_files_end_in_jpg() -> None:
    """The name in `output_format` is not always the extension that people expect."""
    assert format_named("jpeg").extension == "jpg"


def test_an_unknown_format_is_refused_with_the_nearest_one() -> None:
    """Names that do not exist are refused, and the refusal helps."""
    with pytest.raises(UnknownNameError, match="Did you mean 'jpeg'"):
        format_named("jpg")
    with pytest.raises(UnknownNameError, match="Did you mean 'image/jpeg'"):
        format_of("image/jpg")
