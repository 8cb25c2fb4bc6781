"""docs/pytest.md: everything shown is run, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from getimg_mock.testing import fixtures as _imported_once  # noqa: F401 - not by each inner run
from getimg_mock.testing.options import POLICIES, list_known_names
from getimg_mock.testing.plugin import _INI

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2].joinpath("docs", "pytest.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPES = (
    "Happy path",
    "Poll loop",
    "Failed video",
    "Expired link",
    "Rate limit and retry",
    "Out of credit",
    "Lost response",
    "Parallel tests",
    "Own client class",
    "Drawn inputs",
    "A FastAPI app that calls getimg",
)


def blocks(kind: str) -> list[Any]:
    """Return the blocks of one kind, each named by the heading that it stands under."""
    found = []
    for match in BLOCKS.finditer(PAGE):
        heading = re.findall(r"^##? ?#* (.+)$", PAGE[: match.start()], re.MULTILINE)
        if match[1] == kind:
            found.append(pytest.param(match[2], id=heading[-1] if heading else "start"))
    return found


@pytest.mark.parametrize("source", blocks("python"))
def test_every_example_runs(pytester: pytest.Pytester, source: str) -> None:
    """What is shown works as it stands, with warnings as errors."""
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    pytester.makepyfile(source)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] >= source.count("def test_") >= 1


def test_the_recipes_are_there() -> None:
    """Each on its own, and each with an example."""
    shown = PAGE.partition("## Recipes")[2]
    assert re.findall(r"^### (.+)$", shown, re.MULTILINE) == [*RECIPES]
    assert all("```python" in part for part in shown.split("\n### ")[1:])


@pytest.mark.parametrize("source", blocks("ini"))
def test_every_ini_example_is_read(pytester: pytest.Pytester, source: str) -> None:
    """An option that does not exist would be an error here."""
    pytester.makeini(source + "asyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile("def test_it(getimg_mock): pass")
    pytester.runpytest_inprocess("--strict-config").assert_outcomes(passed=1)


def test_every_option_and_argument_is_named() -> None:
    """What is not on the page does not exist for its readers."""
    for name, *_ in _INI:
        assert name in PAGE
    for name in ("seed", "scenario", "clock", "models", "balance", "limits", "key", "policies"):
        assert name in list_known_names()
        assert f"| `{name}` |" in PAGE
    for policy in POLICIES:
        assert f"`{policy}`" in PAGE
