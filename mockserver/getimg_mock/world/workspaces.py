"""A workspace: everything that belongs to one API key, and its one owner.

Every public method asks the clock once, settles what has ended by then, and does one thing under
the workspace's lock. Nothing here waits but `finished`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.errors import GetimgMockError, Refusal
from getimg_mock.world.behaviours import NOTHING
from getimg_mock.world.clock import LATEST
from getimg_mock.world.events import Advance, Event, next_moment, passed
from getimg_mock.world.generations import Ending, Generation, Product, ending_of
from getimg_mock.world.journal import Effect, Journal, noted, withhold_effects
from getimg_mock.world.ledger import Ledger
from getimg_mock.world.limits import GENEROUS, REALISTIC, Limiter, Limits
from getimg_mock.world.pricing import product_of, seconds_by_length
from getimg_mock.world.randomness import Stream, digest
from getimg_mock.world.scenarios import Scenarios
from getimg_mock.world.signing import Signer
from getimg_mock.world.transitions import (
    UPSTREAM_TIMEOUT,
    Failure,
    TransitionRule,
    Transitions,
    drawn,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from getimg_mock.settings import Settings
    from getimg_mock.world.behaviours import Behaviour
    from getimg_mock.world.clock import VirtualClock
    from getimg_mock.world.generations import Status
    from getimg_mock.world.limits import Allowance, Kind
    from getimg_mock.world.requests import GenerationRequest
    from getimg_mock.world.scenarios import Facts, Rule
    from getimg_mock.world.transitions import Transition


_MOST_PRODUCTS = 1000


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
        self.limiter = Limiter(limits_of(settings))
        self.transitions = Transitions()
        self.scenarios = Scenarios(self.seed)
        self.journal = Journal(
            bound=settings.journal_exchanges, budget=settings.journal_mib * 1024 * 1024
        )
        self.generations: dict[str, Generation] = {}
        self.ordinals: dict[bytes, int] = {}
        self.polls: dict[str, int] = {}
        self._signer = Signer(digest(self.seed, "signing"))
        self._pending: set[str] = set()
        self._untold: dict[str, list[Effect]] = {}
        self._due: list[tuple[datetime, int, str]] = []
        self._products: dict[tuple[object, ...], Product] = {}

    # What clients bring about ------------------------------------------------------------------

    def submit(
        self, request: GenerationRequest, special: Sequence[TransitionRule] = ()
    ) -> Generation:
        """Accept a valid request: hold its cost and begin.

        `special` are transition rules for this request alone, the strongest first. Raises the 402
        and 429 `Refusal`, in this order (inferred), and then changes nothing.
        """
        with self.lock:
            now = self.settle()
            product = self._product(request)
            self.ledger.require(product.total_cost)
            self.limiter.admit(request.kind, now, running=len(self._pending))
            generation = self._begun(request, product, now, special)
            noted(Effect("generation", now, generation=generation.id))
            self.ledger.hold(generation.id, product.total_cost, now)
            if self.settings.charge_at == "submission":
                self.ledger.charge(generation.id, product.total_cost, now)
            self.generations[generation.id] = generation
            ending = generation.ending
            if ending is not None and ending.at <= now:
                self._book(generation, ending)
            else:
                self._pending.add(generation.id)
                self._schedule(generation)
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
                self.polls[generation_id] = count = self.polls.get(generation_id, 0) + 1
                if count >= polls:
                    self._decide(generation, Ending(now, generation.transition.failure))
            generation = self.generations[generation_id]
            self._tell(generation_id)
            return State(generation, generation.at(now))

    async def finished(self, generation_id: str) -> State:
        """Return a generation when it is no longer pending, waiting on the clock until then."""
        while True:
            changes = self.clock.changes
            state = self.state(generation_id)
            if state.status != "pending":
                self._tell(generation_id)
                return state
            ending = state.generation.ending
            await self.clock.pause(ending.at if ending is not None else None, changes)

    def deliverable(self, generation_id: str, index: int) -> Generation | None:
        """Return the completed generation whose item `index` exists, else None."""
        with self.lock:
            now = self.settle()
            generation = self.generations.get(generation_id)
            if generation is None or index != 0 or generation.at(now) != "completed":
                return None
            return generation

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
        return self.limiter.allowance(kind, self.clock.now())

    def treatment(self, facts: Facts, special: Behaviour = NOTHING) -> tuple[Behaviour, list[Rule]]:
        """Return what is done to a request, and the scenario rules that say so."""
        with self.lock:
            return self.scenarios.treatment(facts, special)

    def signature(self, generation_id: str, index: int, expires: int) -> str:
        """Return the signature of a download link."""
        return self._signer.signature(generation_id, index, expires)

    def signed(self, signature: str, generation_id: str, index: int, expires: int) -> bool:
        """Return whether this workspace made that signature."""
        return self._signer.accepts(signature, generation_id, index, expires)

    def media_seed(self, generation_id: str) -> bytes:
        """Return what the look of a generation's media is drawn from."""
        return digest(self.seed, "media", generation_id)

    # What whoever runs the fake brings about ----------------------------------------------------

    def complete(self, generation_id: str) -> Generation:
        """End a pending generation now, completed; raises `GetimgMockError` if it has ended."""
        with self.lock:
            now = self.settle()
            return self._decide(self._pending_one(generation_id, now), Ending(now))

    def fail(self, generation_id: str, failure: Failure) -> Generation:
        """End a pending generation now, failed; raises `GetimgMockError` if it has ended."""
        with self.lock:
            now = self.settle()
            return self._decide(self._pending_one(generation_id, now), Ending(now, failure))

    def hold(self, generation_id: str) -> Generation:
        """Keep a pending generation pending until it is ended by hand."""
        with self.lock:
            generation = self._pending_one(generation_id, self.settle())
            transition = replace(generation.transition, seconds=None, polls=None)
            held = generation._replace(transition=transition, ending=None)
            self.generations[generation_id] = held
            self.clock.poke()
            return held

    def advance(self, seconds: float) -> Advance:
        """Let `seconds` pass at once; see `advance_to`."""
        if not seconds >= 0:
            raise GetimgMockError(f"Time never goes backwards: {seconds!r} is less than 0 s.")
        with self.lock:
            try:
                moment = self.clock.now() + timedelta(seconds=seconds)
            except OverflowError:
                moment = LATEST
            return self.advance_to(moment)

    def advance_to(self, moment: datetime) -> Advance:
        """Make it `moment`, settle, and return the new time and the events passed, in order.

        Raises `GetimgMockError` for a moment that has passed, or is past the end of the calendar.
        """
        if moment >= LATEST:
            raise GetimgMockError(f"{LATEST.year} is the end of the calendar here.")
        with self.lock:
            since = self.clock.now()
            if moment < since and not self.clock.rate:
                raise GetimgMockError(
                    f"Time never goes backwards: it is {since.isoformat()} already."
                )
            now = self.clock.advance_to(moment)
            self._settle_until(now)
            return Advance(now, passed(self, since, now))

    def advance_to_next_event(self) -> Advance:
        """Make it the moment of the next event; without one, nothing happens."""
        with self.lock:
            moment = next_moment(self, self.clock.now())
            if moment is None:
                return Advance(self.clock.now(), ())
            return self.advance_to(moment)

    def run_until(self, generation_id: str, status: Status) -> Advance:
        """Make it the moment at which a generation gets `status`.

        Raises `GetimgMockError` when time alone will not bring that about, saying why.
        """
        with self.lock:
            now = self.settle()
            generation = self._known(generation_id)
            if generation.at(now) == status:
                return Advance(now, ())
            ending = generation.ending
            if ending is None:
                raise GetimgMockError(
                    f"Time alone does not end {generation_id}: it waits for "
                    f"{'polls' if generation.transition.polls else 'complete() or fail()'}."
                )
            if ending.status != status:
                raise GetimgMockError(
                    f"{generation_id} will not be {status}: it is {ending.status} at "
                    f"{ending.at.isoformat()}."
                )
            return self.advance_to(ending.at)

    def retire(self) -> None:
        """Let whoever still waits for something here go on: another workspace took its place.

        What is pending ends at its time, which comes at once, or fails where only somebody's hand
        would have ended it.
        """
        with self.lock:
            now = self.settle()
            for generation_id in sorted(self._pending):
                generation = self.generations[generation_id]
                if generation.ending is None:
                    self._decide(generation, Ending(now, UPSTREAM_TIMEOUT))
            self.clock.autojump = True
            self.clock.poke()

    def credit(self, amount: Decimal) -> None:
        """Add `amount` US dollars, which may be negative, to the balance."""
        with self.lock:
            self.ledger.credit(amount, self.settle())

    def set_limits(self, limits: Limits) -> None:
        """Put other limits in force; what was counted in the present window stays counted."""
        with self.lock:
            self.limiter.change(limits, self.clock.now())

    def events(self, since: datetime, until: datetime) -> tuple[Event, ...]:
        """Return the events after `since` and up to `until`, in order."""
        with self.lock:
            return passed(self, since, until)

    # The books -----------------------------------------------------------------------------------

    def settle(self) -> datetime:
        """Book every ending that has come by now, each at its own moment; return now."""
        now = self.clock.now()
        self._settle_until(now)
        return now

    def adopt(self, generation: Generation, *, pending: bool = True) -> None:
        """Take a generation in; one that is `pending` is booked when it ends."""
        self.generations[generation.id] = generation
        if pending:
            self._pending.add(generation.id)
            self._schedule(generation)

    def is_running(self, generation_id: str) -> bool:
        """Return whether a generation was pending when the books were last settled."""
        return generation_id in self._pending

    def _settle_until(self, now: datetime) -> None:
        while self._due and self._due[0][0] <= now:
            at, _, generation_id = heappop(self._due)
            generation = self.generations[generation_id]
            ending = generation.ending
            # An entry is stale when the generation was held or decided otherwise since.
            if generation_id not in self._pending or ending is None or ending.at != at:
                continue
            self._pending.discard(generation_id)
            self.polls.pop(generation_id, None)
            # Whoever happens to settle the books did not bring this about: it waits for the request
            # that tells the client how the generation ended.
            with withhold_effects(self._untold.setdefault(generation_id, [])):
                self._book(generation, ending)

    def _tell(self, generation_id: str) -> None:
        """Count what a generation's end did to the books among the effects of this request."""
        for effect in self._untold.pop(generation_id, ()):
            noted(effect)

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

    def _decide(self, generation: Generation, ending: Ending) -> Generation:
        decided = self.generations[generation.id] = generation._replace(ending=ending)
        self._schedule(decided)
        self._settle_until(ending.at)
        self.clock.poke()
        return decided

    def _known(self, generation_id: str) -> Generation:
        generation = self.generations.get(generation_id)
        if generation is None:
            raise _not_found(generation_id)
        return generation

    def _pending_one(self, generation_id: str, now: datetime) -> Generation:
        generation = self._known(generation_id)
        status = generation.at(now)
        if status != "pending":
            raise GetimgMockError(f"{generation_id} is {status} already: endings are final.")
        return generation

    def _begun(
        self,
        request: GenerationRequest,
        product: Product,
        now: datetime,
        special: Sequence[TransitionRule],
    ) -> Generation:
        ordinal = self.ordinals.get(request.canonical, 0)
        self.ordinals[request.canonical] = ordinal + 1
        chance = Stream(self.seed, request.canonical, ordinal)
        transition = self._transition(request, chance, special)
        return Generation(
            id=f"req-01{chance.letters[:12]}",
            prompt=request.prompt,
            product=product,
            created_at=now,
            transition=transition,
            retention=self.settings.retention,
            ending=ending_of(transition, now),
        )

    def _transition(
        self, request: GenerationRequest, chance: Stream, special: Sequence[TransitionRule]
    ) -> Transition:
        rule = self.transitions.chosen(request.model.id, special)
        settings = self.settings
        if request.kind == "image":
            return rule.unpolled().drawn(chance, drawn(settings.image_seconds, chance))
        span = settings.video_seconds
        seconds = seconds_by_length(request, chance) if span is None else drawn(span, chance)
        # Asked anew each time: the settings of a workspace can be changed.
        return rule.over(TransitionRule(fail_rate=settings.fail_rate)).drawn(chance, seconds)

    def _product(self, request: GenerationRequest) -> Product:
        key = (
            request.kind,
            request.model.id,
            request.aspect_ratio,
            request.resolution,
            request.output_format,
            request.duration,
            request.sound,
        )
        product = self._products.get(key)
        if product is None:
            # In the lenient mode the words are the client's own; they must not fill the memory.
            if len(self._products) >= _MOST_PRODUCTS:
                self._products.clear()
            product = self._products[key] = product_of(request)
        return product


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    preset = REALISTIC if settings.limits == "realistic" else GENEROUS
    chosen = {
        "image_rpm": settings.image_rpm,
        "video_rpm": settings.video_rpm,
        "concurrent": settings.concurrent,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    return replace(preset, window=settings.rate_window, **given)


def _not_found(generation_id: str) -> Refusal:
    return Refusal(
        "not_found",
        f"Generation '{generation_id[:80]}' not found.",
        hint="ids are known only to the workspace (API key) that made them",
    )
