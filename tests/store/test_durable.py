"""What durable stores keep: everything, over restarts and among processes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.control.handle import connect_local
from getimg_mock.world.clock import wall_seconds
from getimg_mock.world.finished_images import finishes_at_once
from getimg_mock.world.snapshots import take_snapshot
from tests.api.driver import KEY, START
from tests.world.worlds import facts, image, made, video

if TYPE_CHECKING:
    from tests.store.makers import Maker


def test_another_process_finds_everything(durable: Maker) -> None:
    """Generations, money, limits, rules, counts, journal and control steps outlive a process."""
    first = durable.drive()
    done = first.image().json
    pending = first.video().json["id"]
    handle = connect_local(first.app.fake, KEY)
    handle.scenarios.add("rate-limited", times=1)
    handle.transitions.set(model="seedance-*", polls=7)
    handle.configure(retention=60)
    handle.limits.set(image_rpm=30)
    handle.ledger.top_up(5)
    state = handle.snapshot()
    second = durable.drive()
    again = connect_local(second.app.fake, KEY)
    assert again.snapshot() == state
    assert second.poll(pending).json == {"id": pending, "status": "pending"}
    assert second.download(done["data"][0]["url"]).status == 200
    assert [each.operation for each in again.journal][:2] == ["images.generate", "videos.create"]
    assert [each.command for each in second.workspace().journal.steps] == [
        "scenarios.add",
        "transitions.set",
        "settings.change",
        "limits.set",
        "ledger.top_up",
    ]


def test_processes_take_turns(durable: Maker) -> None:
    """What one process does is what the next request of another one finds."""
    one, other = durable.drive(), durable.drive()
    for number in range(6):
        driver = (one, other)[number % 2]
        assert driver.image(prompt=f"number {number}").status == 200
    assert one.balance() == other.balance()
    assert one.books() == other.books()
    numbers = [each.number for each in one.workspace().journal]
    assert numbers == list(range(1, len(numbers) + 1))


def test_equal_requests_get_ids_of_their_own(durable: Maker) -> None:
    """The ordinal of equal requests counts over all processes, as ids are drawn from it."""
    drivers = [durable.drive() for _ in range(3)]
    found = {driver.image().json["id"] for driver in drivers for _ in range(3)}
    assert len(found) == 9


def test_a_workspace_of_another_process_goes_the_short_way(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read again is equal to what was made, for the checks that find nothing special."""
    durable.drive().image()
    store = durable.open()
    workspace = store.get_or_create(KEY)
    assert finishes_at_once(workspace)
    kept: list[Any] = []
    commit = store._rows.commit  # type: ignore[attr-defined]

    def note(changes: list[Any], failed: Any = None) -> None:
        kept.extend(changes)
        commit(changes, failed)

    monkeypatch.setattr(store._rows, "commit", note)  # type: ignore[attr-defined]
    workspace.submit(image())
    [changes] = kept
    assert len(changes.generations) == 1
    assert changes.first_exchange is changes.first_step is changes.first_effect is None


