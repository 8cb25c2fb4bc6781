"""What is independent stays so: workspaces in parallel, requests in any order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.driver import IMAGE, START, VIDEO, Driver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.api.driver import Reply

pytestmark = pytest.mark.slow

WORKSPACES = 200
COSTS = "/v2/billing/costs?start=2026-09-01T00:00:00Z&end=2026-09-02T00:00:00Z"
# Rules that draw, that count, and that last for a while.
RULES: tuple[dict[str, Any], ...] = (
    {"on": ["images.generate", "videos.*"], "probability": 0.2, "error": "server_error"},
    {"on": "videos.retrieve", "every": 3, "error": "unavailable"},
    {"on": "images.generate", "probability": 0.5, "oddity": "reordered_keys"},
    {"on": "videos.create", "probability": 0.5, "transition": {"seconds": "5..90"}},
    {"latency": "0..2", "probability": 0.1},
)


def fake() -> Driver:
    """Return a new fake; every one is the same."""
    return Driver.of(limits="realistic", image_rpm=3, fail_rate=0.3, image_seconds="0..3")


def lived(api: Driver, number: int) -> list[Any]:
    """Return all that one client of many sees, to the byte, and what its workspace keeps."""
    key = f"sk_parallel_{number}"
    world = api.workspace(key)
    world.clock.autojump = True
    for rule in RULES:
        world.scenarios.add(rule, START)
    seen: list[Reply] = []
    videos: list[str] = []
    for turn in range(5):
        body = IMAGE | {"prompt": f"{turn % 2}"}
        seen.append(api.post("/v2/images/generations", body, key=key))
        seen.append(api.post("/v2/videos/generations", VIDEO | {"prompt": f"{turn}"}, key=key))
        videos += [seen[-1].json["id"]] if seen[-1].status == 202 else []
        seen += [api.get(f"/v2/videos/generations/{each}", key=key) for each in videos[-2:]]
        world.advance(7.5)
    seen += [api.get(target, key=key) for target in ("/v2/billing/balance", COSTS)]
    replies = [(each.status, each.headers, each.body) for each in seen]
    kept = [each._replace(wall=START, seconds=0.0) for each in world.journal]
    return [replies, kept, list(world.ledger.entries), world.scenarios.as_json(), world.clock.now()]


def test_workspaces_in_parallel_are_what_they_are_one_after_the_other() -> None:
    """Two hundred of them, byte for byte: answers, journals, money, hits."""
    one, other = fake(), fake()
    alone = [lived(one, number) for number in range(WORKSPACES)]
    with ThreadPoolExecutor(16) as threads:
        together = list(threads.map(lambda number: lived(other, number), range(WORKSPACES)))
    assert together == alone
    assert len({repr(each) for each in alone}) == WORKSPACES
    statuses = {reply[0] for each in alone for reply in each[0]}
    assert statuses >= {200, 202, 429, 500, 503}


# Requests that do not depend on each other: each of its own prompt, or a read of what is fixed.
REQUESTS = [
    *[("/v2/images/generations", IMAGE | {"prompt": f"{number}"}) for number in range(6)],
    *[("/v2/videos/generations", VIDEO | {"prompt": f"{number}"}) for number in range(6)],
    ("/v2/models", None),
    ("/v2/models/z-image-turbo", None),
]
DRAWING = [rule for rule in RULES if not rule.keys() & {"every", "first", "nth"}]


def answers(order: Sequence[int], repeats: int) -> dict[int, list[Any]]:
    """Return what each request gets when they come in this order."""
    api = Driver.of(balance=1000, fail_rate=0.5)
    world = api.workspace()
    world.clock.autojump = True
    for rule in DRAWING:
        world.scenarios.add(rule, START)
    found: dict[int, list[Any]] = {}
    for index in [*order] * repeats:
        target, body = REQUESTS[index]
        reply = api.get(target) if body is None else api.post(target, body)
        ending: Any = None
        if reply.status in {200, 202} and body is not None:
            ending = world.generations[reply.json["id"]].transition
        # When a link expires and what is left of a window depend on when a request comes.
        said = reply.json if isinstance(reply.json, list) else without_moments(reply.json)
        found.setdefault(index, []).append((reply.status, said, ending))
    return found


def without_moments(value: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what tells the time."""
    items = [
        {**each, "url": each["url"].partition("?")[0], "deletes_at": ""}
        for each in value.get("data", [])
    ]
    return value | ({"data": items} if items else {})


@settings(max_examples=40)
@given(st.permutations(range(len(REQUESTS))), st.integers(1, 3))
def test_any_order_of_independent_requests_gives_each_its_answer(
    order: list[int], repeats: int
) -> None:
    """Ids, faults, oddities and endings are drawn from what is asked, not from when."""
    assert answers(order, repeats) == answers(range(len(REQUESTS)), repeats)


def test_the_same_request_again_is_another_generation() -> None:
    """The nth of its kind, which is the same nth on another day."""
    first, second = (answers([0, 1], 3), answers([0, 1], 3))
    assert first == second
    ids = [said.get("id") for each in first.values() for _, said, _ in each]
    made = [each for each in ids if each]
    assert len(set(made)) == len(made) >= 3


def test_another_seed_draws_otherwise() -> None:
    """Or nothing above would mean anything."""
    seen = {
        seed: [Driver.of(seed=seed).image(prompt=f"{n}").json["id"] for n in range(3)]
        for seed in ("a", "b")
    }
    assert not set(seen["a"]) & set(seen["b"])
