"""Redis keeps the journal of reads while further requests are answered."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.store import units
from getimg_mock.store.redis_scripts import COMMIT
from tests.store.makers import Maker
from tests.store.test_commit_groups import _read, _wait_a_turn
from tests.world.worlds import video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NUMBERS = count(1)


@pytest.fixture
def maker(redis_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    """Give a maker of stores in Redis, whose reads are kept a turn after their answers."""
    monkeypatch.setattr(units, "LONGEST_SECONDS", 0)
    made = Maker(f"{redis_address}?prefix=later{next(_NUMBERS)}")
    yield made
    made.close()


async def _poll(store: Any, generation_id: str) -> None:
    """Poll a video, and let the commit of the poll begin."""
    assert await _read(store, generation_id) == "pending"
    await _wait_some_turns()


async def _wait_some_turns() -> None:
    for _ in range(4):
        await _wait_a_turn()


def test_a_commit_of_reads_is_not_waited_for(maker: Maker) -> None:
    """The next request takes its answer, and sees the exchange."""
    store: Any = maker.open()
    made = store.get_or_create("sk_a").submit(video())
    calls = store._rows._scripts

    async def read() -> None:
        await _poll(store, made.id)
        assert calls._finish is not None
        assert len(store.get_or_create("sk_a").journal) == 1
        assert calls._finish is None

    asyncio.run(read())
    assert len(maker.open().get_or_create("sk_a").journal) == 1


def _lose_scripts(rows: Any, _workspace_id: str) -> None:
    rows._client.script_flush()


def _lose_lock(rows: Any, workspace_id: str) -> None:
    rows._client.set(rows._key("lock", workspace_id), "another", px=200)


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (_lose_lock, "a lock has expired"),
        # Its lock stays until it expires, in five seconds of real time.
        pytest.param(_lose_scripts, "No matching script", marks=pytest.mark.slow),
    ],
)
def test_a_commit_that_fails_later_is_said_and_forgotten(
    maker: Maker,
    lose: Callable[[Any, str], None],
    why: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The exchange is missing; the workspace is read anew, and goes on."""
    store: Any = maker.open()
    workspace = store.get_or_create("sk_a")
    made = workspace.submit(video())

    async def read() -> None:
        assert await _read(store, made.id) == "pending"
        lose(store._rows, workspace.identity.id)
        await _wait_some_turns()

    asyncio.run(read())
    assert not len(store.get_or_create("sk_a").journal)
    said = capsys.readouterr().err
    assert why in said
    assert said.endswith("Reads that the journal lacks: 1.\n")
    asyncio.run(_poll(store, made.id))
    assert len(store.get_or_create("sk_a").journal) == 1


def test_a_server_without_the_script_is_waited_for(maker: Maker) -> None:
    """It may have been started again: then the commit sends the text, and nothing is lost."""
    store: Any = maker.open()
    made = store.get_or_create("sk_a").submit(video())
    calls = store._rows._scripts
    store._rows._client.script_flush()
    calls.note_connection()
    asyncio.run(_poll(store, made.id))
    assert calls._finish is None
    assert COMMIT in calls._loaded
    assert len(store.get_or_create("sk_a").journal) == 1


def test_a_connection_that_breaks_meanwhile_is_said(
    maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the server has kept the exchange is not known: memory shows what the server has."""
    store: Any = maker.open()
    made = store.get_or_create("sk_a").submit(video())
    calls = store._rows._scripts

    async def read() -> None:
        await _poll(store, made.id)
        calls._connection._sock.close()
        assert await _read(store, made.id) == "pending"

    asyncio.run(read())
    assert capsys.readouterr().err.endswith("Reads that the journal lacks: 1.\n")
    kept = len(maker.open().get_or_create("sk_a").journal)
    assert len(store.get_or_create("sk_a").journal) == kept
