"""The journal: bounded, numbered, queried; told to whoever listens."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.journal import (
    Effect,
    Exchange,
    Journal,
    collect_effects,
    record_effect,
    withhold_effects,
)
from tests.world.worlds import START, made, workspace

if TYPE_CHECKING:
    from getimg_mock.world.journal import Draft


def exchange(**values: Any) -> Exchange:
    """Return an exchange as the API records it."""
    given: dict[str, Any] = {
        "number": 0,
        "at": START,
        "wall": START,
        "operation": "videos.retrieve",
        "method": "GET",
        "path": "/v2/videos/generations/req-1",
        "query": "",
        "request_headers": [],
        "request_body": b"",
        "request_size": 0,
        "status": 200,
        "headers": [],
        "body": b"",
        "size": 0,
        "seconds": 0.001,
    }
    return Exchange(**(given | values))


def recorded(*exchanges: Exchange, **bounds: int) -> Journal:
    """Return a journal of these exchanges."""
    journal = Journal(**bounds)
    for each in exchanges:
        journal.record(each)
    return journal


def test_exchanges_are_numbered_from_one() -> None:
    """In the order in which they are recorded, without a gap."""
    assert [each.number for each in recorded(*[exchange()] * 3)] == [1, 2, 3]


def test_only_so_many_exchanges_are_kept() -> None:
    """The oldest go; the numbers of the others stay."""
    journal = recorded(*[exchange()] * 10, bound=4)
    assert [each.number for each in journal] == [7, 8, 9, 10]
    assert len(journal) == 4


def test_a_journal_of_no_size_still_tells_its_listeners() -> None:
    """Nothing is kept, and live tails work."""
    journal = Journal(bound=0)
    heard: list[Exchange] = []
    journal.subscribe(heard.append)
    journal.record(exchange())
    assert (len(journal), [each.number for each in heard]) == (0, [1])


def test_a_listener_for_drafts_costs_no_exchange() -> None:
    """An exchange is made once, when a listener or a reader asks for one; numbers are the same."""
    journal = Journal()
    heard: list[tuple[Exchange | Draft, int]] = []
    journal.subscribe_drafts(lambda *each: heard.append(each))
    draft = Mock(write_out=Mock(side_effect=lambda number: exchange(number=number)))
    journal.record_draft(draft, 1)
    assert heard == [(draft, 1)]
    draft.write_out.assert_not_called()
    journal.subscribe(lambda _: None)
    journal.record_draft(draft, 1)
    assert heard[1] == (exchange(number=2), 2)
    assert [each.number for each in journal] == [1, 2]


@pytest.mark.parametrize(
    "large",
    [
        {"body": b"x" * 10_000},
        {"request_body": b"x" * 10_000},
        {"headers": [(b"x-long", b"x" * 10_000)]},
        {"request_headers": [(b"x" * 10_000, b"")]},
        {"path": "x" * 10_000},
        {"query": "x" * 10_000},
    ],
)
def test_only_so_many_bytes_are_kept(large: dict[str, Any]) -> None:
    """Whichever part of them is large; the newest is there in any case."""
    journal = recorded(*[exchange(**large)] * 50, budget=100_000)
    assert 5 <= len(journal) <= 10
    assert len(recorded(exchange(**large), budget=1)) == 1


@given(st.lists(st.integers(0, 5000), max_size=50), st.integers(1, 10), st.integers(1, 20_000))
def test_the_bounds_hold_whatever_comes(sizes: list[int], bound: int, budget: int) -> None:
    """And never is an exchange let go that would still have fitted."""
    journal = recorded(*[exchange(body=b"x" * n) for n in sizes], bound=bound, budget=budget)
    kept = list(journal)
    weight = sum(each.weight for each in kept)
    assert len(kept) <= bound
    assert weight <= budget or len(kept) == 1
    assert [each.number for each in kept] == list(range(len(sizes) - len(kept) + 1, len(sizes) + 1))
    if len(kept) < min(bound, len(sizes)):
        gone = exchange(body=b"x" * sizes[-len(kept) - 1])
        assert weight + gone.weight > budget


@pytest.mark.parametrize(
    ("criteria", "numbers"),
    [
        ({}, [1, 2, 3, 4]),
        ({"operation": "videos.create"}, [1]),
        ({"operation": "videos.*"}, [1, 2, 3]),
        ({"status": 200}, [2, 4]),
        ({"generation": "req-1"}, [1, 2, 3]),
        ({"generation": "req-1", "status": 500}, [3]),
        ({"since": START + timedelta(seconds=2)}, [3, 4]),
        ({"until": START + timedelta(seconds=1)}, [1, 2]),
        ({"since": START + timedelta(seconds=1), "until": START + timedelta(seconds=2)}, [2, 3]),
        ({"after": 2}, [3, 4]),
        ({"operation": "nothing"}, []),
    ],
)
def test_exchanges_are_found_by_what_they_are(criteria: dict[str, Any], numbers: list[int]) -> None:
    """All criteria must fit; times are the workspace's, both ends included."""
    journal = recorded(
        exchange(operation="videos.create", status=202, generation="req-1"),
        exchange(at=START + timedelta(seconds=1), generation="req-1"),
        exchange(at=START + timedelta(seconds=2), status=500, generation="req-1"),
        exchange(at=START + timedelta(seconds=3), operation="billing.balance"),
    )
    assert [each.number for each in journal.query(**criteria)] == numbers
    assert journal.count(**criteria) == len(numbers)


