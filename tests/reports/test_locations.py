"""Where findings are shown in code: files of adapters and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.reports.locations import (
    SourceLocation,
    find_adapter,
    find_source,
    locate,
)
from getimg_mock.reports.run_events import Outcome
from tests.reports.bare_run import START

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = Outcome(({**START, "kind": "client"},), "/somewhere/else/events.ndjson")


def failure_of(adapter: str) -> dict[str, Any]:
    """Return as much of a failure as says whose it is."""
    return {"client": {"adapter": adapter}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move to a project with adapters."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("src", "shop").mkdir(parents=True)
    tmp_path.joinpath("src/shop/pictures.py").write_text(
        "import os\n\n\nasync def make():\n    ...\n"
    )
    tmp_path.joinpath("adapter.py").write_text("class Adapter:\n    pass\n\n\nmake = Adapter\n")
    tmp_path.joinpath("driver.mjs").write_text("// a driver\n")
    return tmp_path


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("adapter", "place"),
    [
        ("shop.pictures:make", SourceLocation("src/shop/pictures.py", 4)),
        ("adapter:make", SourceLocation("adapter.py", 5)),
        ("adapter:Adapter", SourceLocation("adapter.py", 1)),
        ("adapter:other", SourceLocation("adapter.py", 1)),
        ("nowhere.adapter:make", SourceLocation("nowhere/adapter.py", 1)),
        ("program:node driver.mjs --fast", SourceLocation("driver.mjs", 1)),
        ("program:./a 'b", SourceLocation("'b", 1)),
        ("httpx", None),
        ("--observe", None),
    ],
)
def test_an_adapter_is_found_without_being_imported(
    adapter: str, place: SourceLocation | None
) -> None:
    """An annotation is on the line that a developer would open."""
    assert find_adapter(CLIENT, failure_of(adapter)) == place


def test_a_finding_of_an_observed_suite_is_shown_at_the_test_that_sent_the_requests(
    project: Path,
) -> None:
    """Its requests were caused there; a name from outside the project is not opened.

    Where the line is known that made the call, it is that line.
    """
    file = project / "tests" / "test_shop.py"
    file.parent.mkdir()
    file.write_text("class TestCart:\n    async def test_buys(self):\n        ...\n")
    senders = [
        "curl/8",
        "../test_shop.py::test_buys",
        "tests/none.py::test_buys",
        "tests/test_shop.py::TestCart::test_buys[a::b]",
    ]
    failure = {"client": {"adapter": "--observe", "sent_by": senders}}
    assert find_source(CLIENT, failure) == SourceLocation("tests/test_shop.py", 2)
    assert locate(CLIENT, failure) == SourceLocation("tests/test_shop.py", 2)
    failure["client"]["called_at"] = ["/usr/lib/x.py:3", "../x.py:3", "src/shop.py:7"]
    assert find_source(CLIENT, failure) == SourceLocation("src/shop.py", 7)
    failure["client"]["called_at"] = ["src/shop.py:x"]
    assert find_source(CLIENT, failure) == SourceLocation("tests/test_shop.py", 2)
    failure["client"]["sent_by"] = senders[:3]
    assert find_source(CLIENT, failure) is None


def test_what_has_no_file_is_shown_in_the_events(project: Path) -> None:
    """Every finding has a place, or code hosts refuse the report."""
    assert locate(CLIENT, failure_of("httpx")) == SourceLocation("events.ndjson")
    kept = Outcome((START,), str(project / "out" / "events.ndjson"))
    assert locate(kept, {}) == SourceLocation("out/events.ndjson")
    assert locate(Outcome((START,)), {}) == SourceLocation("getimg-mock-events.ndjson")
