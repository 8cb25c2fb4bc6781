"""Many threads on one application: nothing is lost, doubled or mixed up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest

from tests.api.driver import Driver

THREADS = 8
EACH = 40


def test_submissions_from_many_threads_are_all_booked() -> None:
    """Every answer is another generation, and the books are exact."""
    api = Driver.of(balance=100)
    begin = Barrier(THREADS)

    def submit(_: int) -> list[str]:
        begin.wait(10)
        return [api.image().json["id"] for _ in range(EACH)]

    with ThreadPoolExecutor(THREADS) as pool:
        ids = [each for found in pool.map(submit, range(THREADS)) for each in found]
    assert len(set(ids)) == THREADS * EACH
    assert len(api.workspace().generations) == THREADS * EACH
    assert Decimal(api.balance()) == 100 - THREADS * EACH * Decimal("0.04")


@pytest.mark.parametrize(("settings", "allowed"), [({"balance": "0.4"}, 10), ({"image_rpm": 7}, 7)])
def test_a_limit_holds_against_many_threads(settings: dict[str, Any], allowed: int) -> None:
    """Neither the last money nor the last place in the window is given twice."""
    api = Driver.of(**settings)
    begin = Barrier(THREADS)

    def submit(_: int) -> int:
        begin.wait(10)
        return sum(api.image().status == 200 for _ in range(EACH))

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(submit, range(THREADS))) == allowed


def test_polls_from_many_threads_end_a_video_once() -> None:
    """A video that ends while all look is charged once."""
    api = Driver.of(video_seconds=30)
    video_id = api.video().json["id"]
    begin = Barrier(THREADS)

    def poll(number: int) -> set[str]:
        begin.wait(10)
        seen = set()
        for _ in range(EACH):
            if number == 0:
                api.advance(1)
            seen.add(api.poll(video_id).json["status"])
        return seen

    with ThreadPoolExecutor(THREADS) as pool:
        assert set().union(*pool.map(poll, range(THREADS))) == {"pending", "completed"}
    assert api.balance() == "99.88"


def test_downloads_from_many_threads_get_the_same_bytes() -> None:
    """One rendering, many readers."""
    api = Driver.of()
    url = api.image(model="z-image-turbo").json["data"][0]["url"]
    with ThreadPoolExecutor(THREADS) as pool:
        bodies = list(pool.map(lambda _: api.download(url).body, range(THREADS * 2)))
    assert len(set(bodies)) == 1
    assert bodies[0].startswith(b"\xff\xd8\xff")
