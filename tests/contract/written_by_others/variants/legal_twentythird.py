"""Legal differences of the twenty-third batch."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.messages import Outgoing, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.messages import Incoming

BATCH: Final = 23
AMOUNT: Final = re.compile(rb'("(?:total_cost|unit_price|cost)": )(\d+\.\d+)(?=[,}])')


@legal("RFC 8259, 6: a number may have an exponent; 4E-2 and 0.04 are the same number")
class AmountsWithAnExponent(Provider):
    """Amounts that are JSON numbers are written with an exponent, such as 4E-2 for 0.04."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with its amounts in scientific notation."""
        if answer.header("content-type") == "application/json":
            answer.body = AMOUNT.sub(self._rewrite, answer.body)
        return super().finish(request, answer)

    def _rewrite(self, found: re.Match[bytes]) -> bytes:
        return found[1] + f"{Decimal(found[2].decode()).normalize():E}".encode()


@legal("PNG (W3C), JPEG (T.81) and WebP leave the coding open; format and size are as ordered")
class ProgressiveJpegsAndPalettePngs(Provider):
    """JPEGs are progressive with an EXIF block, PNGs have a palette, and WebPs are lossless."""

    def draw(self, work: Work) -> bytes:
        """Return a picture in a less usual coding of its format."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            match work.order.output_format:
                case "png":
                    picture.quantize(64).save(buffer, "PNG", compress_level=1)
                case "webp":
                    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
                case _:
                    exif = Image.Exif()
                    exif[0x0131] = "renderer 7"  # the tag `Software`
                    picture.save(buffer, "JPEG", quality=85, progressive=True, exif=exif)
        return buffer.getvalue()


@legal("X: when a generation is charged; a balance may leave out what is held for pending ones")
class BalanceShowsWhatIsStillFree(Provider):
    """The balance is less the holds of pending videos at once; the costs show completed ones."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer the balance that can be spent."""
        free = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(free), "currency": "USD"})
