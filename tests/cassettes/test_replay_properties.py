"""Replays for any order of requests, and of cassettes with any content."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.cassettes.inspection import inspect_cassette
from getimg_mock.errors import GetimgMockError
from getimg_mock.in_process.exchange import AdvanceClock
from tests.api.driver import Driver
from tests.cassettes.written_cassette import (
    IMAGE,
    IMAGE_PATH,
    VIDEO,
    VIDEO_PATH,
    WrittenCassette,
    build_error,
    build_result,
    draw_picture,
)

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.in_process.exchange import WaitStrategy
    from tests.api.driver import Reply

PROMPTS: Final = "abc"
SECRET: Final = "the content of a file that is not in the cassette"
TYPES: Final = {"image/jpeg", "image/png", "image/webp", "video/mp4"}
HOSTILE: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 10**30, 1e308, 0.1, 1 << 63]),
    st.sampled_from(
        [
            "",
            "../../secret.jpg",
            "/etc/passwd",
            "{link:99}",
            "{answer+99999999999999999s}",
            "{answer-1e9s}",
            "{balance-1}",
            "<script>alert(1)</script>",
            "a\r\nset-cookie: x=1",
            "\x00",
            "x" * 10_000,
            "NaN",
            "text/html",
            "GET",
            "9999-99-99",
        ]
    ),
    st.sampled_from([[], {}, [[]], {"a": {"b": []}}, [{"url": "{link:0}"}] * 70]),
)


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a cassette with three requests, each with outcomes of its own in an order."""
    cassette = WrittenCassette(tmp_path_factory.mktemp("shuffled"))
    for number, prompt in enumerate(PROMPTS):
        for turn in range(number + 1):
            note, body = f"{prompt}{turn}", IMAGE | {"prompt": prompt}
            picture = draw_picture("teal", (20 + number, 30 + turn))
            cassette.add_image(body, build_result(note=note), files=[picture], cost=f"0.0{turn}")
    return cassette.save()


def send_each(driver: Driver, key: str, prompts: list[str]) -> list[tuple[Any, ...]]:
    """Return, in the order of their requests, what the answers say, with their files."""
    found = []
    for prompt in prompts:
        reply = driver.post(IMAGE_PATH, IMAGE | {"prompt": prompt}, key=key)
        file = driver.download(reply.json["data"][0]["url"]).body
        found.append((prompt, reply.json["note"], reply.json["id"], file))
    return found


@settings(max_examples=12)
@given(
    order=st.lists(st.sampled_from(PROMPTS), max_size=8).flatmap(
        lambda prompts: st.tuples(st.just(prompts), st.permutations(prompts))
    ),
    workers=st.lists(st.integers(0, 1), min_size=8, max_size=8),
)
def test_neither_order_nor_neighbours_change_an_answer(
    shuffled: Path, order: tuple[list[str], list[str]], workers: list[int]
) -> None:
    """Tests run shuffled, and in several processes, each with a key of its own on one fake."""
    one, other = order
    answers = [send_each(Driver.of(replay=shuffled), "sk_a", each) for each in (one, other)]
    assert Counter(answers[0]) == Counter(answers[1])
    together = Driver.of(replay=shuffled)
    parts: dict[str, list[Any]] = {"sk_a": [], "sk_b": []}
    for prompt, worker in zip(other, workers, strict=False):
        key = ("sk_a", "sk_b")[worker]
        parts[key] += send_each(together, key, [prompt])
    for key, part in parts.items():
        alone = send_each(Driver.of(replay=shuffled), key, [each[0] for each in part])
        assert part == alone


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """Write a cassette beside a file that it must not reach; return its entries' files."""
    folder = tmp_path_factory.mktemp("edited")
    (folder / "secret.jpg").write_text(SECRET, encoding="utf-8")
    cassette = WrittenCassette(folder / "cassette")
    cassette.add_image()
    cassette.add_video(interruptions=[(1.0, 502, build_error("server_error", "No."))])
    files = (cassette.save() / "exchanges").iterdir()
    return {each: each.read_bytes() for each in sorted(files)}


def list_places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where a JSON value has values, by the steps to each."""
    found = [place] if place else []
    inner = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(inner, dict):
        return found
    for step, each in inner.items():
        found += list_places(each, (*place, step))
    return found


def read_object(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of an answer; empty for any other body."""
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def replay_all(folder: Path, patience: WaitStrategy | None = None) -> list[Reply]:
    """Return the answers to the recorded requests, and to what they lead to."""
    driver = Driver.of(replay=folder, on_miss="fake", patience=patience)
    replies = [driver.post(IMAGE_PATH, IMAGE), driver.post(VIDEO_PATH, VIDEO)]
    name = read_object(replies[-1]).get("id")
    if isinstance(name, str):
        polled = f"{VIDEO_PATH}/{quote(name, safe='')}"
        replies.append(driver.get(polled))
        driver.advance(100)
        replies.append(driver.get(polled))
    for each in list(replies):
        data = read_object(each).get("data")
        for item in data if isinstance(data, list) else ():
            url = item.get("url") if isinstance(item, dict) else None
            if isinstance(url, str) and url.startswith("http://testserver/"):
                replies.append(driver.download(url))
    replies.append(driver.get("/v2/billing/balance"))
    return replies


@settings(max_examples=50)
@given(data=st.data())
def test_no_content_of_a_cassette_harms(edited: dict[Path, bytes], data: st.DataObject) -> None:
    """It is refused in a sentence, or it replays, without an exception, from its folder alone."""
    file = data.draw(st.sampled_from(sorted(edited)))
    entry = json.loads(edited[file])
    *way, last = data.draw(st.sampled_from(list_places(entry)))
    target = entry
    for step in way:
        target = target[step]
    target[last] = data.draw(HOSTILE)
    file.write_text(json.dumps(entry), encoding="utf-8")
    try:
        inspect_cassette(file.parents[1])
        replies = replay_all(file.parents[1], AdvanceClock())  # an image may take its time
    except GetimgMockError:
        return
    finally:
        file.write_bytes(edited[file])
    for each in replies:
        assert SECRET.encode() not in each.body
        assert not any("\r" in value or "\n" in value for _, value in each.headers)
        if b"\xff\xd8" in each.body[:2]:
            assert each.header("content-type") in TYPES
