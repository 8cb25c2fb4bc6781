"""A state machine over all eight operations, with two keys and a clock, beside a model of its own.

The rules draw requests and pauses; of an answer only ids and links are used, and by name. The model
knows what each key has bought, at the catalogue's prices, and when each file is deleted. Every
answer is compared with it, and after each run the whole history is judged by every check.
"""

# ruff: noqa: D401 - the docstring of a rule says what it holds

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from getimg_mock.contract.exchanges import parse_decimal, read_balance
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.model_choice import find_cheapest
from getimg_mock.contract.plans import Plan, get, get_balance
from getimg_mock.contract.prices import compute_price
from getimg_mock.contract.provider.plan_strategies import faulty, submissions
from getimg_mock.contract.steps import DAYS_PLACEHOLDER, TERMINAL, Ref, Send
from getimg_mock.contract.targets.execution import RefusedError
from getimg_mock.contract.targets.plan_run import PlanRun
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.targets.fake_targets import Target

PAUSES: Final = (0.001, 1, 20, 61, 3600, 90_000)
ZERO: Final = Decimal(0)
OTHER: Final = {"a": "b", "b": "a"}


@dataclass
class Bought:
    """What the model knows of one generation."""

    name: str
    key: Any
    video: bool
    price: Decimal
    status: str = "pending"
    deletes_at: datetime | None = None

    @property
    def last(self) -> str:
        """The name of the exchange that showed it last."""
        return f"{self.name} seen" if self.video else self.name


@dataclass
class Books:
    """What the model knows of one key: where it began, and what it has bought since."""

    opening: Decimal
    bought: list[Bought] = field(default_factory=list)

    def bounds(self) -> tuple[Decimal, Decimal]:
        """Return the least and the most that the balance can be.

        What has completed is paid, what has failed is not; a pending video may be held or not.
        """
        paid = sum((each.price for each in self.bought if each.status == "completed"), ZERO)
        open_ = sum((each.price for each in self.bought if each.status == "pending"), ZERO)
        return self.opening - paid - open_, self.opening - paid


