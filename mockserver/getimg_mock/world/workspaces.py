"""A workspace: everything that belongs to one API key, and its one owner.

Every public method asks the clock once, settles what has ended by then, and does one thing under
the workspace's lock. Nothing here waits.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.errors import Refusal
from getimg_mock.settings import Span
from getimg_mock.world.chance import Stream, digest
from getimg_mock.world.generations import Ending, Generation, Product
from getimg_mock.world.ledger import Ledger
from getimg_mock.world.limits import GENEROUS, REALISTIC, Limiter, Limits
from getimg_mock.world.signing import Signer
from getimg_mock.world.transitions import UPSTREAM_TIMEOUT, Transition, drawn

if TYPE_CHECKING:
    from datetime import date, datetime

    from getimg_mock.settings import Settings
    from getimg_mock.world.clock import VirtualClock
    from getimg_mock.world.generations import Status
    from getimg_mock.world.limits import Allowance, Kind
    from getimg_mock.world.requests import GenerationRequest

_MIME_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


class State(NamedTuple):
    """A generation at a moment."""

    generation: Generation
    status: Status


class Workspace:
    """The world as the holder of one API key finds it."""

    def __init__(self, key: str, *, settings: Settings, clock: VirtualClock) -> None:
        self.key = key
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self.seed = digest(settings.seed, key)
        self.opened_at = clock.now()
        self.ledger = Ledger(settings.balance, self.opened_at)
        self.limiter = Limiter(_limits(settings))
        self.generations: dict[str, Generation] = {}
        self._signer = Signer(digest(self.seed, "signing"))
        self._ordinals: dict[bytes, int] = {}
        self._pending: set[str] = set()
        self._due: list[tuple[datetime, int, str]] = []
        self._polls: dict[str, int] = {}
        self._products: dict[tuple[object, ...], Product] = {}

    def submit(self, request: GenerationRequest) -> Generation:
        """Accept a valid request: hold its cost and begin.

        Raises the 402 and 429 `Refusal`, in this order (inferred), and then changes nothing.
        """
        with self.lock:
            now = self.settle()
            product = self._product(request)
            self.ledger.require(product.total_cost)
            self.limiter.admit(request.kind, now, running=len(self._pending))
            generation = self._begun(request, product, now)
            self.generations[generation.id] = generation
            self._pending.add(generation.id)
            self._schedule(generation)
            self.ledger.hold(generation.id, product.total_cost, now)
            if self.settings.charge_at == "submission":
                self.ledger.charge(generation.id, product.total_cost, now)
            self._settle_until(now)
            return generation

    def state(self, generation_id: str) -> State:
        """Return a generation as it is now; raises the 404 `Refusal` for an unknown id."""
        with self.lock:
            now = self.settle()
            generation = self._known(generation_id)
            return State(generation, generation.at(now))

    def polled(self, generation_id: str) -> State:
        """Return a video as one status request finds it, which counts where polls end it."""
        with self.lock:
            now = self.settle()
            generation = self._known(generation_id)
            if generation.product.kind != "video":
                raise _not_found(generation_id)
            polls = generation.transition.polls
            if polls is not None and generation.at(now) == "pending":
                self._polls[generation_id] = count = self._polls.get(generation_id, 0) + 1
                if count >= polls:
                    self.decide(generation_id, Ending(now, generation.transition.failure))
            generation = self.generations[generation_id]
            return State(generation, generation.at(now))

    def decide(self, generation_id: str, ending: Ending) -> None:
        """End a pending generation as `ending` says, whatever its transition is."""
        with self.lock:
            generation = replace(self._known(generation_id), decided=ending)
            self.generations[generation_id] = generation
            self._schedule(generation)
            self.settle()

    def deliverable(self, generation_id: str, index: int) -> Generation | None:
        """Return the completed generation whose item `index` exists, else None."""
        with self.lock:
            now = self.settle()
            generation = self.generations.get(generation_id)
            if generation is None or index != 0 or generation.at(now) != "completed":
                return None
            return generation

    def signature(self, generation_id: str, index: int, expires: int) -> str:
        """Return the signature of a download link."""
        return self._signer.signature(generation_id, index, expires)

    def signed(self, signature: str, generation_id: str, index: int, expires: int) -> bool:
        """Return whether this workspace made that signature."""
        return self._signer.accepts(signature, generation_id, index, expires)

    def media_seed(self, generation_id: str) -> bytes:
        """Return what the look of a generation's media is drawn from."""
        return digest(self.seed, "media", generation_id)

    def balance(self) -> Decimal:
        """Return what can still be spent, in US dollars."""
        with self.lock:
            self.settle()
            return self.ledger.available

    def costs(self) -> dict[date, Decimal]:
        """Return what was charged by UTC date, up to now."""
        with self.lock:
            self.settle()
            return dict(self.ledger.by_date)

    def allowance(self, kind: Kind) -> Allowance:
        """Return what is left of the present rate window."""
        with self.lock:
            return self.limiter.allowance(kind, self.clock.now())

    def settle(self) -> datetime:
        """Book every ending that has come by now, each at its own moment; return now."""
        now = self.clock.now()
        self._settle_until(now)
        return now

    def _settle_until(self, now: datetime) -> None:
        while self._due and self._due[0][0] <= now:
            at, _, generation_id = heappop(self._due)
            generation = self.generations.get(generation_id)
            # An entry is stale when the generation was decided otherwise after it was scheduled.
            if generation_id not in self._pending or generation is None:
                continue
            ending = generation.ending
            if ending is None or ending.at != at:
                continue
            self._pending.discard(generation_id)
            self._polls.pop(generation_id, None)
            self._book(generation, ending)

    def _book(self, generation: Generation, ending: Ending) -> None:
        cost = generation.product.total_cost
        at_submission = self.settings.charge_at == "submission"
        if ending.failure is None:
            if not at_submission:
                self.ledger.charge(generation.id, cost, ending.at)
        elif at_submission:
            self.ledger.refund(generation.id, cost, generation.created_at, ending.at)
        else:
            self.ledger.release(generation.id, cost, ending.at)

    def _schedule(self, generation: Generation) -> None:
        ending = generation.ending
        if ending is not None:
            heappush(self._due, (ending.at, len(self.generations), generation.id))

    def _known(self, generation_id: str) -> Generation:
        generation = self.generations.get(generation_id)
        if generation is None:
            raise _not_found(generation_id)
        return generation

    def _begun(self, request: GenerationRequest, product: Product, now: datetime) -> Generation:
        ordinal = self._ordinals.get(request.canonical, 0)
        self._ordinals[request.canonical] = ordinal + 1
        chance = Stream(self.seed, request.canonical, ordinal)
        return Generation(
            id=f"req-01{chance.letters('id', 12)}",
            prompt=request.prompt,
            product=product,
            created_at=now,
            transition=self._transition(request, chance),
            retention=self.settings.retention,
        )

    def _transition(self, request: GenerationRequest, chance: Stream) -> Transition:
        if request.kind == "image":
            return Transition(seconds=drawn(self.settings.image_seconds, chance))
        span = self.settings.video_seconds
        seconds = drawn(span, chance) if span is not None else _by_length(request, chance)
        fails = chance.happens("failure", self.settings.fail_rate)
        return Transition(seconds=seconds, failure=UPSTREAM_TIMEOUT if fails else None)

    def _product(self, request: GenerationRequest) -> Product:
        key = (
            request.kind, request.model.id, request.aspect_ratio, request.resolution,
            request.output_format, request.duration, request.sound,
        )  # fmt: skip
        if key not in self._products:
            self._products[key] = _product(request)
        return self._products[key]


