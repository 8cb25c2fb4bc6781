# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers whose generations live wrongly: states, ids, order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies, show_allowance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.provider.wrapping import Wrap


def goes_back(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every second look at a finished video finds it pending."""
    if asked.retrieves and reply.completed:
        count = scene.memory[asked.path] = scene.memory.get(asked.path, 0) + 1
        if count % 2 == 0:
            reply.say({"id": reply.json["id"], "status": "pending"})


def goes_back_later(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A second after it was first seen finished, a video is pending again, for some minutes."""
    if asked.retrieves and reply.completed:
        now = scene.workspace(asked.key).clock.now()
        since = now - scene.memory.setdefault(asked.path, now)
        if timedelta(seconds=1) < since < timedelta(minutes=5):
            reply.say({"id": reply.json["id"], "status": "pending"})


def never_ends(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A video is pending for ever."""
    if asked.retrieves and reply.completed:
        reply.say({"id": reply.json["id"], "status": "pending"})


def takes_half_an_hour(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A video of twelve seconds is pending for half an hour."""
    if asked.retrieves and reply.completed and reply.json["data"][0]["duration"] == 12:
        generation = scene.workspace(asked.key).generations[reply.json["id"]]
        age = scene.workspace(asked.key).clock.now() - generation.created_at
        if age < timedelta(minutes=30):
            reply.say({"id": reply.json["id"], "status": "pending"})


def one_id_for_all(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """All images have the same id."""
    if asked.submits and reply.status == 200:
        body = reply.json
        body["id"] = "req-01AAAAAAAAAAAA"
        reply.say(body)


def id_with_a_slash(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The id of an image has a slash in it."""
    if asked.submits and reply.completed:
        reply.say(reply.json | {"id": reply.json["id"].replace("-", "/")})


def pending_wrong_id(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A pending answer names another generation."""
    if asked.retrieves and reply.status == 200 and reply.json["status"] == "pending":
        reply.say(reply.json | {"id": "req-01AAAAAAAAAAAA"})


def wrong_id(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A status answer names another generation."""
    if asked.retrieves and reply.status == 200:
        body = reply.json
        body["id"] = body["id"][:-1] + ("A" if body["id"][-1] != "A" else "B")
        reply.say(body)


def late_404(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The first look at a new video finds nothing."""
    if asked.retrieves and reply.status == 200 and asked.path not in scene.memory:
        scene.memory[asked.path] = True
        reply.status = 404
        reply.say(
            {
                "error": {
                    "code": "not_found",
                    "message": "Generation not found.",
                    "type": "invalid_request_error",
                    "param": None,
                }
            }
        )


def other_model(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The result names a model that was not asked for."""
    if reply.completed:
        body = reply.json
        body["model"] += "-turbo"
        reply.say(body)


def pending_with_data(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A pending video already has (empty) data."""
    if asked.retrieves and reply.status == 200 and reply.json["status"] == "pending":
        reply.say(reply.json | {"data": []})


def completed_with_error(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A completed video carries an error."""
    if asked.retrieves and reply.completed:
        reply.say(reply.json | {"error": {"code": "server_error", "message": "Nearly."}})


def result_changes(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The width of a finished video grows from poll to poll."""
    if asked.retrieves and reply.completed:
        count = scene.memory[asked.path] = scene.memory.get(asked.path, 0) + 1
        body: Any = reply.json
        if count > 1:
            body["data"][0]["duration"] += count
        reply.say(body)


def size_is_forgotten(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Only the first look at a finished video shows its size."""
    if asked.retrieves and reply.completed:
        count = scene.memory[asked.path] = scene.memory.get(asked.path, 0) + 1
        body = reply.json
        if count > 1:
            del body["data"][0]["width"], body["data"][0]["height"]
        reply.say(body)


def unknown_status(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Pending is called processing."""
    if asked.retrieves and reply.status == 200 and reply.json["status"] == "pending":
        reply.say(reply.json | {"status": "processing"})


def deduplicates(asked: Asked, scene: Scene) -> Reply | None:
    """The same body gets the same video again."""
    if not (asked.submits and "videos" in asked.path):
        return None
    known = scene.memory.get(asked.key + repr(asked.body))
    if known is not None:
        return Reply(known.status, dict(known.headers), known.body)
    reply = scene.send(asked)
    if reply.status == 202:
        scene.memory[asked.key + repr(asked.body)] = reply
    return reply


def deduplicates_and_counts(asked: Asked, scene: Scene) -> Reply | None:
    """The same image request gets the same image again, but counts against the limit."""
    if not (asked.submits and "images" in asked.path):
        return None
    known = scene.memory.get(asked.key + repr(asked.body))
    if known is None:
        reply = scene.send(asked)
        if reply.completed:
            scene.memory[asked.key + repr(asked.body)] = reply
        return reply
    workspace = scene.workspace(asked.key)
    workspace.limiter.admit("image", workspace.clock.now(), running=0)
    reply = Reply(known.status, dict(known.headers), known.body)
    show_allowance(reply, workspace.compute_allowance("image"))
    return reply


def video_answers_200(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A video is accepted with 200."""
    if asked.submits and reply.status == 202:
        reply.status = 200


def image_is_pending(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """An image answer says pending."""
    if asked.submits and reply.completed:
        reply.say(reply.json | {"status": "pending"})


def image_without_media(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """An image answer has no media."""
    if asked.submits and reply.completed:
        reply.say(reply.json | {"data": []})


def unknown_id_is_pending(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Whatever id is asked for is pending."""
    if asked.retrieves and reply.status == 404:
        reply.status = 200
        reply.say({"id": asked.path.rpartition("/")[2], "status": "pending"})


def unknown_uuid_is_pending(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A UUID, of which no generation has one, is pending for ever."""
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and reply.status == 404 and name.count("-") == 4:
        reply.status = 200
        reply.say({"id": name, "status": "pending"})
        show_allowance(reply, scene.workspace(asked.key).compute_allowance("video"))


def _failed(edit: Callable[[dict[str, Any]], None]) -> Wrap:
    def change(asked: Asked, reply: Reply, _scene: Scene) -> None:
        if asked.retrieves and reply.status == 200 and reply.json["status"] == "failed":
            body = reply.json
            edit(body)
            reply.say(body)

    return replies(change)


def _billed(body: dict[str, Any]) -> None:
    body["usage"] = {
        "total_cost": 0.05,
        "billable_unit": "video_second",
        "unit_price": 0.05,
        "quantity": 1,
    }


SEQUENCE: tuple[Mutant, ...] = (
    Mutant(
        name="goes-back-to-pending",
        kind="sequence",
        breaks="GP308",
        blocker=True,
        wrap=replies(goes_back),
    ),
    Mutant(
        name="goes-back-to-pending-later",
        kind="sequence",
        breaks="GP308",
        blocker=True,
        wrap=replies(goes_back_later),
    ),
    Mutant(name="never-ends", kind="sequence", breaks="GP310", wrap=replies(never_ends)),
    Mutant(
        name="long-videos-take-half-an-hour",
        kind="sequence",
        breaks="GP310",
        wrap=replies(takes_half_an_hour),
    ),
    Mutant(name="one-id-for-all", kind="sequence", breaks="GP304", wrap=replies(one_id_for_all)),
    Mutant(
        name="ids-of-images-have-a-slash",
        kind="sequence",
        breaks="GP304",
        wrap=replies(id_with_a_slash),
    ),
    Mutant(
        name="pending-names-another-id",
        kind="sequence",
        breaks="GP306",
        wrap=replies(pending_wrong_id),
    ),
    Mutant(name="status-of-another-id", kind="sequence", breaks="GP306", wrap=replies(wrong_id)),
    Mutant(name="404-right-after-202", kind="sequence", breaks="GP305", wrap=replies(late_404)),
    Mutant(name="another-model", kind="sequence", breaks="GP302", wrap=replies(other_model)),
    Mutant(
        name="pending-with-data", kind="sequence", breaks="GP307", wrap=replies(pending_with_data)
    ),
    Mutant(
        name="completed-with-error",
        kind="sequence",
        breaks="GP307",
        wrap=replies(completed_with_error),
    ),
    Mutant(name="result-changes", kind="sequence", breaks="GP309", wrap=replies(result_changes)),
    Mutant(
        name="size-is-forgotten", kind="sequence", breaks="GP309", wrap=replies(size_is_forgotten)
    ),
    Mutant(
        name="pending-is-called-processing",
        kind="sequence",
        breaks="GP307",
        wrap=replies(unknown_status),
    ),
    Mutant(
        name="deduplicates-bodies", kind="sequence", breaks="GP314", wrap=answering(deduplicates)
    ),
    Mutant(
        name="equal-images-are-one",
        kind="sequence",
        breaks="GP314",
        wrap=answering(deduplicates_and_counts),
    ),
    Mutant(
        name="video-accepted-with-200",
        kind="sequence",
        breaks="GP303",
        wrap=replies(video_answers_200),
    ),
    Mutant(
        name="image-is-pending", kind="sequence", breaks="GP301", wrap=replies(image_is_pending)
    ),
    Mutant(
        name="image-without-media",
        kind="sequence",
        breaks="GP301",
        wrap=replies(image_without_media),
    ),
    Mutant(
        name="failure-without-message",
        kind="sequence",
        breaks="GP311",
        wrap=_failed(lambda body: body["error"].update(message="")),
    ),
    Mutant(name="failure-with-a-bill", kind="sequence", breaks="GP311", wrap=_failed(_billed)),
    Mutant(
        name="failure-with-data",
        kind="sequence",
        breaks="GP311",
        wrap=_failed(lambda body: body.update(data=[])),
    ),
    Mutant(
        name="unknown-id-is-pending",
        kind="sequence",
        breaks="GP312",
        wrap=replies(unknown_id_is_pending),
    ),
    Mutant(
        name="unknown-uuid-is-pending",
        kind="sequence",
        breaks="GP312",
        wrap=replies(unknown_uuid_is_pending),
    ),
)
