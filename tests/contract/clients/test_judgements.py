"""What a judge looks at: what a client did wrong, and nothing that it may do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from getimg_mock.cli import main
from getimg_mock.contract.clients import observed_traffic
from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import CHECKS, Result, cases, choose_checks, verify
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.verdicts import fail, judge_check, warn_unless
from getimg_mock.serving.server import MockServer
from tests.contract.clients.reference import ReferenceClient, faulty

if TYPE_CHECKING:
    from getimg_mock.contract.verdicts import Check, Observation

FIELDS = {"model": "seedream-5-lite", "prompt": "seen"}
VIDEO = {"model": "seedance-v1-5-pro", "prompt": "seen"}


def status(result: Result, check: str) -> str:
    """Return the status of one check."""
    return next(each.status for each in result.verdicts if each.check.id == check)


def error(kind: str, text: str) -> CallOutcome:
    """Return an outcome."""
    return CallOutcome(op="balance", args={}, kind="error", error={"type": kind, "text": text})


def test_a_program_that_hangs_after_refusals_is_found_though_a_new_one_goes_on() -> None:
    """It is started anew after each call that does not return, so that the last one is served."""
    client = PythonDriver(ReferenceClient)
    (case,) = (each for each in cases() if each.name == "after-refused-image")
    history = client.run(case)
    check = next(each for each in CHECKS if each.id == "GC308")
    assert judge_check(check, [history]).status == "PASS"
    fourth = history.outcomes[3]
    hanging = replace(fourth, kind="abandoned", error={}, last=fourth.first)
    changed = replace(history, outcomes=(*history.outcomes[:3], hanging, *history.outcomes[4:]))
    assert judge_check(check, [changed]).status == "FAIL"


def test_a_second_try_after_a_refusal_needs_no_key() -> None:
    """A 429 says that nothing was done: there is nothing that a server could mistake it for."""
    with MockServer(scenario=("rate-limited",)) as server:
        statuses = [
            httpx.post(
                f"{server.url}/v2/images/generations",
                json=FIELDS,
                headers={"Authorization": "Bearer sk_seen"},
            ).status_code
            for _ in range(4)
        ]
        assert statuses == [200, 200, 429, 200]
        result = observed_traffic.judge_traffic(server.app.fake)
    assert status(result, "GC407") == "PASS"


def test_a_suite_that_polls_fast_is_warned_only() -> None:
    """Nobody has told it how fast: the documentation advises, and tests want to be over."""
    with MockServer(quiet=True) as server:
        headers = {"Authorization": "Bearer sk_seen"}
        made = httpx.post(f"{server.url}/v2/videos/generations", json=VIDEO, headers=headers)
        for _ in range(3):
            httpx.get(f"{server.url}/v2/videos/generations/{made.json()['id']}", headers=headers)
        result = observed_traffic.judge_traffic(server.app.fake)
    assert status(result, "GC501") == "WARN"
    assert not result.of("FAIL")


def test_the_header_of_a_key_may_have_another_name() -> None:
    """None is documented. That the work is done twice is found all the same."""
    client: Any = type(
        "Keyed", (faulty("reposts-all"),), {"habits": frozenset({"other-key-header"})}
    )
    result = verify(PythonDriver(client), checks=choose_checks(["GC401", "GC407"]))
    assert [each.status for each in result.verdicts] == ["FAIL", "PASS"]


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("fetch failed other side closed", False),
        ("terminated", False),
        ("Cannot read properties of undefined (reading 'url')", True),
    ],
)
def test_what_fetch_says_of_the_network_is_clear(text: str, raw: bool) -> None:  # noqa: FBT001 - a column of the table
    """All its failures are a TypeError; the words tell a failure from a slip of the author's."""
    assert error("TypeError", text).raw is raw


@pytest.mark.parametrize(
    ("outcome", "broken"),
    [
        (error("TypeError", "fetch failed Invalid character in chunk extension"), False),
        (error("KeyError", "balance"), True),
    ],
)
def test_what_a_parser_cannot_read_may_be_told(outcome: CallOutcome, broken: bool) -> None:  # noqa: FBT001 - a column of the table
    """Several extensions of one chunk are legal; who writes a client does not write the parser."""
    (check,) = choose_checks(["GC803"])
    history = ClientHistory(
        plan=Plan(name="client", steps=()),
        exchanges=(),
        case="framing-several-extensions",
        outcomes=(outcome,),
    )
    assert any(each.failed for each in check.observe(history)) is broken


def test_advice_warns_and_does_not_hide_what_is_wrong() -> None:
    """However much speaks against advice, the one promise that is broken is shown first."""
    mild = [warn_unless(False, "5 s", "2 s") for _ in range(5)]  # noqa: FBT003 - it did not hold
    assert judge_check(judging(mild), [None]).status == "WARN"
    verdict = judge_check(judging([*mild, fail("5 s", "0 s")]), [None])
    assert verdict.status == "FAIL"
    assert verdict.findings[0].observation.actual == "0 s"


def judging(seen: list[Observation]) -> Check:
    """Return a check that has seen so."""
    (check,) = choose_checks(["GC501"])
    return replace(check, judge=lambda _: seen)


def test_what_a_rule_is_based_on_is_what_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The page that the project began with says nothing of HTTP: a standard does, or we do."""
    assert {each.id for each in CHECKS if each.evidence == "seed"} == {"GC503"}
    for check in CHECKS:
        assert (check.evidence == "standard") is check.source.startswith("RFC "), check.id
    assert main(["explain", "GC412"]) == main(["explain", "GC401"]) == 0
    shown = capsys.readouterr().out
    assert "evidence  RFC 9110, section 10.2.3" in shown
    assert "evidence  our choice" in shown
