"""`POST /v2/images/generations`: answers when the image is completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.api.submissions import build_rate_limit_headers, render_completed, submit
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Answer, Call


async def generate(call: Call) -> Answer:
    """Submit, wait on the workspace's clock, and answer 200 with the result."""
    workspace = call.owner
    generation = submit(call, "image")
    ending, at = generation.ending, generation.created_at
    if ending is None or ending.at > at:
        generation, _, at = await workspace.wait_finished(generation.id)
        ending = generation.ending
    failure = ending.failure if ending is not None else None
    if failure is not None:
        raise Refusal(failure.code, failure.message)
    call.answered_at = at
    headers = build_rate_limit_headers(workspace.compute_allowance("image", at))
    return render_completed(call, generation, headers)
