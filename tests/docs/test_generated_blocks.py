"""README and docs: what is generated there is what `make docs` would write now."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.docs import check_tables, fidelity_table
from tests.docs.generated_blocks import (
    GENERATORS,
    find_outdated,
    find_parts,
    list_pages,
    renew_page,
)
from tests.docs.markdown_tables import DOCS, render_table

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """# A page

<!-- generated: numbers -->

| number |
| --- |
| one |

<!-- end of numbers -->

The end.
"""


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: page.name)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    """A table that repeats what the code knows is written from it, and never by hand."""
    outdated = find_outdated(page.read_text(encoding="utf-8"))
    assert outdated == [], f"{page.name} is not what the code says: run make docs"


def test_the_shipped_claims_are_those_of_the_page() -> None:
    """The package reads the rows of docs/fidelity.md from a file that is generated too."""
    written = fidelity_table.BEHAVIOURS.read_text(encoding="utf-8")
    claims = fidelity_table.behaviours(fidelity_table.PAGE.read_text(encoding="utf-8"))
    assert written == claims, "fixtures/behaviours.json is not what the page says: run make docs"


def test_every_generator_is_used_once() -> None:
    """A table that no page shows is dead code; two copies are one too many."""
    used = [name for page in list_pages() for name, _ in find_parts(page.read_text("utf-8"))]
    assert sorted(used) == sorted(GENERATORS)


def test_an_outdated_part_is_found_and_written_anew() -> None:
    """Only what is between the markers changes."""
    generators = {"numbers": lambda: render_table(("number",), [("one",), ("a|b",)])}
    assert find_outdated(PAGE, generators) == ["numbers"]
    renewed = renew_page(PAGE, generators)
    assert renewed == PAGE.replace("| one |\n", "| one |\n| a\\|b |\n")
    assert find_outdated(renewed, generators) == []


def test_a_part_of_an_unknown_name_is_refused() -> None:
    """A misspelt marker would otherwise keep an old table for ever."""
    with pytest.raises(ValueError, match=r"'numbers' is not generated.*: 'letters'"):
        renew_page(PAGE, {"letters": str})


@pytest.mark.parametrize(
    "page",
    [
        PAGE.replace("<!-- end of numbers -->", ""),
        PAGE.replace("end of numbers", "end of letters"),
        PAGE.replace("<!-- generated: numbers -->", ""),
        PAGE + PAGE.partition("| number")[0],
    ],
)
def test_a_lone_marker_is_refused(page: str) -> None:
    """A part without its end would be compared with nothing, or swallow the text after it."""
    with pytest.raises(ValueError, match="end marker"):
        renew_page(page, {"numbers": str})


@pytest.mark.parametrize(
    ("registry", "page", "names"),
    [
        ("PROVIDER_CHECKS", "contract.md", ["provider-topics", "provider-checks"]),
        ("EQUIVALENCE", "contract.md", ["provider-topics", "equivalence-checks"]),
        ("HARNESS", "contract.md", ["provider-topics", "harness-checks"]),
        ("PROVIDER_CHECKS", "fidelity.md", ["provider-evidence"]),
        ("CLIENT_CHECKS", "client-contract.md", ["client-topics", "client-checks"]),
    ],
)
def test_a_new_check_without_a_row_is_found(
    registry: str, page: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows come from the registries, so that a declaration alone is not enough."""
    checks = getattr(check_tables, registry)
    new = replace(checks[0], id=f"{checks[0].topic}99", statement="The sky is blue")
    monkeypatch.setattr(check_tables, registry, (*checks, new))
    every = "ALL_BUT_CLIENT_CHECKS"
    monkeypatch.setattr(check_tables, every, (*getattr(check_tables, every), new))
    assert find_outdated(DOCS.joinpath(page).read_text(encoding="utf-8")) == names


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_a_generated_table_has_rows_of_equal_width(name: str) -> None:
    """A row with a cell too many or an empty cell is not shown as it was meant."""
    text = GENERATORS[name]()
    assert text.endswith("\n")
    if text.startswith("|"):
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines()]
        assert len({len(row) for row in rows}) == 1
        assert len(rows) > 2
        assert all(cell.strip() for row in rows for cell in row)
