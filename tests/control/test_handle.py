"""The handle on a workspace: the same on a fake of this process and on one over HTTP."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from getimg_mock import GetimgMockError, MockServer, SettingsError, UnknownNameError, connect
from getimg_mock.errors import ControlError, WaitError
from tests.control.client import VIDEO, Client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock import Workspace


class TestClock:
    """Reading and moving time."""

    def test_stands_still_until_it_is_moved(self, ws: Workspace) -> None:
        """A test on a frozen clock sees the same time however long it takes."""
        before = ws.clock.now()
        assert before.tzinfo is UTC
        assert ws.clock.now() == before
        assert ws.clock.rate == 0

    def test_an_advance_tells_the_new_time_and_the_events_passed_in_order(
        self, ws: Workspace, client: Client
    ) -> None:
        """Whoever moves the clock learns what that brought about, without asking again."""
        begun = ws.clock.now()
        video = client.video()
        advance = ws.clock.advance(minutes=10)
        assert advance.now == ws.clock.now() == begun + timedelta(minutes=10)
        made = [event for event in advance.events if event.generation == video]
        assert [(event.kind, event.at - begun) for event in made] == [
            ("generation.completed", timedelta(seconds=40))
        ]
        assert list(advance.events) == sorted(advance.events, key=lambda event: event.at)

    def test_an_advance_settles_before_it_returns(self, ws: Workspace, client: Client) -> None:
        """The books are right at once: no poll is needed to bring them about."""
        client.video()
        assert ws.ledger.held > 0
        ws.clock.advance(seconds=40)
        assert ws.ledger.held == 0
        assert ws.ledger.charged == ws.ledger.credited - ws.ledger.balance > 0

    @pytest.mark.parametrize(
        "step",
        [
            lambda clock: clock.advance(5400),
            lambda clock: clock.advance("1h30m"),
            lambda clock: clock.advance("90 m"),
            lambda clock: clock.advance(timedelta(hours=1.5)),
            lambda clock: clock.advance(hours=1, minutes=29, seconds=59, milliseconds=1000),
            lambda clock: clock.advance_to(clock.now() + timedelta(hours=1.5)),
            lambda clock: clock.advance_to((clock.now() + timedelta(hours=1.5)).isoformat()),
        ],
    )
    def test_every_way_to_say_how_far_means_the_same(
        self, ws: Workspace, step: Callable[[Any], Any]
    ) -> None:
        """Numbers are seconds, units add up, moments are moments."""
        begun = ws.clock.now()
        assert step(ws.clock).now - begun == timedelta(hours=1.5)

    @given(first=st.integers(0, 10**9), second=st.integers(0, 10**9))
    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_two_advances_are_one_of_their_sum(
        self, ws: Workspace, client: Client, first: int, second: int
    ) -> None:
        """Where a test stops on the way makes no difference to where it arrives."""
        ws.reset()
        client.video()
        begun, state = ws.clock.now(), ws.snapshot()
        together = ws.clock.advance(milliseconds=first + second)
        ws.restore(state)
        parts = [ws.clock.advance(milliseconds=first), ws.clock.advance(milliseconds=second)]
        assert together.now == parts[1].now == begun + timedelta(milliseconds=first + second)
        assert together.events == parts[0].events + parts[1].events

    def test_never_goes_backwards(self, ws: Workspace) -> None:
        """Neither to a moment that is past nor by less than nothing."""
        now = ws.clock.now()
        with pytest.raises(SettingsError, match="never goes backwards"):
            ws.clock.advance_to(now - timedelta(seconds=1))
        with pytest.raises(SettingsError, match="seconds: -1"):
            ws.clock.advance(seconds=-1)
        assert ws.clock.now() == now

    def test_goes_from_event_to_event_until_there_are_no_more(
        self, ws: Workspace, client: Client
    ) -> None:
        """A test can walk through all that will happen; at the end it stays where it is."""
        video = client.video()
        kinds = []
        while events := ws.clock.advance_to_next_event().events:
            kinds += [event.kind for event in events if event.generation == video]
        assert kinds == ["generation.completed", "link.expired"]

    def test_runs_until_a_generation_has_a_status(self, ws: Workspace, client: Client) -> None:
        """Exactly until then, by id or by handle."""
        begun, video = ws.clock.now(), client.video()
        advance = ws.clock.run_until(ws.generations[video], "completed")
        assert advance.now == begun + timedelta(seconds=40)
        assert client.poll(video)["status"] == "completed"
        assert ws.clock.run_until(video, "completed").events == ()

    def test_says_why_a_status_will_not_come(self, ws: Workspace, client: Client) -> None:
        """To run for ever would be worse than to be refused."""
        video = client.video()
        with pytest.raises(ControlError, match="will not be failed"):
            ws.clock.run_until(video, "failed")
        ws.generations[video].hold()
        with pytest.raises(ControlError, match=r"waits for complete\(\) or fail\(\)"):
            ws.clock.run_until(video, "completed")

    def test_can_be_scaled_and_frozen(self, ws: Workspace) -> None:
        """At a rate it passes by itself; frozen it does not."""
        ws.clock.scale(1_000_000)
        assert ws.clock.rate == 1_000_000
        before = ws.clock.now()
        while ws.clock.now() == before:
            continue
        ws.clock.freeze()
        assert ws.clock.rate == 0
        assert ws.clock.now() == ws.clock.now()

    def test_stays_within_the_calendar(self, ws: Workspace) -> None:
        """A moment that no client can parse is refused, not crashed into."""
        for _ in range(9):
            ws.clock.advance(days=36600)
        with pytest.raises(ControlError, match="end of the calendar"):
            ws.clock.advance(days=36600)
        with pytest.raises(SettingsError, match="1970 and 3000"):
            ws.clock.advance_to(datetime(3000, 1, 1, tzinfo=UTC))


class TestTransitions:
    """How generations to come will end."""

    def test_hold_for_the_workspace_for_a_model_and_for_the_next(
        self, ws: Workspace, client: Client
    ) -> None:
        """The narrower rule wins; the next one's is used up."""
        ws.transitions.set(seconds=600)
        ws.transitions.set(model="seedance-v1-5-*", seconds=300)
        ws.transitions.next(seconds=1)
        begun = ws.clock.now()
        videos = [client.video(), client.video(), client.video(model="seedance-v1-pro")]
        ends = [ws.generations[each].ends_at for each in videos]
        assert ends == [begun + timedelta(seconds=seconds) for seconds in (1, 300, 600)]

    def test_can_be_by_polls_and_a_look_is_no_poll(self, ws: Workspace, client: Client) -> None:
        """Asking the controls about a generation does not bring its end nearer."""
        ws.transitions.set(polls=2)
        video = client.video()
        assert client.poll(video)["status"] == "pending"
        for _ in range(5):
            assert ws.generations[video].status == "pending"
        assert client.poll(video)["status"] == "completed"

    def test_can_fail_with_any_code_and_message(self, ws: Workspace, client: Client) -> None:
        """Documented failures go by their name, others bring their words."""
        ws.transitions.next(failed="content_policy_violation", seconds=0)
        ws.transitions.next(failed="mystery", message="Nobody knows.", seconds=0)
        first, second = client.video(), client.video()
        assert client.poll(first)["error"]["code"] == "content_policy_violation"
        assert client.poll(second)["error"] == {"code": "mystery", "message": "Nobody knows."}

    def test_are_shown_and_forgotten(self, ws: Workspace, client: Client) -> None:
        """What is in force can be read; cleared, the settings decide again."""
        ws.transitions.set(seconds=600)
        ws.transitions.next(hold=True)
        assert ws.transitions.rules() == {
            "workspace": {"seconds": "600"},
            "models": {},
            "next": [{"hold": True}],
        }
        ws.transitions.clear()
        video = client.video()
        assert ws.generations[video].ends_at == ws.clock.now() + timedelta(seconds=40)

    def test_of_an_unknown_model_are_refused_with_the_nearest(self, ws: Workspace) -> None:
        """A rule that could never apply is a spelling mistake."""
        with pytest.raises(UnknownNameError, match="seedance-v1-5-pro"):
            ws.transitions.set(model="seedance-v1-5-prop", seconds=1)


