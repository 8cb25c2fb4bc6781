"""Services that are right and differ in their work: ids, money, windows, media, models."""

from __future__ import annotations

import io
import math
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from PIL import Image

from tests.contract.written_by_others.catalogue import Kind, Offer, Rate
from tests.contract.written_by_others.drawing import Film, draw_picture
from tests.contract.written_by_others.messages import Outgoing, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace

BATCH: Final = 18
FAST: Final = 30


@legal("D: an id is a string that is unique; its form is known from examples alone")
class NamesWorkByUuid(Provider):
    """Each generation has an id of `req-` and a UUID, with its hyphens."""

    def make_id(self) -> str:
        """Return an id for a generation."""
        return f"req-{uuid.uuid4()}"


@legal("X: when money is taken is unknown; a hold at submission is as good as a later charge")
class ShowsHoldsInBalance(Provider):
    """The balance is less by pending videos at once; the costs have them at completion."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer the balance less what is held."""
        left = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(left), "currency": "USD"})


@legal("X: fixed or sliding, and where a window begins, is unknown; 60 s are kept")
class OpensWindowsWithFirstOrder(Provider):
    """A window of 60 s begins with the first order after the last window's end."""

    def open_window(self, workspace: Workspace, kind: Kind) -> float | None:
        """Return when the running window began, or None if none runs."""
        begin: float | None = None
        for at in workspace.started[kind]:
            if begin is None or at >= begin + WINDOW:
                begin = at
        return None if begin is None or self.now() >= begin + WINDOW else begin

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations were counted in the running window."""
        begin = self.open_window(workspace, kind)
        return 0 if begin is None else sum(1 for at in workspace.started[kind] if at >= begin)

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the running window ends."""
        begin = self.open_window(workspace, kind)
        return math.ceil((self.now() if begin is None else begin) + WINDOW)


@legal("D names formats and sizes only: palettes, progressive scans and lossless WebP are in them")
class DrawsProgressiveAndPalettePictures(Provider):
    """JPEG is progressive with a dpi, PNG has a palette, WebP is lossless."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file."""
        if work.order.kind == "video":
            return super().draw(work)
        plain = draw_picture(self.drawn_size(work), "png", work.id + work.order.prompt)
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(plain)) as picture:
            match self.drawn_format(work.order):
                case "png":
                    picture.quantize(64).save(buffer, "PNG", compress_level=1)
                case "webp":
                    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
                case _:
                    picture.save(buffer, "JPEG", quality=90, progressive=True, dpi=(300, 300))
        return buffer.getvalue()


@legal("D gives 24 fps for 1080p alone; `fps` is optional, and says here what the file has")
class RunsSmallFilmsAtThirtyFrames(Provider):
    """Videos below 1080p have 30 frames per second, in the answer and in the file."""

    def plan_film(self, work: Work) -> Film:
        """Return what a video is."""
        film = super().plan_film(work)
        if work.order.resolution == "1080p":
            return film
        return Film(
            size=film.size, seconds=film.seconds, fps=FAST, sound_seconds=film.sound_seconds
        )

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the item of `data`."""
        item = super().describe_file(work, origin)
        if work.order.kind == "video" and work.order.resolution != "1080p":
            item["fps"] = FAST
        return item


class FlatOfferAnew(Offer):
    """A model whose one price holds for each resolution."""

    def describe(self) -> dict[str, Any]:
        """Return the model; the resolution of its rate is null."""
        shown = super().describe()
        for rate in shown["pricing"]["rates"]:
            rate["resolution"] = None
        return shown

    def find_price(self, resolution: str, *, sound: bool) -> Decimal:
        """Return the price of a unit."""
        del resolution, sound
        return Decimal(self.rates[0].unit_price)


SPRING: Final[tuple[Offer, ...]] = (
    FlatOfferAnew(
        id="gpt-image-2.5-flare",
        name="GPT Image 2.5 Flare",
        type="image",
        created_at="2026-10-01T00:00:00Z",
        ratios=("3:2", "1:1", "2:3", "4:5", "5:4"),
        resolutions=("2K", "1K"),
        durations=(),
        references={"reference_image": 3},
        sound=False,
        rates=(Rate(resolution="2K", sound="not_applicable", unit_price="0.0475"),),
    ),
    FlatOfferAnew(
        id="wan-3-0",
        name="Wan 3.0",
        type="video",
        created_at="2026-09-11T16:20:00.5+00:00",
        ratios=("9:16", "16:9"),
        resolutions=("480p", "720p"),
        durations=(6, 3, 9),
        references={"first_frame": 1, "last_frame": 1},
        sound=True,
        rates=(Rate(resolution="480p", sound="not_applicable", unit_price="0.0125"),),
    ),
)


@legal("D: the catalogue changes; a null resolution means any, `not_applicable` is a fallback")
class OffersSpringCatalogueAtFlatPrices(Provider):
    """Two other models, each with one price whose resolution is null."""

    offers: ClassVar[tuple[Offer, ...]] = SPRING
