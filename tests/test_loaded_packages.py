"""Packages whose compiled parts can be loaded once."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import getimg_mock
from getimg_mock import loaded_packages

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_package_that_a_test_run_dropped_is_the_one_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pytest within this process drops what it has imported; cryptography cannot load twice."""
    monkeypatch.setattr(getimg_mock, "_kept_packages", {}, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = ("kept_outer", "kept_parts", "kept_parts.inner")
    for name in names:
        folder = tmp_path.joinpath(*name.split("."))
        folder.mkdir()
        folder.joinpath("__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "kept_outer" / "__init__.py").write_text("import kept_parts.inner\n", "utf-8")
    try:
        with loaded_packages.keep_packages("kept_outer", "kept_parts"):
            before = import_module("kept_outer")
        inner = sys.modules["kept_parts.inner"]
        for name in names:
            del sys.modules[name]
        with loaded_packages.keep_packages("kept_outer", "kept_parts"):
            assert import_module("kept_outer") is before
        assert sys.modules["kept_parts.inner"] is inner
    finally:
        for name in names:
            sys.modules.pop(name, None)
