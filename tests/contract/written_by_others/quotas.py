"""The limits: generations a minute of each kind, and generations at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.accounts import Accounts, Workspace
from tests.contract.written_by_others.messages import RefusedError

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind

WINDOW: Final = 60
TOO_MANY: Final = "Rate limit reached. Please wait before the next request."
TOO_MANY_AT_ONCE: Final = (
    "Too many concurrent requests. Please wait for current requests to finish."
)


class Quotas(Accounts):
    """The part of the provider that counts requests."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 240, "video": 180}
    at_once: ClassVar[int] = 24

    def start_of_window(self) -> float:
        """Return when the running window began."""
        return self.now() // WINDOW * WINDOW

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the running window ends."""
        del workspace, kind
        return int(self.start_of_window() + WINDOW)

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations were counted in the running window."""
        begin = self.start_of_window()
        return sum(1 for at in workspace.started[kind] if at >= begin)

    def count_running(self, workspace: Workspace) -> int:
        """Return how many slots are taken."""
        pending = sum(1 for work in workspace.works.values() if work.status == "pending")
        return pending + workspace.running_images + workspace.leaked_slots

    def show_limits(self, workspace: Workspace, kind: Kind) -> dict[str, str]:
        """Return the headers that tell the limits."""
        limit = self.per_minute[kind]
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - self.count_started(workspace, kind))),
            "X-RateLimit-Reset": str(self.reset_at(workspace, kind)),
        }

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        """Return the seconds after which a refused request may be sent again."""
        return str(max(1, int(self.reset_at(workspace, kind) - self.now()) + 1))

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        """Refuse what is over a limit."""
        if self.count_started(workspace, kind) >= self.per_minute[kind]:
            wait = self.retry_after(workspace, kind)
            headers = {} if wait is None else {"Retry-After": wait}
            raise RefusedError(429, "rate_limit", TOO_MANY, headers=headers)
        if self.count_running(workspace) >= self.at_once:
            raise RefusedError(429, "rate_limit", TOO_MANY_AT_ONCE)

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a submission."""
        workspace.started[kind].append(self.now())
