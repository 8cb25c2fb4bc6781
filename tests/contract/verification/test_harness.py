"""The harness held to its own rules, on runs and not on values made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.cli import main
from getimg_mock.contract.budget.gate import Budget
from getimg_mock.contract.model_choice import build_small_request, load_shipped_models
from getimg_mock.contract.plans import Plan, get, post
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check, select_checks
from getimg_mock.contract.verification.scenario_plans import (
    build_scenario_plans,
    run_scenario_plans,
    run_scenarios_once,
)
from getimg_mock.contract.verification.self_check import (
    REPLAYS,
    SelfCheck,
    collect_self_check,
    explain_verdict,
)
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.world.rule_files import list_scenario_names, load_scenario
from tests.contract.provider.everyone import BY_NAME
from tests.contract.provider.fixed_plans import index_plans, run_plan

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Verdict
    from getimg_mock.fake import Fake

pytestmark = pytest.mark.slow

MODELS = load_shipped_models()
IMAGE = next(model for model in MODELS if model["type"] == "image")
CATALOGUE = index_plans()["the catalogue"]


def under(rule: dict[str, Any], *steps: Any) -> History:
    """Run a plan under a rule."""
    return InProcessTarget().run(Plan(name="x", steps=steps, rules=(json.dumps(rule),)))


def held_to(name: str, **known: Any) -> Verdict:
    """Return how a check of the harness comes out on what is known of a run."""
    return judge_check(find_check(name), [SelfCheck(**known)])


def test_a_case_whose_fault_never_came_is_void() -> None:
    """GH002: it says nothing, neither that a rule holds nor that it is broken."""
    rule = {"on": "videos.create", "error": "server_error"}
    history = under(rule, get("/v2/models"), get("/v2/models/no-such-model"))
    assert history.unmet
    for check in PROVIDER_CHECKS:
        verdict = judge_check(check, [history])
        assert (verdict.status, verdict.applied) == ("VOID", 0), check.id
        assert verdict.reason == "not met: the faults of x"
    assert held_to("GH002", histories=(history,)).status == "VOID"


def test_a_void_case_leaves_the_verdict_to_the_others() -> None:
    """Of several histories those that say something decide, and what was left out is named."""
    missed = replace(under({"on": "videos.create", "error": "server_error"}, get("/v2/models")))
    verdict = judge_check(find_check("GP801"), [missed, InProcessTarget().run(CATALOGUE)])
    assert verdict.status == "PASS"
    assert verdict.reason == "not met: the faults of x"


def test_a_run_says_that_a_fault_was_not_met() -> None:
    """The same everywhere: a campaign judges as a single check does."""
    rule = json.dumps({"on": "videos.create", "error": "server_error"})
    plans = [replace(CATALOGUE, rules=(rule,))]
    campaign = VerificationSession(
        target=InProcessTarget(), plans=plans, checks=select_checks("GP801", PROVIDER_CHECKS)
    )
    (verdict,) = [event for event in campaign.run() if event["event"] == "verdict"]
    assert (verdict["status"], verdict["reason"]) == (
        "VOID",
        "not met: the faults of the catalogue",
    )


def test_the_plans_of_scenarios_run_once_for_a_run() -> None:
    """The comparison and the self-check judge the same histories; a run pays for them once."""
    run = SimpleNamespace(models=[], seed=0, scenarios=(run_plan("the catalogue"),))
    assert run_scenarios_once(run) is run.scenarios


def test_every_fault_of_every_shipped_scenario_is_met_and_legal() -> None:
    """GE911, GH001 and GH002: each rule, for each operation that it reaches."""
    histories = run_shipped_scenarios()
    rules = {
        (name, n)
        for name in list_scenario_names()
        for n, _ in enumerate(load_scenario(name).rules, 1)
    }
    names = [history.plan.name for history in histories]
    assert {
        (name, n)
        for name, n in rules
        if any(each.startswith(f"scenario {name}, rule {n}:") for each in names)
    } == rules
    assert len(names) == len(set(names)) == len(list(build_scenario_plans(MODELS)))
    assert not [history.plan.name for history in histories if history.unmet]
    for check in ("GH001", "GH002"):
        assert held_to(check, histories=histories).status == "PASS"
    found = judge_check(find_check("GE911"), [Comparison(fake=histories)])
    assert (found.status, found.applied > 500) == ("PASS", True)
    statuses = {each.status for history in histories for each in history}
    assert statuses >= {0, 200, 202, 402, 410, 422, 429, 500, 502, 503}


@pytest.mark.parametrize(
    "rule",
    [
        {"on": "models.list", "fault": "malformed_json"},
        {"on": "models.list", "fault": "wrong_type"},
        {"on": "models.list", "answer": {"status": 200, "body": {"models": []}}},
        {"on": "models.list", "answer": {"status": 201, "body": []}},
        {"on": "models.list", "answer": {"status": 404, "body": {"detail": "Not Found"}}},
        {"on": "models.list", "answer": {"status": 200, "text": "hello"}},
    ],
)
def test_what_no_api_could_show_is_found(rule: dict[str, Any]) -> None:
    """GE911: a client may only be failed by what could happen."""
    history = under(rule, get("/v2/models"))
    assert judge_check(find_check("GE911"), [Comparison(fake=(history,))]).status == "FAIL"


def test_answers_to_submissions_are_validated_too() -> None:
    """GH001: not only those to GET."""
    rule = {"on": "images.generate", "answer": {"status": 200, "body": {"id": 5}}}
    history = under(rule, post("image", build_small_request(IMAGE)))
    assert held_to("GH001", histories=(history,)).status == "FAIL"


def test_a_value_of_no_enum_must_be_invalid_by_the_schema() -> None:
    """GH006: an enum fault that the schema allows is none."""
    good = post(
        "image", build_small_request(IMAGE), valid=False, fault="enum", field="output_format"
    )
    assert held_to("GH006", plans=(Plan(name="x", steps=(good,)),)).status == "FAIL"
    bad = post(
        "image", build_small_request(IMAGE) | {"output_format": "gif"}, valid=False, fault="enum"
    )
    assert held_to("GH006", plans=(Plan(name="x", steps=(bad,)),)).status == "PASS"


class Changing:
    """A provider whose list of models is right, but for the turns (from 0) that are wrong."""

    def __init__(self, *wrong: int) -> None:
        self.wrong = wrong
        self.turn = 0

    def wrap(self, app: ASGIApp, fake: Fake) -> ASGIApp:
        """Return the fake in a new world as this provider."""
        faulty = BY_NAME["models-in-an-envelope"].wrap(app, fake)
        number, self.turn = self.turn, self.turn + 1

        async def provider(scope: Scope, receive: Receive, send: Send) -> None:
            await (faulty if number in self.wrong else app)(scope, receive, send)

        return provider


@cache
def run_shipped_scenarios() -> tuple[History, ...]:
    """Return what the fake does under all shipped scenarios, which no provider of a run changes."""
    return tuple(run_scenario_plans(MODELS))


def examined(provider: Changing, *, drawn: bool = False, only: str = "GP801") -> SelfCheck:
    """Return what is known of a run of the catalogue's plan on a provider."""
    plans = [replace(CATALOGUE, drawn=drawn)]
    campaign = VerificationSession(
        target=InProcessTarget(wrap=provider.wrap),
        plans=plans,
        checks=select_checks(only, PROVIDER_CHECKS),
        scenarios=run_shipped_scenarios(),
    )
    assert [event for event in campaign.run() if event["event"] == "verdict"]
    return collect_self_check(campaign, None)


