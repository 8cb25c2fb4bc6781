"""Media are made without holding up an event loop, and without one as well."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextvars import copy_context
from dataclasses import replace
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.media import rendering
from getimg_mock.media.cache import MediaCache
from getimg_mock.media.pictures import Picture, encode_picture
from getimg_mock.media.rendering import render, render_synchronously
from getimg_mock.media.video_files import Video, encode_video

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from threading import Thread

PATIENCE: Final = 30  # seconds; only a failure waits so long
PICTURE: Final = Picture(40, 30, "image/png", "prompt", "model", "req-1", b"seed")
VIDEO: Final = Video(
    width=40,
    height=30,
    duration=1,
    fps=24,
    has_sound=False,
    prompt="prompt",
    model="model",
    generation="req-2",
    seed=b"seed",
)


def step(work: Coroutine[object, object, bytes]) -> bytes:
    """Return what `work` returns without ever suspending; suspending is a failure."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    made = ended.value.value
    assert isinstance(made, bytes)
    return made


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> list[Thread]:
    """Return the threads in which something is made, in order."""
    threads: list[Thread] = []

    def encoded(item: Picture | Video) -> bytes:
        threads.append(current_thread())
        return item.generation.encode()

    monkeypatch.setattr(rendering, "encode", encoded)
    return threads


def test_a_picture_and_a_video_are_what_their_encoders_make() -> None:
    """One way for both."""
    cache = MediaCache(10_000_000)
    assert step(render(PICTURE, cache)) == encode_picture(PICTURE)
    assert step(render(VIDEO, cache)) == encode_video(VIDEO)
    assert cache.find(PICTURE) == encode_picture(PICTURE)


def test_whatever_the_bytes_depend_on_is_part_of_the_key() -> None:
    """No file is taken for another."""
    cache = MediaCache(10_000_000)
    others = [PICTURE, replace(PICTURE, width=41), replace(PICTURE, seed=b"other")]
    assert len({step(render(item, cache)) for item in others}) == 3


def test_without_an_event_loop_media_are_made_here_and_now(makers: list[Thread]) -> None:
    """Nobody could resume what suspends."""
    assert step(render(PICTURE, MediaCache(100))) == b"req-1"
    assert makers == [current_thread()]


def test_under_asyncio_media_are_made_in_a_worker_thread(makers: list[Thread]) -> None:
    """The event loop goes on answering."""
    assert asyncio.run(render(PICTURE, MediaCache(100))) == b"req-1"
    assert main_thread() not in makers


def test_under_trio_media_are_made_in_a_worker_thread(makers: list[Thread]) -> None:
    """Trio's loop is not asyncio's, and wants the same."""
    trio = pytest.importorskip("trio")
    assert trio.run(render, PICTURE, MediaCache(100)) == b"req-1"
    assert main_thread() not in makers


def test_the_event_loop_runs_on_while_media_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made here waits for something that only the loop can do."""
    gate = Event()

    def encoded(_: Picture | Video) -> bytes:
        assert gate.wait(PATIENCE)
        return b"made"

    monkeypatch.setattr(rendering, "encode", encoded)

    async def main() -> bytes:
        download = asyncio.ensure_future(render(PICTURE, MediaCache(100)))
        asyncio.get_running_loop().call_soon(gate.set)
        return await download

    assert asyncio.run(main()) == b"made"


def test_what_is_kept_comes_without_suspending_in_any_loop(makers: list[Thread]) -> None:
    """A cached download costs no thread and no turn of the loop."""
    cache = MediaCache(100)

    async def main() -> bytes:
        await render(PICTURE, cache)
        return step(render(PICTURE, cache))

    assert asyncio.run(main()) == b"req-1"
    assert len(makers) == 1


def test_a_stepped_app_never_suspends_even_inside_a_running_loop(makers: list[Thread]) -> None:
    """A synchronous client in an asynchronous test gets its file as well."""

    async def main() -> bytes:
        context = copy_context()
        context.run(render_synchronously)
        return context.run(step, render(PICTURE, MediaCache(100)))

    assert asyncio.run(main()) == b"req-1"
    assert makers == [main_thread()]


def test_a_client_that_hangs_up_takes_nothing_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two downloads share one making; cancelling the first leaves the second."""
    gate = Event()

    def encoded(_: Picture | Video) -> bytes:
        assert gate.wait(PATIENCE)
        return b"made"

    monkeypatch.setattr(rendering, "encode", encoded)

    async def main() -> bytes:
        cache = MediaCache(100)
        one, other = (asyncio.ensure_future(render(PICTURE, cache)) for _ in range(2))
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turn.set_result, None)
        await turn
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        gate.set()
        return await other

    assert asyncio.run(main()) == b"made"


def test_importing_costs_neither_pillow_nor_ffmpeg() -> None:
    """They take longer to import than the first answer takes: cold start matters."""
    program = (
        "import sys, getimg_mock.media.rendering, getimg_mock.media.cache; "
        "print([name for name in ('PIL', 'av', 'anyio') if name in sys.modules])"
    )
    run = subprocess.run(  # noqa: S603 - our own interpreter runs our own line
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "[]"
