"""The version that the fake and its exports name."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, NoReturn

from getimg_mock.control import package_version

if TYPE_CHECKING:
    import pytest


def test_a_checkout_that_is_not_installed_has_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The health of a fake that runs from its source is an answer, not an error."""

    def fail(name: str) -> NoReturn:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(package_version, "version", fail)
    package_version.find_version.cache_clear()
    assert package_version.find_version() == "0"
    package_version.find_version.cache_clear()
