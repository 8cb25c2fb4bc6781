"""docs/contract.md: what it says of the checks is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from tests.contract.provider.sole_killers import WITHOUT

PAGE: Final = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")


def test_the_page_names_the_checks_that_find_nothing_alone() -> None:
    """And beside them the two that see all that three of them see."""
    said = PAGE.partition("except for these:")[2].partition("\n\n")[0]
    assert set(re.findall(r"GP\d{3}", said)) == {*WITHOUT, "GP101", "GP102"}


def test_the_page_counts_the_checks() -> None:
    """Of a provider: those of the fake against others and of the harness come on top."""
    assert f"to {len(PROVIDER_CHECKS)} checks" in PAGE
