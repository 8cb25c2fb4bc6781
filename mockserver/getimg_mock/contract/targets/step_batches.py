"""Which steps of a plan are sent at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.steps import Send

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.steps import Step

_FILES_AT_ONCE: Final = 4
"""How many files are loaded at the same time where the target can: each may have to be made."""


def batch_steps(steps: Sequence[Step]) -> Iterator[tuple[int, Step, list[Send]]]:
    """Yield each step with its place, and with it those that are sent at the same time."""
    batch: list[Send] = []
    for place, step in enumerate(steps):
        following = steps[place + 1] if place + 1 < len(steps) else None
        if isinstance(step, Send) and (batch or _go_together([step], following)):
            batch.append(step)
            if _go_together(batch, following):
                continue
        yield place - max(0, len(batch) - 1), batch[0] if batch else step, batch
        batch = []


def _go_together(batch: Sequence[Send], step: Step | None) -> bool:
    """Return whether a step is sent at the same time as those before it."""
    last = batch[-1]
    if not isinstance(step, Send):
        return False
    if last.together or step.together:
        return last.together and step.together and last.group == step.group
    are_files = _is_plain_download(last) and _is_plain_download(step)
    return are_files and len(batch) < _FILES_AT_ONCE and all(step.ref != each.ref for each in batch)


def _is_plain_download(step: Send) -> bool:
    """Return whether a step loads a file as it is, and nothing else is to be seen by it."""
    changed = step.alter or step.headers or step.donor
    return step.link and step.method == "GET" and not (changed or step.use or step.name)
