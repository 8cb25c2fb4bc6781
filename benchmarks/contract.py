"""How many requests per second the provider contract makes of the fake in process.

Drawing the plans, sending them and judging the answers is all counted, and garbage is looked for as
rarely as in `getimg-mock verify api`. A bare app gets as many requests in the same way, without any
judging.
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Final

from benchmarks import bare
from benchmarks.targets import at_least
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.plan_drawing import draw_plans
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.in_process.exchange import Request, call_application
from getimg_mock.serving.kept_objects import collect_rarely

TARGET: Final = 2500.0
ROUNDS: Final = 5
PLANS: Final = 200
_BALANCE: Final = Request(
    method="GET",
    scheme="https",
    host="api.getimg.ai",
    port=443,
    target=b"/v2/billing/balance",
    headers=[(b"host", b"api.getimg.ai"), (b"authorization", b"Bearer sk_x")],
)


def main() -> int:
    """Measure, print, and return the exit status."""
    models = load_shipped_models()
    draw_plans(models, seed=ROUNDS, count=1)  # what plans are drawn from is read once
    rates: dict[str, list[float]] = {"fixed": [], "drawn": [], "bare": []}
    for number in range(ROUNDS):
        with collect_rarely():
            rates["fixed"].append(_rate(None))
            rates["drawn"].append(_rate(number))
            rates["bare"].append(_bare())
    typical = {kind: sorted(found)[ROUNDS // 2] for kind, found in rates.items()}
    shown = ", ".join(f"{kind} {rate:,.0f}/s" for kind, rate in typical.items())
    print(f"contract  {shown}; drawn: {typical['drawn'] / typical['bare']:.3f} of bare")
    return at_least("contract  requests a second, drawn, sent and judged", typical["drawn"], TARGET)


def _rate(seed: int | None) -> float:
    """Return the requests a second of plans drawn from `seed`; without one, of the fixed plans."""
    target = InProcessTarget()
    began = perf_counter()
    if seed is None:
        plans = list(build_corpus(target.models))
    else:
        plans = draw_plans(target.models, seed=seed, count=PLANS)
    histories = [target.run(plan) for plan in plans]
    broken = [check.id for check in PROVIDER_CHECKS if judge_check(check, histories).broken]
    taken = perf_counter() - began
    if broken:
        raise RuntimeError(f"The fake breaks {', '.join(broken)}: there is nothing to measure.")
    return sum(len(history.exchanges) for history in histories) / taken


def _bare() -> float:
    """Return the requests a second that the bare app answers."""
    began = perf_counter()
    for _ in range(PLANS * 10):
        call_application(bare.app, _BALANCE)
    return PLANS * 10 / (perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