def test_a_failure_that_seldom_shows_again_is_flaky() -> None:
    """GH004: each failure of the fake in process is replayed."""
    often = examined(Changing(*range(100)))
    assert often.replays == {"GP801": (REPLAYS, REPLAYS)}
    assert judge_check(find_check("GH004"), [often]).status == "PASS"
    seldom = examined(Changing(0, 3, 4))
    assert seldom.replays == {"GP801": (2, REPLAYS)}
    verdict = judge_check(find_check("GH004"), [seldom])
    assert verdict.status == "FAIL"
    assert "flaky" in verdict.findings[0].observation.actual


def test_a_drawn_plan_is_run_again_before_it_is_believed() -> None:
    """GH003: what is shown must break the check by its plan, not by its record alone."""
    assert judge_check(find_check("GH003"), [examined(Changing(0), drawn=True)]).status == "FAIL"
    sure = examined(Changing(*range(100)), drawn=True)
    assert judge_check(find_check("GH003"), [sure]).status == "PASS"
    assert judge_check(find_check("GH003"), [sure]).applied == len(sure.findings) + 1


def test_verdicts_that_change_with_order_or_seed_are_found() -> None:
    """GH008: a sample of the plans is run in reverse, with another seed."""
    steady = examined(Changing())
    assert [dict(each) for each in steady.runs] == [{"GP801": "PASS"}] * 2
    assert judge_check(find_check("GH008"), [steady]).status == "PASS"
    assert judge_check(find_check("GH008"), [examined(Changing(1))]).status == "FAIL"


