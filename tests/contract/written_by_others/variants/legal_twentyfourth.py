"""Legal differences of the twenty-fourth batch: JSON, files and billing."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 24
TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+\.\d+')


def _spell_number(token: re.Match[str]) -> str:
    if token[0].startswith('"'):
        return token[0]
    return format(Decimal(token[0]).normalize(), "E")


@legal("RFC 8259, 6: a number may have an exponent, as decimals of Java are written")
class AmountsAreInScientificNotation(Provider):
    """Numbers with a fraction are written with an exponent in JSON: 4E-2 instead of 0.04."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with its fractions rewritten; text is left as it is."""
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            answer.body = TOKEN.sub(_spell_number, answer.body.decode()).encode()
        return answer


@legal("D asks for PNG, JPEG, WebP of the right size; ITU T.81, PNG and WebP allow each of these")
class PicturesAreProgressiveOrHaveAnAlphaChannel(Provider):
    """JPEGs are progressive with Exif, PNGs have an opaque alpha channel, WebPs are lossless."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, a picture in the less common coding of its format."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            match picture.format:
                case "PNG":
                    picture.convert("RGBA").save(buffer, "PNG", compress_level=1)
                case "WEBP":
                    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
                case _:
                    exif = Image.Exif()
                    exif[0x0112], exif[0x0131] = 1, "render farm 7"
                    picture.save(buffer, "JPEG", quality=90, progressive=True, exif=exif)
        return buffer.getvalue()


@legal("Open: D shows `start` and `end` of the costs as times, but not their zone or precision")
class CostsRepeatTheRangeAsItWasAsked(Provider):
    """The costs give `start` and `end` back as they were sent, with their zone and precision."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs of a range."""
        answer = super().answer_costs(workspace, request)
        asked = {name: request.query[name] for name in ("start", "end")}
        answer.set_value({**answer.value, **asked})
        return answer
