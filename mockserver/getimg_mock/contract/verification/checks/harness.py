"""GH: the rules for the verification itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.plans import find_step_operation
from getimg_mock.contract.verdicts import OK, check, expect, fail_as, note
from getimg_mock.world.operations import REQUEST_SCHEMAS, find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.history import History
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.verdicts import Check, Observation
    from getimg_mock.contract.verification.self_check import SelfCheck


_SHAPE_FAULTS: Final = ("missing", "type", "length", "enum")

_SHORTEST_SECRET: Final = 8
"""A shorter key cannot be told from a word of the report, such as `good`."""


@check(
    "GH001",
    "Every adversarial answer is valid by its own schema",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="A client may only fail because of a possible response.",
    fix="Correct the body that the scenario's rule produces.",
)
def adversarial_answers_are_valid(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that every response under a fault is valid by its schema.

    Applies to JSON responses of plans with injected faults. Fails on a body that its schema
    refuses.
    """
    for history in self_check.histories:
        for each in history if history.plan.rules else ():
            name = find_answer_schema(each.operation, each.status) if each.operation else None
            if name is not None and each.kind == "application/json" and each.method != "HEAD":
                found = each.parsed.find_violations(name)
                yield expect(
                    not found,
                    f"as schemas/{name}.json says",
                    "; ".join(v.message for v in found[:2]),
                    each,
                )