class TestGenerations:
    """What was made."""

    def test_are_found_by_id_and_by_what_they_are(self, ws: Workspace, client: Client) -> None:
        """Oldest first, and only those that fit."""
        client.image(prompt="One")
        video = client.video(prompt="Two")
        assert [each.prompt for each in ws.generations] == ["One", "Two"]
        assert [each.id for each in ws.generations.where(kind="video")] == [video]
        assert [each.id for each in ws.generations.where(status="pending")] == [video]
        assert ws.generations.where(model="seedance-v1-pro") == []
        assert len(ws.generations) == 2

    def test_tell_what_they_are(self, ws: Workspace, client: Client) -> None:
        """Everything a test may want to compare, typed."""
        begun, video = ws.clock.now(), ws.generations[client.video()]
        assert (video.kind, video.model, video.status) == ("video", VIDEO["model"], "pending")
        assert repr(video) == f"<generation {video.id}>"
        assert (video.created_at, video.ends_at) == (begun, begun + timedelta(seconds=40))
        assert video.total_cost == ws.ledger.held > 0
        assert video.error is None
        assert video.deletes_at is not None
        assert video.deletes_at - begun >= timedelta(hours=24)

    def test_can_be_completed_and_failed_by_hand(self, ws: Workspace, client: Client) -> None:
        """The end comes now, with its money, and the API says so."""
        first, second, third = (client.video() for _ in range(3))
        ws.generations[first].complete()
        ws.generations[second].fail()
        ws.generations[third].fail(code="boom", message="It broke.")
        assert client.poll(first)["status"] == "completed"
        assert client.poll(second)["error"]["code"] == "server_error"
        assert client.poll(third)["error"] == {"code": "boom", "message": "It broke."}
        assert ws.generations[third].error == {"code": "boom", "message": "It broke."}
        assert ws.generations[third].deletes_at is None
        assert ws.ledger.held == 0
        assert ws.ledger.charged == ws.generations[first].total_cost

    def test_that_are_held_wait_for_a_hand(self, ws: Workspace, client: Client) -> None:
        """No time ends them."""
        video = ws.generations[client.video()]
        video.hold()
        ws.clock.advance(days=365)
        assert (video.status, video.ends_at) == ("pending", None)
        video.complete()
        assert video.status == "completed"

    @pytest.mark.parametrize("action", ["complete", "fail", "hold"])
    def test_that_have_ended_stay_as_they_are(
        self, ws: Workspace, client: Client, action: str
    ) -> None:
        """An ending is final: money was booked by it."""
        video = ws.generations[client.video()]
        video.complete()
        with pytest.raises(ControlError, match="is completed already") as caught:
            getattr(video, action)()
        assert (caught.value.code, caught.value.status) == ("conflict", 409)
        assert video.status == "completed"

    def test_a_failure_without_words_must_be_a_documented_one(
        self, ws: Workspace, client: Client
    ) -> None:
        """`fail(code="content_policy")` is a spelling mistake, and the video stays pending."""
        video = ws.generations[client.video()]
        with pytest.raises(UnknownNameError, match="content_policy_violation"):
            video.fail(code="content_policy")
        assert video.status == "pending"


