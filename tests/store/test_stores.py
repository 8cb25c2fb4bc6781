"""What every store does alike: one workspace a key, found by key, id and generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.errors import Refusal
from getimg_mock.world.identities import derive_workspace_id
from getimg_mock.world.snapshots import restore_workspace, take_snapshot
from tests.world.worlds import facts, image, made, video

if TYPE_CHECKING:
    from tests.store.makers import Maker


def test_a_key_has_one_workspace(maker: Maker) -> None:
    """A workspace is made on first use and is the same ever after; another key has another."""
    store = maker.open()
    first = store.get_or_create("sk_first_key")
    assert store.get_or_create("sk_first_key") is first
    assert store.get_or_create("sk_other_key") is not first
    assert {each.key for each in store} == {"sk_first_key", "sk_other_key"}
    assert store.find_by_id(derive_workspace_id("sk_other_key")) is not None
    assert store.find_by_id("0" * 16) is None


def test_the_longest_unused_goes_first(maker: Maker) -> None:
    """A store keeps at most the bound; use counts, not age."""
    store = maker.open(max_workspaces=2)
    for key in ("sk_a", "sk_b", "sk_a", "sk_c"):
        store.get_or_create(key).credit(store.get_or_create(key).ledger.available)
    assert {each.key for each in store} == {"sk_a", "sk_c"}


def test_a_generation_is_found_in_its_workspace(maker: Maker) -> None:
    """A download has no key: its id leads to the workspace."""
    store = maker.open()
    generation = store.get_or_create("sk_b").submit(image())
    store.get_or_create("sk_a").submit(image(prompt="another"))
    assert [each.key for each in store.find_holders(generation.id)] == ["sk_b"]
    assert list(store.find_holders("req-01NOTHING")) == []


def test_a_renewed_workspace_is_empty(maker: Maker) -> None:
    """A reset replaces the workspace, and a new request of the same key finds the new one."""
    store = maker.open()
    old = store.get_or_create("sk_a")
    old.submit(image())
    fresh = store.renew(old)
    assert fresh is store.get_or_create("sk_a")
    assert fresh is not old
    assert len(fresh.generations) == 0
    assert fresh.ledger.charged == 0


def test_a_replaced_workspace_has_the_given_state(maker: Maker) -> None:
    """A restored snapshot has the generations, the money, the rules and the counts of it."""
    store = maker.open()
    old = store.get_or_create("sk_a")
    first = old.submit(image())
    pending = made(old, {"polls": 3})
    old.poll(pending.id)
    old.scenarios.add({"on": "videos.create", "status": 500, "first": 2}, old.opened_at)
    old.choose_behaviour(facts())
    state = take_snapshot(old)
    old.submit(image(prompt="later"))
    kept = store.replace(restore_workspace("sk_a", state, old.settings))
    assert list(kept.generations) == [first.id, pending.id]
    assert take_snapshot(kept) == state
    assert [kept.poll(pending.id).status for _ in range(2)] == ["pending", "completed"]
    assert kept.submit(image()).id != first.id


def test_one_unit_of_work_keeps_many_generations(maker: Maker) -> None:
    """Those of a large snapshot, of which a commit has more than one command can take."""
    store = maker.open(balance="1000")
    with store.batch():
        workspace = store.get_or_create("sk_a")
        ids = [workspace.submit(image(prompt=f"number {each}")).id for each in range(1_200)]
    found = maker.open().get_or_create("sk_a") if maker.is_durable else store.get_or_create("sk_a")
    assert list(found.generations) == ids
    assert [each.key for each in store.find_holders(ids[-1])] == ["sk_a"]
    costs = [each.product.total_cost for each in found.generations.values()]
    assert found.ledger.charged == sum(costs)


def test_a_block_is_one_unit_of_work(maker: Maker) -> None:
    """Commands that look and then decide hold the lock of the workspace."""
    store = maker.open()
    with store.batch():
        workspace = store.get_or_create("sk_a")
        with workspace.lock:
            generation = workspace.submit(video())
            assert workspace.find_state(generation.id).status == "pending"
    assert store.get_or_create("sk_a").ledger.held == generation.product.total_cost


def test_a_refusal_changes_nothing(maker: Maker) -> None:
    """A refused request holds no money and counts against no limit."""
    store = maker.open(balance="0.01")
    workspace = store.get_or_create("sk_a")
    with pytest.raises(Refusal):
        workspace.submit(image())
    assert workspace.ledger.held == 0
    assert workspace.limiter.get_counts() == {}
    assert len(workspace.generations) == 0
