"""Scenario rules: which requests they act on, how often, and which of several decides."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.world.behaviours import NOTHING, Behaviour
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.rule_files import list_scenario_names, load_scenario
from getimg_mock.world.scenarios import MAX_RULES, Facts, Scenarios
from tests.world.worlds import START, facts

SEED = b"seed"
ERROR = {"error": "server_error"}


def scenarios(*rules: dict[str, Any]) -> Scenarios:
    """Return these rules in force, the last the strongest."""
    made = Scenarios(SEED)
    for rule in rules:
        made.add(rule, START)
    return made


def acts(rules: Scenarios, asked: Facts) -> bool:
    """Return whether any rule acts on a request."""
    return rules.choose_behaviour(asked)[0] != NOTHING


def pattern(rules: Scenarios, count: int, **values: Any) -> str:
    """Return on which of so many equal requests any rule acts, as a row of x and dots."""
    return "".join("x" if acts(rules, facts(**values)) else "." for _ in range(count))


# Criteria ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "hit"),
    [
        ("videos.create", {"videos.create"}),
        ("videos.*", {"videos.create", "videos.retrieve"}),
        (["images.*", "models.list"], {"images.generate", "models.list"}),
        ("*", set(OPERATIONS)),
        (None, set(OPERATIONS)),
    ],
)
def test_a_rule_acts_on_its_operations_alone(on: Any, hit: set[str]) -> None:
    """By name or glob, one or a list; without any, on all."""
    rules = scenarios(ERROR | ({} if on is None else {"on": on}))
    assert {each for each in OPERATIONS if acts(rules, facts(each))} == hit


@pytest.mark.parametrize(
    ("criterion", "fits", "fits_not"),
    [
        ({"model": "seedance-*"}, {"model": "seedance-v1-pro"}, {"model": "seedream-4"}),
        ({"model": "seedance-*"}, {"model": "seedance-v1-pro"}, {"model": None}),
        ({"prompt": "(?i)cat"}, {"prompt": "A Cat, asleep"}, {"prompt": "A dog"}),
        ({"prompt": "^$"}, {"prompt": ""}, {"prompt": None}),
        ({"key": "sk_team_*"}, {"key": "sk_team_a"}, {"key": "sk_other"}),
        ({"state": "pending"}, {"state": "pending"}, {"state": "completed"}),
        ({"state": "failed"}, {"state": "failed"}, {"state": None}),
    ],
)
def test_every_criterion_tells_requests_apart(
    criterion: dict[str, Any], fits: dict[str, Any], fits_not: dict[str, Any]
) -> None:
    """A request that has no such thing does not fit either."""
    assert acts(scenarios(ERROR | criterion), facts(**fits))
    assert not acts(scenarios(ERROR | criterion), facts(**fits_not))


def test_all_criteria_must_fit() -> None:
    """They are joined by and."""
    rules = scenarios(ERROR | {"on": "videos.create", "model": "a", "prompt": "b"})
    assert acts(rules, facts(model="a", prompt="b"))
    for other in ({"model": "x", "prompt": "b"}, {"model": "a", "prompt": "x"}):
        assert not acts(rules, facts(**other))
    assert not acts(rules, facts("images.generate", model="a", prompt="b"))


@pytest.mark.parametrize(
    ("when", "first", "last"),
    [
        ({"after": 10}, 10, 99),
        ({"before": 10}, 0, 9),
        ({"after": 10, "before": "20"}, 10, 19),
        ({"seconds": 10}, 0, 9),
        ({"after": 5, "seconds": 10}, 5, 9),
    ],
)
def test_a_rule_may_be_in_force_for_a_while(when: dict[str, Any], first: int, last: int) -> None:
    """Counted from when it was added, on the workspace's clock; the end is not part of it."""
    rules = scenarios(ERROR | when)
    hit = [at for at in range(100) if acts(rules, facts(now=START + timedelta(seconds=at)))]
    assert (hit[0], hit[-1], len(hit)) == (first, last, last - first + 1)


# How often --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("often", "shown"),
    [
        ({}, "xxxxxxxx"),
        ({"first": 2}, "xx......"),
        ({"times": 2}, "xx......"),
        ({"every": 3}, "..x..x.."),
        ({"nth": 3}, "..x....."),
        ({"every": 2, "first": 2}, ".x.x...."),
        ({"probability": 0}, "........"),
        ({"probability": 1}, "xxxxxxxx"),
    ],
)
def test_a_rule_acts_as_often_as_it_says(often: dict[str, Any], shown: str) -> None:
    """Always, first n, every nth, only the nth, and these together."""
    rules = scenarios(ERROR | often)
    assert pattern(rules, 8) == shown
    (rule,) = rules
    assert (rule.seen, rule.hits) == (8, shown.count("x"))


