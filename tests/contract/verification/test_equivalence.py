"""The fake against others: what differs, and how much each difference matters."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.paired_responses import is_assumed, is_open
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan
from tests.contract.provider.scoring import run_fake

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Verdict

pytestmark = pytest.mark.slow

LIFE = "a video from 202 to its file"
LIMIT = "more images than the limit"


def altered(history: History, change: Callable[[HttpExchange], HttpExchange]) -> History:
    """Return a history with each exchange changed."""
    return replace(history, exchanges=tuple(change(each) for each in history))


def with_items(change: Callable[[dict[str, Any]], dict[str, Any]]) -> History:
    """Return a video's life with the items of its result changed."""

    def changed(exchange: HttpExchange) -> HttpExchange:
        if not exchange.completed:
            return exchange
        body = exchange.plain | {"data": [change(item) for item in exchange.plain["data"]]}
        return replace(exchange, body=json.dumps(body).encode())

    return altered(run_plan(LIFE), changed)


def verdict(name: str, other: History, fake: History) -> Verdict:
    """Return how a check comes out on the fake and another."""
    return judge_check(find_check(name), [Comparison(fake=(fake,), other=(other,))])


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        (lambda item: item, "PASS", ""),
        (lambda item: item | {"bitrate": 5}, "INFO", "/data/*/bitrate"),
        (lambda item: {n: v for n, v in item.items() if n != "fps"}, "WARN", "/data/*/fps"),
        (lambda item: item | {"fps": "24"}, "FAIL", "/data/*/fps"),
        (lambda item: item | {"more": {"a": 1}}, "INFO", "also /data/*/more"),
        (lambda item: {"fps": "24", "url": item["url"], "new": 1}, "FAIL", "/data/*/fps"),
    ],
)
def test_drift_has_three_tiers(change: Any, status: str, told: str) -> None:
    """GE902: what came informs, what went warns, what changed its type fails."""
    found = verdict("GE902", with_items(change), run_plan(LIFE))
    assert found.status == status
    if told:
        assert told in found.findings[0].observation.actual


def test_the_worst_of_several_differences_is_told_first() -> None:
    """A field of another type does not hide behind those that are gone."""
    found = verdict(
        "GE902", with_items(lambda item: {"fps": str(item["fps"]), "n": 1}), run_plan(LIFE)
    )
    assert [each.observation.status for each in found.findings] == [None, "WARN", "INFO"]


def without(*names: str, status: int) -> Callable[[HttpExchange], HttpExchange]:
    """Return a change that takes headers away from answers of a status."""

    def change(each: HttpExchange) -> HttpExchange:
        kept = tuple(pair for pair in each.headers if pair[0] not in names)
        return replace(each, headers=kept) if each.status == status else each

    return change


@pytest.mark.parametrize(
    ("plan", "header", "status"),
    [
        (LIMIT, "retry-after", 429),
        (LIMIT, "x-ratelimit-reset", 429),
        ("what cannot be paid", "content-type", 402),
        ("images: missing fields", "content-type", 400),
        ("unknown and malformed ids", "content-type", 404),
    ],
)
def test_refusals_have_their_headers_too(plan: str, header: str, status: int) -> None:
    """GE904: clients pace themselves by what stands on a refusal above all."""
    fake = run_plan(plan)
    assert [each for each in fake if each.status == status and header in each.fields]
    found = verdict("GE904", altered(fake, without(header, status=status)), fake)
    assert found.status == "FAIL"
    assert verdict("GE904", run_plan(plan), fake).status == "PASS"


@pytest.mark.parametrize(
    ("plan", "header", "status"),
    [
        ("what cannot be paid", "x-ratelimit-remaining", 402),
        ("images: missing fields", "x-ratelimit-limit", 400),
    ],
)
def test_rate_headers_on_refusals_are_not_documented(plan: str, header: str, status: int) -> None:
    """GE904: the documentation names them for generations and 429, so a refusal may lack them."""
    fake = run_plan(plan)
    found = verdict("GE904", altered(fake, without(header, status=status)), fake)
    assert found.status == "PASS"


def _answer_otherwise(each: HttpExchange) -> HttpExchange:
    if not (is_open(each) or is_assumed(each)):
        return each
    status = 400 if each.status < 400 else 200
    body = b'{"error": {"message": "No.", "code": "invalid_parameter"}}' if status == 400 else b"{}"
    return replace(each, status=status, body=body, headers=(("connection", "close"),))


@pytest.mark.parametrize(
    "plan",
    [
        "schemes",
        "paths",
        "ways past the gate",
        "methods",
        "ranges of costs",
        "images: unknown fields",
        "images: duplicate keys",
        "images: content types",
        "images: references",
    ],
)
def test_the_fake_demands_nothing_that_is_left_open(plan: str) -> None:
    """GE901 to GE910: where the facts allow several answers, a difference fails nothing."""
    fake = run_plan(plan)
    other = altered(fake, _answer_otherwise)
    assert [one.status for one in fake] != [one.status for one in other]
    for name in ("GE901", "GE902", "GE903", "GE904", "GE905", "GE910"):
        assert verdict(name, other, fake).status in {"PASS", "VOID", "INFO"}, name


@pytest.mark.parametrize("plan", ["methods", "images: duplicate keys", "images: content types"])
def test_a_difference_from_an_assumption_is_reported(plan: str) -> None:
    """GE901, GE903: what the fake only assumes informs; it does not vanish from the comparison."""
    fake = run_plan(plan)
    other = altered(fake, _answer_otherwise)
    assert verdict("GE901", other, fake).status == "INFO"


