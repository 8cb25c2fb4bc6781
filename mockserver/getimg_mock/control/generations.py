"""Commands on generations and their transitions."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command
from getimg_mock.control.fields import choice, text
from getimg_mock.errors import ControlError, SettingsError, UnknownNameError
from getimg_mock.world.transitions import FAILURES, Failure, TransitionRule

if TYPE_CHECKING:
    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.workspaces import Workspace

GENERATION: Final = "generation"

# Ids that are compared to find the nearest to an unknown one.
_COMPARED: Final = 200


def find_generation(workspace: Workspace, generation_id: str) -> Generation:
    """Return a generation; raises `UnknownNameError` with the nearest id."""
    found = workspace.generations.get(generation_id)
    if found is None:
        last = list(workspace.generations)[-_COMPARED:]
        raise UnknownNameError(GENERATION, generation_id[:80], last)
    return found


def list_generations(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return the generations that match, oldest first."""
    with workspace.lock:
        workspace.settle()
        told = [_describe(workspace, each) for each in workspace.generations.values()]
    return {
        "generations": [
            each for each in told if all(each[name] == value for name, value in values.items())
        ]
    }


def show(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return one generation; this does not count as a poll."""
    with workspace.lock:
        workspace.settle()
        return _describe(workspace, find_generation(workspace, values[GENERATION]))


def complete(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Complete a pending generation now."""
    with workspace.lock:
        generation = _require_pending(workspace, values[GENERATION])
        workspace.complete(generation.id)
        return _describe(workspace, workspace.generations[generation.id])


def fail(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Fail a pending generation now."""
    failure = Failure.from_code(values.get("code", "server_error"), values.get("message"))
    with workspace.lock:
        generation = _require_pending(workspace, values[GENERATION])
        workspace.fail(generation.id, failure)
        return _describe(workspace, workspace.generations[generation.id])


def hold(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Keep a pending generation pending until a command ends it."""
    with workspace.lock:
        generation = _require_pending(workspace, values[GENERATION])
        workspace.hold(generation.id)
        return _describe(workspace, workspace.generations[generation.id])


def show_transitions(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Return the transition rules for new generations."""
    return workspace.transitions.as_json()


def set_transition(fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Set a rule for all new generations, or for those of a model."""
    model = values.pop("model", None)
    rule = _parse_rule(values)
    known_models = fake.catalogue.models
    # The lenient mode accepts every model id.
    strict = fake.settings.strictness == "full"
    if model is not None and strict and not any(fnmatchcase(each, model) for each in known_models):
        raise UnknownNameError("model", model, known_models)
    with workspace.lock:
        workspace.transitions.set(rule, model=model)
        return workspace.transitions.as_json()


def set_next_transition(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Set a rule for the next generation only."""
    rule = _parse_rule(values)
    with workspace.lock:
        workspace.transitions.next(rule)
        return workspace.transitions.as_json()


def clear_transitions(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Remove every rule; existing generations keep theirs."""
    with workspace.lock:
        workspace.transitions.clear()
        return workspace.transitions.as_json()


def _parse_rule(values: Json) -> TransitionRule:
    rule = TransitionRule.of(values)
    if not (rule.says_when or rule.says_how):
        raise SettingsError(
            "Give when (seconds, polls, hold) or how (failed, completed, fail_rate)."
        )
    return rule


def _require_pending(workspace: Workspace, generation_id: str) -> Generation:
    now = workspace.settle()
    generation = find_generation(workspace, generation_id)
    status = generation.at(now)
    if status != "pending":
        raise ControlError(
            "conflict", f"{generation.id} is {status} already, which is final.", status=409
        )
    return generation


def _describe(workspace: Workspace, generation: Generation) -> Json:
    product, ending, gone = generation.product, generation.ending, generation.deletes_at
    now = workspace.clock.now()
    status = generation.at(now)
    failure = ending.failure if ending is not None and status == "failed" else None
    return {
        "id": generation.id,
        "kind": product.kind,
        "model": product.model,
        "prompt": generation.prompt,
        "status": status,
        "created_at": generation.created_at.isoformat(),
        "ends_at": None if ending is None else ending.at.isoformat(),
        "deletes_at": None if gone is None or status == "failed" else gone.isoformat(),
        "total_cost": f"{product.total_cost:f}",
        "error": None if failure is None else {"code": failure.code, "message": failure.message},
    }


def _build_id_field() -> Any:
    return text(GENERATION, "the generation's id", required=True, longest=200)


GENERATION_SUMMARY: Final = "the generation as it is now"
RULES_SUMMARY: Final = "the active rules"

COMMANDS: Final = (
    Command(
        "generations",
        "GET",
        "/generations",
        "List the generations",
        list_generations,
        (
            choice("status", "only with this status", "pending", "completed", "failed"),
            choice("kind", "only of this kind", "image", "video"),
            text("model", "only of this model"),
        ),
        answer="the generations, oldest first",
    ),
    Command(
        "generations.show",
        "GET",
        "/generations/{generation}",
        "Show a generation without polling it",
        show,
        (_build_id_field(),),
        answer=GENERATION_SUMMARY,
    ),
    Command(
        "generations.complete",
        "POST",
        "/generations/{generation}/complete",
        "Complete a pending generation now",
        complete,
        (_build_id_field(),),
        answer=GENERATION_SUMMARY,
    ),
    Command(
        "generations.fail",
        "POST",
        "/generations/{generation}/fail",
        "Fail a pending generation now",
        fail,
        (
            _build_id_field(),
            text("code", f"the error's code, such as {', '.join(FAILURES)}", longest=200),
            text("message", "the error's message (default: the documented one of the code)"),
        ),
        answer=GENERATION_SUMMARY,
    ),
    Command(
        "generations.hold",
        "POST",
        "/generations/{generation}/hold",
        "Keep a generation pending until a command ends it",
        hold,
        (_build_id_field(),),
        answer=GENERATION_SUMMARY,
    ),
    Command(
        "transitions",
        "GET",
        "/transitions",
        "Show how new generations will end",
        show_transitions,
        answer=RULES_SUMMARY,
    ),
    Command(
        "transitions.set",
        "POST",
        "/transitions",
        "Set how new generations end; keys as in a scenario's transition",
        set_transition,
        (text("model", "only for this model; a glob such as seedance-*", longest=200),),
        free=True,
        answer=RULES_SUMMARY,
    ),
    Command(
        "transitions.next",
        "POST",
        "/transitions/next",
        "Set how the next generation ends",
        set_next_transition,
        free=True,
        answer=RULES_SUMMARY,
    ),
    Command(
        "transitions.clear",
        "DELETE",
        "/transitions",
        "Remove the rules for new generations",
        clear_transitions,
        answer=RULES_SUMMARY,
    ),
)
