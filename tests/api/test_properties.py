"""For anything that a client may send: a documented status, a right body, and no traces."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from getimg_mock import schemas
from getimg_mock._shipped import read_text
from getimg_mock.world.operations import OPERATIONS, find_answer_schema
from tests.api import requests
from tests.api.driver import KEY, Driver

if TYPE_CHECKING:
    from tests.api.driver import Books, Reply

OPENAPI = json.loads(read_text("schemas", "openapi.json"))
IMAGES = "/v2/images/generations"
VIDEOS = "/v2/videos/generations"
KINDS = {"image": (IMAGES, 200), "video": (VIDEOS, 202)}

# One fake for all examples of a property: it is made once, and any order of requests will do.
FULL = Driver.of(balance=10**9, magic="no", limits="generous")
LENIENT = Driver.of(balance=10**12, magic="no", strictness="schema")


def _operation(method: str, path: str) -> tuple[str | None, set[int]]:
    """Return the operation of a request and the statuses that are documented for it."""
    for name, operation in OPERATIONS.items():
        template, right = operation.path, operation.method
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path, re.DOTALL):
            if method not in ({"GET", "HEAD"} if right == "GET" else {right}):
                return None, {405}
            responses = OPENAPI["paths"][template][right.lower()]["responses"]
            return name, {int(status) for status in responses} - {500}
    return None, {401} if path == "/v1" or path.startswith("/v1/") else {404}


def _assert_right(method: str, target: str, reply: Reply) -> None:
    operation, statuses = _operation(method, target.partition("?")[0])
    assert reply.status in statuses, (reply.status, reply.body)
    for name, value in reply.headers:
        assert (name + value).isprintable(), (name, value)
        assert name == name.lower()
    if method == "HEAD" or reply.status == 304:
        assert reply.body == b""
        return
    assert reply.header("content-length") == str(len(reply.body))
    schema = find_answer_schema(operation or "", reply.status)
    if schema is not None and reply.status != 412:
        assert reply.header("content-type") == "application/json"
        assert schemas.violations(schema, reply.json) == []
    if reply.status == 401:
        assert reply.error["code"] == "invalid_api_key"


def _traces(api: Driver) -> tuple[Books, int]:
    return api.books(), len(list(api.app.fake.store))


@pytest.mark.slow
@given(method=requests.methods, target=requests.targets, headers=requests.headers, body=st.binary())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_request_at_all_gets_a_documented_answer(
    method: str, target: str, headers: dict[str, str], body: bytes
) -> None:
    """Any method, path, query, header and bytes: no 500, and a body that validates."""
    reply = FULL.request(method, target, headers=headers.items(), body=body)
    _assert_right(method, target, reply)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_as_a_body_are_answered_or_refused_without_a_trace(
    kind: str, data: st.DataObject
) -> None:
    """A refusal changes neither balance nor costs, limits or generations."""
    path, accepted = KINDS[kind]
    body = data.draw(requests.bodies(kind))
    before = _traces(FULL)
    reply = FULL.request("POST", path, body=body)
    _assert_right("POST", path, reply)
    after = _traces(FULL)
    if reply.status == accepted:
        assert after[0].generations == before[0].generations + 1
    else:
        assert after == before


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_request_of_the_right_shape_is_accepted_or_refused_for_a_value(
    kind: str, data: st.DataObject
) -> None:
    """A 400 about a schema-valid request is never about its shape, and it names a parameter."""
    path, accepted = KINDS[kind]
    body = data.draw(requests.shaped(kind))
    schema = f"{kind}-request"
    assert schemas.violations(schema, body) == []
    reply = FULL.post(path, body)
    _assert_right("POST", path, reply)
    if reply.status != accepted:
        assert (reply.status, reply.error["code"]) == (400, "invalid_parameter")
        assert reply.error["param"] is not None
        assert not reply.error["message"].startswith("Invalid type")


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_the_catalogue_supports_is_accepted(kind: str, data: st.DataObject) -> None:
    """And is billed at a price and quantity that multiply to the cost."""
    path, accepted = KINDS[kind]
    body = data.draw(requests.supported(kind))
    reply = FULL.post(path, body)
    assert reply.status == accepted, reply.body
    assert schemas.violations(f"{kind}-request", body) == []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_the_lenient_mode_answers_whatever_is_right_in_shape(
    kind: str, data: st.DataObject
) -> None:
    """`--strictness schema`: only the shape is judged, and the balance."""
    path, accepted = KINDS[kind]
    reply = LENIENT.post(path, data.draw(requests.shaped(kind)), key="My API Key")
    _assert_right("POST", path, reply)
    assert reply.status in {accepted, 402}


@given(video_id=requests.segments)
def test_the_lenient_mode_knows_every_video(video_id: str) -> None:
    """`--strictness schema`: an unknown id answers as pending."""
    target = f"{VIDEOS}/{video_id}"
    reply = LENIENT.request("GET", target)
    assert reply.status == 200
    assert reply.json["status"] == "pending"


@given(headers=requests.headers)
def test_any_header_on_a_good_request_leaves_it_good_or_refused_for_a_reason(
    headers: dict[str, str],
) -> None:
    """Only key, type, length and leave-to-send decide; every other header is somebody else's."""
    body = json.dumps({"model": "z-image-turbo", "prompt": "x"}).encode()
    reply = FULL.request("POST", IMAGES, headers=headers.items(), body=body)
    _assert_right("POST", IMAGES, reply)
    if not headers.keys() & {"authorization", "content-type"}:
        assert reply.status in {200, 413}
        assert reply.status == 200 or int(headers["content-length"]) > 25 * 1024 * 1024


