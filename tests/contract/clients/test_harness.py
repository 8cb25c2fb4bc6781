"""The client contract's own machinery: adversary, time, verdicts."""

from __future__ import annotations

import re

import pytest

from getimg_mock import schemas
from getimg_mock.contract.clients import observed_traffic, scorecard
from getimg_mock.contract.clients.cases.case_rules import KEY, Case, balance, image
from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import CHECKS, cases, choose_checks, verify
from getimg_mock.errors import UnknownNameError
from getimg_mock.serving.server import MockServer
from getimg_mock.world.clock import stopwatch
from tests.contract.clients.reference import ReferenceClient, faulty


def test_ids_are_unique_and_every_check_has_cases() -> None:
    """An id is given once; a check without a case would be green for ever."""
    ids = [each.id for each in CHECKS]
    assert len(ids) == len(set(ids)) == 104
    assert all(re.fullmatch(r"GC[1-8]\d\d", each) for each in ids)
    for check in CHECKS:
        assert any(check.wants(case.name) for case in cases())
    assert len({case.name for case in cases()}) == len(cases())


def test_a_fault_that_was_not_met_makes_the_verdict_void() -> None:
    """A client that never sent the request has not passed."""
    (check,) = choose_checks(["GC401"])
    case = next(each for each in cases() if each.name == "lost-reset-image")
    history = PythonDriver(ReferenceClient).run(case.with_changes(calls=(balance(),)))
    assert history.missed
    assert compute_verdict(check, [history]).status == "VOID"


def test_an_operation_that_a_client_lacks_is_skipped() -> None:
    """What a client cannot do is no fault of it."""
    smaller = type("Smaller", (ReferenceClient,), {"download": None})
    result = verify(PythonDriver(smaller), checks=choose_checks(["GC602"]))
    assert [each.status for each in result.verdicts] == ["SKIP"]


def test_waiting_costs_no_real_time() -> None:
    """An hour of the client's time passes in a moment of ours."""
    case = Case(name="slow", calls=(image(),), settings={"image_seconds": 40})
    started = stopwatch()
    history = PythonDriver(ReferenceClient).run(case.with_changes(name="held"))
    assert history.outcomes[0].kind == "value"
    assert history.outcomes[0].seconds >= 40
    assert stopwatch() - started < 5


def test_the_scorecard_names_edition_and_blockers() -> None:
    """One line says how a client stands."""
    result = verify(PythonDriver(faulty("reposts-reset")), checks=choose_checks(["GC40"]))
    assert scorecard.render_line(result) == "getimg-client-2026-11: 8/9, 1 blocker: GC401"
    assert scorecard.render_line(result, {"GC401"}) == "getimg-client-2026-11: 8/8, no blockers"


@pytest.mark.slow
def test_events_hold_no_key_and_match_their_schema() -> None:
    """Everything a run writes may be shown to others."""
    driver = PythonDriver(faulty("key-in-errors", "reposts-all"))
    result = verify(driver, checks=choose_checks(["GC305", "GC401"]))
    for event in scorecard.events(result, adapter="x:y"):
        assert not schemas.violations("own/contract-events", event)
        assert KEY not in str(event)


def test_a_program_is_observed_from_the_outside() -> None:
    """Pointed at the fake, a client is judged by what it did there."""
    with MockServer(scenario=("lost-response",)) as server:
        client = faulty("reposts-all")(base_url=server.url, key="sk_seen")
        client.generate_image(model="seedream-5-lite", prompt="seen")
        client.close()
        result = observed_traffic.judge_traffic(server.app.fake)
    assert "GC402" in result.failed
    assert "GC401" not in result.failed


def test_an_unknown_check_is_told() -> None:
    """So is a check."""
    with pytest.raises(UnknownNameError, match="GC999"):
        choose_checks(["GC999"])
