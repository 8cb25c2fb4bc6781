"""What recorded requests led to, and which recorded request an equal one is answered by.

A replay gives a submission its recorded outcome: an error, or a job with its length, its ending,
its cost and its files. Everything else stays with the workspace that accepts it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.world.randomness import digest
from getimg_mock.world.request_matching import (
    describe_difference,
    encode_request,
    measure_difference,
    normalize_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from getimg_mock.world.replayed_jobs import ReplayedAnswer, ReplayedJob

_MOST_COMPARED: Final = 2000
"""Recorded requests with which a request that matches none is compared."""


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedOutcome:
    """One recorded request with its answer; `source` names the file that holds it.

    `request` is the canonical form of what was asked. `job` is None for an answer that made no
    generation, which is replayed as it is.
    """

    source: str
    operation: str
    request: Any
    answer: ReplayedAnswer
    job: ReplayedJob | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """The recorded outcome for a request; `remark` says when it is not the next one in order."""

    outcome: ReplayedOutcome
    remark: str | None = None


class _PlainRequest(NamedTuple):
    """The key of a recorded request, and the types of its values, by name; none for texts alone.

    A text equals texts only, but true equals 1.
    """

    key: bytes
    types: dict[str, type] | None


@dataclass(slots=True)
class Recordings:
    """The outcomes of one cassette, by operation and request.

    `on_miss` says what a request without one gets; `ignored` names fields of bodies that matching
    ignores.
    """

    on_miss: str
    ignored: frozenset[str] = frozenset()
    _plain: dict[tuple[str, frozenset[Any]], _PlainRequest] = field(default_factory=dict)
    _by_request: dict[bytes, list[Take]] = field(default_factory=dict)
    _by_source: dict[str, ReplayedOutcome] = field(default_factory=dict)
    _by_operation: dict[str, list[ReplayedOutcome]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(
        cls, outcomes: Iterable[ReplayedOutcome], *, on_miss: str, ignored: Iterable[str] = ()
    ) -> Recordings:
        """Return the recordings of `outcomes`, which are in their recorded order."""
        made = cls(on_miss, frozenset(ignored))
        for each in outcomes:
            key = made.identify(each.operation, each.request)
            made._by_request.setdefault(key, []).append(Take(each))
            made._note_plain(each, key)
            made._by_source[each.source] = each
            made._by_operation[each.operation].append(each)
        return made

    def _note_plain(self, outcome: ReplayedOutcome, key: bytes) -> None:
        """Note a request whose values are texts and numbers, for `find_key`."""
        request = outcome.request
        if isinstance(request, dict):
            types = {name: type(value) for name, value in request.items()}
            if {str, int, float, bool}.issuperset(types.values()):
                texts = {str}.issuperset(types.values())
                found = _PlainRequest(key, None if texts else types)
                self._plain[outcome.operation, frozenset(request.items())] = found

    def identify(self, operation: str, request: Any) -> bytes:
        """Return 16 bytes that equal requests for `operation` have in common."""
        return digest(
            "replay", operation, encode_request(self._normalize(operation, request)), size=16
        )

    def find_key(self, operation: str, request: Any, canonicalize: Callable[[Any], Any]) -> bytes:
        """Return what `identify` does for the canonical form of a request.

        A request that is written like a recorded one, as most are, is found without it.
        """
        if isinstance(request, dict):
            try:
                found = self._plain.get((operation, frozenset(request.items())))
            except TypeError:  # a value is a list or an object
                found = None
            if found is not None and (
                found.types is None
                or found.types == {name: type(value) for name, value in request.items()}
            ):
                return found.key
        return self.identify(operation, canonicalize(request))

    def find_take(self, key: bytes, ordinal: int) -> Take | None:
        """Return the outcome of request number `ordinal` of those with one key, counted from 0.

        After the last recorded one, the last is repeated, and the remark says so.
        """
        takes = self._by_request.get(key)
        if takes is None:
            return None
        if ordinal < len(takes):
            return takes[ordinal]
        times = "once" if len(takes) == 1 else f"{len(takes)} times"
        last = takes[-1].outcome
        remark = (
            f"recorded {times}, and this is request number {ordinal + 1}: {last.source} is repeated"
        )
        return Take(last, remark)

    def find_outcome(self, source: str | None) -> ReplayedOutcome | None:
        """Return the outcome that a file of the cassette holds, or None."""
        return self._by_source.get(source) if source is not None else None

    def describe_miss(self, operation: str, request: Any) -> str:
        """Return what is recorded instead of a request that matches none, field by field."""
        sent = self._normalize(operation, request)
        known = self._by_operation.get(operation, [])[:_MOST_COMPARED]
        if not known:
            return f"The cassette holds no {operation} request."
        nearest = min(
            known,
            key=lambda each: measure_difference(sent, self._normalize(operation, each.request)),
        )
        recorded = self._normalize(operation, nearest.request)
        return (
            f"No recorded {operation} request matches. The nearest, {nearest.source}, has "
            f"{describe_difference(sent, recorded)}."
        )

    def _normalize(self, operation: str, request: Any) -> Any:
        return normalize_request(operation, request, self.ignored)