def test_a_listener_hears_everything_until_it_goes() -> None:
    """Twice gone is gone once."""
    journal = Journal()
    heard: list[int] = []
    unsubscribe = journal.subscribe(lambda each: heard.append(each.number))
    journal.record(exchange())
    unsubscribe()
    unsubscribe()
    journal.record(exchange())
    assert heard == [1]


def test_an_emptied_journal_counts_on() -> None:
    """A tail that asks for what comes after number n misses nothing."""
    journal = recorded(exchange(), exchange())
    journal.clear()
    assert list(journal) == []
    journal.record(exchange())
    assert [each.number for each in journal] == [3]


def test_numbers_rise_in_the_order_of_the_journal_from_any_threads() -> None:
    """Or a tail that asks for what comes after a number would miss one."""
    journal = Journal(bound=10_000)

    def record() -> None:
        for _ in range(500):
            journal.record(exchange())

    threads = [Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.number for each in journal] == list(range(1, 4001))


# As JSON ----------------------------------------------------------------------------------------


@given(st.binary(max_size=64), st.integers(0, 10))
def test_any_body_can_be_shown(body: bytes, missing: int) -> None:
    """As text where it is text, else as base64."""
    shown = exchange(body=body, size=len(body) + missing).as_json()["response"]
    assert json.loads(json.dumps(shown)) == shown
    assert len(shown.keys() & {"text", "base64"}) == 1
    if missing == 0 and "text" in shown:
        assert shown["text"].encode() == body


@pytest.mark.parametrize("kept", [2, 3, 4, 5])
def test_a_text_that_was_cut_within_a_letter_stays_text(kept: int) -> None:
    """A cut prompt in Polish or Japanese is still legible."""
    text = "aż漢𝄞"
    body = text.encode()[: len(text.encode()) - kept + 1]
    shown = exchange(body=body, size=1000).as_json()["response"]["text"]
    assert text.startswith(shown)
    assert len(shown) >= 2


def test_an_exchange_shows_all_that_is_known_of_it() -> None:
    """Money as text, moments with their zone."""
    effect = Effect("hold", START, Decimal("0.25"), "req-1")
    whole = exchange(effects=(effect,), rules=("rule-1",), fault="reset", sent=False)
    shown = whole.as_json()
    assert shown["effects"] == [
        {"what": "hold", "at": START.isoformat(), "amount": "0.25", "generation": "req-1"}
    ]
    assert (shown["fault"], shown["rules"]) == ("reset", ["rule-1"])
    assert shown["response"]["sent"] is False
    assert shown["milliseconds"] == 1