class TestScenarios:
    """Rules that say who gets something other than the usual."""

    def test_a_named_one_acts_and_counts_its_hits(self, ws: Workspace, client: Client) -> None:
        """Whether a fault was met is part of what a test has to know."""
        rule = ws.scenarios.add("rate-limited", every=1, first=2)
        assert rule.hits == 0
        assert [client.image().status for _ in range(3)] == [429, 429, 200]
        assert (rule.hits, rule.seen) == (2, 3)

    def test_one_of_ones_own_acts_until_it_is_removed(self, ws: Workspace, client: Client) -> None:
        """Removed, its count can still be read."""
        rule = ws.scenarios.add(on="images.generate", status=503)
        assert client.image().status == 503
        rule.remove()
        rule.remove()
        assert client.image().status == 200
        assert rule.hits == 1
        assert ws.scenarios.rules() == []

    def test_the_work_may_be_done_and_charged_and_the_answer_lost(
        self, ws: Workspace, client: Client
    ) -> None:
        """The most expensive fault there is: ledger and answer disagree."""
        ws.scenarios.add(on="images.generate", status=500, after_commit=True, first=1)
        assert client.image().status == 500
        assert ws.ledger.charged > 0
        (exchange,) = ws.journal
        assert "charge" in [effect.what for effect in exchange.effects]

    @pytest.mark.parametrize("suffix", ["toml", "json"])
    def test_one_of_a_file_is_read_where_the_handle_is(
        self, ws: Workspace, client: Client, tmp_path: Path, suffix: str
    ) -> None:
        """The server opens no files for those who control it."""
        path = tmp_path / f"mine.{suffix}"
        path.write_text(
            '[[rules]]\non = "images.generate"\nstatus = 502\n'
            if suffix == "toml"
            else '{"rules": [{"on": "images.generate", "status": 502}]}',
            encoding="utf-8",
        )
        rule = ws.scenarios.add(path, first=1)
        assert [client.image().status for _ in range(2)] == [502, 200]
        assert rule.hits == 1
        with pytest.raises(SettingsError, match="cannot be read"):
            ws.scenarios.add(str(tmp_path / "other.toml"))

    def test_they_are_listed_and_cleared(self, ws: Workspace) -> None:
        """Those in force with their words, those that ship with their purpose."""
        ws.scenarios.add(on=["videos.*"], status=500)
        (rule,) = ws.scenarios.rules()
        assert (rule["on"], rule["status"], rule["hits"]) == (["videos.*"], 500, 0)
        ws.scenarios.clear()
        assert ws.scenarios.rules() == []
        shipped = ws.scenarios.shipped()
        assert {"flaky", "outage", "lost-response"} <= shipped.keys()
        assert all(shipped.values())

    def test_of_a_list_with_a_wrong_rule_none_is_put_in_force(
        self, server: MockServer, key: str, client: Client
    ) -> None:
        """Half a scenario would be a surprise."""
        rules = [{"status": 500}, {"status": 500, "ferst": 1}]
        reply = client.post("/__mock__/scenarios", {"rules": rules})
        assert (reply.status, reply.json["error"]["nearest"]) == (400, "first")
        assert server.workspace(key).scenarios.rules() == []


