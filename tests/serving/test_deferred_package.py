"""Modules of a package are imported without what its `__init__` imports."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from getimg_mock.serving.deferred_package import defer_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PACKAGE = """
from deferred_parts.inner import Part
from deferred_parts import heavy
times = [*globals().get("times", ()), 1]
__version__ = "7"
"""


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write a package whose `__init__` imports more than its module `outer` needs."""
    folder = tmp_path / "deferred_parts"
    folder.mkdir()
    (folder / "__init__.py").write_text(_PACKAGE)
    (folder / "inner.py").write_text("class Part: ...\n")
    (folder / "heavy.py").write_text("load = 1\n")
    (folder / "outer.py").write_text("from deferred_parts import Part\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [each for each in sys.modules if each.split(".")[0] == "deferred_parts"]:
        del sys.modules[name]


@pytest.mark.usefixtures("parts")
def test_a_module_does_not_run_its_package() -> None:
    """Names of the package that its modules ask for come from their homes."""
    defer_package("deferred_parts", {"Part": "deferred_parts.inner"})
    outer = import_module("deferred_parts.outer")
    assert outer.Part is import_module("deferred_parts.inner").Part
    assert "deferred_parts.heavy" not in sys.modules


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("name", ["heavy", "times", "__version__"])
def test_the_package_runs_once_when_a_name_is_asked_for(name: str) -> None:
    """Whichever comes first, in as many threads as ask, it has all of its names then."""
    defer_package("deferred_parts", {})
    package = import_module("deferred_parts")
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(getattr(package, name))) for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert package.times == [1]
    assert type(package) is ModuleType
    assert package.__version__ == "7"
    assert not hasattr(package, "missing")


@pytest.mark.usefixtures("parts")
def test_tools_that_look_at_every_module_do_not_run_it() -> None:
    """Names such as `__warningregistry__` are not the package's."""
    defer_package("deferred_parts", {})
    package = import_module("deferred_parts")
    assert not hasattr(package, "__warningregistry__")
    assert "deferred_parts.heavy" not in sys.modules


@pytest.mark.usefixtures("parts")
def test_a_package_that_was_imported_or_is_missing_stays_as_it_is() -> None:
    """There is nothing to defer."""
    package = import_module("deferred_parts")
    defer_package("deferred_parts", {"Part": "nowhere"})
    assert sys.modules["deferred_parts"] is package
    defer_package("no_such_package", {})
    assert "no_such_package" not in sys.modules


def test_the_server_imports_no_supervisors() -> None:
    """`serve` starts no process by uvicorn, so that it needs neither click nor watchfiles."""
    code = (
        "import sys, getimg_mock.serving.server as server, uvicorn.lifespan.off\n"
        "print([each for each in ('click', 'watchfiles', 'multiprocessing', 'uvicorn.main')"
        " if each in sys.modules])\n"
        "import uvicorn\n"
        "print(uvicorn.Config is server.Config, uvicorn.run.__module__)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter runs our own lines
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "True uvicorn.main"]
