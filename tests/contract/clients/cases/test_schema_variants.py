"""What clients are answered with: every keyword on both sides, and as legal as it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from getimg_mock import schemas
from getimg_mock.cli import main
from getimg_mock.contract.clients.checks import message_variants
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import cases, choose_checks, verify
from getimg_mock.world.randomness import Stream
from tests.contract.clients.legality import judged
from tests.contract.clients.reference import faulty

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.case_rules import Case

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[4].joinpath("docs", "client-contract.md").read_text(encoding="utf-8")
# What is for real time alone is answered by the same rules in virtual time.
ADVERSE = [
    each.with_changes(real_time=False)
    for each in cases()
    if each.rules and not each.room and not each.real
]
# Rules that answer in legal ways and in others: a client is not blamed for what it makes of these.
MIXED = {"now and then bad", "several outages", "refused, and lost"}


@pytest.mark.parametrize("name", message_variants.MESSAGES)
def test_variants_are_legal_or_not_as_they_say(name: str) -> None:
    """What is called legal validates against our own schemas, what is called illegal does not."""
    schema = message_variants.MESSAGES[name].schema
    for each in message_variants.list_variants(name):
        found = schemas.violations(schema, each.value)
        assert bool(found) is not each.valid, (each.name, found)


@pytest.mark.parametrize("name", message_variants.MESSAGES)
def test_each_variant_is_sent_in_one_case(name: str) -> None:
    """A variant that no case sends would count as covered."""
    stream = Stream("0", "client", "variants")
    sent = {each.name: len(each.calls) for each in message_variants.cases(stream)}
    for variant in message_variants.list_variants(name):
        assert sum(belongs(variant) for belongs in message_variants.KINDS.values()) == 1, (
            variant.name
        )
    counts = [sent.get(f"{kind}-{name}", 0) for kind in message_variants.KINDS]
    assert sum(counts) == len(message_variants.list_variants(name))


def test_every_keyword_is_tried_on_both_sides() -> None:
    """A bound that only one side of was sent holds half of what it says."""
    for name, places in message_variants.measure_coverage().items():
        assert places, name
        assert {each: sides for each, sides in places.items() if sides != {True, False}} == {}


def test_the_page_and_the_command_show_the_coverage(capsys: pytest.CaptureFixture[str]) -> None:
    """The published table is what is generated."""
    assert main(["explain", "--coverage"]) == 0
    shown = capsys.readouterr().out
    assert shown == message_variants.coverage_table()
    assert shown in PAGE


@pytest.mark.parametrize("case", ADVERSE, ids=lambda case: case.name)
def test_answers_are_legal_or_not_as_their_rules_say(case: Case) -> None:
    """A client is never blamed for an illegal answer by a rule that calls it legal (GH001)."""
    seen = judged(case)
    for rule in case.rules:
        answers = seen.get(rule.label, [])
        if rule.legal:
            assert all(answers), rule.label
        else:
            assert answers, f"{rule.label}: marked, and nothing of it was seen"
            assert not any(answers) or (rule.label in MIXED and not all(answers))


def test_the_field_that_is_wrong_is_named() -> None:
    """Of fifty answers to a client the one that it took is told by what is wrong with it."""
    result = verify(PythonDriver(faulty("missing-unchecked")), checks=choose_checks(["GC206"]))
    expected = [each.observation.expected for each in result.verdicts[0].findings]
    assert expected[0] == "a clear error: absent required at /id"
