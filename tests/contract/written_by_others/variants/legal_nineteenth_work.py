"""Right services that work in other ways: prices, media, retention, limits and refusals."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from PIL import Image, PngImagePlugin

from tests.contract.written_by_others.messages import refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work
    from tests.contract.written_by_others.catalogue import Kind, Offer
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 19
DAY: Final = 24 * 3600
SOFTWARE: Final = 305
DESCRIPTION: Final = 270


def _list_flat_prices(offer: Offer) -> dict[str, str]:
    if offer.type == "image":
        return {"not_applicable": "0.04"}
    return {"sound_off": "0.03", "sound_on": "0.05"} if offer.sound else {"not_applicable": "0.025"}


@legal("D: `resolution` of a rate may be null, which is any; prices are data of the catalogue")
class RatesWithoutResolutions(Provider):
    """Rates have `resolution: null`: a model costs the same at all of its resolutions."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with its flat prices."""
        value = offer.describe()
        value["pricing"]["rates"] = [
            {
                "billable_unit": offer.unit,
                "resolution": None,
                "sound": sound,
                "unit_price": price,
            }
            for sound, price in _list_flat_prices(offer).items()
        ]
        return value

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with its flat prices."""
        return self.describe_offer(offer)

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the flat price of a unit."""
        prices = _list_flat_prices(order.offer)
        sound = "sound_on" if order.sound else "sound_off"
        return Decimal(prices.get(sound) or prices["not_applicable"])


def _encode_richly(picture: Image.Image, output_format: str) -> bytes:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[SOFTWARE] = "getimg"
    exif[DESCRIPTION] = "AI generated"
    match output_format:
        case "png":
            notes = PngImagePlugin.PngInfo()
            notes.add_itxt("Software", "getimg")
            opaque = picture.convert("RGBA")
            opaque.save(buffer, "PNG", compress_level=1, pnginfo=notes, dpi=(72, 72))
        case "webp":
            picture.save(buffer, "WEBP", lossless=True, quality=0, method=0, exif=exif)
        case _:
            picture.save(buffer, "JPEG", quality=92, subsampling=0, progressive=True, exif=exif)
    return buffer.getvalue()


@legal("only format and size of a picture are promised: modes, coding and metadata are open")
class PicturesAreProgressiveWithMetadata(Provider):
    """JPEG is progressive with Exif, WebP is lossless with Exif, PNG has alpha and texts."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, pictures encoded anew."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return _encode_richly(picture, self.drawn_format(work.order))


@legal("X: how long files are kept is unknown; `deletes_at` and `exp` say the same second")
class FilesLiveUntilTheSecondMidnight(Provider):
    """Files are deleted at the second UTC midnight after their completion, not after 24 h."""

    def end(self, work: Work) -> None:
        """End a generation; the clean-up runs at midnight."""
        super().end(work)
        work.expires = (int(work.ends) // DAY + 2) * DAY


@legal("X: `sound: true` on a silent model is unknown; `sound` is `where supported by the model`")
class SilentModelsRefuseSoundAsked(Provider):
    """`sound: true` on a model without sound is 400 `invalid_parameter`; `false` is taken."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return an order, unless it wants sound of a silent model."""
        order = super().read_order(body, kind)
        if order.sound and not order.offer.sound:
            message = f"Sound is not supported by model '{order.offer.id}'."
            raise refuse_value(message, "sound")
        return order


@legal("I: the key is the first check; O: `/v1` paths are 401 to a v2 key")
class KeysAreCheckedBeforePaths(Provider):
    """Without a good key unknown paths and wrong methods are 401; with one 404 and 405."""

    async def route(self, request: Incoming) -> Outgoing:
        """Check the key of all but downloads, then call the operation."""
        if not request.path.startswith("/v2/downloads/"):
            self.authenticate(request)
        return await super().route(request)


@legal("D: the values of the limits vary by account; O: 20 a minute and 5 at once were seen")
class LimitsAreThoseOfASmallAccount(Provider):
    """An account may start 30 images and 30 videos a minute, and 5 generations at once."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 30, "video": 30}
    at_once: ClassVar[int] = 5
