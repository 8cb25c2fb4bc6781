"""The table of formats."""

from __future__ import annotations

import pytest

from getimg_mock.errors import UnknownNameError
from getimg_mock.media.file_formats import FORMATS, find_format, find_format_by_mime_type


def test_a_format_is_found_by_its_name_and_by_its_media_type() -> None:
    """Both words that the API uses lead to the same row."""
    for known in FORMATS:
        assert find_format(known.name) is known
        assert find_format_by_mime_type(known.mime_type) is known


def test_jpeg_files_end_in_jpg() -> None:
    """The name in `output_format` is not always the extension that people expect."""
    assert find_format("jpeg").extension == "jpg"


def test_an_unknown_format_is_refused_with_the_nearest_one() -> None:
    """Names that do not exist are refused, and the refusal helps."""
    with pytest.raises(UnknownNameError, match="Did you mean 'jpeg'"):
        find_format("jpg")
    with pytest.raises(UnknownNameError, match="Did you mean 'image/jpeg'"):
        find_format_by_mime_type("image/jpg")
