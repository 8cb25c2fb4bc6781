"""Fonts of posters: that of the extra `fonts`, and a file of the user's own."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import ImageFont

from getimg_mock.errors import SettingsError
from getimg_mock.fake import Fake
from getimg_mock.media import fonts
from getimg_mock.media.pictures import Picture, encode_picture
from getimg_mock.media.text_layout import choose_font, replace_undrawable, wrap_text
from getimg_mock.settings import Settings
from tests.api.driver import Driver

if TYPE_CHECKING:
    from pathlib import Path

WIDE = fonts.find_installed_font()
needs_wide = pytest.mark.skipif(WIDE is None, reason="needs the extra fonts")


@pytest.fixture
def own_font(tmp_path: Path) -> Path:
    """Return a font file: that of Pillow, under a name of its own."""
    font = ImageFont.load_default(size=12)
    assert isinstance(font, ImageFont.FreeTypeFont)
    path = tmp_path / "own.ttf"
    assert isinstance(font.path, BytesIO)
    path.write_bytes(font.path.getvalue())
    return path


@needs_wide
@pytest.mark.parametrize("text", ["灯台", "Привет", "등대", "Крёстный ход"])
def test_words_of_other_scripts_are_drawn(text: str) -> None:
    """None falls to an empty box, nor loses a mark that belongs to its letter."""
    font = choose_font(text)
    assert font == WIDE
    assert replace_undrawable(text, font) == text


def test_what_pillows_font_can_draw_is_the_same_everywhere() -> None:
    """Whether another font is installed changes no poster of Latin letters."""
    assert choose_font("A lighthouse, Crème brûlée - 5 EUR") == fonts.PILLOW


def test_without_another_font_boxes_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is missing: a poster is drawn all the same."""
    monkeypatch.setattr("getimg_mock.media.text_layout.find_installed_font", lambda: None)
    assert choose_font("灯台") == fonts.PILLOW


@needs_wide
def test_text_without_spaces_is_broken_where_the_room_ends() -> None:
    """Japanese is written without spaces, and fits all the same."""
    lines = wrap_text("灯台" * 40, 20, 200, font=WIDE or "")
    assert "".join(lines) == "灯台" * 40
    assert max(map(len, lines)) <= 10


@needs_wide
def test_a_poster_shows_the_words_and_not_as_many_boxes() -> None:
    """Two prompts of one length differ in the picture, as their letters do."""
    one, other = (
        encode_picture(Picture(300, 200, "image/png", prompt, "m", "req-1", b"seed"))
        for prompt in ("灯台", "富士")
    )
    assert one != other


def test_a_font_of_the_users_own_is_used_for_downloads(own_font: Path) -> None:
    """It is named once for a fake; files and ETags are those of the font."""
    usual, own = (Driver.of(font=font) for font in (None, WIDE or str(own_font)))
    answers = [api.download(api.image().json["data"][0]["url"]) for api in (usual, own)]
    assert [each.status for each in answers] == [200, 200]
    assert answers[0].header("etag") != answers[1].header("etag")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "there is no such file"), (b"no font", "unknown file format")]
)
def test_a_file_that_is_no_font_is_refused_at_the_start(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    """One sentence, instead of downloads that fail."""
    path = tmp_path / "font.ttf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"--font .*font\.ttf: {why}\. Name a TrueType"):
        Fake.of(Settings.of(font=path))