class TestMoney:
    """Ledger and limits."""

    def test_the_balance_is_topped_up_and_set(self, ws: Workspace, client: Client) -> None:
        """Exact, and what the API says."""
        ws.ledger.set("0.05")
        assert client.image().status == 200
        assert client.image().status == 402
        assert ws.ledger.top_up(Decimal("0.03")) == Decimal("0.04")
        assert client.image().status == 200
        assert ws.ledger.balance == 0
        assert client.get("/v2/billing/balance").json["balance"] == "0.00"

    def test_a_balance_that_is_set_leaves_what_is_held(self, ws: Workspace, client: Client) -> None:
        """A pending video keeps its money; the sum of the books stays right."""
        client.video()
        held = ws.ledger.held
        ws.ledger.set(5)
        assert ws.ledger.balance == 5
        assert ws.ledger.held == held
        assert ws.ledger.credited == ws.ledger.balance + ws.ledger.held + ws.ledger.charged

    def test_entries_say_what_moved(self, ws: Workspace, client: Client) -> None:
        """Each with its moment, its amount and the generation it was for."""
        begun, video = ws.clock.now(), client.video()
        ws.generations[video].complete()
        cost = ws.generations[video].total_cost
        assert [
            (each.what, each.at, each.amount, each.generation) for each in ws.ledger.entries
        ] == [
            ("credit", begun, ws.ledger.credited, None),
            ("hold", begun, cost, video),
            ("charge", begun, cost, video),
        ]

    def test_limits_are_changed_one_by_one(self, ws: Workspace, client: Client) -> None:
        """What is not named stays; what was counted stays counted."""
        assert client.image().status == 200
        ws.limits.set(image_rpm=2)
        told = ws.limits.get()
        assert (told["image_rpm"], told["video_rpm"], told["remaining"]["image"]) == (2, 10**6, 1)
        assert [client.image().status for _ in range(2)] == [200, 429]
        ws.clock.advance(minutes=1)
        assert client.image().status == 200