def _not_found(generation_id: str) -> Refusal:
    return Refusal(
        "not_found",
        f"Generation '{generation_id[:80]}' not found.",
        hint="ids are known only to the workspace (API key) that made them",
    )


def _limits(settings: Settings) -> Limits:
    preset = REALISTIC if settings.limits == "realistic" else GENEROUS
    chosen = {"image_rpm": settings.image_rpm, "video_rpm": settings.video_rpm,
              "concurrent": settings.concurrent}  # fmt: skip
    given = {name: value for name, value in chosen.items() if value is not None}
    return replace(preset, window=settings.rate_window, **given)


def _by_length(request: GenerationRequest, chance: Stream) -> float:
    """Draw within the model's span; the longer the video, the later."""
    durations = request.model.supported_durations
    shortest, longest = min(durations), max(durations)
    length = ((request.duration or shortest) - shortest) / ((longest - shortest) or 1)
    low, high = request.model.seconds
    place = min(1.0, max(0.0, (drawn(Span(0, 1), chance) + length) / 2))
    return low + (high - low) * place


def _product(request: GenerationRequest) -> Product:
    model = request.model
    size = model.size(request.aspect_ratio, request.resolution)
    has_sound = request.sound and model.supports_sound
    rate = model.rate(resolution=request.resolution, sound=has_sound)
    price = rate.unit_price if rate is not None else Decimal(0)
    quantity = 1 if request.duration is None else request.duration
    return Product(
        kind=request.kind,
        model=model.id,
        mime_type=_MIME_TYPES[request.output_format] if request.output_format else "video/mp4",
        width=size.width,
        height=size.height,
        duration=request.duration,
        fps=model.fps if request.kind == "video" else None,
        has_sound=has_sound,
        billable_unit="image" if request.kind == "image" else "video_second",
        unit_price=price,
        quantity=quantity,
        total_cost=price * Decimal(str(quantity)),
    )