@given(body=st.binary(max_size=100), pieces=st.lists(st.integers(0, 100), max_size=5))
def test_how_a_body_is_cut_into_pieces_does_not_matter(body: bytes, pieces: list[int]) -> None:
    """The answer is to the whole body."""
    cuts = [0, *sorted(min(each, len(body)) for each in pieces), len(body)]
    chunks = [body[low:high] for low, high in pairwise(cuts)]
    whole, cut = (FULL.request("POST", IMAGES, body=each) for each in (body, chunks))
    assert (whole.status, whole.body) == (cut.status, cut.body)


mock_words = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "fail",
                "complete",
                "seconds",
                "polls",
                "hold",
                "error",
                "status",
                "x",
                "retry_after",
                "latency",
                "oddity",
                "",
            ]
        ),
        st.sampled_from(
            [
                "",
                "=",
                "=1",
                "=-1",
                "=x",
                "=20..60",
                "=429",
                "=9999",
                "=rate_limit",
                "=content_policy_violation",
                "=\N{SNOWMAN}",
                "=" + "9" * 5000,
            ]
        ),
    ).map(lambda drawn: f"mock:{drawn[0]}{drawn[1]}"),
    min_size=1,
    max_size=3,
).map(" ".join)


@given(words=mock_words, seed=st.integers(0, 5))
def test_magic_words_in_a_prompt_never_break_the_fake(words: str, seed: int) -> None:
    """Right ones do what they say, wrong ones are a 400 about the prompt; our 500s say so."""
    api = Driver.of(seed=seed, video_seconds=0)
    api.workspace().clock.autojump = True
    reply = api.video(prompt=words)
    assert (
        schemas.violations("error" if reply.status >= 400 else "video-accepted", reply.json) == []
        or "oddity" in words
    )
    if reply.status == 500:
        assert "server_error" in reply.error["code"]
        assert "status" in words or "error" in words


def _books_and_keys(api: Driver) -> Any:
    return {workspace.key: api.books(workspace.key) for workspace in api.app.fake.store}


@given(target=requests.targets, method=st.sampled_from(["GET", "HEAD"]))
def test_reads_change_nothing(target: str, method: str) -> None:
    """Whatever is looked at, nothing is different afterwards."""
    FULL.workspace(KEY)
    before = _books_and_keys(FULL)
    FULL.request(method, target)
    assert _books_and_keys(FULL) == before
