"""The whole lifecycle of generations, against a reference model of twenty lines."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from getimg_mock.api import downloads
from getimg_mock.errors import GetimgMockError, Refusal
from getimg_mock.world.snapshots import restore_workspace, take_snapshot
from getimg_mock.world.transitions import FAILURES, Failure, TransitionRule
from tests.api.driver import START, Driver

if TYPE_CHECKING:
    from getimg_mock.world.workspaces import Workspace
    from tests.api.driver import Reply

pytestmark = pytest.mark.slow

OPENING = Decimal(20)
RETENTION = 200
PRICES = {5: Decimal("0.15"), 10: Decimal("0.30")}


# The reference model ----------------------------------------------------------------------------


@dataclass
class Job:
    """A generation: it ends at `due`, or at its last poll; `failure` says how."""

    cost: Decimal
    due: float | None
    polls: int | None
    failure: str | None
    polled: int = 0

    def status(self, now: float) -> str:
        """Return what a poll finds, without its being one."""
        if self.due is None or now < self.due:
            return "pending"
        return "failed" if self.failure else "completed"

    def poll(self, now: float) -> str:
        """Return what a poll finds."""
        if self.status(now) == "pending" and self.polls is not None:
            self.polled += 1
            if self.polled == self.polls:
                self.due = now
        return self.status(now)


@dataclass
class Model:
    """A workspace: money and events are sums over its jobs."""

    now: float = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    rule: dict[str, Any] = field(default_factory=dict)
    upcoming: list[dict[str, Any]] = field(default_factory=list)
    scenario: dict[str, Any] = field(default_factory=dict)
    refusals: int = 0

    def job(self, cost: Decimal, asked: dict[str, Any]) -> Job:
        """Return the job that a submission makes, by the order of precedence."""
        levels = [self.upcoming.pop(0) if self.upcoming else {}, asked, self.scenario, self.rule]
        when = next((each for each in levels if each.keys() & WHEN), {"seconds": 30})
        how = next((each for each in levels if each.keys() & HOW), {})
        hold, seconds = when.get("hold"), when.get("seconds")
        due = None if hold or seconds is None else self.now + seconds
        return Job(cost, due, when.get("polls"), how.get("failed"))

    def total(self, status: str) -> Decimal:
        """Return what the jobs of a status cost."""
        jobs = self.jobs.values()
        return sum((each.cost for each in jobs if each.status(self.now) == status), Decimal(0))

    def next_end(self) -> float | None:
        """Return when the next job ends."""
        dues = [each.due for each in self.jobs.values() if each.due is not None]
        return min((due for due in dues if due > self.now), default=None)


WHEN = {"seconds", "polls", "hold"}
HOW = {"failed", "completed"}

# The machine ------------------------------------------------------------------------------------

rules = st.one_of(
    st.fixed_dictionaries({"seconds": st.integers(0, 100)}),
    st.fixed_dictionaries({"polls": st.integers(1, 3)}),
    st.just({"hold": True}),
    st.fixed_dictionaries({"failed": st.sampled_from(sorted(FAILURES))}),
    st.just({"completed": True}),
    st.fixed_dictionaries({"seconds": st.integers(0, 60), "failed": st.just("server_error")}),
    st.builds(
        lambda polls, s: {"polls": polls, "seconds": s}, st.integers(1, 3), st.integers(1, 9)
    ),
)


async def unrendered(*_: Any) -> bytes:
    """Stand in for rendering, which is tested elsewhere and takes its time."""
    return b"media"


class Lifecycle(RuleBasedStateMachine):
    """Everything that clients and controls can do to the lifecycle, in any order."""

    ids = Bundle("ids")
    states = Bundle("states")

    def __init__(self) -> None:
        super().__init__()
        self.api = Driver.of(video_seconds=30, balance=str(OPENING), retention=RETENTION)
        self.key = "sk_lifecycle"
        self.model = Model()
        self.others: list[tuple[str, dict[str, Any]]] = []

    @property
    def world(self) -> Workspace:
        """The workspace, which a reset or a restore replaces."""
        return self.api.workspace(self.key)

    def sent(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        """Send a request under the key of the moment."""
        data = b"" if body is None else json.dumps(body).encode()
        given = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.api.request(method, target, body=data, headers=given, key=self.key)

    def status_of(self, video: str) -> str | None:
        """Return what the model knows of a video, None when it does not know it."""
        job = self.model.jobs.get(video)
        return None if job is None else job.status(self.model.now)

    # Clients

    @rule(
        target=ids,
        duration=st.sampled_from(sorted(PRICES)),
        asked=st.none() | rules,
        prompt=st.sampled_from(["a", "b"]),
    )
    def submit(self, duration: int, asked: dict[str, Any] | None, prompt: str) -> Any:
        """Submit a video, perhaps with wishes of its own in the header."""
        words = {"failed": "fail", "completed": "complete"}
        said = " ".join(
            words.get(name, name) + ("" if value is True else f"={value}")
            for name, value in (asked or {}).items()
        )
        body = {
            "model": "seedance-v1-pro",
            "prompt": prompt,
            "duration": duration,
            "resolution": "720p",
        }
        reply = self.sent("POST", "/v2/videos/generations", body, x_mock_behaviour=said)
        if self.model.refusals:
            self.model.refusals -= 1
            assert (reply.status, reply.error["code"]) == (429, "rate_limit")
            return multiple()
        cost = PRICES[duration]
        if cost > OPENING - self.model.total("pending") - self.model.total("completed"):
            assert (reply.status, reply.error["code"]) == (402, "quota_exceeded")
            return multiple()
        assert reply.status == 202
        self.model.jobs[reply.json["id"]] = self.model.job(cost, asked or {})
        return reply.json["id"]

    @rule(video=ids, times=st.integers(1, 3))
    def poll(self, video: str, times: int) -> None:
        """Ask for a video: what it is, whether it has failed why, and only our own."""
        job = self.model.jobs.get(video)
        for _ in range(times):
            reply = self.sent("GET", f"/v2/videos/generations/{video}")
            if job is None:
                assert reply.status == 404
                continue
            status = job.poll(self.model.now)
            assert (reply.status, reply.json["status"]) == (200, status)
            if status == "failed":
                assert reply.json["error"]["code"] == job.failure

    @rule(video=ids)
    def download(self, video: str) -> None:
        """Follow the link of a completed video: the file, until it expires."""
        assume(self.status_of(video) == "completed")
        url = self.sent("GET", f"/v2/videos/generations/{video}").json["data"][0]["url"]
        job = self.model.jobs[video]
        assert job.due is not None
        reply = self.api.download(url)
        expired = self.model.now >= job.due + RETENTION
        assert reply.status == (410 if expired else 200)

    # Time

    @rule(seconds=st.integers(0, 150))
    def advance(self, seconds: int) -> None:
        """Let time pass."""
        before = self.model.now
        self.model.now += seconds
        advance = self.world.advance(seconds)
        ended = {each.generation for each in advance.events if each.kind.startswith("gen")}
        assert ended == {
            video
            for video, job in self.model.jobs.items()
            if job.due is not None and before < job.due <= self.model.now
        }
        assert [each.at for each in advance.events] == sorted(each.at for each in advance.events)

    @rule()
    def advance_to_next_event(self) -> None:
        """Let time pass until something happens."""
        end = self.model.next_end()
        advance = self.world.advance_to_next_event()
        passed = (advance.now - START).total_seconds()
        assert passed >= self.model.now
        assert end is None or passed <= end
        self.model.now = passed

    @rule(video=ids)
    def run_until(self, video: str) -> None:
        """Let time pass until a video is completed, if time does that."""
        job = self.model.jobs.get(video)
        if job is None or job.due is None or job.failure:
            with pytest.raises(GetimgMockError if video in self.model.jobs else Refusal):
                self.world.run_until(video, "completed")
            return
        self.world.run_until(video, "completed")
        self.model.now = max(self.model.now, job.due)

    @rule(seconds=st.integers(1, 1000))
    def turn_time_back(self, seconds: int) -> None:
        """Try it: nothing changes."""
        with pytest.raises(GetimgMockError):
            self.world.advance_to(self.world.clock.now() - timedelta(seconds=seconds))

    # By hand

    @rule(video=ids, what=st.sampled_from(["complete", "fail", "hold"]))
    def decide(self, video: str, what: str) -> None:
        """End a video, or keep it from ending; refused for one that has ended or is not ours."""
        arguments = (Failure.from_code("invalid_parameter"),) if what == "fail" else ()
        if self.status_of(video) != "pending":
            with pytest.raises(GetimgMockError if video in self.model.jobs else Refusal):
                getattr(self.world, what)(video, *arguments)
            return
        getattr(self.world, what)(video, *arguments)
        job = self.model.jobs[video]
        if what == "hold":
            job.due = job.polls = None
        else:
            job.due, job.failure = self.model.now, "invalid_parameter" if arguments else None

    # Configuration

    @rule(said=rules)
    def set_transitions(self, said: dict[str, Any]) -> None:
        """Say how all generations to come end."""
        self.world.transitions.set(TransitionRule.of(said))
        self.model.rule = said

    @rule(said=rules)
    def next_transition(self, said: dict[str, Any]) -> None:
        """Say how the next one ends."""
        self.world.transitions.next(TransitionRule.of(said))
        self.model.upcoming.append(said)

    @precondition(lambda self: not self.model.scenario)
    @rule(said=rules)
    def add_scenario(self, said: dict[str, Any]) -> None:
        """Say it in a scenario."""
        self.world.scenarios.add({"transition": said}, self.world.clock.now(), scenario="said")
        self.model.scenario = said

    @precondition(lambda self: not self.model.refusals)
    @rule(count=st.integers(1, 2))
    def refuse_some(self, count: int) -> None:
        """Let the next few submissions meet the limiter."""
        said = {"on": "videos.create", "error": "rate_limit", "first": count}
        self.world.scenarios.add(said, self.world.clock.now())
        self.model.refusals = count

    @rule()
    def remove_scenarios(self) -> None:
        """Take all of them out of force."""
        self.world.scenarios.clear()
        self.model = replace(self.model, scenario={}, refusals=0)

    # The workspace as a whole

    @rule(target=states)
    def take_snapshot(self) -> Any:
        """Keep what is."""
        return json.dumps(take_snapshot(self.world)), deepcopy(self.model)

    @rule(state=states)
    def restore(self, state: tuple[str, Model]) -> None:
        """Go back to what was, be it under another key."""
        self.replace(self.key, state[0])
        self.model = deepcopy(state[1])

    @rule()
    def fork(self) -> None:
        """Go on in a copy; the original must not notice."""
        taken = take_snapshot(self.world)
        self.others.append((self.key, taken))
        self.key = f"sk_lifecycle_{len(self.others)}"
        self.replace(self.key, json.dumps(taken))

    @rule()
    def reset(self) -> None:
        """Begin again."""
        self.api.app.fake.store.renew(self.key)
        self.model = Model()

    def replace(self, key: str, written: str) -> None:
        """Put a restored workspace in the place of the key's."""
        settings = self.api.app.fake.settings
        self.api.app.fake.store.replace(restore_workspace(key, json.loads(written), settings))

    # What is always true

    @initialize()
    def open(self) -> None:
        """Open the workspace, which begins at the start of time."""
        assert self.world.clock.now() == START

    @invariant()
    def the_clock_is_where_it_should_be(self) -> None:
        """To the microsecond."""
        assert self.world.clock.now() == START + timedelta(seconds=self.model.now)

    @invariant()
    def generations_are_as_the_model_says(self) -> None:
        """All of them, and no others."""
        world = self.world
        found = {video: world.find_state(video).status for video in world.generations}
        assert found == {
            video: job.status(self.model.now) for video, job in self.model.jobs.items()
        }

    @invariant()
    def money_is_as_the_model_says(self) -> None:
        """Held while pending, charged when completed, given back when failed; shown by the API."""
        held, charged = self.model.total("pending"), self.model.total("completed")
        world = self.world
        assert (world.ledger.held, world.ledger.charged) == (held, charged)
        shown = Decimal(self.sent("GET", "/v2/billing/balance").json["balance"])
        assert shown == OPENING - held - charged
        assert sum(world.compute_costs().values()) == charged

    @invariant()
    def originals_do_not_notice_their_forks(self) -> None:
        """Whatever happens to the copy."""
        for key, taken in self.others:
            assert take_snapshot(self.api.workspace(key)) == taken


@pytest.fixture(autouse=True)
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "render", unrendered)


TestLifecycle = Lifecycle.TestCase
