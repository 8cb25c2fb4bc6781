"""A workspace: the state that belongs to one API key.

Every public method reads the clock once, settles what has ended by then, and does one thing under
the workspace's lock. No method waits except `finished`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from getimg_mock.errors import GetimgMockError
from getimg_mock.world.behaviours import NOTHING
from getimg_mock.world.clock import LATEST
from getimg_mock.world.events import Advance, Event, find_next_moment, find_passed_events
from getimg_mock.world.generations import Ending, Generation, Product, compute_ending
from getimg_mock.world.holdings import Holdings
from getimg_mock.world.identities import Identity
from getimg_mock.world.journal import Journal
from getimg_mock.world.ledger import Ledger
from getimg_mock.world.limits import Limiter, limits_of
from getimg_mock.world.media_rules import MediaRules, choose_file
from getimg_mock.world.pricing import ProductCache, draw_default_seconds
from getimg_mock.world.randomness import Stream, digest
from getimg_mock.world.records import create_record
from getimg_mock.world.scenarios import Scenarios
from getimg_mock.world.settlement import Settlement, build_not_found
from getimg_mock.world.signing import Signer
from getimg_mock.world.transitions import (
    UPSTREAM_TIMEOUT,
    Failure,
    TransitionRule,
    Transitions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from getimg_mock.settings import Settings
    from getimg_mock.world.behaviours import Behaviour
    from getimg_mock.world.clock import VirtualClock
    from getimg_mock.world.generations import Status
    from getimg_mock.world.limits import Allowance, Kind, Limits
    from getimg_mock.world.requests import GenerationRequest
    from getimg_mock.world.scenarios import Facts, Rule
    from getimg_mock.world.transitions import Transition


class State(NamedTuple):
    """A generation with its status at a moment, which is that of the workspace's clock."""

    generation: Generation
    status: Status
    at: datetime