class TestJournal:
    """What happened."""

    def test_is_asked_by_operation_status_generation_time_and_number(
        self, ws: Workspace, client: Client
    ) -> None:
        """All criteria that are given must fit."""
        client.image()
        first = ws.clock.now()
        ws.clock.advance(minutes=1)
        video = client.video()
        client.poll(video)
        client.image(model="nonsense")

        def numbers(**criteria: Any) -> list[int]:
            return [each.number for each in ws.journal.query(**criteria)]

        assert numbers() == [1, 2, 3, 4]
        assert numbers(operation="images.generate") == [1, 4]
        assert numbers(operation="videos.*") == [2, 3]
        assert numbers(operation="images.generate", status=200) == [1]
        assert numbers(generation=video) == [2, 3]
        assert numbers(until=first) == [1]
        assert numbers(since=first + timedelta(seconds=1)) == [2, 3, 4]
        assert numbers(after=3) == [4]
        assert numbers(last=1) == [4]
        assert numbers(last=0) == []
        assert ws.journal.count(operation="videos.*") == 2
        assert (len(ws.journal), [each.number for each in ws.journal]) == (4, [1, 2, 3, 4])

    def test_an_exchange_has_both_halves_and_its_effects(
        self, ws: Workspace, client: Client, key: str
    ) -> None:
        """Request, answer, times, money; the key is cut."""
        client.post("/v2/images/generations", VIDEO)
        video = client.video()
        refused, made = ws.journal.query()
        assert (refused.status, refused.effects[1:], refused.generation) == (400, (), None)
        assert refused.response.json["error"]["code"] == "invalid_parameter"
        assert (made.operation, made.method, made.status) == ("videos.create", "POST", 202)
        assert (made.path, made.query) == ("/v2/videos/generations", "")
        assert (made.request.json, made.response.json["id"]) == (VIDEO, video)
        assert made.response.header("Content-Type") == "application/json"
        assert made.response.header("x-nothing") is None
        assert made.generation == video
        assert made.at == ws.clock.now()
        assert [effect.what for effect in made.effects] == ["generation", "hold"]
        assert made.effects[1].amount == ws.ledger.held
        assert key not in str(made.raw)

    def test_holds_bytes_of_files_as_they_are(self, ws: Workspace, client: Client) -> None:
        """A body that is no text survives the way through JSON."""
        url = client.image().json["data"][0]["url"]
        picture = client.get(url.removeprefix(client.url)).body
        (download,) = ws.journal.query(operation="downloads.retrieve")
        assert download.response.size == len(picture)
        assert download.response.body == picture[: len(download.response.body)]
        assert download.response.body[:2] == b"\xff\xd8"

    def test_a_wait_ends_with_the_exchange_it_waits_for(
        self, ws: Workspace, client: Client
    ) -> None:
        """A client in another thread is waited for, without polling."""
        with pytest.raises(WaitError):
            ws.journal.wait(operation="images.generate", timeout=0)
        other = threading.Thread(target=lambda: [client.image() for _ in range(2)])
        other.start()
        found = ws.journal.wait(operation="images.generate", status=200, count=2, timeout=30)
        other.join()
        assert found.number == 2
        assert ws.journal.wait(operation="images.generate", timeout=0).number == 1

    def test_a_wait_for_nothing_ends_in_a_timeout_error(self, ws: Workspace) -> None:
        """Users catch `TimeoutError`; the message says what there is instead."""
        with pytest.raises(TimeoutError, match=r"operation=videos\.create in 0 s; there are 0"):
            ws.journal.wait(operation="videos.create", timeout=0)

    def test_is_cleared(self, ws: Workspace, client: Client) -> None:
        """Numbers go on: an exchange's number stands for one exchange."""
        client.image()
        ws.journal.clear()
        assert list(ws.journal) == []
        client.image()
        assert [each.number for each in ws.journal] == [2]


