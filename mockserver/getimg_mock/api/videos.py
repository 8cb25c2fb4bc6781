"""`POST` and `GET /v2/videos/generations`: videos are accepted first, then polled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.api.messages import JSON, Answer, encode_string
from getimg_mock.api.replaying import (
    find_recorded_status,
    interrupt,
    render_accepted,
    render_result,
)
from getimg_mock.api.submissions import build_rate_limit_headers, render_completed, submit
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call
    from getimg_mock.world.generations import Generation, Status
    from getimg_mock.world.journal import Headers


async def create(call: Call) -> Answer:
    """Submit and answer 202 with exactly id and status (documented)."""
    generation = submit(call, "video")
    headers = build_rate_limit_headers(call.owner.compute_allowance("video"))
    if call.replayed is not None:
        return render_accepted(call.replayed, generation, headers)
    return _render_status(202, generation.id, "pending", headers)


async def retrieve(call: Call) -> Answer:
    """Answer 200 with the current state, also for a failed generation (documented)."""
    workspace, video_id = call.owner, call.path["id"]
    call.generation = video_id
    generation: Generation | None
    status: Status
    try:
        generation, status, at = workspace.poll(video_id)
        call.answered_at = at
    except Refusal:
        if call.fake.settings.strictness == "full":
            raise
        generation, status = None, "pending"
    if generation is not None and generation.product.recording is not None:
        interruption = interrupt(call, generation)
        if interruption is not None:
            return interruption
    headers = build_rate_limit_headers(workspace.compute_allowance("video", call.answered_at))
    if generation is not None and status == "completed":
        return render_completed(call, generation, headers)
    if generation is None:
        return _render_status(200, video_id, status, headers)
    if status == "pending":
        return _render_status(200, video_id, find_recorded_status(call, generation), headers)
    return _render_failed(call, generation, headers)


def _render_status(code: int, video_id: str, status: str, headers: Headers) -> Answer:
    """Return the answer with exactly id and status, which most polls get."""
    return Answer(code, render_status(video_id, status), [JSON, *headers])


def render_status(video_id: str, status: str) -> bytes:
    """Return the JSON with exactly id and status."""
    body = f'{{"id":{encode_string(video_id)},"status":{encode_string(status)}}}'
    return body.encode("utf-8", "replace")


def _render_failed(call: Call, generation: Generation, headers: Headers) -> Answer:
    recorded = render_result(call.fake.recordings, generation)
    if recorded is not None:
        return Answer(200, recorded, [JSON, *headers])
    body: dict[str, Any] = {"id": generation.id, "status": "failed"}
    failure = generation.ending.failure if generation.ending else None
    if failure is not None:
        body["error"] = {"message": failure.message, "code": failure.code}
    return Answer.of_json(200, body, headers)
