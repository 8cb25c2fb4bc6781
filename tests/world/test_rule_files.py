"""Reading rules: from keywords, TOML and JSON; what the schema allows is what the reader takes."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from getimg_mock import schemas
from getimg_mock._shipped import read_text
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.world.behaviours import ERRORS, ODDITIES, REPLACEMENT_FAULTS, RESPONSE_FAULTS
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.rule_files import (
    RULE_KEYS,
    Scenario,
    list_scenario_names,
    load_scenario,
    read_rule,
    resolve_scenario,
)
from getimg_mock.world.transitions import FAILURES

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = schemas.schema("own/scenario")
RULE = SCHEMA["properties"]["rules"]["items"]
PROMISED = {
    "flaky",
    "slow-video",
    "moderation",
    "out-of-credit",
    "rate-limited",
    "outage",
    "lossy-network",
    "lost-response",
    "expired-links",
    "greasy",
}


def reader_takes(rule: dict[str, Any]) -> bool:
    """Return whether the reader takes a rule; anything but its own error is a bug."""
    try:
        read_rule(rule)
    except SettingsError:
        return False
    return True


def schema_allows(rule: dict[str, Any]) -> bool:
    """Return whether the schema allows a rule, according to both libraries."""
    whole = {"rules": [rule]}
    ours = not schemas.violations("own/scenario", whole)
    assert ours == Draft202012Validator(SCHEMA).is_valid(whole)
    return ours


def test_the_operations_are_those_of_the_api() -> None:
    """A rule can be about each of them and about nothing else."""
    assert read_rule({"status": 500}).criteria["on"] == set(OPERATIONS)
    for name in OPERATIONS:
        assert read_rule({"on": name, "status": 500}).criteria["on"] == {name}


def test_the_schema_knows_the_keys_of_the_reader() -> None:
    """And the words: errors, faults and oddities."""
    properties = RULE["properties"]
    assert set(properties) == set(RULE_KEYS)
    assert set(properties["error"]["enum"]) == set(ERRORS)
    assert set(properties["fault"]["enum"]) == set(REPLACEMENT_FAULTS + RESPONSE_FAULTS)
    assert set(properties["oddity"]["items"]["enum"]) == set(ODDITIES)
    assert set(properties["oddity"]["then"]["enum"]) == set(ODDITIES)


# Values that are right for a key, that nearly are, and that are not at all.
spans = st.sampled_from(
    [
        0,
        30,
        1.5,
        30.0,
        "30",
        " 30 ",
        "20..60",
        "20 .. 60",
        "normal(40, 10)",
        "exponential(40)",
        "lognormal(28, 35)",
        "lognormal(28)",
        "quantiles(p0=20, p50=28.5, p100=35)",
        "quantiles()",
        "quantiles(28)",
        "normal(40)",
        "exponential(1, 2)",
        "30s",
        "-1",
        -1,
        "",
        "..",
        True,
        [],
        4e9,
        "1e3",
        "uniform(1)",
    ]
)
single = st.sampled_from([0, 7, 2.5, "7", "7.5", " 7", "a", "", -1, True, {}, 4e9, "1..2"])
counts = st.sampled_from([1, 3, 3.0, 0, -1, 1.5, "3", True, []])
texts = st.sampled_from(["", "a", "ä", 3, True, ["a"], {}])
flags = st.sampled_from([True, False, 1, "true", []])
on = st.one_of(
    st.sampled_from([*OPERATIONS, "*", "videos.*", ["videos.*", "models.list"], [], {}, 3, [3]])
)
headers = st.sampled_from(
    [
        {},
        {"X-A": "b"},
        {"x y": "a"},
        {"": "a"},
        {"content-length": "3"},
        {"Connection": "close"},
        {"x": 3},
        {"x": "a\nb"},
        {"x": "ü"},
        [],
        "x",
    ]
)
canned = st.one_of(
    st.sampled_from([{}, [], "x", {"statu": 1}]),
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from([200, 599, 200.0, 99, "200", True]),
            "headers": headers,
            "body": st.sampled_from([{}, [], "a", 3, None, True]),
            "text": texts,
        },
    ),
)
transition = st.one_of(
    st.sampled_from([{}, 30, "seconds", [], {"second": 3}]),
    st.fixed_dictionaries(
        {},
        optional={
            "seconds": spans,
            "polls": st.sampled_from([1, 3.0, 10**6, 10**6 + 1, 0, "3", True, 1.5]),
            "hold": flags,
            "failed": st.sampled_from([*FAILURES, "other", "", True, False, 3, []]),
            "message": texts,
            "completed": flags,
            "fail_rate": st.sampled_from([0, 1, 0.5, 1.5, -0.1, True, "0.5"]),
        },
    ),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "on": on,
    "model": texts,
    "prompt": texts,
    "key": st.sampled_from(["sk_*", "", 3, "a" * 1000, "a" * 1001]),
    "nth": counts,
    "after": single,
    "before": single,
    "state": st.sampled_from(["pending", "completed", "failed", "done", "", 3, []]),
    "first": counts,
    "times": counts,
    "every": counts,
    "probability": st.sampled_from([0, 1, 0.25, 1.01, -1, True, "0.5", []]),
    "seconds": single,
    "latency": spans,
    "error": st.sampled_from([*ERRORS, "server_eror", "", 3, True, []]),
    "status": st.sampled_from([200, 404, 503, 503.0, 599, 600, 199, "503", True, []]),
    "code": texts,
    "message": texts,
    "param": texts,
    "retry_after": st.sampled_from([0, 20, 0.5, -1, "soon", "", "a\nb", "ü", True, [], {}]),
    "answer": canned,
    "fault": st.sampled_from([*REPLACEMENT_FAULTS, *RESPONSE_FAULTS, "rest", "", 3, []]),
    "after_commit": flags,
    "oddity": st.sampled_from([*ODDITIES, [*ODDITIES], ["nulls", 3], [], "null", "", 3, {}]),
    "transition": transition,
}
rules = st.one_of(
    st.fixed_dictionaries({}, optional=VALUES),
    # Few keys, so that many rules are right.
    st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({key: VALUES[key] for key in keys})
    ),
    st.fixed_dictionaries({"error": VALUES["error"]}, optional={"frist": st.just(1)}),
)


def beyond_a_schema(rule: dict[str, Any]) -> bool:
    """Return whether a rule is refused for a reason that only the reader can see.

    Whether a time comes before another, and whether a behaviour can be done to an operation.
    """
    try:
        read_rule(rule)
    except SettingsError as error:
        return "would never act" in str(error) or "this behaviour applies to" in str(error)
    return False


def test_there_are_values_for_every_key() -> None:
    """Or a key would not be compared."""
    assert set(VALUES) == set(RULE_KEYS)


@given(rules)
@example({"error": "server_error", "first": 1, "times": 1})
@example({"fault": "close", "after_commit": True})
@example({"fault": "drip", "after_commit": True})
@example({"transition": {"failed": "other", "message": "Why."}})
@example({"transition": {"failed": True, "completed": True}})
def test_the_reader_takes_what_the_schema_allows(rule: dict[str, Any]) -> None:
    """Whoever writes a file in an editor that knows the schema is not surprised later."""
    if not beyond_a_schema(rule):
        assert reader_takes(rule) == schema_allows(rule)
    else:
        assert schema_allows(rule)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"eror": "rate_limit"}, "Unknown rule key 'eror'. Did you mean 'error'?"),
        ({"error": "x", "on": "videos.creat"}, "Unknown error"),
        ({"latency": 1, "on": "videos.creat"}, "Did you mean 'videos.create'?"),
        ({"latency": 1, "on": ["video.*"]}, "Unknown operation 'video.*'"),
        ({"latency": 1, "on": []}, "neither an operation nor a list"),
        ({"latency": 1, "state": "done"}, "Unknown state 'done'"),
        ({"latency": 1, "prompt": "("}, "prompt"),
        ({"latency": 1, "model": "x" * 1001}, "at most 1000 characters"),
        ({"latency": 1, "first": 1, "times": 1}, "are the same option"),
        ({"latency": 1, "after": "1..2"}, "one number of seconds"),
        ({"latency": 1, "after": "exponential(0)"}, "one number of seconds"),
        ({"latency": 1, "after": 5, "before": 5}, "would never act"),
        ({"latency": 1, "after": 5, "seconds": 4}, "would never act"),
        ({"latency": 1, "seconds": 0}, "would never act"),
        ({"latency": 1, "every": 0}, "at least 1"),
        ({"latency": 1, "probability": 2}, "from 0 to 1"),
        ({"on": "videos.*", "first": 3}, "needs a behaviour"),
    ],
)
def test_a_rule_that_cannot_be_used_says_why(rule: dict[str, Any], said: str) -> None:
    """And names the nearest where a name is unknown."""
    with pytest.raises(SettingsError) as caught:
        read_rule(rule)
    assert said in str(caught.value)


def test_a_key_that_is_none_is_as_if_it_were_not_there() -> None:
    """Python programs pass options through."""
    assert read_rule({"latency": 1, "model": None, "error": None}) == read_rule({"latency": 1})


# Files -----------------------------------------------------------------------------------------


def test_the_promised_scenarios_ship() -> None:
    """At least these."""
    assert set(list_scenario_names()) >= PROMISED


@pytest.mark.parametrize("name", list_scenario_names())
def test_a_shipped_scenario_is_what_the_schema_says(name: str) -> None:
    """Valid, named after its file, and with a paragraph on what it is for."""
    loaded = tomllib.loads(read_text("fixtures", f"scenarios/{name}.toml"))
    assert schemas.violations("own/scenario", loaded) == []
    assert Draft202012Validator(SCHEMA).is_valid(loaded)
    found = load_scenario(name)
    assert found.name == loaded["name"] == name
    assert len(found.summary.split()) > 20
    assert found.summary.endswith(".")


TOML = """
summary = "Mine."
[[rules]]
on = "videos.*"
error = "server_error"
first = 2
"""


def test_a_scenario_of_ones_own_may_be_toml_or_json(tmp_path: Path) -> None:
    """The suffix tells; both say the same."""
    toml, written = tmp_path / "mine.toml", tmp_path / "mine.json"
    toml.write_text(TOML, encoding="utf-8")
    written.write_text(json.dumps(tomllib.loads(TOML)), encoding="utf-8")
    one, other = resolve_scenario(str(toml)), resolve_scenario(str(written))
    assert one == Scenario(str(toml), "Mine.", tomllib.loads(TOML)["rules"])
    assert (other.summary, other.rules) == (one.summary, one.rules)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "rules = ", "is not valid TOML"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[]", "a scenario must be a table"),
        ("a.toml", "", "needs at least one rule"),
        ("a.json", '{"rules": []}', "needs at least one rule"),
        ("a.json", '{"rules": [3]}', "rules[0]: a rule must be a table"),
        ("a.json", '{"rule": []}', "Did you mean 'rules'?"),
        ("a.json", '{"name": 3, "rules": [{"latency": 1}]}', "name: 3 is not a string"),
        ("a.json", '{"summary": [], "rules": [{"latency": 1}]}', "summary: [] is not a string"),
        ("a.json", '{"rules": [{"latency": 1}, {"latency": "x"}]}', "rules[1]: 'x' is not a time"),
        ("a.toml", '[[rules]]\nerror = "rate_limt"', "Did you mean 'rate_limit'?"),
        ("a.toml", b"\xff\xfe", "is not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_it_is_wrong(
    tmp_path: Path, name: str, text: str | bytes, said: str
) -> None:
    """The file, the rule and the key."""
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        resolve_scenario(str(file))
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """A path is told from a name by its suffix."""
    with pytest.raises(SettingsError, match="cannot be read"):
        resolve_scenario(str(tmp_path / "none.toml"))
    with pytest.raises(UnknownNameError, match="Did you mean 'outage'"):
        resolve_scenario("outages")


def test_a_scenario_file_may_name_its_schema(tmp_path: Path) -> None:
    """Editors find a schema by this key, so a file that has it is read as without it."""
    file = tmp_path / "mine.json"
    rule = {"error": "rate_limit"}
    named = {"$schema": "http://127.0.0.1:4010/__mock__/schemas/own/scenario.json"}
    file.write_text(json.dumps({**named, "name": "mine", "rules": [rule]}), encoding="utf-8")
    assert resolve_scenario(str(file)) == Scenario("mine", "", [rule])
    assert schemas.violations("own/scenario", {**named, "rules": [rule]}) == []
