"""What the schemas say about a message: every violation, its place, and no crash on any input."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from getimg_mock.errors import UnknownNameError
from getimg_mock.schemas import (
    Violation,
    create_registry,
    load_schema,
    names,
    schema,
    validator,
    violations,
)

IMAGE = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
FAILED = {"id": "req-1", "status": "failed", "error": {"code": "server_error", "message": "No."}}

any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    # The category Cs is the surrogates, which JSON texts can hold and UTF-8 cannot.
    | st.text(st.characters(categories=("Cs", "L", "Nd"))),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["status", "id", "error", "images", "prompt", "model", "~/", "\udc00"]),
            inner,
        )
    ),
)


def test_a_message_that_is_right_has_no_violations() -> None:
    """The common case is an empty list, which is false."""
    assert violations("image-request", IMAGE) == []


def test_every_violation_is_listed_with_its_place_and_what_it_demands() -> None:
    """Who words the error for a client needs the place, the keyword and its limit."""
    body = {"prompt": "x" * 4097, "images": [{"url": "x"}, {"role": "face"}], "model": 5}
    assert violations("image-request", body) == [
        Violation(
            path="/images/1",
            keyword="required",
            message='"url" is a required property',
            property="url",
            limit="url",
        ),
        Violation(
            path="/model",
            keyword="type",
            message='The value is not of type "string"',
            property="model",
            limit=["string"],
        ),
        Violation(
            path="/prompt",
            keyword="maxLength",
            message="The value is longer than 4096 characters",
            property="prompt",
            limit=4096,
        ),
        Violation(
            path="/images/1/role",
            keyword="enum",
            message='The value is not one of "reference_image"',
            property="role",
            limit=["reference_image"],
        ),
    ]


def test_a_missing_property_comes_before_a_wrong_one() -> None:
    """One error names one parameter, and required fields are checked before types."""
    found = violations("video-request", {"prompt": "", "duration": "5"})
    assert [(each.keyword, each.property) for each in found] == [
        ("required", "model"),
        ("minLength", "prompt"),
        ("type", "duration"),
    ]


def test_a_message_repeats_nothing_of_the_value() -> None:
    """Prompts and inline images must not reach logs and error texts by this way."""
    found = violations("image-request", {"model": "m", "prompt": ["secret"], "images": "secret"})
    assert len(found) == 2
    assert "secret" not in str(found)


@pytest.mark.parametrize("number", [5, 5.0])
def test_a_whole_number_is_an_integer_however_it_is_written(number: float) -> None:
    """JSON does not tell 5 from 5.0, and neither does JSON Schema."""
    body = {"model": "m", "prompt": "p", "duration": number}
    assert violations("video-request", body) == []


@pytest.mark.parametrize("number", [5.5, True, "5", float("inf"), float("nan"), 0, -1])
def test_what_is_no_duration_is_none(number: object) -> None:
    """Other types, fractions, infinities and what is not positive are refused, never a crash."""
    body = {"model": "m", "prompt": "p", "duration": number}
    assert [each.path for each in violations("video-request", body)] == ["/duration"]


class TestAUnion:
    """A union is dispatched on its discriminator, so that an error is about the right branch."""

    @pytest.mark.parametrize(
        ("body", "path", "keyword", "blamed"),
        [
            ({"id": "req-1", "status": "failed"}, "", "required", "error"),
            ({**FAILED, "error": {"code": "x"}}, "/error", "required", "message"),
            ({"id": 5, "status": "pending"}, "/id", "type", "id"),
            ({"id": "req-1", "status": "queued"}, "/status", "enum", "status"),
            ({"id": "req-1", "status": ["failed"]}, "/status", "enum", "status"),
            ({"id": "req-1"}, "", "required", "status"),
            ([], "", "type", None),
        ],
    )
    def test_has_violations_of_the_branch_that_was_meant(
        self, body: object, path: str, keyword: str, blamed: str | None
    ) -> None:
        """Nobody is told that a failed video lacks the data of a completed one."""
        found = violations("video-generation", body)
        assert [(each.path, each.keyword, each.property) for each in found] == [
            (path, keyword, blamed)
        ]

    @pytest.mark.parametrize("branch", ["video-pending", "video-failed", "video-completed"])
    def test_accepts_what_a_branch_accepts(self, branch: str) -> None:
        """The branches are schemas of their own and agree with the whole."""
        for example in schema(branch)["examples"]:
            assert violations("video-generation", example) == []
            assert validator("video-generation").is_valid(example)


class TestALoneSurrogate:
    """JSON can escape what is not Unicode; jsonschema-rs stops at it, so we find it first."""

    @pytest.mark.parametrize(
        ("body", "path", "blamed"),
        [
            ({**IMAGE, "prompt": "\ud800"}, "/prompt", "prompt"),
            ({**IMAGE, "images": [{"url": "a\udfffb"}]}, "/images/0/url", "url"),
            ({**IMAGE, "unknown": {"deep": ["\udc00"]}}, "/unknown/deep/0", "deep"),
            ({**IMAGE, "a\ud800": 1}, "", "a\N{REPLACEMENT CHARACTER}"),
            ({**IMAGE, "a": {"\ud800": "\ud800"}}, "/a", "\N{REPLACEMENT CHARACTER}"),
        ],
    )
    def test_is_a_violation_wherever_it_stands(self, body: object, path: str, blamed: str) -> None:
        """In texts and names, known or not: what is let in must be writable again as UTF-8."""
        assert [(e.path, e.keyword, e.property) for e in violations("image-request", body)] == [
            (path, "unicode", blamed)
        ]

    def test_does_not_hide_the_other_violations(self) -> None:
        """The rest is validated as if the surrogate were any other character."""
        body = {"prompt": "\ud800" * 4097, "output_format": "gif"}
        assert [each.keyword for each in violations("image-request", body)] == [
            "unicode",
            "required",
            "maxLength",
            "enum",
        ]

    def test_is_no_pair(self) -> None:
        """A character beyond the first plane is one character and right."""
        assert violations("image-request", {**IMAGE, "prompt": "\U0001f5fc" * 4096}) == []


def nested(levels: int) -> object:
    """Return an empty list inside lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [70, 300, 900])
