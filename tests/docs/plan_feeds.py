"""fixtures/plan-feeds.json: which fixed plans each check of providers applies to, as measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.verification.dry_run import PLAN_FEEDS, THOROUGH, measure_relevant_plans
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from tests.docs.markdown_tables import DOCS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE: Final = DOCS.parent / "fixtures" / PLAN_FEEDS


def render_plan_feeds() -> str:
    """Run the fixed plans on the fake, and return the file: a check names its plans by place."""
    models = load_shipped_models()
    plans, fewer = build_corpus(models), build_corpus(models, thorough=False)
    found = measure_relevant_plans(PROVIDER_CHECKS, plans, models)
    same = {plan.name for plan in fewer if plan in plans}
    others = [plan for plan in fewer if plan.name not in same]
    more = measure_relevant_plans(PROVIDER_CHECKS, others, models)
    found_of_fewer = {check: names & same | more[check] for check, names in found.items()}
    kinds = {
        THOROUGH: _render_feeds([plan.name for plan in plans], found),
        "brief": _render_feeds([plan.name for plan in fewer], found_of_fewer),
    }
    return "{\n" + ",\n".join(f'  "{kind}": {text}' for kind, text in kinds.items()) + "\n}\n"


def _render_feeds(names: Sequence[str], feeds: Mapping[str, frozenset[str]]) -> str:
    listed = ",\n".join(f"      {json.dumps(name)}" for name in names)
    checks = ",\n".join(
        f'      "{check}": {[place for place, name in enumerate(names) if name in feeds[check]]}'
        for check in sorted(feeds)
    )
    return f'{{\n    "plans": [\n{listed}\n    ],\n    "checks": {{\n{checks}\n    }}\n  }}'
