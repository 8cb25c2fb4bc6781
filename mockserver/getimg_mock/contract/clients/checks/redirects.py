"""GC701, GC702, GC704 and GC705: what a client sends where a redirect leads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    NO_RETRIES,
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer
from getimg_mock.contract.clients.checks.submission_rules import build_submission_rules
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_FEW_REDIRECTS: Final = 25
_MOST_REDIRECTS: Final = 60
"""How many requests may follow each other: some libraries allow thirty redirects."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield Case(
        name="redirected",
        calls=(models(), balance()),
        options=NO_RETRIES,
        limit=HOUR,
        rules=(
            _build_rule("models.list", _redirect_elsewhere(302), "302 elsewhere"),
            _build_rule("billing.balance", _redirect_elsewhere(307), "307 elsewhere", must=False),
        ),
    )
    yield _build_downgrade_case()
    for name, status in (("redirected-post", 307), ("redirected-post-308", 308)):
        yield Case(
            name=name,
            calls=(image(), video().instead_of("generate_image")),
            options=NO_RETRIES,
            limit=HOUR,
            rules=build_submission_rules(
                f"{status} elsewhere", _redirect_elsewhere(status), legal=False
            ),
        )
    yield _build_home_case()
    yield _build_location_case()
    yield Case(
        name="redirect-loop",
        calls=(models(), *FALLBACK_CALLS),
        options=NO_RETRIES,
        limit=HOUR,
        rules=(_build_rule("*", fault_actions.redirect(302, "/v2/models"), "302 to itself"),),
    )


def _build_location_case() -> Case:
    """Return the case of videos whose 202 names a place of another origin: it is no redirect."""
    return Case(
        name="redirected-by-location",
        calls=(video(), ClientCall(op="submit_video", args=VIDEO)),
        options=NO_RETRIES | {"poll_interval": 0.5, "wait_timeout": 6},
        settings={"video_seconds": 1},
        limit=HOUR,
        rules=(
            FaultRule(on="videos.create", do=_locate_elsewhere, label="202, Location elsewhere"),
        ),
    )


def _locate_elsewhere(turn: FaultContext) -> WireAnswer:
    answer = turn.proceed()
    place = f"{turn.adversary.elsewhere}{turn.asked.target}/{(answer.json or {}).get('id')}"
    return answer.with_headers(("Location", place))


def _build_home_case() -> Case:
    """Return the case in which orders are redirected to the place that they were sent to."""
    return Case(
        name="redirected-post-home",
        calls=(image(), video().instead_of("generate_image")),
        options=NO_RETRIES,
        settings={"video_seconds": 1},
        limit=HOUR,
        rules=tuple(
            _build_rule(on, _redirect_at_home, "308 to the same place", nth=(1,))
            for on in ("images.generate", "videos.create")
        ),
    )


def _redirect_at_home(turn: FaultContext) -> WireAnswer:
    where = turn.asked.target.partition("?")[0]
    return WireAnswer(308, (("Location", where), ("Content-Type", "text/plain")), b"moved")


def _build_downgrade_case() -> Case:
    listed = fault_actions.redirect(302, f"{_PLAIN}/v2/models?type=image")
    read = fault_actions.redirect(307, f"{_PLAIN}/v2/billing/balance")
    submitted = fault_actions.redirect(307, lambda turn: f"{_PLAIN}{turn.asked.target}")
    return Case(
        name="downgraded",
        calls=(models(), balance(), *FALLBACK_CALLS),
        options=NO_RETRIES,
        patience=None,
        ours="TLS",
        limit=HOUR,
        rules=(
            _build_rule(
                "models.list",
                listed,
                "302 to http",
                when=lambda asked: asked.origin.startswith("https:"),
            ),
            _build_rule("billing.balance", read, "307 to http", must=False),
            *build_submission_rules("307 to http", submitted, legal=False),
        ),
    )


_PLAIN: Final = "http://api.getimg.ai"


def _build_rule(on: str, act: FaultAction, label: str, **more: Any) -> FaultRule:
    """Return a rule whose answers the API does not document."""
    return FaultRule(on=on, do=act, label=label, legal=False, **more)


