"""Providers that read orders, count money and price models in other ways, and are right."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from PIL import Image

from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate, compute_size
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_value,
)
from tests.contract.written_by_others.order_checks import DATA_URL
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 12
DAY: Final = 24 * 3600
CREDIT: Final = Decimal("123456789012.3456785")
HISTORY: Final = {0: "0.16", 1: "1.25", 2: "0.0155", 9: "12", 45: "3.405", 170: "0.04"}
SMALL: Final = "512px"
FLARE: Final = Offer(
    id="gpt-image-2.5-flare",
    name="GPT Image 2.5 Flare",
    type="image",
    created_at="2026-11-03T15:00:00.000Z",
    ratios=("1:1", "3:2", "2:3"),
    resolutions=("1K", SMALL),
    durations=(),
    references={"reference_image": 8},
    sound=False,
    rates=(
        Rate(resolution=SMALL, sound="not_applicable", unit_price="0.011"),
        Rate(resolution="1K", sound="not_applicable", unit_price="0.042"),
    ),
)


# Inputs and the order of their checks


@legal("D: a prompt has a character or more, and both codes are 400; which one is for '' is open")
class EmptyCountsAsMissing(Provider):
    """An empty `prompt` or `model` is `parameter_missing`, as with `if (!body.prompt)`."""

    def check_required(self, body: dict[str, Any]) -> None:
        """Miss what is empty, too."""
        super().check_required(body)
        super().check_required({k: v for k, v in body.items() if v != ""})


@legal("D: duration is an integer; that 5.0 is one is our choice, and Go, Rust and Java refuse it")
class DurationsWithAPointAreRefused(Provider):
    """`"duration": 5.0` is 400 `invalid_parameter` of `duration`: a whole number has no point."""

    def read_duration(self, body: dict[str, Any]) -> int | None:
        """Refuse a float."""
        if isinstance(body.get("duration"), float):
            raise refuse_value("Invalid type for 'duration': an integer is expected.", "duration")
        return super().read_duration(body)


@legal("D: a reference is a PNG, JPEG or WebP, as this is; what its label must say is X")
class ReferencesAreKnownByTheirBytes(Provider):
    """A JPEG that a data URL calls `image/png` is accepted: its bytes say what it is."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Go by the bytes."""
        try:
            with Image.open(io.BytesIO(content)) as picture:
                label = (picture.format or "").lower()
        except Exception as error:  # Pillow raises many types for broken files
            raise refuse_value(f"Invalid {place}: the picture is broken.", place) from error
        if label not in self.formats:
            raise refuse_value(f"Invalid {place}: use PNG, JPEG or WebP.", place)
        super().check_picture(content, label, place)


@legal("I: invalid_parameter is a code of failures; that pixels are looked at before a 202 is X")
class BrokenReferencesFailTheVideo(Provider):
    """A data URL whose picture is broken is seen by the worker: 202, then `failed`, not charged."""

    def check_picture(self, content: bytes, label: str, place: str) -> None:
        """Leave it to the worker."""

    def find_fault(self, url: str) -> RefusedError | None:
        """Return what is wrong with a picture."""
        if (label := DATA_URL.match(url)) is None:
            return None
        content = base64.b64decode(url[label.end() :])
        try:
            super().check_picture(content, label[1].lower(), "images")
        except RefusedError as error:
            return error
        return None

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Refuse at once what an image waits for."""
        order = super().read_order(body, kind)
        for _, url in order.references if kind == "image" else ():
            if error := self.find_fault(url):
                raise error
        return order

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Let a video fail later."""
        work = super().prepare(order, workspace)
        faults = [self.find_fault(url) for _, url in order.references]
        work.notes["fault"] = next((each.message for each in faults if each), None)
        work.fails = work.fails or work.notes["fault"] is not None
        return work

    def describe_failure(self, work: Work) -> dict[str, Any]:
        """Name the fault."""
        if fault := work.notes["fault"]:
            return {"message": fault, "code": "invalid_parameter"}
        return super().describe_failure(work)


@legal("D: param is a string or null; how it names what is within a list is not documented")
class ParamsOfReferencesAreDotted(Provider):
    """The `param` of a wrong reference is `images.0.url`, as validators of Node join paths."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Write numbers as names."""
        if error.param is not None:
            error.param = re.sub(r"\[(\d+)\]", r".\1", error.param)
        return super().answer_error(error)


@legal("I: the order of checks is open, and gateways hold limits before a body is read; key first")
class LimitsAreCheckedBeforeOrders(Provider):
    """Who is at a limit gets 429 for whatever is posted, also for what would be 400 or 402."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Look at the limits first."""
        self.check_limits(workspace, kind)
        return await super().submit(request, workspace, kind)


# Money


@legal("D: costs list what was spent on each date; a workspace that is in use has a past")
class WorkspaceHasSpentBefore(Provider):
    """Costs of earlier dates, and of today, are not 0: both workspaces have been in use."""

    def __init__(self, *, video_seconds: float = 2.0) -> None:
        super().__init__(video_seconds=video_seconds)
        for workspace in self.workspaces:
            for days, amount in HISTORY.items():
                at = self.now() - days * DAY
                charge = Charge(at=at, amount=Decimal(amount), work=self.make_id())
                workspace.charges.append(charge)


def _shorten(value: Any) -> Any:
    if isinstance(value, list):
        return [_shorten(each) for each in value]
    if isinstance(value, dict):
        return {key: _shorten(each) for key, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


@legal("D: amounts are numbers, prices decimal strings; JavaScript writes 0 and 1, and '1' is one")
class WholeAmountsHaveNoPoint(Provider):
    """Whole amounts are `0` and `1`, never `0.0`; 3K of a model costs `"1"` an image."""

    offers: ClassVar[tuple[Offer, ...]] = (
        replace(OFFERS[0], rates=(OFFERS[0].rates[0], replace(OFFERS[0].rates[1], unit_price="1"))),
        *OFFERS[1:],
    )

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write whole numbers short."""
        if answer.header("content-type") == "application/json" and answer.body:
            answer.set_value(_shorten(answer.value))
        return answer


@legal("D: a balance is a decimal string, so that it may have more digits than a float keeps")
class BalanceHasNineteenDigits(Provider):
    """A workspace of an enterprise: `"balance": "123456789012.3456785"`, and each cent counts."""

    def __init__(self, *, video_seconds: float = 2.0) -> None:
        super().__init__(video_seconds=video_seconds)
        for workspace in self.workspaces:
            workspace.deposit = CREDIT


# Models


@legal("D: a rate's sound is sound_on, sound_off or not_applicable; no sound is off on any model")
class SilentModelIsRatedWithoutSound(Provider):
    """The rates of seedance-v1-pro, which is silent, are `sound_off`, not `not_applicable`."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        replace(each, rates=tuple(replace(rate, sound="sound_off") for rate in each.rates))
        if each.type == "video" and not each.sound
        else each
        for each in OFFERS
    )


@legal("D: ids and resolutions are strings, and the named ones are but common; models come and go")
class NewModelHasADotInItsId(Provider):
    """The first model is `gpt-image-2.5-flare`, with the resolutions `1K` and `512px`."""

    offers: ClassVar[tuple[Offer, ...]] = (FLARE, *OFFERS)

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Halve the sides of 1K for the small one."""
        if order.resolution != SMALL:
            return super().plan_size(order)
        width, height = compute_size("1K", order.ratio)
        return width // 2, height // 2