def test_counts_are_known_again_when_others_have_left(
    durable: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process asks for the count of each request only while another one may change it."""
    one, other = durable.drive(), durable.drive()
    for number in range(40):
        one.image(prompt=f"number {number}")
    asked: list[bytes] = []
    rows: Any = type(one.app.fake.store._rows)  # type: ignore[attr-defined]
    read_count = rows.read_count

    def note(self: Any, number: int, name: bytes) -> Any:
        asked.append(name)
        return read_count(self, number, name)

    monkeypatch.setattr(rows, "read_count", note)
    ids = {other.image(prompt="number 0").json["id"]}
    for driver in [one] * 10 + [other] * 10:
        ids.add(driver.image(prompt="number 0").json["id"])
    assert len(ids) == 21
    assert 2 <= len(asked) <= 6


def test_a_rule_acts_so_often_over_all_processes(durable: Maker) -> None:
    """`times=2` means two, whichever process answers."""
    drivers = [durable.drive() for _ in range(3)]
    connect_local(drivers[0].app.fake, KEY).scenarios.add("rate-limited", times=2)
    statuses = [driver.video().status for driver in drivers * 2]
    assert sorted(statuses) == [202, 202, 202, 202, 429, 429]


def test_limits_hold_over_all_processes(durable: Maker) -> None:
    """A window and the concurrent slots are those of the workspace, not of a process."""
    drivers = [durable.drive(image_rpm=4, concurrent=2) for _ in range(2)]
    assert [driver.image().status for driver in drivers * 3] == [200] * 4 + [429] * 2
    assert [driver.video().status for driver in drivers * 2] == [202, 202, 429, 429]


def test_one_advance_moves_every_process(durable: Maker) -> None:
    """A clock is moved once, and the video has ended everywhere, charged once."""
    one, other = durable.drive(), durable.drive()
    video_id = one.video().json["id"]
    assert other.poll(video_id).json["status"] == "pending"
    connect_local(one.app.fake, KEY).clock.advance(hours=1)
    assert other.poll(video_id).json["status"] == "completed"
    assert other.books().charged == one.books().charged == Decimal("0.12")
    assert other.workspace().clock.now() == START + timedelta(hours=1)


def test_a_reset_is_one_for_every_process(durable: Maker) -> None:
    """A workspace that another process has replaced is not written back by this one."""
    one, other = durable.drive(), durable.drive()
    other.image()
    connect_local(one.app.fake, KEY).reset()
    assert other.balance() == "100.00"
    assert other.books().generations == 0
    assert [each.operation for each in other.workspace().journal] == ["billing.balance"]


def test_the_key_is_not_kept(durable: Maker) -> None:
    """A workspace is found by a hash of the key; people see the ends of it."""
    key = "sk_a-very-secret-key-0123456789"
    one = durable.drive()
    one.key = key
    one.request("GET", "/v2/billing/balance", key=key)
    link = one.post("/v2/images/generations", {"model": "z-image-turbo", "prompt": "x"}).json
    assert link
    found = next(iter(durable.drive().app.fake.store))
    assert found.key == "sk_...6789"
    assert found.identity.shown_key == "sk_...6789"
    assert not durable.contains(key)


def test_a_magic_key_keeps_its_magic(durable: Maker) -> None:
    """The settings of a magic key outlive the process and a reset by another one."""
    one = durable.drive()
    assert one.workspace("sk_mock_broke_2").compute_balance() == 0
    other = durable.drive()
    (found,) = list(other.app.fake.store)
    assert found.compute_balance() == 0
    assert other.app.fake.store.renew(found).compute_balance() == 0


def test_an_error_of_ours_keeps_nothing(durable: Maker) -> None:
    """A unit of work that a bug ends leaves no half-written workspace."""
    store = durable.open()
    workspace = store.get_or_create("sk_a")
    before = take_snapshot(workspace)

    def fail() -> None:
        with workspace.lock:
            workspace.submit(image())
            made(workspace, {"polls": 2})
            raise LookupError("a bug")

    with pytest.raises(LookupError):
        fail()
    assert take_snapshot(workspace) == before
    assert take_snapshot(durable.open().get_or_create("sk_a")) == before


def test_a_frozen_clock_stays_while_nothing_runs(durable: Maker) -> None:
    """A restart takes no time on a clock that does not run."""
    durable.run(clock="virtual").store.get_or_create("sk_a").advance(60)
    was = durable.run(clock="virtual").store.get_or_create("sk_a")
    then = was.clock.now()
    assert durable.run(clock="virtual").store.get_or_create("sk_a").clock.now() == then


@pytest.mark.parametrize(("clock", "rate"), [("real", 1), ("x60", 60)])
def test_a_running_clock_goes_on_while_nothing_runs(
    durable: Maker, clock: str, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real time counts while no process runs, at the clock's rate, and an offset stays.

    A video that would have ended meanwhile ended at its own moment, and is charged on that date.
    """
    workspace = durable.run(clock=clock, video_seconds=3600).store.get_or_create("sk_a")
    workspace.advance(86400)
    generation = workspace.submit(video())
    then = wall_seconds()
    later = durable.run(clock=clock)
    monkeypatch.setattr("getimg_mock.store.stored_journal.wall_seconds", lambda: then + 10 * 86400)
    again = later.store.get_or_create("sk_a")
    assert again.clock.now() - workspace.opened_at >= timedelta(days=1 + 10 * rate)
    assert generation.ending is not None
    assert again.poll(generation.id).generation.ending == generation.ending
    assert again.compute_costs() == {generation.ending.at.date(): generation.product.total_cost}


def test_polls_and_rules_count_on(durable: Maker) -> None:
    """The third poll ends a video, wherever the first two were answered."""
    first = durable.open().get_or_create("sk_a")
    generation = made(first, {"polls": 3})
    first.scenarios.add({"on": "videos.create", "status": 500, "probability": 0.5}, START)
    drawn = [bool(first.choose_behaviour(facts())[1]) for _ in range(3)]
    statuses = []
    for _ in range(3):
        workspace = durable.open().get_or_create("sk_a")
        statuses.append(workspace.poll(generation.id).status)
        drawn.append(bool(workspace.choose_behaviour(facts())[1]))
    assert statuses == ["pending", "pending", "completed"]
    alone = durable.open().get_or_create("sk_b")
    alone.scenarios.add({"on": "videos.create", "status": 500, "probability": 0.5}, START)
    assert len(drawn) == 6
    (rule,) = durable.open().get_or_create("sk_a").scenarios
    assert (rule.seen, rule.hits) == (6, sum(drawn))


def test_the_journal_keeps_its_bounds(durable: Maker) -> None:
    """The last exchanges stay, by number and by size, whichever process has recorded them."""
    drivers = [durable.drive(journal_exchanges=5) for _ in range(2)]
    for number in range(20):
        drivers[number % 2].get("/v2/billing/balance")
    for driver in drivers:
        assert [each.number for each in driver.workspace().journal] == [16, 17, 18, 19, 20]
        assert len(driver.workspace().journal) == 5
