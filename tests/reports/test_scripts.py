"""The script of a failure sends what the run sent, request by request."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings

from getimg_mock.contract.clients import fault_schedules, scorecard, suite
from getimg_mock.contract.clients.drivers.adapter_loading import load_driver
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan
from getimg_mock.contract.provider.plan_strategies import plans
from getimg_mock.contract.targets import http_target
from getimg_mock.contract.targets.fake_targets import START, InProcessTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdicts import Finding, Observation, Verdict
from getimg_mock.reports.run_events import read_outcomes
from getimg_mock.reports.scripts import build_script
from getimg_mock.serving.server import MockServer
from tests.contract.provider.fixed_plans import index_plans
from tests.reports.written_scripts import (
    KEYS,
    URL,
    Wire,
    load_script,
    send_one_by_one,
    write_plan_script,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from tests.reports.written_scripts import WireRequest

pytestmark = pytest.mark.slow

MODELS: Final = load_shipped_models()
CORPUS: Final = tuple(index_plans().values())
CLIENT: Final = "tests.contract.clients.reference:ReferenceClient"
ASYNC_CLIENT: Final = "tests.contract.clients.reference:AsyncReferenceClient"
ENVIRONMENT: Final = {
    "GETIMG_AI_BASE_URL": URL,
    "GETIMG_API_KEY": KEYS["a"],
    "GETIMG_SECOND_KEY": KEYS["b"],
}


@contextmanager
def one_world(plan: Plan) -> Iterator[tuple[Wire, HttpTarget]]:
    """Put the fake in the world of a plan on the wire, and yield it as a target too."""
    with InProcessTarget().open_session(plan) as session, pytest.MonkeyPatch.context() as patch:
        session.keys = dict(KEYS)
        session.arm(plan.rules)
        wire = Wire(session.app)
        patch.setattr("http.client.HTTPConnection", wire.connect)
        patch.setattr(http_target, "send_in_waves", send_one_by_one)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield (
            wire,
            HttpTarget(
                URL,
                KEYS,
                own=True,
                control=session.wait,
                clock=session.now,
                count=session.count_hits,
            ),
        )


def send_by_run(plan: Plan) -> list[WireRequest]:
    """Run a plan and return what was sent."""
    with one_world(plan) as (wire, target):
        target.run(plan)
    return wire.sent


def send_by_script(plan: Plan) -> list[WireRequest]:
    """Run the script of a plan and return what was sent."""
    with one_world(plan) as (wire, _):
        script = load_script(write_plan_script(plan))
        vars(script)["send_in_waves"] = send_one_by_one
        assert script.main() == 0
    return wire.sent


@pytest.mark.parametrize("plan", CORPUS, ids=lambda plan: plan.name)
def test_the_script_of_a_plan_sends_what_the_run_sent(plan: Plan) -> None:
    """Method, path, query, headers and body are the same, of every request of every fixed plan.

    In worlds of one seed, one clock and one pair of keys, ids and signatures are the same too.
    """
    sent = send_by_run(plan)
    assert sent
    assert send_by_script(plan) == sent


@settings(max_examples=20)
@given(plan=plans(MODELS))
def test_the_script_of_a_drawn_plan_sends_what_the_run_sent(plan: Plan) -> None:
    """What is true of the fixed plans is true of any."""
    assert send_by_script(plan) == send_by_run(plan)


def test_the_plans_hold_what_a_script_has_left_out_before() -> None:
    """Links with the signature of another, and the key within a body, are in the fixed plans."""
    steps = [step for plan in CORPUS for step in plan.as_json()["steps"]]
    assert any(step.get("alter") == "borrowed" for step in steps)
    assert any("{key}" in str(step.get("body")) for step in steps)
    assert any(step.get("together") for step in steps)


def test_a_script_imports_the_standard_library_only() -> None:
    """It is for machines where getimg-mock is not installed."""
    tree = ast.parse(write_plan_script(CORPUS[0]))
    found = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
        )
    }
    assert found <= sys.stdlib_module_names


class Recording:
    """An application that keeps what it is sent, but for requests to getimg-mock itself."""

    def __init__(self, app: Any) -> None:
        self.app, self.fake = app, app.fake
        self.sent: list[tuple[Any, ...]] = []

    def find_endpoint(self, _scope: Any) -> None:
        """Return None: each request goes by way of `__call__`."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Keep a request, and answer."""
        body = []

        async def heard() -> Any:
            message = await receive()
            body.append(message.get("body", b""))
            return message

        await self.app(scope, heard, send)
        if scope["type"] == "http" and not scope["path"].startswith("/__mock__/"):
            headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
            target = scope["raw_path"], scope["query_string"]
            self.sent.append((scope["method"], *target, headers, b"".join(body)))


