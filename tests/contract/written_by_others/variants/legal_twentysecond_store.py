"""Legal differences of the twenty-second batch: numbers, palettes and windows."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 22
STRING_OR_DECIMAL: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\d+\.\d+(?![\d.eE])')


def _spell_scientific(found: re.Match[str]) -> str:
    if found[0].startswith('"'):
        return found[0]
    whole, _, decimals = found[0].partition(".")
    return f"{int(whole + decimals)}E-{len(decimals)}"


@legal("RFC 8259, 6: a number may have an exponent; the API says only that costs are numbers")
class CostsAreWrittenScientifically(Provider):
    """Decimal numbers in JSON, which are prices and costs, are written as 4E-2, not 0.04."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write decimal numbers with an exponent."""
        if answer.header("content-type") == "application/json":
            text = answer.body.decode()
            answer.body = STRING_OR_DECIMAL.sub(_spell_scientific, text).encode()
        return super().finish(request, answer)


@legal("PNG specification, 11.2.1: colour type 3 (indexed) is PNG like any other")
class PngFilesHavePalettes(Provider):
    """PNG files are made small before they are stored: 8 bits a pixel, with a palette."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file; a PNG is drawn anew with at most 256 colours."""
        content = super().draw(work)
        if self.media_type(work.order) != "image/png":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            palette = picture.convert("P", palette=Image.Palette.ADAPTIVE)
        palette.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


@legal("X: whether the window of 60 s is fixed or sliding, and when it begins, is unknown")
class MinutesBeginWithTheFirstOrder(Provider):
    """The 60 s of a limit begin with the first order of each workspace, not at the full minute."""

    def find_beginning(self, workspace: Workspace, kind: Kind) -> float:
        """Return when the running window began; without one, now."""
        beginning = -math.inf
        for at in workspace.started[kind]:
            if at >= beginning + WINDOW:
                beginning = at
        return beginning if self.now() < beginning + WINDOW else self.now()

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the running window ends."""
        return math.ceil(self.find_beginning(workspace, kind) + WINDOW)

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations were counted in the running window."""
        beginning = self.find_beginning(workspace, kind)
        return sum(1 for at in workspace.started[kind] if at >= beginning)