# Effects ----------------------------------------------------------------------------------------


def effects_of(work: Any) -> list[str]:
    """Return what was noted while `work` ran, as for one request."""
    with collect_effects() as collected:
        work()
    return [f"{each.what} {each.amount}" if each.amount else each.what for each in collected]


def test_without_a_collection_effects_are_recorded_nowhere() -> None:
    """Control commands move money without an exchange."""
    record_effect(Effect("credit", START, Decimal(1)))
    with collect_effects() as effects:
        pass
    assert effects == []


def test_an_outer_collection_has_the_effects_of_an_inner_one() -> None:
    """A check that runs the fake in process sees what each of its requests brought about."""
    first, second = (Effect("hold", START, Decimal(each)) for each in (1, 2))
    with collect_effects() as outer:
        with collect_effects() as inner:
            record_effect(first)
        record_effect(second)
    assert inner == [first]
    assert outer == [first, second]


def test_an_inner_collection_that_fails_gives_its_effects_to_the_outer_one() -> None:
    """Work that was done before an error was done."""
    effect = Effect("hold", START, Decimal(1))
    with collect_effects() as outer, suppress(ValueError), collect_effects():
        record_effect(effect)
        raise ValueError
    assert outer == [effect]


def test_effects_that_are_withheld_reach_no_collection() -> None:
    """They are recorded for the request that tells the client of them."""
    effect, kept = Effect("charge", START, Decimal(1)), list[Effect]()
    with collect_effects() as effects, withhold_effects(kept):
        record_effect(effect)
    assert (effects, kept) == ([], [effect])


def test_submitting_makes_a_generation_and_holds_its_cost() -> None:
    """And, for a video of no time, charges it."""
    world = workspace()
    cost = made(world).product.total_cost
    assert effects_of(lambda: made(world)) == ["generation", f"hold {cost}"]
    assert effects_of(lambda: made(world, {"seconds": 0})) == [
        "generation",
        f"hold {cost}",
        f"charge {cost}",
    ]


@pytest.mark.parametrize(
    ("rule", "ends"), [({}, "charge"), ({"failed": True}, "release")], ids=["charge", "release"]
)
def test_the_first_poll_after_the_end_shows_what_the_end_cost(
    rule: dict[str, Any], ends: str
) -> None:
    """Not whoever happens to settle the books before it, and not the polls after it."""
    world = workspace()
    one = made(world, {"seconds": 30} | rule)
    assert effects_of(lambda: world.poll(one.id)) == []
    world.clock.advance_to(START + timedelta(seconds=30))
    assert effects_of(world.compute_balance) == []
    assert effects_of(lambda: made(world))[:1] == ["generation"]
    assert effects_of(lambda: world.poll(one.id)) == [f"{ends} {one.product.total_cost}"]
    assert effects_of(lambda: world.poll(one.id)) == []


def test_a_poll_that_ends_a_video_shows_the_charge() -> None:
    """It brought it about."""
    world = workspace()
    one = made(world, {"polls": 2})
    shown = [effects_of(lambda: world.poll(one.id)) for _ in range(3)]
    assert shown == [[], [f"charge {one.product.total_cost}"], []]


def test_the_ledger_keeps_every_movement_in_order() -> None:
    """Each at its own moment, whenever it was booked."""
    world = workspace()
    for seconds in (30, 10, 20):
        made(world, {"seconds": seconds}, prompt=f"{seconds}")
    world.advance(100)
    charges = [each.at for each in world.ledger.entries if each.what == "charge"]
    assert charges == [START + timedelta(seconds=n) for n in (10, 20, 30)]
    assert all(one <= other for one, other in pairwise(charges))
