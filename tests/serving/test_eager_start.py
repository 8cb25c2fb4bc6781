"""A coroutine runs at once, and a task continues what waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.serving import eager_start
from getimg_mock.store.commit_groups import CommitGroup

if TYPE_CHECKING:
    from collections.abc import Coroutine

NAME: ContextVar[str] = ContextVar("name", default="outside")


def start(
    coroutine: Coroutine[Any, Any, None], ended: list[bool] | None = None
) -> asyncio.Task[None] | None:
    """Start a coroutine, and return its task if it has one."""
    tasks: list[asyncio.Task[None]] = []
    ended = [] if ended is None else ended
    loop = asyncio.get_running_loop()
    eager_start.start(coroutine, loop, tasks.append, lambda: ended.append(True))
    return tasks[0] if tasks else None


def test_what_does_not_wait_has_ended_already() -> None:
    """No task is made for it, and what it sets in its context stays there."""
    done = []

    async def work() -> None:
        NAME.set("inside")
        done.append(NAME.get())

    async def run() -> None:
        ended: list[bool] = []
        assert start(work(), ended) is None
        assert ended == [True]
        assert done == ["inside"]
        assert NAME.get() == "outside"

    asyncio.run(run())


def test_a_task_continues_what_waits() -> None:
    """In the context in which it began, and with what it waited for."""
    seen = []

    async def work(answer: asyncio.Future[str]) -> None:
        token = NAME.set("inside")
        seen.append(await answer)
        NAME.reset(token)  # raises in any other context
        seen.append(NAME.get())

    async def run() -> None:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()
        task = start(work(answer))
        assert task is not None
        assert not seen
        answer.set_result("answered")
        await task

    asyncio.run(run())
    assert seen == ["answered", "outside"]


def test_an_error_before_the_first_wait_is_raised() -> None:
    """As a call would raise it."""

    async def work() -> None:
        raise ValueError("at once")

    async def run() -> None:
        with pytest.raises(ValueError, match="at once"):
            start(work())

    asyncio.run(run())


def test_cancelling_reaches_what_waits() -> None:
    """Also before the task has run once: blocks that end a request must end it."""
    ended = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    async def run() -> None:
        task = start(work())
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert ended == [True]


def test_what_waits_for_a_commit_has_no_task_until_it_waits_for_more() -> None:
    """A commit comes within the turn; after it, the coroutine ends once, in its own context."""
    seen: list[str] = []
    ended: list[bool] = []

    async def work(group: CommitGroup, *, more: bool) -> None:
        token = NAME.set("inside")
        await group.wait()
        NAME.reset(token)  # raises in any other context
        seen.append(NAME.get())
        if more:
            await group.wait()
            await _wait_a_turn()
            seen.append("more")

    async def run() -> None:
        group = CommitGroup(asyncio.get_running_loop())
        assert start(work(group, more=False), ended) is None
        assert start(work(group, more=True), ended) is None
        group.end(None)
        await _wait_a_turn()
        assert seen == ["outside", "outside"]
        assert ended == [True]
        group.end(None)
        while len(seen) < 3:
            await _wait_a_turn()
        await _wait_a_turn()

    asyncio.run(run())
    assert ended == [True, True]


async def _wait_a_turn() -> None:
    loop = asyncio.get_running_loop()
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn
