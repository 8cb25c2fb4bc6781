"""Requests that come at once: one commit keeps them, and none returns before it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.errors import StoreError
from getimg_mock.serving import eager_start
from getimg_mock.store import redis_rows, sqlite_rows, units
from tests.world.test_journal import exchange
from tests.world.worlds import image, video

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from getimg_mock.store.protocol import Store
    from getimg_mock.world.generations import Generation
    from tests.store.makers import Maker


async def _submit(store: Store, key: str) -> Generation:
    return store.get_or_create(key).submit(image())


async def _keep(store: Store, work: Coroutine[Any, Any, Any]) -> Any:
    return await store.run(work, together=True)


async def _read(store: Store, generation_id: str) -> str:
    """Poll a video as an endpoint does, and return its status."""

    async def poll() -> str:
        workspace = store.get_or_create("sk_a")
        workspace.journal.record(exchange())
        return workspace.poll(generation_id).status

    return await store.run(poll(), together=True, reads=True)


async def _run(store: Store, *works: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*(_keep(store, each) for each in works), return_exceptions=True)


async def _wait_a_turn() -> None:
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn


def _count_commits(store: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    commits: list[int] = []
    commit = store._rows.commit

    def note(changes: list[Any], failed: Any = None) -> None:
        commit(changes, failed)
        commits.append(len(changes))

    monkeypatch.setattr(store._rows, "commit", note)
    return commits


async def _submit_by_turns(store: Store, turns: int, each: int) -> list[Generation]:
    """Let some requests come with each of several turns in succession."""
    loop = asyncio.get_running_loop()
    works: list[asyncio.Future[Generation]] = []

    def start(left: int) -> None:
        works.extend(loop.create_task(_keep(store, _submit(store, "sk_a"))) for _ in range(each))
        if left:
            loop.call_soon(start, left - 1)

    start(turns - 1)
    while len(works) < turns * each:
        await _wait_a_turn()
    return await asyncio.gather(*works)


@pytest.mark.parametrize(
    ("turns", "each", "at_most"), [(4, 3, 1), (12, 4, 2), (4, 1, 1)], ids=["few", "full", "single"]
)
def test_requests_that_go_on_coming_join_the_commit(
    durable: Maker, monkeypatch: pytest.MonkeyPatch, turns: int, each: int, at_most: int
) -> None:
    """It ends with the turn that brings none, or when it is full."""
    store = durable.open()
    store.get_or_create("sk_a")
    commits = _count_commits(store, monkeypatch)
    made = asyncio.run(_submit_by_turns(store, turns, each))
    assert len({one.id for one in made}) == turns * each
    assert 1 <= len(commits) <= at_most
    others = durable.open().get_or_create("sk_a").generations
    assert all(one.id in others for one in made)


def test_one_commit_keeps_requests_of_one_moment(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit takes longer than most requests, so that they share it, over workspaces too."""
    store = durable.open()
    for key in ("sk_a", "sk_b"):
        store.get_or_create(key)
    commits = _count_commits(store, monkeypatch)
    keys = ["sk_a", "sk_b"] * 4
    made = asyncio.run(_run(store, *(_submit(store, key) for key in keys)))
    assert commits == [2]
    other = durable.open()
    for key in ("sk_a", "sk_b"):
        ids = {each.id for each, whose in zip(made, keys, strict=True) if whose == key}
        assert set(other.get_or_create(key).generations) == ids
        assert len(ids) == 4