def test_only_requests_that_fit_are_counted() -> None:
    """The nth of its own requests, not of all."""
    rules = scenarios(ERROR | {"on": "videos.create", "nth": 2})
    shown = [
        acts(rules, facts(each))
        for each in ("videos.create", "models.list", "models.list", "videos.create")
    ]
    assert shown == [False, False, False, True]


def test_probability_is_a_share_of_the_requests() -> None:
    """Of many, about so many; drawn by seed."""
    rules = scenarios(ERROR | {"probability": 0.3})
    hits = sum(acts(rules, facts(identity=b"%d" % n)) for n in range(2000))
    assert 520 < hits < 680


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=40), st.randoms())
def test_probability_does_not_depend_on_the_order_of_requests(
    identities: list[bytes], shuffler: Any
) -> None:
    """The nth request of a kind is hit or spared, whatever comes between."""

    def outcomes(order: list[bytes]) -> dict[bytes, list[bool]]:
        rules = scenarios(ERROR | {"probability": 0.5})
        found: dict[bytes, list[bool]] = {}
        for identity in order:
            found.setdefault(identity, []).append(acts(rules, facts(identity=identity)))
        return found

    shuffled = list(identities)
    shuffler.shuffle(shuffled)
    assert outcomes(identities) == outcomes(shuffled)


def test_the_same_rule_draws_the_same_however_it_was_written() -> None:
    """Lists or tuples, in any order of keys: JSON, TOML and Python mean the same."""
    written = [
        {"on": ["videos.*"], "probability": 0.5, "transition": {"seconds": 1, "failed": True}},
        {"transition": {"failed": True, "seconds": 1}, "probability": 0.5, "on": ("videos.*",)},
        {
            "on": ["videos.*"],
            "probability": 0.5,
            "nth": None,
            "transition": {"seconds": 1, "failed": True},
        },
    ]
    assert len({pattern(scenarios(each), 64) for each in written}) == 1


# Several rules ----------------------------------------------------------------------------------


def test_of_two_errors_the_rule_added_last_gives_its_own() -> None:
    """It is what somebody asked for most recently."""
    rules = scenarios({"error": "server_error"}, {"error": "rate_limit", "first": 1})
    statuses = [rules.choose_behaviour(facts())[0].error for _ in range(2)]
    assert [each.status for each in statuses if each] == [429, 500]


def test_rules_add_up_where_they_do_not_contradict() -> None:
    """Latency of one, the error of another, the oddity of a third."""
    rules = scenarios({"latency": 3}, {"error": "server_error"}, {"oddity": "nulls"})
    behaviour, acting = rules.choose_behaviour(facts())
    assert (behaviour.name, behaviour.oddity) == ("500 server_error", ("nulls",))
    assert behaviour.latency is not None
    assert [rule.id for rule in acting] == ["rule-3", "rule-2", "rule-1"]


def test_a_rule_with_nothing_left_to_decide_does_not_act() -> None:
    """It keeps its `first` for a request on which it shows, and `hits` counts what was seen."""
    rules = scenarios({"error": "server_error", "first": 1}, {"error": "rate_limit", "first": 1})
    shown = [rules.choose_behaviour(facts())[0].error for _ in range(3)]
    assert [each and each.status for each in shown] == [429, 500, None]
    assert [(rule.seen, rule.hits) for rule in rules] == [(3, 1), (3, 1)]


def test_what_the_request_asks_for_wins_over_every_rule() -> None:
    """A header or a magic word; what it leaves open, rules may say."""
    rules = scenarios({"error": "server_error", "latency": 5})
    asked = Behaviour.of({"status": 404})
    behaviour, acting = rules.choose_behaviour(facts(), asked)
    assert (behaviour.error, len(acting)) == (asked.error, 1)
    assert behaviour.latency is not None


@pytest.mark.parametrize(
    ("rule", "possible"),
    [
        ({"fault": "corrupt_media"}, {"downloads.retrieve"}),
        ({"fault": "malformed_json"}, set(OPERATIONS) - {"downloads.retrieve"}),
        ({"fault": "expired_url"}, {"images.generate", "videos.retrieve", "downloads.retrieve"}),
        ({"transition": {"seconds": 5}}, {"images.generate", "videos.create"}),
        ({"transition": {"seconds": 5}, "latency": 1}, set(OPERATIONS)),
    ],
)
def test_a_rule_does_not_waste_itself_where_it_can_do_nothing(
    rule: dict[str, Any], possible: set[str]
) -> None:
    """`first=1` on corrupt media waits for media."""
    rules = scenarios(rule)
    assert {each for each in OPERATIONS if acts(rules, facts(each))} == possible
    assert sum(each.seen for each in rules) == len(possible)
    impossible = sorted(set(OPERATIONS) - possible)
    if impossible:
        with pytest.raises(SettingsError, match=r"applies to .* only"):
            scenarios(rule | {"on": impossible})


# Adding, loading, removing -----------------------------------------------------------------------


