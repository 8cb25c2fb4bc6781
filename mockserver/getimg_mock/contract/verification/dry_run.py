"""Dry runs: plans run on the fake, where they cost nothing, to see which checks they apply to."""

from __future__ import annotations

import json
import tempfile
from base64 import b64decode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock._shipped import read_text
from getimg_mock.contract.model_choice import PIXEL, load_shipped_models
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.final_looks import FINAL_PLAN, LATER_PLAN
from getimg_mock.contract.steps import Send
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.scenario_plans import run_scenarios_once
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.steps import Step
    from getimg_mock.contract.verdicts import Check, Verdict
    from getimg_mock.contract.verification.comparison import Comparison


_MANY_FILES: Final = 4

PLAN_FEEDS: Final = "plan-feeds.json"
"""The shipped file that says which fixed plans each check of providers applies to."""
THOROUGH: Final = "thorough"
"""What the fixed plans of a fake are called there, before those for other targets."""

_LAST_PLANS: Final = frozenset({FINAL_PLAN, LATER_PLAN})
"""Plans that name ids of one run, so that no other target can run them."""


@contextmanager
def create_similar_fake(
    models: Sequence[dict[str, Any]], *, seed: str = "0"
) -> Iterator[InProcessTarget]:
    """Yield a fake with another service's catalogue.

    Raises `CatalogueError` where the fake cannot have it.
    """
    known = list(models)
    if known == load_shipped_models():
        yield InProcessTarget(seed=seed)
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "models.json"
        path.write_text(json.dumps(known), encoding="utf-8")
        fake = InProcessTarget(seed=seed, settings={"models": path}, models=known)
        with fake.open_session(Plan(name="nothing", steps=())):
            pass
        yield fake


def find_relevant_plans(
    checks: Sequence[Check], plans: Sequence[Plan], models: Sequence[dict[str, Any]]
) -> Mapping[str, frozenset[str]]:
    """Return, for each check by its id, the names of the plans that it applies to.

    Of the fixed plans for the shipped catalogue it is written down; others are run.
    """
    known = find_known_plans(checks, plans, models)
    told = [(plan, known.get(plan)) for plan in plans]
    others = [plan for plan, ids in told if ids is None]
    measured = measure_relevant_plans(checks, others, models) if others else {}
    return {
        check.id: measured.get(check.id, frozenset())
        | {plan.name for plan, ids in told if ids is not None and check.id in ids}
        for check in checks
    }


def find_known_plans(
    checks: Sequence[Check], plans: Sequence[Plan], models: Sequence[dict[str, Any]]
) -> Mapping[Plan, frozenset[str]]:
    """Return, of those plans of which it is written down, the ids of the checks that apply to them.

    None are known where the catalogue or one of the checks is not ours.
    """
    asked = {check.id for check in checks}
    if list(models) != load_shipped_models() or not all(
        asked <= feeds.keys() for feeds in load_plan_feeds().values()
    ):
        return {}
    known: dict[Plan, frozenset[str]] = {}
    for kind, feeds in load_plan_feeds().items():
        shipped = {plan.name: plan for plan in _build_shipped_corpus(thorough=kind == THOROUGH)}
        for plan in plans:
            if plan not in known and shipped.get(plan.name) == plan:
                known[plan] = frozenset(check for check in asked if plan.name in feeds[check])
    return known


@cache
def _build_shipped_corpus(*, thorough: bool) -> tuple[Plan, ...]:
    return build_corpus(load_shipped_models(), thorough=thorough)


