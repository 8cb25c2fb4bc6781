"""Plans and targets: one plan, the same history wherever it is run."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from getimg_mock.contract.addresses import Address
from getimg_mock.contract.checks import PROVIDER
from getimg_mock.contract.comparison import Comparison
from getimg_mock.contract.corpus import corpus
from getimg_mock.contract.corpus.choices import cheapest, shipped_models, small
from getimg_mock.contract.plans import (
    OPERATIONS,
    Plan,
    Poll,
    Ref,
    Send,
    Wait,
    balance,
    operation_of,
    plan_of,
    post,
)
from getimg_mock.contract.strategies import drawn_plans, plans
from getimg_mock.contract.targets import InProcess, OnSocket, Target
from getimg_mock.contract.verdicts import judged
from getimg_mock.server import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = shipped_models()
IMAGE, VIDEO = cheapest(MODELS, "image"), cheapest(MODELS, "video")
DAY = Plan(
    name="a day", tier="R2", keys=2,
    steps=(
        balance(), post("image", small(IMAGE), name="image", valid=True),
        Send(link=True, ref=Ref("image", "/data/0/url"), key="none"),
        Send(link=True, ref=Ref("image", "/data/0/url"), key="none", alter="sig"),
        post("video", small(VIDEO), name="video", valid=True), Poll(of="video"),
        Wait(seconds=90_000), Send(link=True, ref=Ref("image", "/data/0/url"), key="none"),
        balance(), balance(key="b"),
    ),
)  # fmt: skip


@pytest.fixture(params=["in process", "on a socket", "at an address"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Yield each kind of target."""
    if request.param == "in process":
        yield InProcess()
    elif request.param == "on a socket":
        yield OnSocket()
    else:
        with MockServer(video_seconds=0, retention=0.001) as server:
            yield Address(server.url, {"a": "sk_first_key", "b": "sk_second_key"},
                          longest_wait=0.001)  # fmt: skip


def test_every_target_runs_the_same_plan(target: Target) -> None:
    """Requests go out in the plan's order and answers come back as they are on the wire."""
    history = target.run(DAY)
    statuses = [each.status for each in history if not each.spontaneous]
    assert statuses[0] == 200
    assert [each.operation for each in history][:2] == ["billing.balance", "images.generate"]
    assert history.named("image").object["status"] == "completed"
    assert all(name == name.lower() for each in history for name, _ in each.headers)
    assert not any(name == "authorization" for e in history for name, _ in e.request_headers)


def test_a_clock_in_our_hands_lets_a_day_pass() -> None:
    """On the fake a plan that waits a day is done at once, and what expires has expired."""
    for target in (InProcess(), OnSocket()):
        history = target.run(DAY)
        downloads = [each.status for each in history.of("downloads.retrieve")]
        assert downloads == [200, 403, 410]
        assert (history.exchanges[-1].at - history.exchanges[0].at).total_seconds() > 90_000


def test_time_that_cannot_be_moved_ends_the_plan() -> None:
    """Where one may only wait a little, a plan that needs a day says that it was not finished."""
    with MockServer(video_seconds=0) as server:
        history = Address(server.url, {"a": "sk_a_key"}, longest_wait=0.01).run(DAY)
    assert any("too long" in each for each in history.unresolved)


def test_plans_are_data() -> None:
    """Every fixed plan survives being written down as JSON and read again."""
    for plan in corpus(MODELS):
        if sum(len(step.body or b"") for step in plan.submissions) < 1 << 20:
            assert plan_of(plan.as_json()) == plan


def test_drawn_plans_depend_on_the_seed_alone() -> None:
    """The same seed draws the same plans: nothing that was answered is in them."""
    assert drawn_plans(MODELS, seed=7, count=10) == drawn_plans(MODELS, seed=7, count=10)
    assert drawn_plans(MODELS, seed=7, count=10) != drawn_plans(MODELS, seed=8, count=10)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(plans(MODELS))
def test_the_fake_keeps_the_contract_under_any_sequence(plan: Plan) -> None:
    """Whatever two keys do in whatever order, no check is broken."""
    history = InProcess().run(plan)
    assert [each.check.id for c in PROVIDER if (each := judged(c, [history])).broken] == []


@pytest.mark.parametrize("seed", ["1", "29", "some words"])
def test_verdicts_do_not_depend_on_the_seed(seed: str) -> None:
    """GH008: ids, times and pictures are drawn anew; the verdicts stay."""
    target = InProcess(seed=seed)
    histories = [target.run(plan) for plan in reversed(corpus(MODELS))]
    assert [each.check.id for c in PROVIDER if (each := judged(c, histories)).broken] == []


def test_in_process_and_on_a_socket_are_equivalent() -> None:
    """GE: the fake is one fake, with or without a socket."""
    from getimg_mock.contract.checks import equivalence  # noqa: PLC0415 - its one use

    chosen = [plan for plan in corpus(MODELS) if plan.tier in {"R0", "R3"}]
    comparison = Comparison(
        fake=tuple(InProcess().run(plan) for plan in chosen),
        other=tuple(OnSocket().run(plan) for plan in chosen),
    )
    for check in equivalence.CHECKS:
        assert not judged(check, [comparison]).broken, check.id


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/v2/images/generations", "images.generate"),
        ("GET", "/v2/videos/generations/req-1", "videos.retrieve"),
        ("HEAD", "/v2/downloads/req-1/0", "downloads.retrieve"),
        ("GET", "/v2/videos/generations", ""),
        ("DELETE", "/v2/models", ""),
    ],
)
def test_operations_are_known_by_method_and_path(method: str, path: str, operation: str) -> None:
    """Recorded traffic is told apart as plans are."""
    assert operation_of(method, path) == operation
    assert operation in {"", *OPERATIONS}


class Meeting(BaseHTTPRequestHandler):
    """Answers only when three requests are there at the same time."""

    barrier = threading.Barrier(3, timeout=20)

    def do_POST(self) -> None:
        """Wait for the others."""
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            self.send_response(504)
        else:
            self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - inherited
        """Say nothing."""


def test_requests_that_are_together_meet() -> None:
    """Whether equal bodies are merged is asked where it could happen: at the same time."""
    send = post("image", small(IMAGE), group="equal", together=True)
    plan = Plan(name="x", tier="R2", steps=(send,) * 3)
    with ThreadingHTTPServer(("127.0.0.1", 0), Meeting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = Address(f"http://127.0.0.1:{server.server_port}", {"a": "sk_first_key"})
            history = address.run(plan)
        finally:
            server.shutdown()
            thread.join()
    assert [each.status for each in history] == [202, 202, 202]