@pytest.mark.parametrize("name", list_scenario_names())
def test_a_shipped_scenario_loads_and_its_first_rule_is_the_strongest(name: str) -> None:
    """As it is read, so it counts."""
    rules = Scenarios(SEED)
    loaded = rules.load(name, START)
    assert [rule.source for rule in loaded] == load_scenario(name).rules
    assert {rule.scenario for rule in loaded} == {name}
    assert list(rules) == loaded[::-1]


def test_a_scenario_that_does_not_exist_is_refused_with_the_nearest() -> None:
    """A typo must not silently test nothing."""
    with pytest.raises(UnknownNameError, match="Did you mean 'rate-limited'"):
        Scenarios(SEED).load("rate-limitted", START)


def test_overrides_change_every_rule_of_a_scenario() -> None:
    """`times` replaces `first`, too: they are two words for one thing."""
    rules = Scenarios(SEED)
    (lost,) = rules.load("lost-response", START, times=2, on="videos.create")
    assert pattern(rules, 4) == "xx.."
    assert lost.frequency.first == 2
    (always,) = rules.load("lost-response", START, first=None)
    assert always.frequency.first is None


def test_several_rules_come_into_force_together_or_not_at_all() -> None:
    """One that is wrong leaves no half of a scenario behind."""
    rules = Scenarios(SEED)
    with pytest.raises(SettingsError):
        rules.load_rules([ERROR, {"error": "no_such"}], START)
    assert list(rules) == []


def test_a_rule_that_was_removed_does_not_act() -> None:
    """By its id; its number is not given again."""
    rules = scenarios(ERROR, {"latency": 1})
    assert rules.remove("rule-1")
    assert not rules.remove("rule-1")
    assert rules.choose_behaviour(facts())[0].error is None
    assert rules.add(ERROR, START).id == "rule-3"
    assert rules.get("rule-3") is not None
    rules.clear()
    assert (len(rules), pattern(rules, 2)) == (0, "..")


# Written and read again -------------------------------------------------------------------------


def restored(rules: Scenarios) -> Scenarios:
    """Return the rules after a journey through JSON."""
    fresh = Scenarios(SEED)
    fresh.restore(json.loads(json.dumps(rules.as_json())), datetime.fromisoformat)
    return fresh


def test_who_changes_what_was_told_changes_no_rule() -> None:
    """Least of all the scenario that ships, which every workspace of the process reads."""
    rules = Scenarios(SEED)
    (rule, *_) = rules.load("flaky", START)
    before = json.dumps(rules.as_json())
    for told in (rule.as_json(), *rules.as_json()):
        told["on"].clear()
    assert json.dumps(rules.as_json()) == before
    assert all(each["on"] for each in load_scenario("flaky").rules)


@given(st.sets(st.integers(0, 4), max_size=4), st.integers(0, 10))
def test_rules_go_on_after_a_restore_as_if_nothing_had_been(gone: set[int], before: int) -> None:
    """Ids, counts, order and draws; whichever rules were removed meanwhile."""
    rules = scenarios(
        ERROR | {"first": 4},
        {"latency": 2, "probability": 0.5},
        {"error": "rate_limit", "every": 3},
        {"oddity": "nulls", "seconds": 60},
        {"transition": {"seconds": "20..60"}, "nth": 5},
    )
    for number in gone:
        rules.remove(f"rule-{number + 1}")
    pattern(rules, before)
    again = restored(rules)
    assert again.as_json() == rules.as_json()
    for _ in range(12):
        one, other = rules.choose_behaviour(facts()), again.choose_behaviour(facts())
        assert one[0] == other[0]
        assert [rule.id for rule in one[1]] == [rule.id for rule in other[1]]
    new = again.add(ERROR, START)
    assert new.id not in {rule.id for rule in rules}


def test_counts_are_right_when_threads_ask_at_once() -> None:
    """`first=n` is n, however many come together."""
    rules = scenarios(ERROR | {"first": 50})
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(pattern(rules, 100))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (rule,) = rules
    assert "".join(found).count("x") == rule.hits == 50
    assert rule.seen == 800


def test_the_rules_of_a_workspace_are_bounded() -> None:
    """Each request is compared with all of them; what would exceed the bound adds nothing."""
    rules = scenarios()
    rules.load_rules([ERROR] * (MAX_RULES - 1), START)
    with pytest.raises(SettingsError, match=r"at most 1,000 rules.*clear"):
        rules.load_rules([ERROR] * 2, START)
    rules.add(ERROR, START)
    with pytest.raises(SettingsError, match="has 1,000 now"):
        rules.add(ERROR, START)
    with pytest.raises(SettingsError, match="at most 1,000 rules, not 1,001"):
        rules.restore(rules.as_json() + rules.as_json()[:1], datetime.fromisoformat)
    assert len(rules) == MAX_RULES
    rules.clear()
    rules.add(ERROR, START)
