"""Against a service of money: every request passes the gate, and the books are held to it."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from decimal import Decimal
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.cli import main
from getimg_mock.contract.budget.gate import Budget, install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.dry_run import create_similar_fake, find_relevant_plans
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, select_checks
from getimg_mock.contract.verification.self_check import SelfCheck
from getimg_mock.isolation.connection_audit import audit_connections
from getimg_mock.serving.server import MockServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

KEYS = ("--key", "sk_first_key", "--second-key", "sk_second_key")


class Charging:
    """The fake, which also takes a cent whenever `when` holds of method and status."""

    def __init__(self, server: MockServer, when: Callable[[str, int], bool]) -> None:
        self.app, self.when = server.app, when
        self.fake = server.app.fake

    def find_endpoint(self, _scope: Any) -> None:
        """Return None: each request goes by way of `__call__`."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, and charge."""

        async def charged(message: Any) -> None:
            if message["type"] == "http.response.start":
                named = dict(scope["headers"]).get(b"authorization", b"").decode()
                if self.when(scope["method"], message["status"]) and named:
                    space = self.fake.store.get_or_create(named.partition(" ")[2])
                    space.ledger.credit(Decimal("-0.01"), space.clock.now())
            await send(message)

        await self.app(scope, receive, charged)


@contextmanager
def charging(when: Callable[[str, int], bool]) -> Iterator[MockServer]:
    """Serve a provider that charges for what it should not."""
    server = MockServer(video_seconds=0, media_size="small")
    server.app = Charging(server, when)  # type: ignore[assignment]
    with server:
        yield server


def taken(server: MockServer) -> Decimal:
    """Return what the provider took from both keys."""
    spaces = [server.app.fake.store.get_or_create(key) for key in KEYS[1::2]]
    return sum((100 - each.ledger.available for each in spaces), Decimal(0))


def verified(tmp_path: Path, url: str, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run `verify api` and return its status and the events, verdicts by id, others by kind.

    What the fake did beside it, which comes last, is left out.
    """
    stream = tmp_path / "events.ndjson"
    record = ("--record", str(tmp_path / "spend.json"), "--events", str(stream))
    status = main(["verify", "api", "--target", url, *KEYS, *record, *words])
    events = [json.loads(line) for line in stream.read_text(encoding="utf-8").splitlines()]
    ours = takewhile(lambda each: not each.get("twin"), events)
    return status, {each.get("id") or each["event"]: each for each in ours}


def test_what_earlier_runs_have_spent_does_not_fail_a_free_one(tmp_path: Path) -> None:
    """A run is judged by what it adds; what is free needs nothing of the ceiling."""
    with MockServer(video_seconds=0, media_size="small") as server:
        words = ("--tier", "R2", "--budget", "0.5", "--only", "GP404")
        assert verified(tmp_path, server.url, *words)[0] == 0
        status, found = verified(tmp_path, server.url, "--only", "GP801")
    assert status == 0
    assert found["GH009"]["status"] == "PASS"
    assert found["GP801"]["status"] == "PASS"
    assert Decimal(found["budget"]["spent"]) == 0 < Decimal(found["budget"]["today"])


def test_a_refusal_that_was_charged_keeps_its_reservation(tmp_path: Path) -> None:
    """Its answer does not say so; the balance does, and the ceiling holds."""
    with charging(lambda method, status: method == "POST" and status in {400, 422}) as server:
        _, found = verified(
            tmp_path, server.url, "--tier", "R1", "--budget", "1", "--only", "GP216"
        )
        assert 0 < taken(server) <= Decimal(found["budget"]["spent"]) <= 1
    assert found["GH009"]["status"] == "PASS"
    assert found["GP216"]["status"] == "FAIL"


def test_what_is_taken_beyond_the_books_fails_the_run(tmp_path: Path) -> None:
    """GH009: the fall of each key's balance is what is booked, or the run says so."""
    with charging(lambda method, _: method == "GET") as server:
        status, found = verified(tmp_path, server.url, "--only", "GP801")
        books = found["budget"]["keys"]
        assert taken(server) - Decimal("0.04") <= Decimal(found["budget"]["spent"])
    assert status == 1
    assert found["GH009"]["status"] == "FAIL"
    assert Decimal(found["budget"]["beyond"]) == sum(Decimal(b["beyond"]) for b in books.values())
    assert all(Decimal(each["beyond"]) > 0 for each in books.values())


def test_everything_that_leaves_has_passed_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GH005: the connections of a whole run lead to one address, and each request was let through.

    Every connection that this process opens is seen here, whoever opens it.
    """
    seen: list[Any] = []
    connect = socket.socket.connect

    def noted(self: socket.socket, where: Any) -> None:
        seen.append(where)
        connect(self, where)

    monkeypatch.setattr(socket.socket, "connect", noted)
    with MockServer(video_seconds=0, media_size="small") as server:
        # Of the fake beside it, which GE would be judged by, there are connections, too.
        words = ("--tier", "R1", "--budget", "1", "--only", "GP,GH")
        _, found = verified(tmp_path, server.url, *words)
        port = int(server.url.rpartition(":")[2])
        answered = sum(
            len(list(server.app.fake.store.get_or_create(k).journal)) for k in KEYS[1::2]
        )
    assert found["GH005"]["status"] == "PASS"
    assert set(seen) == {("127.0.0.1", port)}
    assert 0 < answered <= found["budget"]["requests"]


def test_a_request_around_the_gate_is_stopped_and_breaks_gh005() -> None:
    """The audit refuses any other connection of this process, and counts it."""
    with MockServer() as server, audit_connections() as audit:
        target = HttpTarget(server.url, {"a": "sk_first_key"})
        budget = install_budget(target, Decimal(0), SpendRecord())
        around = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
        with pytest.raises(ConnectionRefusedError, match="gate"):
            around.request("GET", "/v2/models")
        around.close()
    (check,) = (each for each in registry.HARNESS if each.id == "GH005")
    for refused, broken in ((0, False), (len(audit.refused), True)):
        gate = (target.left + refused, budget.requests)
        assert judge_check(check, [SelfCheck(gate=gate)]).broken is broken


def test_a_read_that_is_sent_again_passes_the_gate_again() -> None:
    """What is not answered is asked once more, and both are counted."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        target = HttpTarget(
            f"http://127.0.0.1:{closing.getsockname()[1]}", {"a": "sk_a"}, timeout=0.2
        )
        budget = Budget(Decimal(0), [], keys=target.keys)
        target.gate = budget
        history = target.run(Plan(name="x", steps=(get("/v2/models"),)))
    assert [each.status for each in history] == [0]
    assert budget.requests == target.left == 2


