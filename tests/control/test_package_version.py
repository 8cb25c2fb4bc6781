"""The version that the fake and its exports name."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from getimg_mock.control import package_version

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_version_is_that_of_the_installation() -> None:
    """It is read from the name of a folder, and agrees with what the packaging tools read."""
    assert package_version.find_version() == version("getimg-mock")


def test_a_checkout_that_is_not_installed_has_a_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The health of a fake that runs from its source is an answer, not an error."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "missing")])
    assert package_version.find_version() == "0"