def test_a_429_that_came_elsewhere_is_compared_with_those_of_the_fake() -> None:
    """GE904: whose limit is met when depends on the account, not what a refusal says."""
    fake = run_plan(LIMIT)
    late = next(each for each in fake if each.status == 429)
    other = run_plan("images in every format")
    extra = replace(late, number=99, step=None)
    joined = replace(other, exchanges=(*other.exchanges, extra))
    whole = Comparison(fake=(fake, run_plan("images in every format")), other=(joined,))
    assert not judge_check(find_check("GE904"), [whole]).broken
    bare = replace(joined, exchanges=(*other.exchanges, replace(extra, headers=())))
    assert judge_check(find_check("GE904"), [replace(whole, other=(bare,))]).broken


@pytest.mark.parametrize(
    ("mark", "flaw"),
    [
        ("documented; the rest is our choice", ""),
        ("observed Jul 2026 (O1); the default is our choice", ""),
        ("documented, observed on 2026-09-01 (traffic.har#3)", ""),
        ("inferred, observed, undated (O2)", ""),
        ("rumour", "no mark of evidence"),
        ("", "no mark of evidence"),
        ("observed", "cites nothing"),
        ("observed Jul 2026", "cites nothing"),
        ("documented, observed on 2026-09-01", "cites nothing"),
        ("observed Jul 2026 (O9)", "which is of nobody"),
        ("observed Aug 2026 (O1)", "which is of Jul 2026"),
        ("observed on 2026-09-02 (traffic.har#3)", "which is of 2026-09-01"),
    ],
)
def test_what_was_observed_cites_what_was_seen(mark: str, flaw: str) -> None:
    """GE907: an id and its day, both as the evidence has them."""
    cited = {"O1": "Jul 2026", "O2": "undated", "traffic.har#3": "2026-09-01"}
    found = judge_check(find_check("GE907"), [Comparison(claims={"a": mark}, cited=cited)])
    assert found.broken == bool(flaw)
    if flaw:
        assert flaw in found.findings[0].observation.actual


def times(other: History, **settings: Any) -> Verdict:
    """Return how GE909 comes out, the fake under some settings."""
    return judge_check(find_check("GE909"), [Comparison(other=(other,), settings=settings)])


def test_the_fake_lies_in_its_own_ranges() -> None:
    """GE909: over everything that the fixed plans ask for, in the worlds that they ask for."""
    found = judge_check(find_check("GE909"), [Comparison(other=run_fake())])
    assert found.status == "PASS"
    assert found.applied > 100


def later(seconds: float, *, since: str) -> Callable[[HttpExchange], HttpExchange]:
    """Return a change that moves an operation, and what is numbered after it, in time."""
    return lambda each: (
        replace(each, at=each.at + timedelta(seconds=seconds))
        if (each.operation == since)
        else each
    )


@pytest.mark.parametrize(
    ("change", "settings", "told"),
    [
        (later(-500, since="videos.create"), {}, "a video within 25 to 60 s"),
        (later(20, since="videos.create"), {"video_seconds": "55..60"}, "a video within 55 to 60"),
        (lambda each: replace(each, seconds=31.0), {}, "an image within 0 s"),
        (lambda each: replace(each, seconds=31.0), {"image_seconds": "40..50"}, "40 to 50 s"),
        (lambda each: each, {"retention": 3600}, "a link within 3600 s"),
        (lambda each: each, {"retention": 100000}, "a link within 100000 s"),
        (lambda each: each, {"video_seconds": 3}, "after at most 2 looks, 5 s apart"),
        (lambda each: each, {"rate_window": 5}, "a Retry-After within 1 to 5 s"),
        (
            lambda each: with_header(each, "retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"),
            {},
            "Retry-After in seconds",
        ),
    ],
)
def test_times_outside_of_the_fakes_ranges_are_told(
    change: Any, settings: dict[str, Any], told: str
) -> None:
    """GE909: latency of images, ends and looks of videos, lives of links, and pauses."""
    plans = (LIFE, "images in every format", LIMIT)
    others = [
        replace(
            altered(run_plan(plan), change), own=False, plan=replace(run_plan(plan).plan, world=())
        )
        for plan in plans
    ]
    verdicts = [times(other, **settings) for other in others]
    assert {each.status for each in verdicts} - {"PASS", "VOID"} == {"WARN"}
    expected = [f.observation.expected for each in verdicts for f in each.findings]
    assert any(told in each for each in expected), expected


def with_header(each: HttpExchange, name: str, value: str) -> HttpExchange:
    """Return an exchange with another value of a header that it has."""
    headers = tuple((n, value if n == name else v) for n, v in each.headers)
    return replace(each, headers=headers)


def test_a_service_may_have_no_ranges_tags_or_head() -> None:
    """GE901 leaves alone what nothing documents: a file may always be sent whole."""
    fake = run_plan("an image and its file")
    asked = {"range", "if-none-match", "if-range"}

    def send_whole(each: HttpExchange) -> HttpExchange:
        partial = asked & {name.lower() for name, _ in each.request_headers}
        return replace(each, status=200) if partial or each.method == "HEAD" else each

    other = altered(fake, send_whole)
    assert any(one.status != two.status for one, two in zip(fake, other, strict=True))
    assert verdict("GE901", other, fake).status == "PASS"
