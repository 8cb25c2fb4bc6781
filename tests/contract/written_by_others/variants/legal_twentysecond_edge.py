"""Legal differences of the twenty-second batch: of JSON, of downloads and of limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.provider import IMAGES, Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 22
BLOCK: Final = 16 * 1024


@legal("RFC 8259, 2: blanks may stand before a value; they keep connections open in long calls")
class BlanksKeepTheLongCallAlive(Provider):
    """The answer to an image begins with blanks and line ends, and is sent in chunks."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer behind the blanks that were sent while the picture was drawn."""
        if request.method == "POST" and request.path == IMAGES and answer.status == 200:
            answer.body = b" \r\n" * 7 + answer.body + b"\n"
            answer.chunked = True
        return answer


@legal("RFC 9110, 15.3.7: a 206 may hold less than was asked for; its Content-Range says what")
class RangesComeInSmallBlocks(Provider):
    """A range of a file is answered by its first 16 KiB; the rest has to be asked for again."""

    def read_range(self, first: str, last: str, total: int) -> tuple[int, int]:
        """Return the first and the last byte of a range, of one block at most."""
        start, end = super().read_range(first, last, total)
        return start, min(end, start + BLOCK - 1)


@legal("X: the window is unknown; this one is fixed as well, and begins with a first submission")
class MinuteBeginsWithTheFirstOrder(Provider):
    """A minute of the limits begins when a generation is ordered and no minute is running."""

    def list_running_minute(self, workspace: Workspace, kind: Kind) -> list[float]:
        """Return the submissions of the running minute, none if there is none."""
        begin = 0.0
        for at in workspace.started[kind]:
            if at >= begin + WINDOW:
                begin = at
        if self.now() >= begin + WINDOW:
            return []
        return [at for at in workspace.started[kind] if at >= begin]

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations were counted in the running minute."""
        return len(self.list_running_minute(workspace, kind))

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the running minute ends, or would end."""
        running = self.list_running_minute(workspace, kind)
        return int((running[0] if running else self.now()) + WINDOW)
