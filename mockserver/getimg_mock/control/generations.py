"""Commands on generations and their transitions."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command, FileAnswer
from getimg_mock.control.fields import choice, text, whole
from getimg_mock.errors import ControlError, SettingsError, UnknownNameError
from getimg_mock.media.generation_files import build_media, build_thumbnail
from getimg_mock.world.transitions import FAILURES, Failure, TransitionRule

if TYPE_CHECKING:
    from datetime import datetime

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
    """Return the generations that match, oldest first; with `last` only the newest of them."""
    last, skip = values.pop("last", None), values.pop("skip", 0)
    with workspace.lock:
        now = workspace.settle()
        found = [each for each in workspace.generations.values() if _matches(each, now, **values)]
        end = max(0, len(found) - skip)
        kept = found[:end] if last is None else found[max(0, end - last) : end]
        return {
            "total": len(found),
            "generations": [_describe(workspace, each) for each in kept],
        }


def show_file(fake: Fake, workspace: Workspace, values: Json) -> FileAnswer:
    """Return the file of a completed generation, also after its link has expired."""
    generation = _require_completed(workspace, values[GENERATION])
    settings = fake.settings
    media = build_media(workspace, generation, size=settings.media_size, font=settings.font)
    return FileAnswer(generation.product.mime_type, media)


def show_thumbnail(fake: Fake, workspace: Workspace, values: Json) -> FileAnswer:
    """Return a small picture of a completed generation."""
    picture = build_thumbnail(
        workspace, _require_completed(workspace, values[GENERATION]), font=fake.settings.font
    )
    return FileAnswer(picture.mime_type, picture)


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


def _require_completed(workspace: Workspace, generation_id: str) -> Generation:
    with workspace.lock:
        now = workspace.settle()
        generation = find_generation(workspace, generation_id)
    status = generation.at(now)
    if status != "completed":
        raise ControlError(
            "conflict", f"{generation.id} is {status}: only completed ones have a file.", status=409
        )
    return generation


def _matches(
    generation: Generation,
    now: datetime,
    *,
    status: str | None = None,
    kind: str | None = None,
    model: str | None = None,
) -> bool:
    return (
        (status is None or generation.at(now) == status)
        and (kind is None or generation.product.kind == kind)
        and (model is None or generation.product.model == model)
    )


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
        "width": product.width,
        "height": product.height,
        "duration": product.duration,
        "has_sound": product.has_sound,
        "mime_type": product.mime_type,
        "link": _format_link(workspace, generation) if status == "completed" else None,
    }


def _format_link(workspace: Workspace, generation: Generation) -> str | None:
    """Return path and query of the download link, as the API signs it."""
    expires = generation.expires
    if expires is None:
        return None
    signature = workspace.sign_link(generation.id, 0, expires)
    return f"/v2/downloads/{generation.id}/0?exp={expires}&sig={signature}"


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
            whole("last", "only the newest, at most this many", low=0, high=10**6),
            whole("skip", "leave out this many of the newest (0)", low=0, high=10**9),
        ),
        answer="the generations, oldest first, and the total of those that match",
    ),
    Command(
        "generations.file",
        "GET",
        "/generations/{generation}/file",
        "Return the file of a completed generation without a download in the journal",
        show_file,
        (_build_id_field(),),
        answer="the file, also after its link has expired",
        media_type="application/octet-stream",
    ),
    Command(
        "generations.thumbnail",
        "GET",
        "/generations/{generation}/thumbnail",
        "Return a small picture of a completed generation",
        show_thumbnail,
        (_build_id_field(),),
        answer="a WebP picture, 320 pixels on its longest side",
        media_type="image/webp",
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
