"""Where a check demands more than getimg.ai documents, explanation, report and scorecard say so."""

from __future__ import annotations

import json

import pytest

from getimg_mock import verify_client
from getimg_mock.cli.explain import explain_check
from getimg_mock.contract.clients.suite import CHECKS

GUIDE = "guide advises to retry a 500, and documents no idempotency key"


@pytest.mark.parametrize(("name", "level"), [("GC405", "MUST"), ("GC407", "SHOULD")])
def test_checks_of_repeated_orders_name_the_advice_of_the_guide(name: str, level: str) -> None:
    """A client that follows the guide pays twice: that is about money, and no rule of the API."""
    (check,) = (each for each in CHECKS if each.id == name)
    assert GUIDE in " ".join(explain_check(check).split())
    assert check.level == level


def test_a_retry_of_a_500_that_costs_twice_is_reported_with_the_advice() -> None:
    """The official SDK does as the guide says; its scorecard and reports must not hide that."""
    result = verify_client("official-sdk", only="GC405,GC407")
    assert result.blockers == ("GC405",)
    assert result.scorecard.count(GUIDE) == 1
    assert GUIDE in result.render("md")
    run = json.loads(result.render("sarif"))["runs"][0]["properties"]
    assert run["left_out"] == [f"2 of {len(CHECKS)} checks were chosen."]
    assert run["run"].endswith(", on a fake of its own")
    for words in (" UTC, ", " s, getimg-mock "):
        assert words in run["run"]
        assert words in result.render("xml")
        assert words in result.render("md")