class Workspace:
    """The state of the API as one API key sees it.

    `identity` and `holdings` are given by a store that keeps the workspace elsewhere; `key` is the
    shortened key where it does not know the key.
    """

    def __init__(
        self,
        key: str,
        *,
        settings: Settings,
        clock: VirtualClock,
        identity: Identity | None = None,
        holdings: Holdings | None = None,
    ) -> None:
        holdings = Holdings() if holdings is None else holdings
        self.identity = Identity.of(settings.seed, key) if identity is None else identity
        self.key = key
        self.settings = settings
        self.clock = clock
        self.lock = holdings.lock
        self.seed = self.identity.seed
        self.opened_at = clock.now()
        self.ledger = Ledger(settings.balance, self.opened_at, entries=holdings.entries)
        self.limiter = Limiter(limits_of(settings))
        self.transitions = Transitions()
        self.media = MediaRules()
        self.scenarios = Scenarios(self.seed, holdings.create_ordinals)
        self.journal = (
            holdings.journal
            if holdings.journal is not None
            else Journal(
                bound=settings.journal_exchanges, budget=settings.journal_mib * 1024 * 1024
            )
        )
        self.ordinals = holdings.ordinals
        self._settlement = Settlement(self.ledger, holdings)
        self.generations = self._settlement.generations
        self.polls = self._settlement.polls
        self._signer = Signer(digest(self.seed, "signing"))
        self._products = ProductCache()

    # For requests of clients ---------------------------------------------------------------------

    def submit(
        self,
        request: GenerationRequest,
        special: Sequence[TransitionRule] = (),
        media: MediaRules | None = None,
    ) -> Generation:
        """Accept a valid request: hold its cost and start the generation.

        `special` are transition rules for this request alone, the strongest first. `media` are the
        rules of the whole fake, which those of the workspace precede. Raises the 402
        or 429 `Refusal`, checked in this order (inferred); a refusal changes nothing.
        """
        with self.lock:
            now = self.settle()
            product = self._products.find(request)
            self.ledger.require(product.total_cost)
            self.limiter.admit(request.kind, now, running=len(self._settlement.charged))
            generation = self._begin(request, product, now, special, media)
            charged = self.settings.charge_at == "submission"
            self._settlement.accept(generation, now, charged=charged)
            return generation

    def find_state(self, generation_id: str) -> State:
        """Return a generation as it is now; raises the 404 `Refusal` for an unknown id."""
        with self.lock:
            now = self.settle()
            generation = self._settlement.find(generation_id)
            return State(generation, generation.at(now), now)

    def poll(self, generation_id: str) -> State:
        """Return a video's state for one status request, and count the poll if polls end it."""
        with self.lock:
            now = self.settle()
            generation = self._settlement.find(generation_id)
            if generation.product.kind != "video":
                raise build_not_found(generation_id)
            polls = generation.transition.polls
            if polls and generation.at(now) == "pending":
                if self._settlement.count_poll(generation_id) >= polls:
                    self._decide(generation, Ending(now, generation.transition.failure))
                generation = self.generations[generation_id]
            self._settlement.report(generation_id)
            return create_record(State, (generation, generation.at(now), now))

    async def wait_finished(self, generation_id: str) -> State:
        """Wait on the clock until a generation is no longer pending, and return it."""
        while True:
            changes = self.clock.changes
            state = self.find_state(generation_id)
            if state.status != "pending":
                self._settlement.report(generation_id)
                return state
            ending = state.generation.ending
            await self.clock.pause(ending.at if ending is not None else None, changes)

    def find_deliverable(self, generation_id: str, index: int) -> Generation | None:
        """Return the completed generation whose item `index` exists, else None."""
        with self.lock:
            now = self.settle()
            generation = self.generations.get(generation_id)
            if generation is None or generation.at(now) != "completed":
                return None
            return generation if index < generation.product.files else None

    def compute_balance(self) -> Decimal:
        """Return the balance in US dollars."""
        with self.lock:
            self.settle()
            return self.ledger.available

    def compute_costs(self) -> dict[date, Decimal]:
        """Return the charges up to now, by UTC date."""
        with self.lock:
            self.settle()
            return dict(self.ledger.by_date)

    def compute_allowance(self, kind: Kind, at: datetime | None = None) -> Allowance:
        """Return what is left of the rate window of a moment, by default of the current one."""
        return self.limiter.compute_allowance(kind, self.clock.now() if at is None else at)

    def choose_behaviour(
        self, facts: Facts, special: Behaviour = NOTHING
    ) -> tuple[Behaviour, list[Rule]]:
        """Return the behaviour for a request, and the scenario rules behind it."""
        with self.lock:
            return self.scenarios.choose_behaviour(facts, special)

    def sign_link(self, generation_id: str, index: int, expires: int) -> str:
        """Return the signature of a download link."""
        return self._signer.sign(generation_id, index, expires)

    def verify_signature(
        self, signature: str, generation_id: str, index: int, expires: int
    ) -> bool:
        """Return whether this workspace signed that link."""
        return self._signer.verify(signature, generation_id, index, expires)

    def derive_media_seed(self, generation_id: str) -> bytes:
        """Return the seed of a generation's media."""
        return digest(self.seed, "media", generation_id)

    # For control commands ------------------------------------------------------------------------

    def complete(self, generation_id: str) -> Generation:
        """End a pending generation now, completed; raises `GetimgMockError` if it has ended."""
        with self.lock:
            now = self.settle()
            generation = self._settlement.find_pending(generation_id, now)
            return self._decide(generation, Ending(now))

    def fail(self, generation_id: str, failure: Failure) -> Generation:
        """End a pending generation now, failed; raises `GetimgMockError` if it has ended."""
        with self.lock:
            now = self.settle()
            generation = self._settlement.find_pending(generation_id, now)
            return self._decide(generation, Ending(now, failure))

    def hold(self, generation_id: str) -> Generation:
        """Keep a pending generation pending until a command ends it."""
        with self.lock:
            generation = self._settlement.find_pending(generation_id, self.settle())
            transition = replace(generation.transition, seconds=None, polls=None)
            held = generation._replace(transition=transition, ending=None)
            self.generations[generation_id] = held
            self.clock.poke()
            return held

    def advance(self, seconds: float) -> Advance:
        """Move the clock forward by `seconds`; see `advance_to`."""
        if not seconds >= 0:
            raise GetimgMockError(f"A clock cannot go backwards: {seconds!r} s is less than 0.")
        with self.lock:
            try:
                moment = self.clock.now() + timedelta(seconds=seconds)
            except OverflowError:
                moment = LATEST
            return self.advance_to(moment)

    def advance_to(self, moment: datetime) -> Advance:
        """Move the clock to `moment`, settle, and return the new time and the events in between.

        Raises `GetimgMockError` for a moment in the past, or at or after `LATEST`.
        """
        if moment >= LATEST:
            raise GetimgMockError(f"A clock cannot reach the year {LATEST.year}.")
        with self.lock:
            since = self.clock.now()
            if moment < since and not self.clock.rate:
                raise GetimgMockError(
                    f"A clock cannot go backwards: it is {since.isoformat()} already."
                )
            now = self.clock.advance_to(moment)
            self._settlement.settle(now)
            return Advance(now, self._find_events(since, now))

    def advance_to_next_event(self) -> Advance:
        """Move the clock to the next event; does nothing when no event is to come."""
        with self.lock:
            now, resets = self.clock.now(), self.limiter.resets()
            moment = find_next_moment(self.generations.values(), resets, now)
            if moment is None:
                return Advance(now, ())
            return self.advance_to(moment)

    def run_until(self, generation_id: str, status: Status) -> Advance:
        """Move the clock to the moment at which a generation gets `status`.

        Raises `GetimgMockError` when time alone does not cause that; the message says why.
        """
        with self.lock:
            now = self.settle()
            generation = self._settlement.find(generation_id)
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
        """Release every waiting request: another workspace has replaced this one.

        Pending generations end at their time, which comes at once; those that only a command could
        have ended fail.
        """
        with self.lock:
            now = self.settle()
            for generation in self._settlement.list_endless():
                self._decide(generation, Ending(now, UPSTREAM_TIMEOUT))
            self.clock.autojump = True
            self.clock.poke()

    def credit(self, amount: Decimal) -> None:
        """Add `amount` US dollars, which may be negative, to the balance."""
        with self.lock:
            self.ledger.credit(amount, self.settle())

    def set_limits(self, limits: Limits) -> None:
        """Change the rate limits; requests counted in the current window stay counted."""
        with self.lock:
            self.limiter.change(limits, self.clock.now())

    def list_events(self, since: datetime, until: datetime) -> tuple[Event, ...]:
        """Return the events after `since` and up to `until`, in order."""
        with self.lock:
            return self._find_events(since, until)

    def _find_events(self, since: datetime, until: datetime) -> tuple[Event, ...]:
        resets = self.limiter.resets()
        return find_passed_events(self.generations.values(), resets, since, until)

    # The books -----------------------------------------------------------------------------------

    @property
    def settlement(self) -> Settlement:
        """The books of the generations, for stores."""
        return self._settlement

    def settle(self) -> datetime:
        """Book every ending that has come by now, each at its own moment; return now."""
        now = self.clock.now()
        self._settlement.settle(now)
        return now

    def adopt(self, generation: Generation, *, pending: bool = True) -> None:
        """Add a generation whose cost is booked already; a `pending` one is settled at its end."""
        self._settlement.adopt(generation, charged=self._charges_at_submission, pending=pending)

    @property
    def running(self) -> int:
        """How many generations were pending when the books were last settled."""
        return self._settlement.running

    def is_running(self, generation_id: str) -> bool:
        """Return whether a generation was pending when the books were last settled."""
        return self._settlement.is_running(generation_id)

    @property
    def _charges_at_submission(self) -> bool:
        return self.settings.charge_at == "submission"

    def _decide(self, generation: Generation, ending: Ending) -> Generation:
        decided = self._settlement.decide(generation, ending)
        self.clock.poke()
        return decided

    def _begin(
        self,
        request: GenerationRequest,
        product: Product,
        now: datetime,
        special: Sequence[TransitionRule],
        media: MediaRules | None,
    ) -> Generation:
        recorded, canonical = request.recorded, request.canonical
        kept = recorded.retention if recorded is not None else None
        ordinal = self.ordinals.get(canonical, 0)
        self.ordinals[canonical] = ordinal + 1
        chance = Stream.of_request(self.seed, canonical, ordinal)
        transition = self._draw_transition(request, chance, special)
        if self.media.rules or (media is not None and media.rules):
            product = choose_file(product, request, chance, (self.media, media))
        return create_record(
            Generation,
            (
                f"req-01{chance.letters[:12]}",
                request.prompt,
                product,
                now,
                transition,
                self.settings.retention if kept is None else kept,
                compute_ending(transition, now),
            ),
        )

    def _draw_transition(
        self, request: GenerationRequest, chance: Stream, special: Sequence[TransitionRule]
    ) -> Transition:
        rule = self.transitions.choose(request.model.id, special)
        # Read at each call: the settings of a workspace can be changed.
        seconds = draw_default_seconds(request, self.settings, chance)
        if request.kind == "image":
            return rule.without_polls().draw(chance, seconds)
        failure = request.recorded.failure if request.recorded is not None else None
        lowest = TransitionRule(failure=failure, fail_rate=self.settings.fail_rate)
        return rule.fill_from(lowest).draw(chance, seconds)