def test_nesting_is_judged_where_a_schema_looks_and_let_pass_elsewhere(levels: int) -> None:
    """jsonschema-rs gives up at some 255 levels; that must be no error of ours."""
    assert violations("image-request", {**IMAGE, "unknown": nested(levels)}) == []
    found = violations("image-request", {**IMAGE, "prompt": nested(levels)})
    assert [(each.path, each.keyword) for each in found] == [("/prompt", "type")]


def test_a_million_wrong_items_are_not_listed_one_by_one() -> None:
    """A body of 25 MiB must not cost minutes and gigabytes."""
    found = violations("image-request", {**IMAGE, "images": [1] * 1_000_000})
    assert found[0].keyword == "maxItems"
    assert len(found) < 200


def test_what_is_wrong_far_down_an_array_is_found() -> None:
    """Not listing everything must never mean to find nothing."""
    costs = schema("costs")["examples"][0]
    body = {**costs, "data": [*costs["data"] * 150, {"date": "2026-09-01"}]}
    assert [(e.path, e.property) for e in violations("costs", body)] == [("/data/150", "cost")]


@pytest.mark.slow
@given(instance=any_json)
def test_any_value_is_judged(instance: object) -> None:
    """Whatever JSON can say gets violations or none, whose places exist: never an exception."""
    for found in [each for name in names() for each in violations(name, instance)]:
        value: Any = instance
        for part in found.path.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            value = value[int(key) if isinstance(value, list) else key]
        assert found.message.encode()


def test_an_unknown_schema_is_refused_with_the_nearest() -> None:
    """A misspelt name is an error that says what would have worked."""
    with pytest.raises(UnknownNameError, match="Did you mean 'image-request'"):
        violations("image-requests", {})


def test_a_schema_and_its_validator_are_made_once() -> None:
    """Reading and compiling take a millisecond, which no request should pay twice."""
    assert schema("model") is schema("model")
    assert validator("model") is validator("model")


def test_importing_compiles_nothing_and_needs_no_second_validator() -> None:
    """The fake starts fast: what is not asked for is neither read nor compiled."""
    script = (
        "import sys; from getimg_mock import schemas;"
        "assert not schemas.schema.cache_info().currsize;"
        "assert not schemas.validator.cache_info().currsize;"
        "assert 'jsonschema' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - our own words


def test_a_loaded_schema_is_the_callers_own() -> None:
    """What the caller changes in it does not change what the fake validates by."""
    load_schema("balance")["required"] = ["nothing"]
    assert load_schema("balance") == schema("balance") != {"required": ["nothing"]}
    with pytest.raises(UnknownNameError, match="Did you mean 'balance'"):
        load_schema("balanse")


@pytest.mark.parametrize("name", ["video-generation", "model-list", "image-generation"])
def test_plain_jsonschema_resolves_the_references(name: str) -> None:
    """In the registry every reference is found, by the address of the schema that makes it."""
    plain = Draft202012Validator(load_schema(name), registry=create_registry())
    for example in schema(name)["examples"]:
        assert list(plain.iter_errors(example)) == violations(name, example) == []
    assert not plain.is_valid({"status": "paused"} if name == "video-generation" else "no")


def test_without_referencing_the_registry_says_what_to_install() -> None:
    """The package is optional: jsonschema brings it."""
    program = (
        "import sys; sys.modules['referencing'] = None\n"
        "from getimg_mock.schemas import create_registry\n"
        "try:\n    create_registry()\nexcept ModuleNotFoundError as error:\n    print(error)\n"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install jsonschema" in done.stdout


@pytest.mark.parametrize(
    ("name", "now"),
    [
        ("violations", "getimg_mock.schemas.violations"),
        ("ANSWERS", "getimg_mock.world.operations.ANSWER_SCHEMAS"),
        ("REQUESTS", "getimg_mock.world.operations.REQUEST_SCHEMAS"),
        ("answer_schema", "getimg_mock.world.operations.find_answer_schema"),
    ],
)
def test_the_old_place_works_for_one_release(name: str, now: str) -> None:
    """docs/schemas.md named it: it warns, and says where the name is now."""
    module, _, attribute = now.rpartition(".")
    with pytest.warns(DeprecationWarning, match=f"{name} is deprecated: use {now}"):
        found = getattr(import_module("getimg_mock.world.schemas"), name)
    assert found is getattr(import_module(module), attribute)
    with pytest.raises(AttributeError):
        import_module("getimg_mock.world.schemas").nothing  # noqa: B018 - the access is the test
