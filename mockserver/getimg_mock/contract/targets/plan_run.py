"""Running a plan against a target, and the history that comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from getimg_mock.contract.exchanges import HttpExchange
from getimg_mock.contract.history import History
from getimg_mock.contract.targets.execution import PlanExecution, StepSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse


class TargetSession(StepSession, Protocol):
    """One plan's session on a target: keys of its own, and time."""

    @property
    def own(self) -> bool:
        """Whether the target is our own fake."""

    def count_hits(self) -> dict[str, int]:
        """Return how often each of the plan's rules has acted; nothing where there are none."""


@dataclass(slots=True)
class PlanRun:
    """One run of a plan on a session of a target."""

    session: TargetSession
    plan: Plan
    models: Sequence[dict[str, Any]]
    exchanges: list[HttpExchange] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    _execution: PlanExecution = field(init=False)

    def __post_init__(self) -> None:
        """Begin the execution, which determines what "today" is."""
        self._execution = PlanExecution(self.session, self)

    def run(self) -> History:
        """Execute every step and return the history."""
        self._execution.run(self.plan.steps)
        return History(
            plan=self.plan,
            exchanges=tuple(self.exchanges),
            base=self.session.base,
            secrets=tuple(self.session.keys.items()),
            models=tuple(self.models),
            own=self.session.own,
            unresolved=tuple(self.unresolved),
            hits=self.session.count_hits(),
        )

    def send(self, step: Send) -> HttpExchange:
        """Send the request of one further step; for callers that decide on steps as they go.

        Raises `LookupError` where a value that the step refers to is missing, and `RefusedError`
        when the budget does not allow the request.
        """
        if self._execution.send(step, len(self.exchanges)) is None:
            raise LookupError(self.unresolved[-1])
        return self.exchanges[-1]

    def note_response(
        self, step: Send, sent: PreparedRequest, received: ReceivedResponse, *, spontaneous: bool
    ) -> None:
        """Record an exchange."""
        path, _, query = sent.target.partition("?")
        self.exchanges.append(
            HttpExchange(
                number=len(self.exchanges) + 1,
                at=self.session.now(),
                method=step.method,
                path=path,
                query=query,
                key=step.key,
                request_headers=tuple((n, v) for n, v in sent.headers if n != "authorization"),
                request_body=step.body,
                status=received.status,
                headers=received.headers,
                body=received.body,
                seconds=received.seconds,
                step=step,
                effects=received.effects,
                spontaneous=spontaneous,
                unwelcome=received.unwelcome,
            )
        )

    def note_unresolved(self, reason: str) -> None:
        """Record why a step was left out, or why the run ended early."""
        self.unresolved.append(reason)

    def note_abandoned_poll(self) -> None:
        """Mark the last exchange as the one after which a video was polled no more."""
        last = self.exchanges[-1]
        marked = replace(last.step, use="poll-given-up") if last.step else None
        self.exchanges[-1] = replace(last, step=marked)
