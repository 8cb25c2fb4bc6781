"""GH: the rules for the harness itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.plans import find_step_operation
from getimg_mock.contract.verdicts import OK, check, expect, fail_as
from getimg_mock.world.operations import REQUEST_SCHEMAS, find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.contract.verification.self_check import SelfCheck

_SHAPE_FAULTS: Final = ("missing", "type", "length", "enum")


@check(
    "GH001",
    "Every adversarial answer is valid by its own schema",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="A client may only be failed by what could happen.",
)
def adversarial_answers_are_valid(examination: SelfCheck) -> Iterator[Observation]:
    """Require that every response under a fault is valid by its schema."""
    for history in examination.histories:
        for each in history if history.plan.rules else ():
            name = find_answer_schema(each.operation, each.status) if each.operation else None
            if name is not None and each.kind == "application/json" and each.method != "HEAD":
                found = schemas.violations(name, each.plain)
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
    why="A test of a fault that never came passes for nothing.",
)
def injected_faults_were_hit(examination: SelfCheck) -> Iterator[Observation]:
    """Require that each plan met its faults; otherwise it is VOID, and no check judges it."""
    for history in examination.histories:
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
)
def findings_hold_again(examination: SelfCheck) -> Iterator[Observation]:
    """Require that a breach shows again: on its history, and in a second run of its plan."""
    shown = [(rule, finding.history) for rule, finding in examination.findings]
    for word, found in (
        ("in the history that is shown", shown),
        ("by the plan that is shown", examination.again),
    ):
        for rule, history in found:
            seen = [each for each in rule.observe(history) if each.failed]
            yield expect(seen, f"{rule.id} broken again {word}", "not broken")


@check(
    "GH004",
    "A failure replays in 95 of 100 cases, or is called flaky",
    severity="major",
    evidence="seed",
    cost="T",
    why="What cannot be shown again cannot be mended.",
)
def failures_replay(examination: SelfCheck) -> Iterator[Observation]:
    """Require that a failure shows again in at least 95 of 100 replays."""
    for name, (shown, tried) in examination.replays.items():
        yield expect(
            shown * 100 >= tried * 95,
            f"{name} again in 95 of 100 replays",
            f"{shown} of {tried}: it is flaky",
        )


@check(
    "GH005",
    "No request leaves that the budget has not seen",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="One way around the gate and there is no ceiling.",
)
def everything_passes_the_gate(examination: SelfCheck) -> Iterator[Observation]:
    """Require that every request that was sent passed the budget."""
    if examination.gate is not None:
        left, seen = examination.gate
        yield expect(left <= seen, f"{left} requests seen by the budget", seen)


@check(
    "GH006",
    "Valid data is valid and invalid data invalid, by two validators",
    severity="major",
    evidence="seed",
    cost="0",
    why="A wrong input makes every verdict on it wrong.",
)
def generated_data_is_as_meant(examination: SelfCheck) -> Iterator[Observation]:
    """Require that two validators call valid requests valid, and shape faults invalid."""
    second = _load_second_validator()
    for plan in examination.plans:
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
    why="A check that finds nothing of its own could be removed unnoticed.",
)
def checks_are_sharp(examination: SelfCheck) -> Iterator[Observation]:
    """Require that each check alone finds its faulty provider, and holds for legal ones."""
    if examination.kills is None:
        return
    kept = frozenset().union(*examination.kept.values())
    for name in examination.checks:
        alone = [fault for fault, broken in examination.kills.items() if broken == {name}]
        fault = examination.sole.get(name)
        if fault is None:
            yield expect(not alone, f"no faulty provider that {name} alone finds", ", ".join(alone))
        else:
            found = ", ".join(sorted(examination.kills.get(fault, ()))) or "nothing"
            yield expect(fault in alone, f"{fault} found by {name} alone", f"by {found}")
        yield expect(name in kept, f"a legal provider that {name} holds for", "none")
        yield expect(
            name not in examination.false_positives,
            f"{name} quiet on benign variants",
            "a false positive",
        )


@check(
    "GH008",
    "Verdicts do not depend on order or seed",
    severity="major",
    evidence="seed",
    cost="T",
    why="A red run must be red again.",
)
def runs_agree(examination: SelfCheck) -> Iterator[Observation]:
    """Require the same verdicts in another order and with another seed."""
    for other in examination.runs[1:]:
        first = examination.runs[0]
        changed = {
            name: (first.get(name), other.get(name))
            for name in first.keys() | other.keys()
            if first.get(name) != other.get(name)
        }
        yield expect(not changed, "the same verdicts in another order, with another seed", changed)


@check(
    "GH009",
    "No more is spent than the ceiling allows, and than the books say",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="It is real money.",
)
def spending_stays_below_the_ceiling(examination: SelfCheck) -> Iterator[Observation]:
    """Require that spend is within its ceiling, and that no key lost more than the books say."""
    for spent, ceiling in examination.spends:
        yield expect(spent <= ceiling, f"at most {ceiling} USD", str(spent))
    for key, amount in examination.beyond.items():
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
    why="Reports are shared.",
)
def artefacts_hold_no_secrets(examination: SelfCheck) -> Iterator[Observation]:
    """Require that no artefact contains a key that was in use."""
    for name, text in examination.artefacts.items() if examination.secrets else ():
        leaked = any(secret in text for secret in examination.secrets if secret)
        yield expect(not leaked, f"{name} without keys", "it contains a key")
