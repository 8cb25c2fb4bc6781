"""Legal differences of the twenty-fifth batch."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 25


@legal("RFC 8259, 2: blanks and line ends may stand before and after a value")
class FeedsBlanksToImpatientProxies(Provider):
    """Before JSON come blanks and line ends, which kept proxies awake during the rendering."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with white space around its JSON."""
        answer = super().finish(request, answer)
        if answer.body and answer.header("content-type") == "application/json":
            answer.body = b"  \r\n \r\n\t" + answer.body + b"\r\n"
        return answer


@legal("PNG 11.2.1, T.81 G, WebP: palette, progressive and lossless are forms of the formats")
class EncodesPicturesInRarerForms(Provider):
    """PNG files have a palette, JPEG files are progressive, WebP files are lossless."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, a picture encoded in another way."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            match self.drawn_format(work.order):
                case "png":
                    picture.quantize(64).save(buffer, "PNG", compress_level=1)
                case "webp":
                    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
                case _:
                    picture.save(buffer, "JPEG", quality=85, progressive=True, subsampling=0)
        return buffer.getvalue()


@legal("X: fixed or sliding windows are unknown; D: 60 s, counted at submission, per workspace")
class OpensTheWindowWithTheFirstOrder(Provider):
    """A window of a limit begins with the first order after the last one, not the minute."""

    def find_begin(self, workspace: Workspace, kind: Kind) -> float | None:
        """Return when the running window began, if one runs."""
        begin: float | None = self.notes.get(f"{workspace.name} {kind}")
        return None if begin is None or self.now() >= begin + WINDOW else begin

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations were counted in the running window."""
        begin = self.find_begin(workspace, kind)
        if begin is None:
            return 0
        return sum(1 for at in workspace.started[kind] if at >= begin)

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the running window has ended."""
        begin = self.find_begin(workspace, kind)
        return int((self.now() if begin is None else begin) + WINDOW) + 1

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a submission; the first one opens a window."""
        if self.find_begin(workspace, kind) is None:
            self.notes[f"{workspace.name} {kind}"] = self.now()
        super().count(workspace, kind)