class Provider(RuleBasedStateMachine):
    """What one or two clients may do, and what they then know for certain."""

    target: Target
    steps: tuple[Any, ...]

    @initialize()
    def open(self) -> None:
        """Begin, with each key's balance known."""
        self.held = ExitStack()
        plan = Plan(name="machine", steps=(), keys=2)
        self.session = self.held.enter_context(self.target.open_session(plan))
        self.run = PlanRun(self.session, plan, self.target.models)
        self.books: dict[str, Books] = {}
        for key in ("a", "b"):
            if key in self.session.keys:
                seen = self.do(get_balance(key=key))
                self.books[key] = Books(self.amount(seen))

    def do(self, step: Send) -> HttpExchange:
        """Send one request."""
        return self.run.send(step)

    def amount(self, seen: HttpExchange) -> Decimal:
        """Return the balance in an answer."""
        found = read_balance(seen)
        assert found is not None, seen.body
        return found

    def some(self, data: st.DataObject, *, video: bool) -> Bought:
        """Draw something that was bought."""
        return data.draw(st.sampled_from(self.shelf(video=video)))

    def shelf(self, *, video: bool) -> list[Bought]:
        """Return all images, or all videos, of all keys."""
        return [one for each in self.books.values() for one in each.bought if one.video == video]

    def key(self, data: st.DataObject) -> Any:
        """Draw one of the keys that the target has."""
        return data.draw(st.sampled_from(sorted(self.books)))

    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        """A valid request is accepted, at the catalogue's price; or there is too much of them."""
        step, key = data.draw(self.steps[0]), self.key(data)
        name = f"made {sum(len(each.bought) for each in self.books.values())}"
        try:
            seen = self.do(replace(step, key=key, name=name))
        except RefusedError:  # the budget has come to its end
            return
        if seen.status == 429 and not self.target.own:
            return
        assert seen.accepted, (seen.status, seen.body)
        model = next(each for each in self.target.models if each["id"] == seen.asked["model"])
        one = Bought(name, key, model["type"] == "video", compute_price(model, seen.asked) or ZERO)
        self.books[key].bought.append(one)
        if not one.video:
            self.completed(one, seen)

    def completed(self, one: Bought, seen: HttpExchange) -> None:
        """Note the result, which costs what the catalogue says."""
        one.status = "completed"
        one.deletes_at = parse_instant(seen.items[0].get("deletes_at"))
        usage = seen.object.get("usage") or {}
        assert parse_decimal(usage.get("total_cost", one.price)) == one.price

    @rule(data=st.data())
    def submit_nonsense(self, data: st.DataObject) -> None:
        """A faulty request is refused, and buys nothing."""
        try:
            seen = self.do(replace(data.draw(self.steps[1]), key=self.key(data)))
        except RefusedError:
            return
        assert 400 <= seen.status < 500, (seen.status, seen.body)

    @precondition(lambda self: self.shelf(video=True))
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """A video is seen by its owner only, and never leaves its end."""
        one, key = self.some(data, video=True), self.key(data)
        seen = self.do(
            get(
                "/v2/videos/generations/{}",
                ref=Ref(one.name),
                key=key,
                name=one.last if key == one.key else "",
            )
        )
        if key != one.key:
            assert seen.status == 404
            return
        assert seen.status == 200
        status = str(seen.object.get("status"))
        assert status == one.status if one.status in TERMINAL else status in {"pending", *TERMINAL}
        if status == "completed":
            self.completed(one, seen)
        one.status = status

    @rule(data=st.data())
    def stranger(self, data: st.DataObject) -> None:
        """An id that nobody was given is nobody's."""
        seen = self.do(get("/v2/videos/generations/req-01NOBODYHASTHIS", key=self.key(data)))
        assert seen.status == 404

    @precondition(lambda self: any(each.deletes_at for each in self.shelf(video=False)))
    @rule(data=st.data(), method=st.sampled_from(["HEAD", "HEAD", "GET"]))
    def download(self, data: st.DataObject, method: str) -> None:
        """A file is there for anyone with the link until it is deleted, and gone afterwards."""
        one = self.some(data, video=False)
        seen = self.do(Send(link=True, ref=Ref(one.last, "/data/0/url"), key="none", method=method))
        assert one.deletes_at is not None
        left = (one.deletes_at - seen.at).total_seconds()
        if abs(left) > 5:  # clocks differ a little
            assert seen.status == 200 if left > 0 else seen.status in {403, 404, 410}

    @rule(seconds=st.sampled_from(PAUSES))
    def wait(self, seconds: float) -> None:
        """Time passes where that is in our hands, or short; what it would have shown stays open."""
        self.session.wait(seconds)

    @rule(data=st.data(), kind=st.sampled_from(["", "type=image", "type=video"]))
    def catalogue(self, data: st.DataObject, kind: str) -> None:
        """The catalogue does not depend on what was done."""
        seen = self.do(get("/v2/models", query=kind, key=self.key(data)))
        wanted = [each for each in self.target.models if kind[5:] in {"", each["type"]}]
        assert seen.plain == wanted

    @rule(data=st.data())
    def one_model(self, data: st.DataObject) -> None:
        """Each model can be read alone."""
        model = data.draw(st.sampled_from(list(self.target.models)))
        assert self.do(get(f"/v2/models/{model['id']}", key=self.key(data))).plain == model

    @rule(data=st.data())
    def money(self, data: st.DataObject) -> None:
        """The balance is where the model has it: what was bought is paid for once."""
        key = self.key(data)
        least, most = self.books[key].bounds()
        assert least <= self.amount(self.do(get_balance(key=key))) <= most

    @rule(data=st.data())
    def costs(self, data: st.DataObject) -> None:
        """The costs are the sum of their days, and no more than what can have been paid."""
        key = self.key(data)
        seen = self.do(get("/v2/billing/costs", key=key, query=DAYS_PLACEHOLDER))
        days = [parse_decimal(each["cost"]) or ZERO for each in seen.object["data"]]
        assert parse_decimal(seen.object["total_cost"]) == sum(days, ZERO)
        if self.target.own:  # a world of its own: nobody has bought anything before
            books = self.books[key]
            least, most = books.bounds()
            assert books.opening - most <= sum(days, ZERO) <= books.opening - least

    def teardown(self) -> None:
        """Every check holds of the whole history."""
        if not hasattr(self, "run"):
            return
        with self.held:
            history = replace(self.run.run(), exchanges=tuple(self.run.exchanges))
        verdicts = [judge_check(check, [history], own=self.target.own) for check in PROVIDER_CHECKS]
        failed = {each.check.id: each.findings for each in verdicts if each.status == "FAIL"}
        assert failed == {}


def test_any_sequence_of_operations_keeps_the_contract(
    request: pytest.FixtureRequest, target: Target
) -> None:
    """Whatever two clients do, in whatever order, every check holds.

    Where time is not in our hands, what only shows after a long wait is left open.
    """
    if not target.own and (request.config.getoption("--getimg-tier") or "R0") < "R2":
        pytest.skip("the machine buys generations: it needs --getimg-tier R2 and --getimg-budget")
    # One of each kind, so that many a video comes to its end, and few dollars.
    few = [find_cheapest(target.models, "image"), find_cheapest(target.models, "video")]
    steps = submissions(few), faulty(target.models)
    machine = type("Machine", (Provider,), {"target": target, "steps": steps})
    mine = target.own
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25 if mine else 3,
            stateful_step_count=25 if mine else 15,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
