"""A run never looks as if it had judged what it could not judge."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import verify_provider
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record
from getimg_mock.contract.verification.unjudged import describe_gaps, describe_unjudged
from getimg_mock.serving.server import MockServer
from tests.contract.provider.everyone import BY_NAME
from tests.contract.provider.fixed_plans import run_plan
from tests.contract.provider.scoring import create_target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def url() -> Any:
    """Return the URL of a fake, which is verified as a service of others."""
    with MockServer(quiet=True, video_seconds=0, media_size="small", balance="1000") as server:
        yield server.url


def test_checks_that_were_asked_for_and_not_judged_end_with_status_2(
    url: str, tmp_path: Path
) -> None:
    """GP503 needs a generation: at tier R0 the answer is that nothing was judged."""
    result = verify_provider(url, key="sk_r0", only="GP503", record=tmp_path / "spend.json")
    assert result.status == 2
    assert not result.ok
    assert result.gaps == result.outcomes[0].unjudged
    assert result.gaps[0].startswith("GP503 was asked for and not judged: ")
    for ending in ("txt", "md", "html", "json"):
        assert "GP503 was asked for and not judged" in " ".join(result.render(ending).split())


@pytest.mark.slow
def test_a_run_that_only_reads_says_what_it_did_not_try(url: str, tmp_path: Path) -> None:
    """Status 0 of tier R0 is about reads: the report says so, and how to try the rest."""
    result = verify_provider(url, key="sk_r0", record=tmp_path / "spend.json")
    assert result.status == 0
    assert "Tier R0 sends only reads" in result.render("txt")
    assert "--tier R2" in result.render("md")


@pytest.mark.slow
def test_a_budget_that_was_spent_elsewhere_is_a_gap(url: str, tmp_path: Path) -> None:
    """Plans that other runs left no money for were asked for, and not run."""
    record = SpendRecord(tmp_path / "spend.json")
    assert record.path is not None
    record.add(Decimal("4.99"))
    result = verify_provider(
        url, key="sk_spent", only="GP402,GP801", tier="R2", budget=5, record=record.path
    )
    assert result.status == 2
    assert any("because other runs spent 4.99 USD today" in each for each in result.gaps)


def test_a_check_without_a_verdict_has_a_reason() -> None:
    """Only words that were asked for, and that some check fits, are told."""
    verdicts = [{"id": "GP101", "status": "VOID", "reason": ""}]
    assert describe_unjudged(verdicts, "GP1,GP2") == [
        "GP1 was asked for and not judged: nothing that was exchanged applies to it."
    ]


def test_a_word_counts_as_judged_when_one_of_its_checks_was() -> None:
    """GP4 asks for eleven checks: some of them always need more than a service allows."""
    verdicts = [
        {"id": "GP401", "status": "PASS", "reason": ""},
        {"id": "GP408", "status": "SKIP", "reason": "it waits"},
    ]
    assert describe_unjudged(verdicts, "gp4") == []


def test_a_service_that_refuses_everything_is_not_green() -> None:
    """Valid requests that all get 402 or 429 say nothing about generations."""
    history = run_plan("what cannot be paid")
    refused = replace(
        history,
        exchanges=tuple(
            replace(each, step=replace(each.step, valid=True)) if each.step else each
            for each in history
        ),
    )
    assert describe_gaps([refused], {}) == [
        "No generation was made, so nothing about generations was judged: 4 valid requests got 402."
    ]
    assert describe_gaps([run_plan("an image and its file")], {}) == []


def test_money_of_one_target_is_not_that_of_another() -> None:
    """Play money at a local fake does not use up the day's budget of the real API."""
    real = find_default_record()
    one = find_default_record("http://127.0.0.1:4010", "sk_a")
    assert len({real, one, find_default_record("http://127.0.0.1:4010/", "sk_b")}) == 3
    assert one == find_default_record("http://127.0.0.1:4010/", "sk_a")
    assert "sk_a" not in str(one)


@pytest.mark.parametrize("hold", [False, True])
def test_assumptions_fail_where_they_are_held(*, hold: bool) -> None:
    """`--hold assumptions`: for one's own mock or staging server."""
    faulty = replace(create_target(BY_NAME["key-in-the-query"].wrap), own=False)
    result = verify_provider(faulty, only="GP704", tier="R1", hold_assumptions=hold)
    assert (result.status, bool(result.of("INFO"))) == ((1, False) if hold else (0, True))
