"""Clients that keep the contract are told so."""

from __future__ import annotations

import pytest

from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import CHECKS, cases, verify
from tests.contract.clients.benign import BENIGN, COMBINED
from tests.contract.clients.reference import AsyncReferenceClient, ReferenceClient

pytestmark = pytest.mark.slow

# A part of a run's time goes to hundreds of reads without retries, and to a file of 80 MB.
# No style changes how a client does these, so the two references do them, and the scorecard all.
_ALIKE = {"hundreds", "large"}


@pytest.mark.parametrize(
    ("client", "seed"), [(ReferenceClient, "0"), (AsyncReferenceClient, "another")]
)
def test_the_reference_client_passes_every_check(client: type, seed: str) -> None:
    """Every rule of the client contract can be kept, and is judged on a client that keeps it.

    The seed changes words and not verdicts.
    """
    result = verify(PythonDriver(client, "reference"), seed=seed)
    assert [each.check.id for each in result.of("PASS")] == [each.id for each in CHECKS]


@pytest.mark.parametrize("styles", COMBINED, ids=", ".join)
def test_legal_styles_break_no_must(styles: tuple[str, ...]) -> None:
    """A rule forbids harm, not a style: other legal clients do not fail.

    The scorecard runs each style alone.
    """
    among = {case.name for case in cases()} - _ALIKE
    result = verify(PythonDriver(COMBINED[styles], "legal styles"), among=among)
    assert not [each.check.id for each in result.of("FAIL")]


def test_what_is_left_out_of_the_styles_is_put_to_the_references() -> None:
    """A renamed case does not become one that is put to everything again, or to nothing."""
    assert {case.name for case in cases()} >= _ALIKE


def test_every_style_is_among_those_that_are_combined() -> None:
    """What the scorecard runs alone is run here with others."""
    combined = [style for styles in COMBINED for style in styles]
    assert sorted(combined) == sorted(name for name in BENIGN if "reference" not in name)
