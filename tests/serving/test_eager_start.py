"""A coroutine runs at once, and a task continues what waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar

import pytest

from getimg_mock.serving.eager_start import start

NAME: ContextVar[str] = ContextVar("name", default="outside")


def test_what_does_not_wait_has_ended_already() -> None:
    """No task is made for it, and what it sets in its context stays there."""
    done = []

    async def work() -> None:
        NAME.set("inside")
        done.append(NAME.get())

    async def run() -> None:
        assert start(work(), asyncio.get_running_loop()) is None
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
        task = start(work(answer), loop)
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
            start(work(), asyncio.get_running_loop())

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
        task = start(work(), asyncio.get_running_loop())
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert ended == [True]