@check(
    "GH002",
    "Every injected fault was met, else its case is VOID",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="A test whose fault never acted proves nothing.",
    fix="Send a request that the rule matches, or correct the rule's criteria.",
)
def injected_faults_were_hit(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that each plan met its faults; otherwise it is VOID, and no check judges it.

    Applies to plans with injected faults. Reports VOID when a rule never acted.
    """
    for history in self_check.histories:
        if history.unmet:
            yield fail_as("VOID", f"every fault of '{history.plan.name}' met", history.unmet)
        elif history.plan.rules:
            yield OK


@check(
    "GH003",
    "The check breaks again on the history that is shown, and by its plan",
    severity="major",
    evidence="seed",
    cost="T",
    why="A shrunk example that no longer shows the failure misleads.",
    fix="Make the judge a pure function of the history, and the plan free of hidden state.",
)
def findings_hold_again(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that a breach shows again: on its history, and in a second run of its plan.

    Applies to every finding of a run. Fails when the check passes the second time. What a check
    finds by comparing all histories is shown by these again.
    """
    together = {
        rule.id: [
            history for history, each in rule.observe_together(self_check.histories) if each.failed
        ]
        for rule in {rule.id: rule for rule, _ in self_check.findings}.values()
    }
    for rule, finding in self_check.findings:
        seen = _is_broken_in(rule, finding.history) or any(
            history is finding.history for history in together[rule.id]
        )
        expected = f"{rule.id} broken again in the history that is shown"
        yield expect(seen, expected, "not broken")
    for rule, history in self_check.again:
        expected = f"{rule.id} broken again by the plan that is shown"
        yield expect(_is_broken_in(rule, history), expected, "not broken")


def _is_broken_in(rule: Check, history: History) -> bool:
    return any(each.failed for each in rule.observe(history))


@check(
    "GH004",
    "A failure replays in 95 of 100 cases, or is called flaky",
    severity="major",
    evidence="seed",
    cost="T",
    why="A failure that does not repeat cannot be debugged.",
    fix="Remove the dependence on time, order or chance from the target.",
)
def failures_replay(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that a failure shows again in at least 95 of 100 replays.

    Applies to failures on the fake. Fails, and names the check as flaky, when fewer replays show
    it.
    """
    for name, (shown, tried) in self_check.replays.items():
        yield expect(
            shown * 100 >= tried * 95,
            f"{name} again in 95 of 100 replays",
            f"{shown} of {tried}: it is flaky",
        )


@check(
    "GH005",
    "Every request passes the budget",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="A single request outside the budget makes the ceiling meaningless.",
    fix="Send requests only through the target, which asks the budget first.",
)
def everything_passes_the_gate(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that every request that was sent passed the budget.

    Applies to runs with a budget. Fails when more requests left the process than the budget
    counted.
    """
    if self_check.gate is not None:
        left, seen = self_check.gate
        yield expect(left <= seen, f"{left} requests seen by the budget", seen)


@check(
    "GH006",
    "Valid data is valid and invalid data invalid, by two validators",
    severity="major",
    evidence="seed",
    cost="0",
    why="A wrong input makes every verdict on it wrong.",
    fix="Correct the generator of the input, or the schema.",
)
def generated_data_is_as_meant(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that two validators call valid requests valid, and shape faults invalid.

    Applies to every generated submission. Fails when a validator contradicts the plan's intention.
    """
    second = _load_second_validator()
    for plan in self_check.plans:
        for step in plan.submissions:
            name = REQUEST_SCHEMAS.get(find_step_operation(step))
            if name is None or len(step.body or b"") > 1 << 20:
                continue
            meant = _find_intended_validity(step)
            if meant is None:
                continue
            body = _parse_body(step)
            first = not schemas.violations(name, body)
            word = "valid" if meant else "invalid"
            yield expect(
                first == meant,
                f"{word}: {step.fault or step.use}",
                f"{step.field} {(step.body or b'')[:100]!r}",
            )
            if second is not None and first == meant:
                yield expect(
                    second(name, body) == meant,
                    "the second validator's agreement",
                    f"{(step.body or b'')[:100]!r}",
                )


def _find_intended_validity(step: Send) -> bool | None:
    if step.valid:
        return True
    if step.valid is False and step.fault in _SHAPE_FAULTS and read_json(step.body or b"")[0]:
        return False
    return None


def _parse_body(step: Send) -> Any:
    return json.loads(step.body or b"null")


def _load_second_validator() -> Callable[[str, Any], bool] | None:
    try:
        from jsonschema import (  # type: ignore[import-untyped]  # noqa: PLC0415 - optional
            Draft202012Validator,
        )
    except ModuleNotFoundError:
        return None

    def valid(name: str, body: Any) -> bool:
        return bool(Draft202012Validator(schemas.schema(name)).is_valid(body))

    return valid


@check(
    "GH007",
    "Each check alone finds a faulty provider, if one can be, and no benign one",
    severity="major",
    evidence="seed",
    cost="fake",
    why="A check that finds no fault alone could be removed unnoticed.",
    fix="Add a faulty provider that only this check finds, or narrow the check.",
)
def checks_are_sharp(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that each check alone finds its faulty provider, and holds for legal ones.

    Applies to measured scorecards. Fails when the fault is found by others, by none, or a legal
    provider is refused.
    """
    if self_check.kills is None:
        return
    kept = frozenset().union(*self_check.kept.values())
    for name in self_check.checks:
        alone = [fault for fault, broken in self_check.kills.items() if broken == {name}]
        fault = self_check.sole.get(name)
        if fault is None:
            yield expect(not alone, f"no faulty provider that {name} alone finds", ", ".join(alone))
        else:
            found = ", ".join(sorted(self_check.kills.get(fault, ()))) or "nothing"
            yield expect(fault in alone, f"{fault} found by {name} alone", f"by {found}")
        yield expect(name in kept, f"a legal provider that {name} holds for", "none")
        yield expect(
            name not in self_check.false_positives,
            f"{name} quiet on benign variants",
            "a false positive",
        )


@check(
    "GH008",
    "Verdicts do not depend on order or seed",
    severity="major",
    evidence="seed",
    cost="T",
    why="A failing run must fail again.",
    fix="Remove shared state between plans, or the dependence on the seed.",
)
def runs_agree(self_check: SelfCheck) -> Iterator[Observation]:
    """Require the same verdicts in another order and with another seed.

    Applies to a sample of plans that is run twice. Fails when a verdict changes.
    """
    for other in self_check.runs[1:]:
        first = self_check.runs[0]
        changed = {
            name: (first.get(name), other.get(name))
            for name in first.keys() | other.keys()
            if first.get(name) != other.get(name)
        }
        yield expect(not changed, "the same verdicts in another order, with another seed", changed)


@check(
    "GH009",
    "Spend stays within the ceiling and agrees with the costs",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="The spend is real money.",
    fix="Reserve the highest price before each request, and reconcile the balance after it.",
)
def spending_stays_below_the_ceiling(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that spend is within its ceiling, and that no key lost more than the books say.

    Applies to runs with a budget. Fails on a higher spend, and on a balance that fell by more than
    was booked.
    """
    for spent, ceiling in self_check.spends:
        yield expect(spent <= ceiling, f"at most {ceiling} USD", str(spent))
    for key, amount in self_check.beyond.items():
        yield expect(
            amount <= 0,
            f"nothing taken from key {key} beyond the books",
            f"{amount} USD, or it was spent elsewhere meanwhile",
        )


@check(
    "GH010",
    "No artefact holds a key",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Reports are shared with others.",
    fix="Redact keys where the artefact is written.",
)
def artefacts_hold_no_secrets(self_check: SelfCheck) -> Iterator[Observation]:
    """Require that no artefact contains a key that was in use.

    Applies to the event stream and every report. Fails when a key appears in one as a whole token.
    A key of fewer than 8 characters, without `sk_`, may be any word, so it is not looked for.
    """
    long = [
        each
        for each in self_check.secrets
        if len(each) >= _SHORTEST_SECRET or each.startswith("sk_")
    ]
    if len(long) < len([each for each in self_check.secrets if each]):
        yield note(
            f"a key of fewer than {_SHORTEST_SECRET} characters was not looked for: "
            "it could be any word"
        )
    if not long:
        return
    tokens = re.compile("|".join(rf"(?<![A-Za-z0-9]){re.escape(s)}(?![A-Za-z0-9])" for s in long))
    for name, text in self_check.artefacts.items():
        yield expect(not tokens.search(text), f"{name} without keys", "it contains a key")
