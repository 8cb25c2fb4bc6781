"""A sample of what `python -m tests.drift.faulty_providers` runs whole."""

from __future__ import annotations

import asyncio

from tests.drift.faulty_providers import judge_mutants, judge_variants

NAMED = {
    "balance-is-a-number",
    "documented-model-is-gone",
    "error-beside-a-success",
    "images-have-durations",
    "model-differs-from-its-entry",
    "rates-doubled",
    "rates-unordered",
    "volume-prices-are-numbers",
}
REFUSED = {"catalogue-prices-are-numbers", "models-in-an-envelope", "not-utf8"}
OTHERS = {"costs-total-is-wrong", "charges-twice"}
VARIANTS = {
    "listed-twice": "named",
    "more-fields": "named",
    "resolutions-are-sorted": "named",
    "pretty-json": "nothing to say",
    "six-decimals": "unseen",
}


def test_faulty_catalogues_are_named_and_no_other_answer_is() -> None:
    """A provider that lists models it does not take, or takes money twice, has the same shape."""
    found = {each.name: each.outcome for each in judge_mutants(NAMED | REFUSED | OTHERS)}
    assert {name for name, outcome in found.items() if outcome == "named"} == NAMED
    assert {name for name, outcome in found.items() if outcome == "refused"} == REFUSED
    assert set(found.values()) <= {"named", "refused", "nothing to say", "unseen"}


def test_what_other_authors_vary_of_a_catalogue_is_named() -> None:
    """Prices with more decimals are the same prices, and JSON may be indented."""
    found = asyncio.run(judge_variants(VARIANTS))
    assert {each.name: each.outcome for each in found} == VARIANTS
