"""Plans that wait for their videos together: a service makes several at the same time.

A plan that compares balances has its key to itself, so such plans run one after another. Where each
would wait for a video, some of them become one plan: all begin their videos, all are waited for,
and then each goes on alone. What is compared before and after stays in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.plans import begins_video
from getimg_mock.contract.steps import Poll, Ref, Send, Wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Step

_MOST_VIDEOS: Final = 3
"""How many videos such a plan begins; services allow at least as many at once."""

_BOOKS: Final = frozenset({"costs-before", "costs-after"})
"""Roles in an experiment that a plan may make once."""


@dataclass(slots=True)
class _Shared:
    """Plans that will be one, in the place of the first."""

    plans: list[Plan]
    videos: int
    uses: set[str] = field(default_factory=set)

    def takes(self, plan: Plan, videos: int) -> bool:
        """Whether there is room for a plan, and none of its experiments is made already."""
        return self.videos + videos <= _MOST_VIDEOS and not self.uses & _find_books(plan)

    def add(self, plan: Plan, videos: int) -> None:
        """Take a plan."""
        self.plans.append(plan)
        self.videos += videos
        self.uses |= _find_books(plan)


def share_waits(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Return the plans, those that can wait together as one in the place of the first of them."""
    found: list[Plan | _Shared] = []
    for plan in plans:
        videos = _count_waited_for(plan)
        if not videos:
            found.append(plan)
            continue
        shares = (each for each in found if isinstance(each, _Shared))
        shared = next((each for each in shares if each.takes(plan, videos)), None)
        if shared is None:
            shared = _Shared([], 0)
            found.append(shared)
        shared.add(plan, videos)
    return tuple(_merge(each.plans) if isinstance(each, _Shared) else each for each in found)


def _find_books(plan: Plan) -> set[str]:
    return {step.use for step in plan.steps if isinstance(step, Send)} & _BOOKS


def _count_waited_for(plan: Plan) -> int:
    """Return how many videos a plan begins before it waits for the first; 0 where it stays alone.

    Alone stays what may run beside others anyway, what waits for anything else, and what leaves
    videos behind.
    """
    alone = plan.concurrent or plan.world or plan.rules or plan.clock or plan.keys > 1
    if alone or plan.tier != "R2" or any(isinstance(step, Wait) for step in plan.steps):
        return 0
    begun, waiting, _ = _split(plan.steps)
    videos = sum(map(begins_video, begun))
    return videos if videos == len(waiting) else 0


def _split(steps: Sequence[Step]) -> tuple[list[Step], list[Poll], list[Step]]:
    """Return the steps before the first polls, these polls, and the steps after them."""
    first = next((n for n, step in enumerate(steps) if isinstance(step, Poll)), len(steps))
    waiting: list[Poll] = []
    for step in steps[first:]:
        if not isinstance(step, Poll):
            break
        waiting.append(step)
    return [*steps[:first]], waiting, [*steps[first + len(waiting) :]]


def _merge(plans: Sequence[Plan]) -> Plan:
    """Return one plan of several, whose steps keep their order within each."""
    if len(plans) == 1:
        return plans[0]
    parts = [_split([*_rename(plan.steps, place)]) for place, plan in enumerate(plans)]
    steps = (
        *(step for begun, _, _ in parts for step in begun),
        *(step for _, waiting, _ in parts for step in waiting),
        *(step for _, _, rest in parts for step in rest),
    )
    return replace(plans[0], name="; ".join(plan.name for plan in plans), steps=steps)


def _rename(steps: Sequence[Step], place: int) -> Iterator[Step]:
    """Yield the steps of a plan with names that no other part has."""
    for step in steps:
        if isinstance(step, Poll):
            yield replace(step, of=_number(step.of, place))
        elif isinstance(step, Send):
            yield replace(
                step,
                name=_number(step.name, place),
                group=_number(step.group, place),
                ref=_number_ref(step.ref, place),
                donor=_number_ref(step.donor, place),
            )
        else:
            yield step


def _number_ref(ref: Ref | None, place: int) -> Ref | None:
    return replace(ref, step=_number(ref.step, place)) if ref is not None else None


def _number(name: str, place: int) -> str:
    """Return a name with the place of its part before it; the first part keeps its names."""
    return f"{place + 1}: {name}" if name and place else name
