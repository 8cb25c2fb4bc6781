"""`POST /v2/images/generations`: answers when the image is completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.api.submissions import build_rate_limit_headers, render_completed, submit
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.api.messages import Answer, Call


async def generate(call: Call) -> Answer:
    """Submit, wait on the workspace's clock, and answer 200 with the result."""
    workspace = call.owner
    generation = submit(call, "image")
    at: datetime | None = generation.created_at
    if generation.at(generation.created_at) == "pending":
        generation = (await workspace.wait_finished(generation.id)).generation
        at = None
    failure = generation.ending.failure if generation.ending else None
    if failure is not None:
        raise Refusal(failure.code, failure.message)
    headers = build_rate_limit_headers(workspace.compute_allowance("image", at))
    return render_completed(call, generation, headers)
