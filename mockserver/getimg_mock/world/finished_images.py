"""Images that are completed when they are accepted, as most are: a short way through the books.

It does what `Workspace.submit` does for them, in one step instead of a dozen. The test of
`api.plain_images` compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.world.journal import Effect, record_effect
from getimg_mock.world.randomness import Stream
from getimg_mock.world.records import create_record
from getimg_mock.world.transitions import OPEN

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.world.generations import Product
    from getimg_mock.world.workspaces import Workspace


class FinishedImage(NamedTuple):
    """A generation that was submitted: its id, its moment and its effects.

    `remaining` is how many more its rate window allows.
    """

    id: str
    at: datetime
    effects: tuple[Effect, Effect, Effect]
    remaining: int


def finishes_at_once(workspace: Workspace) -> bool:
    """Return whether an image is ready when it is accepted, and no rule says otherwise."""
    seconds, transitions = workspace.settings.image_seconds, workspace.transitions
    return not (
        seconds.high
        or seconds.shape != "uniform"
        or transitions.workspace is not OPEN
        or transitions.models
        or transitions.upcoming
        or workspace.media.rules
    )


def submit_finished(
    workspace: Workspace,
    product: Product,
    prompt: str,
    canonical: bytes,
    *,
    retention: float | None = None,
) -> FinishedImage:
    """Accept a valid image request of a workspace for which `finishes_at_once` holds.

    `retention` is None for that of the settings. Raises the 402 or 429 `Refusal`, which changes
    nothing.
    """
    with workspace.lock:
        now = workspace.settle()
        settlement, ledger, cost = workspace.settlement, workspace.ledger, product.total_cost
        ledger.require(cost)
        remaining = workspace.limiter.admit("image", now, running=len(settlement.charged))
        ordinals = workspace.ordinals
        ordinal = ordinals.get(canonical, 0)
        ordinals[canonical] = ordinal + 1
        made = f"req-01{Stream.of_request(workspace.seed, canonical, ordinal).letters[:12]}"
        if retention is None:
            retention = workspace.settings.retention
        settlement.generations.keep_finished(made, prompt, product, now, retention)
        begun = create_record(Effect, ("generation", now, None, made))
        effects = (begun, *ledger.spend(made, cost, now))
        record_effect(*effects)
        return create_record(FinishedImage, (made, now, effects, remaining))
