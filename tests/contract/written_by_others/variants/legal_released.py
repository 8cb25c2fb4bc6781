"""Legal variants, each of which a careless check would fail."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
from tests.contract.written_by_others.catalogue import OFFERS, Offer
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import TOO_MANY_AT_ONCE, WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError

BATCH: Final = 6
BOOKING_SECONDS: Final = 1.0
STEP: Final = 32
SERIAL: Final = 6
UNLISTED: Final = "z-image-turbo"
FLAT: Final = {"z-image-turbo": "0.01", "seedance-v1-pro": "0.03"}
GERMAN: Final = {
    "parameter_missing": "Ein Pflichtfeld fehlt.",
    "invalid_parameter": "Dieser Wert wird nicht unterstützt.",
    "quota_exceeded": "Das Guthaben reicht nicht aus.",
    "not_found": "Nicht gefunden.",
    "rate_limit": "Zu viele Anfragen, bitte später noch einmal.",
    "server_error": "Bei uns ist etwas schiefgegangen.",
    "method_not_allowed": "Diese Methode gibt es hier nicht.",
    "invalid_signature": "Die Signatur des Links ist falsch.",
    "url_expired": "Der Link ist abgelaufen.",
}
LITERAL: Final = ("Unsupported resolution", "Reference role", TOO_MANY_AT_ONCE)


@legal("D: usage is optional on a video")
class VideosSayNoUsage(Provider):
    """A completed video has no `usage`."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Leave the usage of a video out."""
        value = super().describe_work(work, origin)
        if work.order.kind == "video":
            value.pop("usage", None)
        return value


@legal("JSON lets a solidus be escaped; the values are the same")
class SpelledAsPhpDoes(Provider):
    r"""JSON has `\/` for each solidus, and escapes for all letters beyond ASCII."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Spell the body anew."""
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            answer.body = json.dumps(answer.value, indent=4).replace("/", r"\/").encode()
        return answer


@legal("X: whether a link stays the same from poll to poll; all of them work until deletes_at")
class FreshSignatureEachTime(Provider):
    """Each poll signs a new link, and the former ones keep working."""

    def make_link(self, work: Work, origin: str) -> str:
        """Begin the signature with a number that is signed with the rest."""
        serial = work.notes["serial"] = work.notes.get("serial", 0) + 1
        exp = str(self.link_expiry(work))
        begin = f"{serial:0{SERIAL}x}"
        signature = begin + self.sign(work.id, "0", exp + begin)
        return f"{origin}/v2/downloads/{work.id}/0?exp={exp}&sig={signature}"

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Check the signature without its number."""
        begin, rest = query.get("sig", "")[:SERIAL], query.get("sig", "")[SERIAL:]
        exp = query.get("exp", "")
        if self.same_signature(rest, self.sign(work_id, index, exp + begin)):
            query = {**query, "sig": self.sign(work_id, index, exp)}
        else:
            query = {**query, "sig": ""}
        return super().open_link(work_id, index, query)


@legal("D: Retry-After in seconds, after which a request is let in; no more is said of it")
class WholeWindowToWait(Provider):
    """`Retry-After` is always 60, however soon the window ends."""

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        """Return the length of the window."""
        del workspace, kind
        return str(WINDOW)


@legal("D: a window of 60 s; X: where it begins")
class WindowOpensWithTheFirst(Provider):
    """A window begins with the first request after the former one, for each kind by itself."""

    def window_start(self, workspace: Workspace, kind: Kind) -> float | None:
        """Return when the window that is open began."""
        begin: float | None = workspace.notes.get(f"window {kind}")
        return begin if begin is not None and self.now() < begin + WINDOW else None

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return when the open window ends, or would if it began now."""
        begin = self.window_start(workspace, kind)
        return math.ceil((self.now() if begin is None else begin) + WINDOW)

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many were counted in the open window."""
        begin = self.window_start(workspace, kind)
        if begin is None:
            return 0
        return sum(1 for at in workspace.started[kind] if at >= begin)

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Open a window where there is none."""
        if self.window_start(workspace, kind) is None:
            workspace.notes[f"window {kind}"] = self.now()
        super().count(workspace, kind)