class TestWorkspace:
    """The whole."""

    def test_a_reset_is_a_new_workspace(self, ws: Workspace, client: Client) -> None:
        """Nothing of what was is left, and the same requests get the same answers again."""
        first = client.video()
        ws.scenarios.add("outage")
        ws.transitions.set(hold=True)
        ws.configure(retention=60)
        ws.ledger.set(1)
        ws.limits.set(image_rpm=1)
        ws.reset()
        assert [each.id for each in ws.generations] == []
        assert ws.ledger.balance == 100
        assert (ws.scenarios.rules(), len(ws.journal)) == ([], 0)
        assert ws.settings["retention"] == 86400
        assert ws.limits.get()["image_rpm"] == 10**6
        assert client.video() == first

    def test_a_snapshot_brings_everything_back(self, ws: Workspace, client: Client) -> None:
        """Time, money, generations, rules and their counts, and what was configured."""
        video = client.video()
        rule = ws.scenarios.add(on="images.generate", status=500, first=2)
        ws.configure(retention=60)
        client.image()
        state = ws.snapshot()
        ws.clock.advance(days=1)
        ws.generations[client.video()].fail()
        client.image()
        ws.reset()
        ws.restore(state)
        assert ws.snapshot() == state
        assert ws.settings["retention"] == 60
        assert rule.hits == 1
        assert [client.image().status for _ in range(2)] == [500, 200]
        assert client.poll(video)["status"] == "pending"
        ws.clock.advance(seconds=40)
        assert client.poll(video)["status"] == "completed"

    def test_what_follows_a_snapshot_is_the_same_each_time(
        self, ws: Workspace, client: Client
    ) -> None:
        """A test can be continued from one point in two ways."""
        client.video()
        state = ws.snapshot()
        first = [client.video(), client.video()]
        ws.restore(state)
        assert [client.video(), client.video()] == first

    def test_a_fork_is_a_copy_that_goes_its_own_way(
        self, ws: Workspace, client: Client, key: str
    ) -> None:
        """Same past, separate future."""
        video = client.video()
        other = ws.fork(f"{key}_fork")
        assert other.key == f"{key}_fork"
        assert [each.id for each in other.generations] == [video]
        other.clock.advance(seconds=40)
        assert (other.generations[video].status, ws.generations[video].status) == (
            "completed",
            "pending",
        )
        assert other.ledger.charged > ws.ledger.charged == 0

    def test_a_fork_needs_another_key_that_can_be_one(self, ws: Workspace) -> None:
        """A copy that no client could reach, or that is its own original, helps nobody."""
        with pytest.raises(SettingsError, match="onto itself"):
            ws.fork(ws.key)
        with pytest.raises(SettingsError, match="'no key' is no key"):
            ws.fork("no key")

    def test_settings_are_changed_for_what_comes(self, ws: Workspace, client: Client) -> None:
        """Those that mean something to a workspace that lives; others are refused by name."""
        ws.configure(video_seconds="5", retention=60)
        video = ws.generations[client.video()]
        assert video.ends_at == ws.clock.now() + timedelta(seconds=5)
        assert video.deletes_at is not None
        assert video.deletes_at - ws.clock.now() < timedelta(seconds=67)
        with pytest.raises(ControlError, match="pending"):
            ws.configure(charge_at="submission")
        with pytest.raises(UnknownNameError, match="fail_rate"):
            ws.configure(failrate=1)

    def test_a_summary_counts_what_there_is(self, ws: Workspace, client: Client) -> None:
        """One look for people and for the end of a test."""
        client.image()
        ws.generations[client.video()].fail()
        client.video()
        told = ws.summary()
        assert told["generations"] == {"pending": 1, "completed": 1, "failed": 1}
        assert (told["exchanges"], told["rules"], told["rate"]) == (3, 0, 0)
        assert datetime.fromisoformat(told["now"]) == ws.clock.now()

    def test_does_not_show_its_key(self, ws: Workspace, key: str, server: MockServer) -> None:
        """A handle in a log or a traceback is no leak."""
        assert key not in repr(connect(server.url, key))
        assert repr(ws).startswith("<Workspace")