@cache
def load_plan_feeds() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Return the names of the fixed plans that each check applies to, by its id.

    There are those of `thorough` plans, and those for others. `make docs` measures them, and a test
    compares.
    """
    read = json.loads(read_text("fixtures", PLAN_FEEDS))
    return {
        kind: {
            check: frozenset(found["plans"][place] for place in places)
            for check, places in found["checks"].items()
        }
        for kind, found in read.items()
    }


def measure_relevant_plans(
    checks: Sequence[Check], plans: Sequence[Plan], models: Sequence[dict[str, Any]]
) -> Mapping[str, frozenset[str]]:
    """Run plans, and return what `find_relevant_plans` does.

    Each picture is a file of one pixel: to which plans a check applies does not depend on sizes,
    and to draw and to decode every size takes half a minute.
    """
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory())
        try:
            fake = stack.enter_context(create_similar_fake(models))
        except CatalogueError:
            fake = InProcessTarget(models=list(models))
        picture = Path(place) / "pixel.png"
        picture.write_bytes(b64decode(PIXEL.partition(",")[2]))
        quick = replace(fake, settings={**fake.settings, "media": (str(picture),)})
        histories = [quick.run(plan) for plan in plans]
    return {
        check.id: frozenset(
            history.plan.name for history in histories if judge_check(check, [history]).applied
        )
        for check in checks
    }


@dataclass(slots=True)
class FakeAhead:
    """The fake that a session is compared with; it runs plans while the session waits.

    Each plan has a world and a time of its own, so that it makes no difference when it runs.
    """

    session: VerificationSession
    _open: ExitStack = field(default_factory=ExitStack)
    _twin: VerificationSession | None = None
    _ran: dict[Plan, History] = field(default_factory=dict)
    _unlike: bool = False
    """Whether the fake cannot have the catalogue."""

    def follow(self, history: History) -> None:
        """Run the plan of a history of the session, where the fake can have the catalogue."""
        run_scenarios_once(self.session)
        if history.plan.name in _LAST_PLANS or self._unlike:
            return
        try:
            twin, plan = self._open_twin(), _leave_out_files(history.plan)
        except CatalogueError:  # `run` raises it again
            self._unlike = True
            return
        self._ran[plan] = ran = twin.target.run(plan)
        twin.observe_ahead(ran)

    def _open_twin(self) -> VerificationSession:
        """Return the session of the fake; raises `CatalogueError` as `create_similar_fake` does."""
        if self._twin is None:
            similar = create_similar_fake(self.session.models, seed=str(self.session.seed))
            fake = self._open.enter_context(similar)
            target = _KnownTarget(
                settings=fake.settings, seed=fake.seed, models=fake.models, known=self._ran
            )
            self._twin = VerificationSession(target=target, plans=(), checks=self.session.checks)
        return self._twin

    def run(self) -> tuple[VerificationSession, list[dict[str, Any]]]:
        """Return the session of the fake after all plans, and its events."""
        ran = [each.plan for each in self.session.histories if each.plan.name not in _LAST_PLANS]
        with self._open:
            twin = replace(self._open_twin(), plans=[_leave_out_files(plan) for plan in ran])
            return twin, list(twin.run())


@dataclass(slots=True)
class _KnownTarget(InProcessTarget):
    """A fake some of whose histories are known."""

    known: Mapping[Plan, History] = field(default_factory=dict)

    def run(self, plan: Plan) -> History:
        """Return the history of a plan."""
        found = self.known.get(plan)
        return InProcessTarget.run(self, plan) if found is None else found


def run_on_fake(
    campaign: VerificationSession, seen: Comparison, ahead: FakeAhead | None = None
) -> tuple[Comparison, list[dict[str, Any]]]:
    """Run the plans of a session on the fake as well, and those of all shipped scenarios.

    Returns the comparison of both, with what was `seen` of the service, and the events of the fake.
    There are none where the session was on the fake itself, or the fake cannot have the catalogue.
    What `ahead` has run is not run again.
    """
    tried = run_scenarios_once(campaign)
    if isinstance(campaign.target, InProcessTarget):
        return replace(seen, fake=(*campaign.histories, *tried)), []
    try:
        twin, events = (ahead or FakeAhead(campaign)).run()
    except CatalogueError as error:
        return replace(seen, fake=tried, unlike=str(error)), []
    return replace(
        seen,
        fake=(*twin.histories, *tried),
        other=tuple(campaign.histories),
        fake_broken=_select_failures(twin.verdicts, campaign),
        other_broken=_select_failures(campaign.verdicts, campaign),
    ), events


def _leave_out_files(plan: Plan) -> Plan:
    """Return a plan without downloads where it has many: drawing them takes half a minute.

    What they show of the fake, other plans show.
    """
    plain = {step for step in plan.steps if _is_plain_download(step)}
    if len(plain) <= _MANY_FILES:
        return plan
    return replace(plan, steps=tuple(step for step in plan.steps if step not in plain))


def _is_plain_download(step: Step) -> bool:
    return isinstance(step, Send) and step.link and step.use == "" and not step.headers


def _select_failures(verdicts: Sequence[Verdict], campaign: VerificationSession) -> dict[str, bool]:
    """Return whether each check failed, of those whose breach is a failure on the other target."""
    return {
        each.check.id: each.status == "FAIL"
        for each in verdicts
        if each.applied and campaign.find_breach_status(each.check) == "FAIL"
    }