@contextmanager
def still_server() -> Iterator[tuple[MockServer, Recording]]:
    """Serve a fake on whose clocks it is a time of a year to come, until they are moved."""
    server = MockServer()
    recording = Recording(server.app)
    server.app = recording  # type: ignore[assignment]
    with server:
        for key in KEYS.values():
            clock = server.app.fake.store.get_or_create(key).clock
            clock.freeze()
            clock.autojump = True
            clock.advance_to(START.replace(year=START.year + 10))
        yield server, recording


def test_a_script_as_a_program_sends_what_the_run_sent(tmp_path: Path) -> None:
    """The same holds of a process of its own, against a port."""
    names = (
        "files of two workspaces",
        "keys elsewhere that would pay",
        "a file until it is deleted",
    )
    steps = [step for plan in CORPUS if plan.name in names for step in plan.steps]
    plan = Plan(name="what has drifted", keys=2, steps=tuple(steps))
    with still_server() as (server, by_run):
        store = server.app.fake.store
        clocks = [store.get_or_create(key).clock for key in KEYS.values()]

        def advance(seconds: float) -> None:
            instant = max(each.now() for each in clocks)
            for each in clocks:
                each.advance_to(instant + timedelta(seconds=seconds))

        HttpTarget(server.url, KEYS, own=True, control=advance, clock=clocks[0].now).run(plan)
    path = tmp_path / "script.py"
    path.write_text(write_plan_script(plan), encoding="utf-8")
    with still_server() as (server, by_script):
        done = subprocess.run(  # noqa: S603 - the script that was just written
            [sys.executable, "-I", str(path)],
            env=ENVIRONMENT | {"GETIMG_AI_BASE_URL": server.url, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert len(by_run.sent) > len(steps) - len(names)
    assert by_script.sent == by_run.sent


def build_case_script(history: ClientHistory, client: str = CLIENT) -> str:
    """Return the script of a failure that a case has shown with a client."""
    check = next((each for each in suite.CHECKS if each.wants(history.case)), suite.CHECKS[0])
    seen = Finding(history=history, observation=Observation((), "x", "y"))
    verdict = Verdict(check=check, status="FAIL", findings=(seen,))
    result = suite.Result("client", "0", (verdict,), (history,))
    (outcome,) = read_outcomes(scorecard.events(result, adapter=client))
    return build_script(outcome, outcome.verdicts[0])


def list_sent(history: ClientHistory, *, together: bool) -> list[str]:
    """Return what a client sent; of threads that run `together`, each different request once.

    The client draws keys of idempotency, which are numbered, and how long it waits between polls:
    there, how the threads take turns determines which one draws what.
    """
    drawn: dict[str, int] = {}

    def number(name: str, value: str) -> object:
        if name != "Idempotency-Key":
            return value
        return "drawn" if together else drawn.setdefault(value, len(drawn))

    sent = [
        repr(
            (
                each.method,
                each.origin,
                each.target,
                [(name, number(name, value)) for name, value in each.sent],
                each.request_body,
            )
        )
        for each in history.requests
    ]
    return sorted(set(sent)) if together else sent


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[ClientHistory]:
    """Return where what any client does is kept."""
    kept: list[ClientHistory] = []
    run = PythonDriver.run

    def keep(driver: PythonDriver, case: Any, *, seed: str = "0") -> ClientHistory:
        kept.append(run(driver, case, seed=seed))
        return kept[-1]

    monkeypatch.setattr(PythonDriver, "run", keep)
    monkeypatch.setattr(sys, "argv", ["script.py"])
    return kept


# What needs a real network, or real time, is for programs, which a replay starts as the run did.
CASES: Final = (
    *(case for case in suite.select_cases(suite.CHECKS) if not (case.real or case.real_time)),
    fault_schedules.build_case(("429", "done, reset", "503, not done")),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_script_of_a_case_makes_a_client_send_what_it_sent(
    case: Any, seen: list[ClientHistory]
) -> None:
    """The case, its seed and the client are those of the failure."""
    client = ASYNC_CLIENT if case.needs_tasks else CLIENT
    history = load_driver(client).run(case)
    assert history.untried == ""
    assert history.missing == ()
    load_script(build_case_script(history, client)).main()
    assert [each.case for each in seen] == [case.name] * 2
    sent, sent_before = (list_sent(each, together=case.together) for each in (seen[1], history))
    assert sent == sent_before
