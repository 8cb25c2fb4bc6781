"""`POST` and `GET /v2/videos/generations`: videos are accepted first, then polled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.api.messages import Answer
from getimg_mock.api.submissions import build_rate_limit_headers, render_completed, submit
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.generations import Generation, Status


async def create(call: Call) -> Answer:
    """Submit and answer 202 with exactly id and status (documented)."""
    generation = submit(call, "video")
    return Answer.of_json(
        202,
        {"id": generation.id, "status": "pending"},
        build_rate_limit_headers(call.owner.compute_allowance("video")),
    )


async def retrieve(call: Call) -> Answer:
    """Answer 200 with the current state, also for a failed generation (documented)."""
    workspace, video_id = call.owner, call.path["id"]
    call.generation = video_id
    generation: Generation | None
    status: Status
    try:
        generation, status = workspace.poll(video_id)
    except Refusal:
        if call.fake.settings.strictness == "full":
            raise
        generation, status = None, "pending"
    headers = build_rate_limit_headers(workspace.compute_allowance("video"))
    if generation is not None and status == "completed":
        return render_completed(call, generation, headers)
    body: dict[str, Any] = {"id": video_id, "status": status}
    failure = generation.ending.failure if generation and generation.ending else None
    if failure is not None and status == "failed":
        body["error"] = {"message": failure.message, "code": failure.code}
    return Answer.of_json(200, body, headers)
