"""A state machine over all eight operations, with two keys and a clock, beside a model of its own.

The rules draw requests and times; what was answered is only remembered, by name. After each run the
whole history is judged by every check, and the model's books are compared with the target's.
"""

# ruff: noqa: D401 - the docstring of a rule says what it holds

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from getimg_mock.contract.checks import PROVIDER
from getimg_mock.contract.corpus.choices import shipped_models
from getimg_mock.contract.exchanges import balance_of, total_of
from getimg_mock.contract.execution import Run
from getimg_mock.contract.plans import Plan, Ref, Send, Wait, balance, get
from getimg_mock.contract.strategies import faulty, submissions
from getimg_mock.contract.targets import InProcess, InProcessSession
from getimg_mock.contract.verdicts import judged

if TYPE_CHECKING:
    from getimg_mock.contract.exchanges import Exchange
    from getimg_mock.contract.targets import Target

MODELS = shipped_models()
SMALL = [model for model in MODELS if model["id"] in {"z-image-turbo", "seedance-v1-5-pro"}]
COSTS = "start=2026-08-20T00:00:00Z&end=2026-12-31T23:59:59Z"
KEYS = st.sampled_from(["a", "b"])


class Provider(RuleBasedStateMachine):
    """What a client may do, and what it then knows for certain."""

    target: InProcess

    @initialize()
    def open(self) -> None:
        """Begin with two keys that have done nothing."""
        session = self.target.open(Plan(name="machine", steps=()))
        assert isinstance(session, InProcessSession)
        self.run = Run(session, Plan(name="machine", steps=(), keys=2), MODELS)
        self.names: list[tuple[str, str, str]] = []
        self.ended: dict[str, str] = {}
        self.opening: dict[str, Decimal] = {}
        for key in ("a", "b"):
            seen = self._do(balance(key=key))
            self.opening[key] = balance_of(seen) or Decimal(0)

    def _do(self, step: Send) -> Exchange:
        before = len(self.run.exchanges)
        self.run._send(step, before)  # noqa: SLF001 - the machine steps the run by hand
        assert len(self.run.exchanges) == before + 1
        return self.run.exchanges[-1]

    @rule(step=submissions(SMALL), key=KEYS)
    def submit(self, step: Send, key: Any) -> None:
        """A valid request is accepted."""
        name = f"made {len(self.names)}"
        seen = self._do(replace(step, key=key, name=name))
        assert seen.accepted
        self.names.append((name, key, step.operation))

    @rule(step=faulty(MODELS), key=KEYS)
    def submit_nonsense(self, step: Send, key: Any) -> None:
        """A faulty request is refused."""
        assert 400 <= self._do(replace(step, key=key)).status < 500

    @precondition(lambda self: any(each[2] == "videos.create" for each in self.names))
    @rule(data=st.data(), key=KEYS)
    def look(self, data: st.DataObject, key: Any) -> None:
        """A video is seen by its owner only, and never leaves its end."""
        videos = [each for each in self.names if each[2] == "videos.create"]
        name, owner, _ = data.draw(st.sampled_from(videos))
        seen = self._do(get("/v2/videos/generations/{}", ref=Ref(name), key=key,
                            name=f"{name} seen"))  # fmt: skip
        assert seen.status == (200 if key == owner else 404)
        if key == owner:
            status = str(seen.object["status"])
            assert self.ended.get(name, status) == status
            if status != "pending":
                self.ended[name] = status

    @precondition(lambda self: any(each[2] == "images.generate" for each in self.names))
    @rule(data=st.data())
    def download(self, data: st.DataObject) -> None:
        """An image's file is there for anyone with the link, until it is deleted."""
        images = [each for each in self.names if each[2] == "images.generate"]
        name, _, _ = data.draw(st.sampled_from(images))
        seen = self._do(Send(link=True, ref=Ref(name, "/data/0/url"), key="none", method="HEAD"))
        assert seen.status in {200, 410}

    @rule(seconds=st.sampled_from([0.001, 1, 20, 61, 3600, 90_000]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.run._wait(Wait(seconds=seconds))  # noqa: SLF001 - as above

    @rule(kind=st.sampled_from(["", "type=image", "type=video"]), key=KEYS)
    def catalogue(self, kind: str, key: Any) -> None:
        """The catalogue does not depend on what was done."""
        seen = self._do(get("/v2/models", query=kind, key=key))
        assert len(seen.json) == sum(kind[5:] in {"", model["type"]} for model in MODELS)

    @rule(model=st.sampled_from(MODELS), key=KEYS)
    def one_model(self, model: dict[str, Any], key: Any) -> None:
        """Each model can be read alone."""
        assert self._do(get(f"/v2/models/{model['id']}", key=key)).plain == model

    @rule(key=KEYS)
    def costs(self, key: Any) -> None:
        """The costs never exceed what the balance has lost."""
        seen = self._do(get("/v2/billing/costs", key=key, query=COSTS))
        money = self._do(balance(key=key))
        gone = self.opening[key] - (balance_of(money) or Decimal(0))
        assert Decimal(str(seen.json["total_cost"])) <= gone

    @invariant()
    def balances_are_known(self) -> None:
        """No balance rises above where it began."""
        for each in self.run.exchanges[-1:]:
            if each.operation == "billing.balance" and each.key in self.opening:
                assert (balance_of(each) or Decimal(0)) <= self.opening[each.key]

    def teardown(self) -> None:
        """Every check holds of the whole history, and the books of both keys agree."""
        if not hasattr(self, "run"):
            return
        history = replace(self.run.run(), exchanges=tuple(self.run.exchanges))
        broken = [judged(check, [history]) for check in PROVIDER]
        assert {each.check.id: each.findings for each in broken if each.broken} == {}
        for key in ("a", "b"):
            paid = [total_of(each) or Decimal(0) for each in history.of("images.generate")
                    if each.completed and each.key == key]  # fmt: skip
            last = [each for each in history.of("billing.balance") if each.key == key][-1]
            assert self.opening[key] - (balance_of(last) or Decimal(0)) >= Decimal(0)
            assert all(amount >= 0 for amount in paid)


def test_any_sequence_of_operations_keeps_the_contract(target: Target) -> None:
    """Whatever two clients do, in whatever order, every check holds."""
    if not isinstance(target, InProcess):
        pytest.skip("the machine needs a clock in its hands and a world for each run")
    machine = type("Machine", (Provider,), {"target": target})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