def test_nothing_is_run_again_where_that_could_cost() -> None:
    """A provider of others is not asked a second time, though something was found there."""
    plans = [replace(CATALOGUE, drawn=True)]
    campaign = VerificationSession(
        target=InProcessTarget(wrap=Changing(0).wrap),
        plans=plans,
        checks=select_checks("GP801", PROVIDER_CHECKS),
    )
    assert list(campaign.run())
    campaign.target = HttpTarget("http://127.0.0.1:9", {"a": "sk_of_somebody"})
    known = collect_self_check(campaign, Budget(Decimal(0), []))
    assert known.findings
    assert [known.again, known.replays, known.runs] == [(), {}, ()]
    assert known.histories == tuple(campaign.histories)


def test_what_was_not_judged_says_why() -> None:
    """GH and GE: no verdict is dropped in silence."""
    for name in ("GH003", "GH005", "GH007", "GH009"):
        verdict = explain_verdict(held_to(name))
        assert verdict.status in {"SKIP", "VOID"}
        assert verdict.reason
    nothing = judge_check(find_check("GE901"), [Comparison()])
    assert explain_verdict(nothing, alone=True).status == "SKIP"
    assert explain_verdict(nothing).status == "VOID"
    assert explain_verdict(held_to("GH009", spends=((1, 2),))).reason == ""


def told(tmp_path: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Return the verdicts of a run of the command."""
    path = tmp_path / "events.ndjson"
    main(["verify", "api", "--events", str(path), *options])
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {each["id"]: each for each in found if each["event"] == "verdict"}


def test_a_run_reports_every_check_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the fake alone, with the reason where something could not be judged."""
    found = told(tmp_path)
    assert len(found) == len(PROVIDER_CHECKS) + 21
    assert {each["status"] for each in found.values()} <= {"PASS", "INFO", "SKIP", "VOID"}
    assert not [
        e["id"] for e in found.values() if e["status"] in {"SKIP", "VOID"} and not e["reason"]
    ]
    assert {
        found[name]["status"]
        for name in ("GE907", "GE911", "GH001", "GH002", "GH006", "GH008", "GH010")
    } == {"PASS"}
    assert found["GH010"]["applied"] == 7
    capsys.readouterr()


def test_checks_of_fake_and_harness_can_be_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--only` takes every id that `explain` knows of a provider's run."""
    few = ("--tier", "R0", "--only")
    assert told(tmp_path, *few, "GE902,GH001").keys() == {"GE902", "GH001"}
    assert told(tmp_path, *few, "GP801,GE9").keys() == {"GP801"} | {
        f"GE9{n:02d}" for n in range(1, 12)
    }
    assert told(tmp_path, *few, "GP801").keys() == {"GP801"}
    assert main(["verify", "api", "--only", "GE999"]) == 2
    assert main(["verify", "api", "--only", "GC401"]) == 2
    assert "Unknown check" in capsys.readouterr().err


def test_traffic_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is not made by our plans; who asks for that is told."""
    path = tmp_path / "traffic.ndjson"
    path.write_text('{"method": "GET", "path": "/v2/models", "status": 200}\n', encoding="utf-8")
    assert main(["verify", "api", "--from", str(path), "--only", "GE902"]) == 2
    assert "GE and GH need a run" in capsys.readouterr().err