def _redirect_elsewhere(status: int) -> FaultAction:
    return fault_actions.redirect(
        status, lambda turn: f"{turn.adversary.elsewhere}{turn.asked.target}"
    )


@client_check(
    "GC701",
    "The key is sent to the configured origin alone, redirects included",
    severity="blocker",
    evidence="standard",
    why="The key gives access to the account's money.",
    fix="Drop Authorization on another origin, or follow no redirects.",
    source="RFC 9110, section 15.4",
    cases=("redirected*", "downgraded", "gateway*"),
)
def the_key_stays_home(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the API key is sent to the configured origin only.

    Redirects lead to another origin and to plain HTTP, in one case the configured origin is not
    that of getimg.ai, and in one an accepted order names a place elsewhere. Fails when the key is
    in a header, target or body of a request there.
    """
    key = history.secrets[0][1]
    for outcome in history.calls():
        off = [each for each in history.during(outcome) if not each.home]
        shown = [
            each
            for each in off
            if any(key in value for _, value in each.sent)
            or key in each.target
            or key.encode() in (each.request_body or b"")
        ]
        yield expect(
            not shown,
            "the key sent to the API alone",
            f"the key sent to {shown[0].origin}" if shown else "",
            *shown[:2],
        )


@client_check(
    "GC702",
    "A redirect from https to http is refused",
    severity="blocker",
    evidence="choice",
    why="Without TLS, every hop can read the request.",
    fix="Refuse redirects to http.",
    cases=("downgraded",),
)
def no_downgrade(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a redirect from https to http is not followed.

    Fails on any request without TLS.
    """
    for outcome in history.calls():
        clear = [each for each in history.during(outcome) if each.origin.startswith("http:")]
        yield expect(
            not clear, "no request without TLS", clear[0].origin if clear else "", *clear[:2]
        )


@client_check(
    "GC704",
    "A POST is not sent again to another origin by 307 or 308, and does not become a GET",
    severity="major",
    evidence="choice",
    why="The prompt and the references are private to the caller; by RFC 9110, section 15.4, the "
    "method stays.",
    fix="Follow redirects for GET only.",
    cases=("redirected-post*",),
)
def posts_stay_home(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a submission that is redirected by 307 or 308 is not sent to another origin.

    Fails when a request with a body arrives there, and when a redirect at home is followed with
    another method, or another body.
    """
    for outcome in history.calls():
        if history.case == "redirected-post-home":
            yield from _orders_stay_orders(history, outcome)
            continue
        off = [each for each in history.during(outcome) if not each.home and each.request_body]
        yield expect(
            not off,
            "no body sent to another origin",
            f"{off[0].method} with the body to {off[0].origin}" if off else "",
            *off[:2],
        )


def _orders_stay_orders(history: ClientHistory, outcome: CallOutcome) -> Iterator[Observation]:
    """Judge what follows an order that was redirected to the same origin."""
    sent = history.during(outcome)
    for first, second in itertools.pairwise(sent):
        if first.status == 308:
            same = second.method == "POST" and second.request_body == first.request_body
            yield expect(same, "the same POST, or no request", second.method, first, second)
    if len(sent) == 1:
        yield expect(outcome.clear, "the same POST, or a clear error", outcome.shown, *sent)


@client_check(
    "GC705",
    "A loop of redirects ends",
    severity="major",
    evidence="standard",
    why="Otherwise the call never ends.",
    fix="Limit the number of redirects.",
    source="RFC 9110, section 15.4",
    cases=("redirect-loop",),
)
def redirects_are_bounded(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error after at most 25 requests when a redirect leads to itself.

    Fails on more than 60 requests, and on a call that does not raise; in between, it is a warning.
    """
    for outcome in history.calls():
        sent = history.during(outcome)
        judge = warn_unless if len(sent) <= _MOST_REDIRECTS else expect
        yield judge(
            len(sent) <= _FEW_REDIRECTS,
            "an error after a few redirects",
            f"{outcome.shown}, {len(sent)} requests",
            *sent[:2],
        )
        yield expect(outcome.kind == "error", "an error", outcome.shown, *sent[:2])
