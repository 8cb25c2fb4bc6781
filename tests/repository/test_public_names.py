"""The public surface of `import getimg_mock`: short, listed, lazy."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

import getimg_mock

HEAVY: Final = {
    "PIL",
    "asyncio",
    "av",
    "h11",
    "httptools",
    "httpx",
    "httpx2",
    "jsonschema_rs",
    "pytest",
    "starlette",
    "uvicorn",
    "uvloop",
}


def imported(statement: str) -> set[str]:
    """Return the top-level names of the modules that `statement` imports in a new interpreter."""
    program = (
        f"import json, sys; before = set(sys.modules); {statement}; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_there_are_about_ten_and_they_are_listed() -> None:
    """What is public can be read in a minute and is promised; all else may change."""
    assert 5 <= len(getimg_mock.__all__) <= 12
    assert sorted(getimg_mock.__all__) == getimg_mock.__all__ == dir(getimg_mock)


@pytest.mark.parametrize("name", getimg_mock.__all__)
def test_each_is_there_and_explained(name: str) -> None:
    """A listed name that fails on first use would be found by a user, not by us."""
    assert getattr(getimg_mock, name).__doc__
    assert f"`{name}`" in str(getimg_mock.__doc__)


def test_a_former_name_still_works_and_names_the_new_one() -> None:
    """A renamed public name goes only after a release that warns of it."""
    with pytest.warns(DeprecationWarning, match="getimg_mock.WorkspaceHandle"):
        former = getimg_mock.Workspace
    assert former is getimg_mock.WorkspaceHandle


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    """Lazy names must not hide a typing error."""
    with pytest.raises(AttributeError, match="no attribute 'MockSever'"):
        getimg_mock.MockSever  # noqa: B018 - the access is the test


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Other people's test suites import us; that must cost them about nothing."""
    assert imported("import getimg_mock") & HEAVY == set()


def test_the_errors_alone_import_nothing_heavy() -> None:
    """`except SettingsError` does not start an HTTP server's worth of modules."""
    assert imported("from getimg_mock import SettingsError") & HEAVY == set()


def test_the_measure_sees_heavy_modules() -> None:
    """A probe that saw nothing would pass the two tests above for ever."""
    seen = imported("from getimg_mock import MockServer")
    assert {"httptools", "uvicorn"} <= seen
    # What no request of the API needs would slow every start.
    assert {"starlette", "PIL", "av"} & seen == set()
