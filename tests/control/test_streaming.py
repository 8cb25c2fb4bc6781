"""Long answers are built while they are sent, at the pace of their reader."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.control.streaming import PIECE, iterate_json, send_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 200
TEXT = "x" * 10_000


def test_an_answer_is_not_built_ahead_of_its_reader() -> None:
    """A reader that does not read costs one piece, however long the answer is."""
    built: list[int] = []
    stalled = asyncio.Event()

    def build() -> Iterator[str]:
        for number in range(COUNT):
            built.append(number)
            yield TEXT

    async def send(_message: Any) -> None:
        stalled.set()
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(send_pieces(build(), send))
        await stalled.wait()
        task.cancel()

    asyncio.run(main())
    assert len(built) * len(TEXT) < PIECE + 2 * len(TEXT)


def test_other_tasks_run_between_pieces() -> None:
    """Also while a fast reader, for which `send` never waits, takes a long answer."""
    order: list[str] = []

    async def send(_message: Any) -> None:
        order.append("piece")

    async def other() -> None:
        order.append("other")

    async def main() -> None:
        task = asyncio.ensure_future(other())
        await send_pieces([TEXT] * COUNT, send)
        await task

    asyncio.run(main())
    assert order.index("other") <= 2


def test_pieces_make_up_the_answer() -> None:
    """None is lost or doubled, whatever the sizes."""
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])
        assert message["more_body"]

    texts = [json.dumps({"number": each, "text": "\u00e4" * each * 50}) for each in range(COUNT)]
    asyncio.run(send_pieces(texts, send))
    assert b"".join(sent).decode() == "".join(texts)


def test_many_readers_delay_another_task_no_more_than_one_does() -> None:
    """A turn of the event loop builds one piece at most, however many streams there are."""
    built_in_a_turn = 0
    most = 0

    def build() -> Iterator[str]:
        nonlocal built_in_a_turn
        for _ in range(20):
            built_in_a_turn += 1
            yield "x" * PIECE

    async def send(_message: Any) -> None:
        pass

    async def main() -> None:
        nonlocal built_in_a_turn, most
        streams = asyncio.gather(*(send_pieces(build(), send) for _ in range(100)))
        while not streams.done():
            built_in_a_turn = 0
            await asyncio.sleep(0)  # noqa: TID251 - one turn of the loop
            most = max(most, built_in_a_turn)

    asyncio.run(main())
    assert most == 1


def test_a_reader_that_does_not_read_keeps_no_other_waiting() -> None:
    """The turn is for building a piece, and is over before the piece is sent."""
    sent: list[Any] = []

    async def stall(_message: Any) -> None:
        await asyncio.Event().wait()

    async def take(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        stalled = [asyncio.ensure_future(send_pieces([TEXT] * COUNT, stall)) for _ in range(100)]
        await send_pieces([TEXT] * COUNT, take)
        for each in stalled:
            each.cancel()

    asyncio.run(main())
    assert sum(len(each["body"]) for each in sent) == COUNT * len(TEXT)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(JSON_VALUES)
def test_json_in_parts_is_the_same_json(value: Any) -> None:
    """Whatever is nested in what."""
    assert json.loads("".join(iterate_json(value))) == value


def test_a_long_list_is_not_built_ahead_of_its_reader() -> None:
    """Its items may come from an iterator, and are made when they are needed."""
    made: list[int] = []

    def build() -> Iterator[dict[str, int]]:
        for number in range(100_000):
            made.append(number)
            yield {"number": number}

    parts = iterate_json({"state": {"items": build()}})
    assert [next(parts) for _ in range(5)][-1] == "["
    assert json.loads(f"[{next(parts)}]")[0] == {"number": 0}
    assert len(made) < 1_000
