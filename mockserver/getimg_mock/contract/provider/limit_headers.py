"""What the headers of responses say about rate limits, and about when to ask again."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.verdicts import expect
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

HEADER_NAMES: Final = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")

WINDOW: Final = 60
"""Seconds of a window: a service may let a client wait for a whole one."""

RETRY_LEEWAY: Final = 3
"""Seconds by which Retry-After may miss Reset."""

_LIMITED: Final = (*SUBMISSIONS, "videos.retrieve")

_TOO_MANY: Final = 429

_CLOCK_LEEWAY: Final = 10
"""Seconds by which the clocks of two machines of a service may differ."""

_MINUTE: Final = WINDOW + 2
"""Seconds after which a submission counts no more, with some for clocks and rounding."""

_MAX_DIGITS: Final = 6
"""How many digits of Retry-After are believed."""


def parse_limit_headers(exchange: HttpExchange) -> tuple[int, int, int] | None:
    """Return limit, remaining and reset, or None unless all three are whole numbers."""
    fields = exchange.fields
    return _parse_numbers(*(fields.get(name, "") for name in HEADER_NAMES))


@lru_cache(maxsize=4096)  # several checks read the same headers
def _parse_numbers(*texts: str) -> tuple[int, int, int] | None:
    if not all(text.isascii() and text.isdigit() for text in texts):
        return None
    limit, remaining, reset = (int(text) for text in texts)
    return limit, remaining, reset


def find_time(exchange: HttpExchange) -> float:
    """Return when a response was made, in unix seconds: by its Date, else by our clock."""
    time = _parse_date(exchange.fields.get("date", ""))
    return exchange.at.timestamp() if time is None else time


@lru_cache(maxsize=4096)
def _parse_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def find_stale_resets(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP607: no response names a window that had ended when a later one was named already.

    Windows follow each other, fixed or sliding: the reset of a key and kind never goes back.
    """
    latest: dict[tuple[str, str], tuple[int, HttpExchange]] = {}
    for history in histories:
        for each in history.with_operation(*_LIMITED):
            numbers = parse_limit_headers(each)
            told = 200 <= each.status < 300 or each.status == _TOO_MANY
            if numbers is None or not told or each.key not in {"a", "b"}:
                continue
            place = each.key, "".join(each.path.split("/")[2:3])
            reset, first = latest.setdefault(place, (numbers[2], each))
            ended = numbers[2] < find_time(each) - _CLOCK_LEEWAY
            stale = ended and numbers[2] < reset - _CLOCK_LEEWAY
            wanted = f"a Reset of {reset} or later, as was said before"
            yield history, expect(not stale, wanted, numbers[2], first, each)
            if numbers[2] > reset:
                latest[place] = numbers[2], each


def select_lasting(histories: Sequence[History]) -> list[History]:
    """Return those of accounts that last from plan to plan."""
    return [e for e in histories if not e.own and (e.plan.anywhere or not e.plan.world)]


def find_overcounts(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP602: no more is taken from a limit a minute than was sent within the last minute.

    Windows are fixed or sliding: what is older than a minute counts in neither. Of the first minute
    of a run it is not known what came before.
    """
    lasting = select_lasting(histories)
    sent = [each for history in lasting for each in history]
    known = min((_find_start(each) for each in sent), default=0.0) + _MINUTE
    spans = [(_find_start(each), each.at.timestamp(), each) for each in sent if each.submits]
    for history in lasting:
        for each in history.with_operation(*_LIMITED):
            numbers, start = parse_limit_headers(each), _find_start(each)
            minutes = numbers is not None and numbers[2] <= find_time(each) + _MINUTE
            if numbers is None or not minutes or start < known or each.key not in {"a", "b"}:
                continue
            kind = each.path.split("/")[2:3]
            most = sum(
                end >= start - _MINUTE and begun <= each.at.timestamp()
                for begun, end, other in spans
                if other.path.split("/")[2:3] == kind and other.key in {each.key, "raw"}
            )
            taken = numbers[0] - numbers[1]
            wanted = f"at most {most} taken, as no more were sent in the last minute"
            yield history, expect(taken <= most, wanted, taken, each)


def _find_start(exchange: HttpExchange) -> float:
    return exchange.at.timestamp() - exchange.seconds


def is_place_taken(history: History, waited: HttpExchange) -> bool:
    """Whether the request after another wait took the last place, as it may of a sliding window."""
    before = [
        each
        for each in history.with_role(waited.use)
        if each.number < waited.number and each.key == waited.key
    ]
    numbers = parse_limit_headers(before[-1]) if before else None
    taken = numbers is not None and not numbers[1] and before[-1].accepted
    return taken and not history.own


def compare_retry_times(history: History) -> Iterator[Observation]:
    """GP604: require that no refusal names an earlier time than one before it in its window.

    A service may name a whole window each time.
    """
    named: dict[tuple[str, str, str], tuple[float, HttpExchange]] = {}
    for each in history.with_operation(*SUBMISSIONS):
        numbers, after = parse_limit_headers(each), each.fields.get("retry-after", "")
        plain = after.isascii() and after.isdigit() and len(after) <= _MAX_DIGITS
        if each.status != 429 or numbers is None or numbers[1] or not plain:
            continue
        time = find_time(each) + int(after)
        place = each.key, each.operation, each.fields["x-ratelimit-reset"]
        latest, first = named.setdefault(place, (time, each))
        wanted = f"Retry-After for {latest:.0f} or later, as before"
        yield expect(time >= latest - RETRY_LEEWAY, wanted, f"{time:.0f}", first, each)
        if time > latest:
            named[place] = time, each