@pytest.mark.slow
def test_one_check_costs_what_its_own_plans_cost(tmp_path: Path) -> None:
    """`--only` runs what tells of the checks that are asked for, and pays for nothing else."""
    with MockServer(video_seconds=0, media_size="small") as server:
        status, found = verified(
            tmp_path, server.url, "--only", "GP801", "--tier", "R2", "--budget", "6"
        )
        assert status == 0
        assert taken(server) == 0
        assert found["GP801"]["status"] == "PASS"
        assert found["end"]["exchanges"] < 300
        _, found = verified(
            tmp_path, server.url, "--only", "GP406,GP506", "--tier", "R2", "--budget", "6"
        )
        assert 0 < taken(server) < 6
    assert found["GP406"]["status"] == "PASS"
    assert found["GP506"]["status"] == "SKIP"
    assert found["GP506"]["reason"] == "only a fake can have these settings"


def test_the_fake_can_take_the_catalogue_of_another_service() -> None:
    """What a plan would tell is seen with the models that it was made for."""
    other = [model | {"id": f"other-{model['id']}"} for model in load_shipped_models()]
    (check,) = select_checks("GP302", PROVIDER_CHECKS)
    assert (
        "an image and its file" in find_relevant_plans([check], build_corpus(other), other)["GP302"]
    )
    words = [model | {"supported_aspect_ratios": ["1:1", "auto"]} for model in other]
    with create_similar_fake(words) as fake:
        assert fake.run(build_corpus(words)[0]).exchanges


def test_videos_that_no_plan_follows_are_looked_at_before_they_count_as_spent(
    tmp_path: Path,
) -> None:
    """What has ended is booked at its price, so the books are the fall of the balance."""
    with MockServer(video_seconds=0, media_size="small") as server:
        words = ("--tier", "R2", "--budget", "3", "--only", "GP205,GP213")
        _, found = verified(tmp_path, server.url, *words)
        assert taken(server) == Decimal(found["budget"]["spent"]) > 0