MISTAKES: dict[str, Callable[[Any], object]] = {
    "unknown unit": lambda ws: ws.clock.advance(minuts=1),
    "no step": lambda ws: ws.clock.advance(),
    "step is no time": lambda ws: ws.clock.advance("soon"),
    "step is not finite": lambda ws: ws.clock.advance(seconds=float("inf")),
    "step is no number": lambda ws: ws.clock.advance(seconds=float("nan")),
    "step is nothing that JSON can say": lambda ws: ws.clock.advance({1}),
    "moment without zone": lambda ws: ws.clock.advance_to("2999-01-01T00:00:00"),
    "moment is none": lambda ws: ws.clock.advance_to("tomorrow"),
    "rate below zero": lambda ws: ws.clock.scale(-1),
    "unknown status": lambda ws: ws.clock.run_until("req-1", "complete"),
    "unknown generation": lambda ws: ws.clock.run_until("req-1", "completed"),
    "generation to complete": lambda ws: ws.generations["req-1"].complete(),
    "generation with a slash": lambda ws: ws.generations["a/b"].complete(),
    "generation without name": lambda ws: ws.generations[""].complete(),
    "unknown criterion": lambda ws: ws.generations.where(status="done"),
    "nothing said": lambda ws: ws.transitions.set(),
    "polls of none": lambda ws: ws.transitions.set(polls=0),
    "unknown transition key": lambda ws: ws.transitions.next(secnds=1),
    "unknown scenario": lambda ws: ws.scenarios.add("flakey"),
    "path for a name": lambda ws: ws.scenarios.add("../outage"),
    "unknown rule key": lambda ws: ws.scenarios.add(statsu=500),
    "name of a parameter of ours": lambda ws: ws.scenarios.add("flaky", now=1),
    "rule without behaviour": lambda ws: ws.scenarios.add(on="videos.create"),
    "unknown operation": lambda ws: ws.scenarios.add(on="video.create", status=500),
    "no amount": lambda ws: ws.ledger.top_up("much"),
    "amount below zero": lambda ws: ws.ledger.top_up(-1),
    "no limit": lambda ws: ws.limits.set(),
    "unknown limit": lambda ws: ws.limits.set(image_rmp=1),
    "limit of a half": lambda ws: ws.limits.set(concurrent=0.5),
    "unknown journal criterion": lambda ws: ws.journal.query(operaton="x"),
    "status is no number": lambda ws: ws.journal.count(status="ok"),
    "too long a wait": lambda ws: ws.journal.wait(timeout=1e6),
    "no snapshot": lambda ws: ws.restore({}),
    "a snapshot with a wrong time": lambda ws: ws.restore(ws.snapshot() | {"now": "2026"}),
    "a snapshot with a day that never was": lambda ws: ws.restore(
        ws.snapshot() | {"ledger": ws.snapshot()["ledger"] | {"by_date": {"2026-02-31": "1"}}}
    ),
    "a snapshot with a rule that cannot be": lambda ws: ws.restore(
        ws.snapshot() | {"transitions": {"workspace": {"polls": 0}, "models": {}, "next": []}}
    ),
    "key that no header carries": lambda ws: ws.fork("sk_\u20ac"),
    "unknown setting": lambda ws: ws.configure(retenton=1),
    "setting that cannot be changed": lambda ws: ws.configure(port=1),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_alike_here_and_there(
    server: MockServer, key: str, mistake: Callable[[Workspace], object]
) -> None:
    """Same class, same words: code that works on one handle works on the other."""
    refused = []
    for handle in (server.workspace(key), connect(server.url, key)):
        with pytest.raises(GetimgMockError) as caught:
            mistake(handle)
        refused.append(caught.value)
    local, remote = refused
    assert (type(local), str(local)) == (type(remote), str(remote))
    assert "\n" not in str(local)
    assert len(str(local)) < 500
    for name in ("code", "status", "nearest", "kind", "name"):
        assert getattr(local, name, None) == getattr(remote, name, None)


def test_what_is_unknown_names_the_nearest(ws: Workspace) -> None:
    """A spelling mistake costs one look at the message."""
    for wrong, nearest in (
        (lambda: ws.scenarios.add("rate-limitd"), "rate-limited"),
        (lambda: ws.scenarios.add(on="videos.creat", status=500), "videos.create"),
        (lambda: ws.scenarios.add(ststus=500), "status"),
        (lambda: ws.configure(retenton=1), "retention"),
        (lambda: ws.limits.set(image_rmp=1), "image_rpm"),  # type: ignore[call-arg]
    ):
        with pytest.raises(UnknownNameError) as caught:
            wrong()
        assert caught.value.nearest == nearest


class TestConnect:
    """Reaching a fake that runs elsewhere."""

    def test_says_at_once_when_nothing_answers(self) -> None:
        """Not at the first use, far from the mistake."""
        with MockServer() as server:
            gone = server.url
        with pytest.raises(ControlError, match="getimg-mock serve") as caught:
            connect(gone, "sk_x")
        assert caught.value.code == "unreachable"

    @pytest.mark.parametrize("url", ["https://api.getimg.ai", "http://getimg.ai/x"])
    def test_never_asks_the_real_api(self, url: str) -> None:
        """A key that costs money must not be sent there by a control call."""
        with pytest.raises(SettingsError, match="is the real API"):
            connect(url, "sk_x")

    @pytest.mark.parametrize(
        "url", ["", "localhost:4010", "ftp://localhost", "http://", "http://[", "http://h:x"]
    )
    def test_refuses_what_is_no_url(self, url: str) -> None:
        """With an example of what is."""
        with pytest.raises(SettingsError):
            connect(url, "sk_x")

    def test_refuses_a_key_that_the_api_would_refuse(self, server: MockServer) -> None:
        """Here and there: nobody could use that workspace."""
        with pytest.raises(SettingsError, match="no key"):
            server.workspace("wrong")
        with pytest.raises(ControlError, match="keys look like sk_") as caught:
            connect(server.url, "wrong")
        assert caught.value.status == 401

    def test_refuses_a_key_or_token_that_no_header_carries(self, server: MockServer) -> None:
        """Before anything is sent: a header cannot be broken by what stands in it."""
        with pytest.raises(SettingsError, match="The key holds letters"):
            connect(server.url, "sk_\u20ac")
        with pytest.raises(SettingsError, match="The token holds letters"):
            connect(server.url, "sk_x", token="x\r\nHost: evil")

    def test_two_handles_see_one_workspace(self, server: MockServer, key: str) -> None:
        """The state is the fake's, never the handle's."""
        here, there = server.workspace(key), connect(f"{server.url}/", key)
        there.ledger.set(7)
        assert here.ledger.balance == 7
        here.clock.advance(minutes=1)
        assert there.clock.now() == here.clock.now()
        assert there.snapshot() == here.snapshot()
