"""Faulty runs: for each check of a run (GE, GH) a subject in which it finds a breach."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

from getimg_mock.contract.model_choice import build_small_request
from getimg_mock.contract.plans import Plan, get, post
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import find_check
from getimg_mock.contract.verification.self_check import SelfCheck
from tests.contract.provider.fixed_plans import MODELS, run_plan

CATALOGUE: Final = "the catalogue"
_LIFE: Final = "a video from 202 to its file"
_SUPPORTED: Final = "z-image-turbo: what it supports"
_VALUES: Final = "images: values outside of the lists"
_IMAGE: Final = next(model for model in MODELS if model["type"] == "image")

NOT_ALONE: Final[dict[str, str]] = {
    "GE902": "The schemas fix the type of each field, so another type is another schema verdict "
    "(GE901).",
    "GE903": "Accepted and refused are two classes of status (GE901).",
    "GE910": "A refusal of what the fake accepts is another class of status (GE901).",
}
"""Why no faulty run can be one that only this check finds."""


def _compare(plan: str, fault: str) -> Comparison:
    return Comparison(fake=(run_plan(plan),), other=(run_plan(plan, fault),))


def _build_impossible_response() -> Plan:
    rule = json.dumps({"on": "models.list", "answer": {"status": 200, "body": {"models": []}}})
    return Plan(name="impossible", steps=(get("/v2/models"),), rules=(rule,))


def _build_comparison(name: str) -> Comparison:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    return {
        "GE901": lambda: _compare("paths", "unknown-paths-are-200"),
        "GE902": lambda: _compare(CATALOGUE, "catalogue-prices-are-numbers"),
        "GE903": lambda: _compare(_VALUES, "jpg-is-jpeg"),
        "GE904": lambda: _compare(_LIFE, "no-rate-headers"),
        "GE905": lambda: _compare(CATALOGUE, "rates-unordered"),
        "GE906": lambda: Comparison(fake_broken={"GP1": False}, other_broken={"GP1": True}),
        "GE907": lambda: Comparison(claims={"error": "rumour"}),
        "GE908": lambda: Comparison(observed={"GP407": now - timedelta(days=181)}, now=now),
        "GE909": lambda: _compare(_LIFE, "link-born-expired"),
        "GE910": lambda: _compare(_SUPPORTED, "refuses-a-listed-resolution"),
        "GE911": lambda: Comparison(fake=(InProcessTarget().run(_build_impossible_response()),)),
    }[name]()


def _build_self_check(name: str) -> SelfCheck:
    valid = build_small_request(_IMAGE)
    step = post("image", valid, valid=False, fault="enum", field="output_format")
    return {
        "GH001": lambda: SelfCheck(
            histories=(InProcessTarget().run(_build_impossible_response()),)
        ),
        "GH002": lambda: SelfCheck(
            histories=(replace(run_plan(CATALOGUE), plan=_build_impossible_response(), hits={}),)
        ),
        "GH003": lambda: SelfCheck(again=((find_check("GP801"), run_plan(CATALOGUE)),)),
        "GH004": lambda: SelfCheck(replays={"GP801": (94, 100)}),
        "GH005": lambda: SelfCheck(gate=(2, 1)),
        "GH006": lambda: SelfCheck(plans=(Plan(name="x", steps=(step,)),)),
        "GH007": lambda: SelfCheck(
            kills={"a fault": frozenset()}, sole={"GP801": "a fault"}, checks=("GP801",)
        ),
        "GH008": lambda: SelfCheck(runs=({"GP801": "PASS"}, {"GP801": "FAIL"})),
        "GH009": lambda: SelfCheck(spends=((Decimal(2), Decimal(1)),)),
        "GH010": lambda: SelfCheck(artefacts={"report": "sk_one"}, secrets=("sk_one",)),
    }[name]()


@cache
def build_faulty_run(name: str) -> Comparison | SelfCheck:
    """Return what the check finds a breach in; raises `KeyError` for a check without any."""
    return _build_comparison(name) if name.startswith("GE") else _build_self_check(name)