@legal("X: when a generation is charged; until then its cost is held")
class BooksASecondLater(Provider):
    """Balance and costs show a charge a second after the generation completed."""

    def charge(self, work: Work, amount: Decimal) -> None:
        """Book an amount at the time of the end."""
        work.workspace.charges.append(Charge(at=work.ends, amount=amount, work=work.id))

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges that are booked."""
        latest = self.now() - BOOKING_SECONDS
        return [each for each in workspace.charges if each.at <= latest]

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance by what is booked."""
        booked = sum((each.amount for each in self.list_charges(workspace)), Decimal(0))
        return workspace.deposit - booked

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return what is pending, or not booked yet."""
        total = sum((each.amount for each in workspace.charges), Decimal(0))
        unbooked = self.compute_balance(workspace) - (workspace.deposit - total)
        return super().sum_held(workspace) + unbooked


@legal("X: Content-Length of a download; chunks are HTTP/1.1")
class FilesInChunks(Provider):
    """A whole file is sent in chunks, without a `Content-Length`."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Send a whole file in chunks."""
        answer = super().answer_file(request, work, content)
        answer.chunked = answer.status == 200
        return answer


@legal("HTTP lets a server end a connection after any answer that says so")
class HangsUpAfterRefusals(Provider):
    """After each error the connection is closed, which `Connection: close` says."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Close after an error."""
        answer = super().finish(request, answer)
        answer.close = answer.close or answer.status >= 400
        return answer


@legal("X: the texts of errors; those that are known are kept, and the codes are the documented")
class RefusesInGerman(Provider):
    """Messages are in German, but for those whose text is documented."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Translate a message."""
        if error.status != 401 and not error.message.startswith(LITERAL):
            error.message = GERMAN.get(error.code, error.message)
        answer = super().answer_error(error)
        answer.headers.append(("Content-Language", "de" if error.code in GERMAN else "en"))
        return answer


class FlatOffer(Offer):
    """A model that costs the same at each resolution."""

    def describe(self) -> dict[str, Any]:
        """Return the model with one rate, for any resolution."""
        value = super().describe()
        rate = {
            "billable_unit": self.unit,
            "resolution": None,
            "sound": "not_applicable",
            "unit_price": FLAT[self.id],
        }
        return {**value, "pricing": {"currency": "USD", "rates": [rate]}}

    def find_price(self, resolution: str, *, sound: bool) -> Decimal:
        """Return the one price."""
        del resolution, sound
        return Decimal(FLAT[self.id])


def _flatten(offer: Offer) -> Offer:
    if offer.id not in FLAT:
        return offer
    return FlatOffer(**{each.name: getattr(offer, each.name) for each in fields(Offer)})


@legal("D: the resolution of a rate may be null, which means any")
class OnePriceForAllResolutions(Provider):
    """Two models have a single rate, whose `resolution` is null."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(_flatten(each) for each in OFFERS)


@legal("D: empty rates do not mean free")
class PriceOnRequest(Provider):
    """One model lists no rates; its pictures are charged as their `usage` says."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return an entry of the list."""
        return self.describe_offer(offer)

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Leave the rates of one model out."""
        value = super().describe_offer(offer)
        if offer.id == UNLISTED:
            value["pricing"] = {"currency": "USD", "rates": []}
        return value


@legal("X: all sizes but 2K at 1:1 and 1080p at 16:9, which are as documented")
class SizesInStepsOf32(Provider):
    """Sides of videos under 1080p are multiples of 32, so that 16:9 is 1280 x 704 at 720p."""

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Round the sides down."""
        width, height = super().plan_size(order)
        if order.kind == "image" or order.resolution == "1080p":
            return width, height
        return width // STEP * STEP, height // STEP * STEP


@legal("X: retention; links and files end at the deletes_at that they were given out with")
class FilesLastNinetySeconds(Provider):
    """Files are deleted ninety seconds after they were made, as `deletes_at` and `exp` say."""

    retention: ClassVar[int] = 90


@legal("X: the form of start and end in the answer; the instants are the same")
class RangeEchoedAsGiven(Provider):
    """`start` and `end` of the costs are given back as they were written, zone included."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Give the texts back."""
        answer = super().answer_costs(workspace, request)
        given = {name: request.query[name] for name in ("start", "end")}
        answer.set_value({**answer.value, **given})
        return answer
