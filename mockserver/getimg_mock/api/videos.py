"""`POST` and `GET /v2/videos/generations`: accepted first, then polled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.api.generations import completed, rate_limit_headers, submitted
from getimg_mock.api.messages import Answer
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.workspaces import State


async def create(call: Call) -> Answer:
    """Submit and answer 202 with exactly id and status (documented)."""
    generation = submitted(call, "video")
    return Answer.of_json(
        202,
        {"id": generation.id, "status": "pending"},
        rate_limit_headers(call.owner.allowance("video")),
    )


async def retrieve(call: Call) -> Answer:
    """Answer 200 with what the generation is now: a failed one, too (documented)."""
    workspace, video_id = call.owner, call.path["id"]
    call.generation = video_id
    try:
        body = _body(call, workspace.polled(video_id))
    except Refusal:
        if call.fake.settings.strictness == "full":
            raise
        body = {"id": video_id, "status": "pending"}
    return Answer.of_json(200, body, rate_limit_headers(workspace.allowance("video")))


def _body(call: Call, state: State) -> dict[str, Any]:
    generation, status = state
    if status == "completed":
        return completed(call, generation)
    body: dict[str, Any] = {"id": generation.id, "status": status}
    if status == "failed" and generation.ending and generation.ending.failure:
        failure = generation.ending.failure
        body["error"] = {"message": failure.message, "code": failure.code}
    return body
