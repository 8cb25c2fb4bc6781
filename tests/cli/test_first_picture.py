"""`serve --first-picture`, by which `make run` shows a picture before any code is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from getimg_mock import MockServer
from getimg_mock.cli.first_picture import KEY, make_picture

if TYPE_CHECKING:
    from getimg_mock.settings_options import SettingsOptions


def test_the_first_picture_opens_and_costs_no_client_anything() -> None:
    """Its address can be pasted into a browser; its money is that of a workspace of its own."""
    with MockServer() as server:
        picture = make_picture(server.app, server.url)
        assert picture is not None
        answer = httpx.get(picture)
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content[:2] == b"\xff\xd8"
        assert server.workspace(KEY).ledger.charged > 0
        assert server.workspace("sk_local").ledger.charged == 0


@pytest.mark.parametrize(
    "options", [{"image_seconds": 30}, {"balance": "0"}, {"scenario": ("lost-response",)}]
)
def test_what_does_not_come_at_once_is_not_waited_for(options: SettingsOptions) -> None:
    """The fake starts whatever its settings do to pictures."""
    with MockServer(**options) as server:
        assert make_picture(server.app, server.url) is None
