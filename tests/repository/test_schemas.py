"""The schema files: well-formed, complete, marked with evidence, and read alike by everyone."""

from __future__ import annotations

import doctest
import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from getimg_mock import schemas
from getimg_mock._shipped import open_folder, read_text
from getimg_mock.world.operations import ANSWER_SCHEMAS, REQUEST_SCHEMAS, find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

Json = dict[str, Any]

EVIDENCE = {"documented", "observed", "inferred", "our choice"}
MESSAGES = {
    "image-request",
    "video-request",
    "image-generation",
    "video-accepted",
    "video-pending",
    "video-failed",
    "video-completed",
    "video-generation",
    "model",
    "model-list",
    "balance",
    "costs",
    "error",
    "rate-limit-headers",
}
EXCHANGES: dict[str, Json] = {
    file.name: json.loads(file.read_text(encoding="utf-8"))
    for file in open_folder("fixtures").joinpath("examples").iterdir()
}
DOCUMENTED_CODES = schemas.schema("error")["properties"]["error"]["properties"]["code"][
    "x-known-values"
]

every_schema = pytest.mark.parametrize("name", schemas.names() + schemas.own_names())
every_exchange = pytest.mark.parametrize("file", sorted(EXCHANGES))


@cache
def second_opinion(name: str) -> Draft202012Validator:
    """Return the validator of the library that is slower and older than the one we use."""
    resources = (
        DRAFT202012.create_resource(schemas.schema(each))
        for each in schemas.names() + schemas.own_names()
    )
    registry: Registry[Any] = Registry().with_resources(
        (resource.contents["$id"], resource) for resource in resources
    )
    return Draft202012Validator(
        schemas.schema(name),
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def is_valid_for_both(name: str, instance: object) -> bool:
    """Return whether `instance` is valid, having made sure that both libraries say the same."""
    ours = schemas.violations(name, instance)
    theirs = [error.message for error in second_opinion(name).iter_errors(instance)]
    assert bool(ours) == bool(theirs), (name, instance, ours, theirs)
    return not ours


def objects(part: Any, place: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every subschema that describes properties, with its place."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield place, part
        for key, value in part.items():
            if key not in {"examples", "default", "enum", "const"}:
                yield from objects(value, f"{place}/{key}")


@every_schema
def test_a_schema_is_a_valid_json_schema_of_2020_12(name: str) -> None:
    """Each file says which dialect it is in, and is right in it."""
    schema = schemas.schema(name)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://getimg-mock.invalid/schemas/{name}.json"
    Draft202012Validator.check_schema(schema)
    jsonschema_rs.meta.validate(schema)


def test_there_is_one_schema_for_each_message() -> None:
    """What goes over the wire has a file of its own; beside them is only what two of them share."""
    assert set(schemas.names()) - MESSAGES == {"usage"}
    assert set(schemas.names()) >= MESSAGES


@every_schema
def test_a_schema_says_what_it_is_and_shows_it(name: str) -> None:
    """A reader finds a title, a description, the evidence and a valid example in every file."""
    schema = schemas.schema(name)
    assert schema["title"].isalpha()
    assert schema["description"]
    assert schema["x-evidence"] in EVIDENCE
    assert schema["examples"]
    for example in schema["examples"]:
        assert is_valid_for_both(name, example)


@every_schema
def test_a_property_has_a_description_a_type_and_its_evidence(name: str) -> None:
    """No claim about getimg.ai stands without a word on where it comes from."""
    for place, described in objects(schemas.schema(name)):
        assert described["type"] == "object", place
        for key, value in described["properties"].items():
            assert value["description"].endswith("."), f"{place}/{key}"
            assert value.keys() & {"type", "$ref"}, f"{place}/{key}"
            assert value["x-evidence"] in EVIDENCE, f"{place}/{key}"


@every_schema
def test_the_examples_of_a_property_are_valid_for_it(name: str) -> None:
    """An example, default or known value that the schema refuses would mislead whoever reads it."""
    for place, described in objects(schemas.schema(name)):
        for key, value in described["properties"].items():
            shown = value.get("examples", []) + [
                value[word] for word in ("default",) if word in value
            ]
            if value.get("type") == "string":
                shown = shown + value.get("x-known-values", [])
            alone = jsonschema_rs.Draft202012Validator(
                {k: v for k, v in value.items() if k != "$ref"}, validate_formats=True
            )
            for each in shown:
                assert alone.is_valid(each), f"{place}/{key}: {each}"


@every_schema
def test_a_required_property_is_described(name: str) -> None:
    """A property that must be there but is not described could have any value."""
    for place, described in objects(schemas.schema(name)):
        assert set(described.get("required", [])) <= described["properties"].keys(), place


@pytest.mark.parametrize("name", schemas.names())
def test_objects_are_open_to_unknown_fields(name: str) -> None:
    """Readers are tolerant, and so are requests: a new field is drift, never an error."""
    text = read_text("schemas", f"{name}.json")
    assert '"additionalProperties": false' not in text
    assert '"unevaluatedProperties"' not in text
    for example in schemas.schema(name)["examples"]:
        if isinstance(example, dict):
            assert is_valid_for_both(name, {**example, "number_of_images": 1})


@pytest.mark.parametrize("name", ["image-request", "video-request"])
def test_what_a_model_supports_is_not_in_the_schema(name: str) -> None:
    """Models come and go: which of them, their ratios and resolutions, are the catalogue's."""
    properties = schemas.schema(name)["properties"]
    for key in ("model", "aspect_ratio", "resolution"):
        assert properties[key].keys() & {"enum", "const", "pattern", "format"} == set()


@every_exchange
def test_an_example_exchange_has_all_its_parts(file: str) -> None:
    """Whoever reads an example knows what it shows, where it comes from and both of its sides."""
    exchange = EXCHANGES[file]
    assert exchange.keys() - {"evidence_note"} == {
        "title",
        "evidence",
        "operation",
        "request",
        "response",
    }
    assert exchange["evidence"] in EVIDENCE
    assert exchange["request"].keys() == {"method", "path", "headers", "body"}
    assert exchange["response"].keys() == {"status", "headers", "body"}
    assert exchange["response"]["headers"]["Content-Type"]


@every_exchange
def test_an_example_exchange_is_valid(file: str) -> None:
    """What we show is what we demand: bodies and rate-limit headers match their schemas."""
    exchange = EXCHANGES[file]
    operation, request, response = (exchange[k] for k in ("operation", "request", "response"))
    answer = find_answer_schema(operation, response["status"])
    if answer is None:
        assert response["body"] is None
    else:
        assert is_valid_for_both(answer, response["body"])
    if operation not in REQUEST_SCHEMAS:
        assert request["body"] is None
    elif response["body"].get("error", {}).get("code") == "parameter_missing":
        assert not is_valid_for_both(REQUEST_SCHEMAS[operation], request["body"])
    else:
        assert is_valid_for_both(REQUEST_SCHEMAS[operation], request["body"])
    headers = {key.lower(): value for key, value in response["headers"].items()}
    if "x-ratelimit-limit" in headers or response["status"] == 429:
        assert is_valid_for_both("rate-limit-headers", headers)


def test_every_answer_has_an_example() -> None:
    """Each message with a schema of its own is shown in an exchange, each status of a video too."""
    shown = {(each["operation"], each["response"]["status"]) for each in EXCHANGES.values()}
    assert set(ANSWER_SCHEMAS) <= shown
    videos = [
        each["response"]["body"]["status"]
        for each in EXCHANGES.values()
        if (each["operation"], each["response"]["status"]) == ("videos.retrieve", 200)
    ]
    assert sorted(videos) == ["completed", "failed", "pending"]


@pytest.mark.parametrize("code", DOCUMENTED_CODES)
def test_every_documented_error_has_an_example(code: str) -> None:
    """Who writes a client finds each error that the documentation names."""
    assert any(
        (each["response"]["body"] or {}).get("error", {}).get("code") == code
        for each in EXCHANGES.values()
        if isinstance(each["response"]["body"], dict)
    )


def test_the_page_about_the_schemas_is_true() -> None:
    """Its examples run as printed, and its table names every file."""
    page = (Path(__file__).parents[2] / "docs" / "schemas.md").read_text(encoding="utf-8")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
        test = doctest.DocTestParser().get_doctest(block, {}, f"block {number}", "schemas.md", 0)
        assert test.examples
        assert doctest.DocTestRunner().run(test).failed == 0
    table = page[: page.index("## ")]
    assert {f"{name}.json" for name in schemas.names()} <= set(re.findall(r"[a-z-]+\.json", table))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    # To Python's regular expressions, "$" also stands before a last line feed; to JSON Schema's
    # and to jsonschema-rs it does not.
    st.text(max_size=6).filter(lambda text: not text.endswith("\n")),
    st.sampled_from(
        [
            "0.04",
            "-1",
            "1e5",
            ".5",
            "x" * 4096,
            "x" * 4097,
            "\U0001f600" * 4096,
            "pending",
            "completed",
            "failed",
            "jpeg",
            "JPEG",
            "first_frame",
            "USD",
            "image",
            "not_applicable",
            "2026-05-02T12:30:00.000Z",
            "2026-05-02T12:30:00",
            "2026-05-02t12:30:00+02:00",
            "2026-02-30T00:00:00Z",
            "2026-09-01",
            "2026-9-1",
            "2026-02-29",
            "https://example.com/a",
            "/a",
            "http://a b",
            "invalid_request_error",
            "20",
            "5.0",
        ]
    ),
)
# jsonschema-rs leaves an empty name out of its paths.
NAMES = st.text(min_size=1, max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(NAMES, inner),
    max_leaves=6,
)


def places(instance: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value inside `instance`."""
    inner = (
        instance.items()
        if isinstance(instance, dict)
        else enumerate(instance)
        if isinstance(instance, list)
        else ()
    )
    for key, value in inner:
        yield (*here, key)
        yield from places(value, (*here, key))


def parent(instance: Any, path: tuple[str | int, ...]) -> Any:
    """Return what holds the value at `path`."""
    for key in path[:-1]:
        instance = instance[key]
    return instance


@st.composite
def near_valid(draw: Callable[[st.SearchStrategy[Any]], Any], name: str) -> object:
    """Draw an example of the schema with up to three changes, or any value at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES)
    instance = deepcopy(draw(st.sampled_from(schemas.schema(name)["examples"])))
    for _ in range(draw(st.integers(0, 3))):
        paths = list(places(instance))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        holder, key = parent(instance, path), path[-1]
        match draw(st.sampled_from(["replace", "remove", "add", "repeat"])):
            case "replace":
                holder[key] = draw(VALUES)
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(NAMES)] = draw(VALUES)
            case "repeat" if isinstance(holder, list):
                holder.extend([holder[0]] * draw(st.integers(1, 9)))
    return instance


@every_schema
@given(data=st.data())
def test_two_libraries_agree_on_what_is_valid(name: str, data: st.DataObject) -> None:
    """A schema that two validators read differently is not the contract of anything.

    For what jsonschema-rs finds, the other library finds the same keywords at the same places. A
    union is left out of that: we name the branch that was meant, the library names none.
    """
    instance = data.draw(near_valid(name))
    ours = schemas.violations(name, instance)
    assert schemas.validator(name).is_valid(instance) == (not ours)
    theirs = list(second_opinion(name).iter_errors(instance))
    if name != "video-generation":
        assert {(each.path, each.keyword) for each in ours} == {
            (pointer(error.absolute_path), error.validator) for error in theirs
        }
    assert bool(ours) == bool(theirs)


def pointer(path: Any) -> str:
    """Write a path as a JSON pointer."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
