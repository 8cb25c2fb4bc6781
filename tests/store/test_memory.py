"""Workspaces in memory: made on first use, one a key, and never more than the bound."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from getimg_mock.store.memory import MemoryStore
from tests.world.worlds import image, workspace

if TYPE_CHECKING:
    from getimg_mock.store.protocol import Store


def _store(bound: int = 3) -> MemoryStore:
    return MemoryStore(workspace, bound=bound)


def test_it_is_a_store() -> None:
    """The API asks for nothing more."""
    store: Store = _store()
    assert list(store) == []


def test_a_key_has_one_workspace() -> None:
    """Made on first use, the same ever after; another key has another."""
    store = _store()
    first = store.get_or_create("sk_a")
    assert store.get_or_create("sk_a") is first
    assert store.get_or_create("sk_b") is not first
    assert [each.key for each in store] == ["sk_a", "sk_b"]


def test_the_longest_unused_goes_first() -> None:
    """Use counts, not age; what went begins again."""
    store = _store(bound=2)
    old = store.get_or_create("sk_a")
    store.get_or_create("sk_b")
    store.get_or_create("sk_a")
    store.get_or_create("sk_c")
    assert len(store) == 2
    assert [each.key for each in store] == ["sk_a", "sk_c"]
    assert store.get_or_create("sk_a") is old


@pytest.mark.parametrize("bound", [1, 2, 10])
def test_there_are_never_more_than_the_bound(bound: int) -> None:
    """However many keys come by."""
    store = _store(bound)
    for number in range(50):
        store.get_or_create(f"sk_{number}")
        assert len(store) <= bound


def test_a_generation_is_found_wherever_it_is_held() -> None:
    """A download has no key: its id leads to the workspace."""
    store = _store()
    made = store.get_or_create("sk_b").submit(image())
    store.get_or_create("sk_a").submit(image(prompt="another"))
    assert [each.key for each in store.find_holders(made.id)] == ["sk_b"]
    assert list(store.find_holders("req-01NOTHING")) == []


def test_a_renewed_workspace_is_empty_and_in_its_place() -> None:
    """Reset is a new workspace."""
    store = _store()
    old = store.get_or_create("sk_a")
    old.submit(image())
    fresh = store.renew("sk_a")
    assert fresh is store.get_or_create("sk_a")
    assert fresh is not old
    assert fresh.generations == {}
    assert len(store) == 1


def test_to_renew_keeps_the_bound() -> None:
    """Also for a key that nobody used yet."""
    store = _store(bound=1)
    store.get_or_create("sk_a")
    store.renew("sk_b")
    assert [each.key for each in store] == ["sk_b"]


def test_another_workspace_can_take_the_place_of_one() -> None:
    """Restoring a snapshot puts what was restored in the place of what is."""
    store = _store()
    store.get_or_create("sk_a")
    other = workspace("sk_a", balance=5)
    store.replace(other)
    assert store.get_or_create("sk_a") is other


def test_to_replace_keeps_the_bound() -> None:
    """A snapshot of a key that is not there is no way around it."""
    store = _store(bound=1)
    store.get_or_create("sk_a")
    store.replace(workspace("sk_b"))
    assert len(store) == 1


def test_many_threads_get_the_same_workspace() -> None:
    """A key's first requests may come at the same moment."""
    store = _store(bound=100)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: store.get_or_create(f"sk_{number % 5}"), range(400)))
    assert len({id(each) for each in found}) == 5


def test_one_can_look_while_others_are_made() -> None:
    """Going through the workspaces is a picture of one moment."""
    store = _store(bound=100)
    for key in ("sk_a", "sk_b", "sk_c"):
        store.get_or_create(key)
    for each in store:
        store.get_or_create(f"{each.key}_new")
    assert len(store) == 6


def test_whoever_waits_in_a_replaced_workspace_goes_on() -> None:
    """A reset lets no request hang: time that stood still there comes to its end at once."""

    async def outcomes() -> list[str]:
        store = MemoryStore(lambda key: workspace(key, image_seconds=60), bound=3)
        old = store.get_or_create("sk_a")
        old.clock.freeze()
        waiting = asyncio.create_task(old.wait_finished(old.submit(image()).id))
        held = asyncio.create_task(old.wait_finished(old.hold(old.submit(image()).id).id))
        _, pending = await asyncio.wait({waiting, held}, timeout=0)
        assert len(pending) == 2
        store.renew("sk_a")
        return [(await each).status for each in (waiting, held)]

    assert asyncio.run(outcomes()) == ["completed", "failed"]
