"""The arguments of the mark `getimg` and of the fixture `getimg_settings`, typed."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - read at run time by the test that compares
from datetime import datetime  # noqa: TC003 - see above
from pathlib import Path  # noqa: TC003 - see above
from typing import TYPE_CHECKING, Literal, TypedDict

import pytest

from getimg_mock.settings_options import SharedOptions

if TYPE_CHECKING:
    from typing import Unpack


class LimitOptions(TypedDict, total=False):
    """Rate limits of a workspace; None is unlimited."""

    image_rpm: int | None
    video_rpm: int | None
    concurrent: int | None
    rate_window: int


class MarkOptions(SharedOptions, total=False):
    """The options of a test's fake, for `mark` and `getimg_settings`.

    `key` is the API key of the workspace. `policies` and `verdict` say what fails the test.
    `cassette` is the folder of recorded outcomes that are replayed, relative to the root folder.
    `clock` is virtual (the default), linked, real, a rate such as x60, or a moment to freeze it at.
    """

    key: str
    policies: Sequence[str] | str
    verdict: Literal["off", "error"]
    limits: Literal["generous", "realistic"] | LimitOptions
    clock: datetime | str
    scenario: Sequence[str | Path] | str | Path
    cassette: Path | str | None


def mark(**options: Unpack[MarkOptions]) -> pytest.MarkDecorator:
    """Return `pytest.mark.getimg(...)`, checked by type checkers.

        pytestmark = mark(seed="mine", clock="linked")

    The options are checked again when the test runs; there an unknown name raises.
    """
    return pytest.mark.getimg(**options)