def test_a_commit_that_fails_fails_every_request(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is answered as if it were kept, and the workspace is as it was."""
    store: Any = durable.open()
    store.get_or_create("sk_a").submit(image())

    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store._rows, "commit", fail)
        failed = asyncio.run(_run(store, *(_submit(store, "sk_a") for _ in range(3))))
    assert [str(each) for each in failed] == ["The disk is full."] * 3
    assert len({id(each) for each in failed}) == 3
    assert len(store.get_or_create("sk_a").generations) == 1
    (again,) = asyncio.run(_run(store, _submit(store, "sk_a")))
    assert set(durable.open().get_or_create("sk_a").generations) >= {again.id}


def test_a_bug_in_one_request_keeps_nothing_of_the_group(durable: Maker) -> None:
    """Its changes cannot be told from those of the others: they are refused, and it raises."""
    store = durable.open()
    store.get_or_create("sk_a")

    async def fail() -> None:
        store.get_or_create("sk_a").submit(image())
        raise LookupError("a bug")

    found = asyncio.run(_run(store, _submit(store, "sk_a"), fail()))
    assert isinstance(found[0], StoreError)
    assert isinstance(found[1], LookupError)
    assert not durable.open().get_or_create("sk_a").generations
    (made,) = asyncio.run(_run(store, _submit(store, "sk_a")))
    assert list(durable.open().get_or_create("sk_a").generations) == [made.id]


def test_a_unit_outside_ends_the_group_before(durable: Maker) -> None:
    """What it reads is kept already: a control command sees no change that may be undone."""
    store = durable.open()
    store.get_or_create("sk_a")

    async def look() -> int:
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []
        ended: list[bool] = []
        work = _keep(store, _submit(store, "sk_a"))
        eager_start.start(work, loop, tasks.append, lambda: ended.append(True))
        assert len(store.get_or_create("sk_a").generations) == 1
        kept = len(durable.open().get_or_create("sk_a").generations)
        while not ended:
            await _wait_a_turn()
        assert not tasks
        return kept

    assert asyncio.run(look()) == 1


def test_a_request_that_suspends_is_kept_before_it_waits(durable: Maker) -> None:
    """What it waits for may depend on another process that sees the change."""
    store = durable.open()
    store.get_or_create("sk_a")

    async def wait() -> int:
        store.get_or_create("sk_a").submit(video())
        await _wait_a_turn()
        return len(durable.open().get_or_create("sk_a").generations)

    assert asyncio.run(_run(store, wait())) == [1]


def test_a_group_releases_its_workspaces_before_it_waits_for_another(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two processes could each wait for what the group of the other one holds."""
    store, other = durable.open(), durable.open()
    ids = {key: store.get_or_create(key).identity.id for key in ("sk_a", "sk_b")}
    rows: Any = other
    rows._rows.begin()
    rows._rows.read_version(ids["sk_b"])
    with monkeypatch.context() as patch:
        for each in (sqlite_rows, redis_rows):
            patch.setattr(each, "BUSY_SECONDS", 0.01)
        made, refused = asyncio.run(_run(store, _submit(store, "sk_a"), _submit(store, "sk_b")))
    assert isinstance(refused, StoreError)
    assert rows._rows.read_version(ids["sk_a"]) is not None
    rows._rows.roll_back()
    assert list(durable.open().get_or_create("sk_a").generations) == [made.id]


def test_a_new_workspace_does_not_remove_one_of_its_group(durable: Maker) -> None:
    """The least recently used one goes, and that is none of those that requests use now."""
    store = durable.open(max_workspaces=2)
    for key in ("sk_old", "sk_a"):
        store.get_or_create(key)
    works = (_submit(store, "sk_old"), _submit(store, "sk_new"), _submit(store, "sk_old"))
    made = asyncio.run(_run(store, *works))
    kept = {each.identity.id: each for each in durable.open(max_workspaces=2)}
    assert len(kept) == 2
    old = store.get_or_create("sk_old")
    assert old.identity.id in kept
    assert set(old.generations) == {made[0].id, made[2].id}


def test_a_group_has_a_bound(durable: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes wait for a workspace while a group has it."""
    store = durable.open()
    store.get_or_create("sk_a")
    commits = _count_commits(store, monkeypatch)
    made = asyncio.run(_run(store, *(_submit(store, "sk_a") for _ in range(70))))
    assert len({each.id for each in made}) == 70
    assert len(commits) == 3


def test_reads_return_before_one_commit_keeps_their_journal(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls of several turns share a commit, which a unit of another kind does not miss."""
    store: Any = durable.open()
    made = store.get_or_create("sk_a").submit(video())
    commits = _count_commits(store, monkeypatch)
    monkeypatch.setattr(units, "LONGEST_SECONDS", 60)

    async def read() -> None:
        for _ in range(3):
            assert await _read(store, made.id) == "pending"
            await _wait_a_turn()
        assert not commits
        assert len(store.get_or_create("sk_a").journal) == 3
        assert commits[0] == 1

    asyncio.run(read())
    assert len(durable.open().get_or_create("sk_a").journal) == 3


def test_a_read_that_changes_or_sees_a_change_is_kept_before_it_returns(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a video is charged by the poll that finds it: that is kept, or not answered."""
    store: Any = durable.open()
    workspace = store.get_or_create("sk_a")
    made = workspace.submit(video())

    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    async def read() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(store._rows, "commit", fail)
            works = (_keep(store, _submit(store, "sk_a")), _read(store, made.id))
            found = await asyncio.gather(*works, return_exceptions=True)
            assert [str(each) for each in found] == ["The disk is full."] * 2
        store.get_or_create("sk_a").advance(3600)
        with monkeypatch.context() as patch:
            patch.setattr(store._rows, "commit", fail)
            with pytest.raises(StoreError):
                await _read(store, made.id)
        assert await _read(store, made.id) == "completed"
        assert durable.open().get_or_create("sk_a").ledger.charged

    asyncio.run(read())


def test_the_journal_of_reads_that_cannot_be_kept_is_said_to_be_lost(
    durable: Maker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were answered with what is kept, so that only their exchanges are missing."""
    store: Any = durable.open()
    made = store.get_or_create("sk_a").submit(video())

    def fail(*_: object) -> None:
        raise StoreError("The disk is full.")

    async def read() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(store._rows, "commit", fail)
            patch.setattr(units, "LONGEST_SECONDS", 0)
            assert await _read(store, made.id) == "pending"
            for _ in range(3):
                await _wait_a_turn()

    asyncio.run(read())
    assert capsys.readouterr().err == "The disk is full. Reads that the journal lacks: 1.\n"
    assert not len(store.get_or_create("sk_a").journal)


def test_workspaces_that_others_use_are_released_at_once(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has seen a change of another one keeps nobody waiting for its reads."""
    store: Any = durable.open()
    other = durable.open()
    made = store.get_or_create("sk_a").submit(video())
    other.get_or_create("sk_a").credit(Decimal(1))
    commits = _count_commits(store, monkeypatch)

    async def read() -> None:
        assert await _read(store, made.id) == "pending"
        for _ in range(3):
            await _wait_a_turn()
        assert commits[0] == 1

    asyncio.run(read())
