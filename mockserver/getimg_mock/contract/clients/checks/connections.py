"""GC804 and GC808 to GC810: how a client opens, keeps, shares and closes its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    BASELINE_CALLS,
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
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep
from getimg_mock.contract.clients.checks.http_framing import legal_http_is_read
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import End, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import (
        FaultAction,
        FaultContext,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_LONGEST_CONNECT: Final = 600.0
_MAX_OPEN: Final = 20
_MANY_CALLS: Final = 1000
_MANY_CALLS_REAL: Final = 200
_WAITS: Final = 12
_WAITS_BEFORE: Final = 4


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_idle_cases()
    yield from _build_address_cases()
    yield from _build_leak_cases()
    yield Case(
        name="forked",
        calls=(models(), ClientCall(op="models", child=True), models()),
        patience=None,
        limit=HOUR,
    )
    ways = (balance(), models(), *FALLBACK_CALLS)
    yield Case(
        name="threads",
        calls=tuple(way for way in ways for _ in range(4)),
        together=True,
        patience=None,
        limit=HOUR,
    )


def _build_idle_cases() -> Iterator[Case]:
    close = FaultRule(on="billing.balance", do=_close_afterwards, label="idle close", nth=(1,))
    yield Case(
        name="idle-close-get",
        calls=(balance(), balance(), models()),
        limit=HOUR,
        rules=(close,),
    )
    yield Case(
        name="idle-race-post",
        calls=(models(), image(), image()),
        limit=HOUR,
        rules=(_build_race_rule("images.generate", "close"),),
    )
    submit = ClientCall(op="submit_video", args=VIDEO)
    wait = video().instead_of("submit_video")
    yield Case(
        name="idle-race-video",
        calls=(models(), submit, submit, wait, wait),
        limit=HOUR,
        rules=(_build_race_rule("videos.create", "reset"),),
    )


def _build_race_rule(on: str, how: End) -> FaultRule:
    """Return the rule that ends a reused connection while the request arrives."""
    return FaultRule(
        on=on,
        do=fault_actions.end_before_work(how),
        label="race",
        nth=(1,),
        when=lambda asked: asked.reused,
    )


def _build_address_cases() -> Iterator[Case]:
    for name, host in (("ipv6", "[::1]"), ("localhost", "localhost")):
        yield Case(
            name=name,
            base=f"https://{host}:8443",
            calls=(balance(), image(), FALLBACK_CALLS[1]),
            patience=None,
            limit=HOUR,
        )
    yield Case(
        name="names-slow",
        calls=(balance(), image()),
        options={"timeout": 10},
        patience=None,
        limit=HOUR,
        rules=(FaultRule(on="connect", do="slow", label="4 s to connect"),),
    )
    yield Case(
        name="names-never",
        calls=(balance(), image()),
        needs=("timeout",),
        options={"timeout": 2, "max_retries": 0},
        patience=None,
        limit=HOUR,
        rules=(FaultRule(on="connect", do="timeout", label="never connects"),),
    )


def _build_leak_cases() -> Iterator[Case]:
    yield Case(
        name="thousand",
        calls=(balance(),) * _MANY_CALLS,
        options=NO_RETRIES | {"timeout": 5},
        holdings=True,
        patience=None,
        limit=48 * HOUR,
        rules=(_build_failure_rule(16, _FAILURES),),
    )
    yield Case(
        name="waited-often",
        calls=(video(),) * _WAITS,
        options={"poll_interval": 5},
        settings={"video_seconds": 12},
        holdings=True,
        baseline=_WAITS_BEFORE,
        patience=None,
        limit=48 * HOUR,
    )
    yield Case(
        name="waited-often-real",
        calls=(video(),) * _WAITS,
        options={"poll_interval": 0.4},
        needs=("poll_interval",),
        settings={"video_seconds": 0.2},
        holdings=True,
        baseline=_WAITS_BEFORE,
    )
    yield Case(
        name="given-up-twice",
        calls=(video(), video()),
        options={"poll_interval": 5, "wait_timeout": 12},
        needs=("wait_timeout",),
        scenario=({"on": ["videos.create"], "transition": {"hold": True}},),
        patience=None,
        limit=HOUR,
    )
    yield Case(
        name="hundreds-real",
        calls=(balance(),) * _MANY_CALLS_REAL,
        options=NO_RETRIES,
        holdings=True,
        needs=("failing at once",),
        limit=48 * HOUR,
        rules=(_build_failure_rule(6, _FAILURES[:4]),),
    )


def _close_afterwards(turn: FaultContext) -> WireScript:
    return (*turn.proceed().to_script(), WireStep("close", 0.0))


_FAILURES: Final[tuple[FaultAction, ...]] = (
    fault_actions.answer_instead(fault_actions.UNAVAILABLE),
    fault_actions.end_before_work("reset"),
    fault_actions.answer_instead(
        fault_actions.build_text_answer(200, "text/html", fault_actions.HTML)
    ),
    fault_actions.truncate,
    lambda _: (WireStep("close", 30.0),),  # longer than the timeout that the case asks for
)


def _build_failure_rule(every: int, failures: tuple[FaultAction, ...]) -> FaultRule:
    """Return the rule by which the first calls of `every` fail, each in another way."""

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        place = turn.adversary.call % every
        return failures[place](turn) if place < len(failures) else turn.proceed()

    return FaultRule(on="billing.balance", do=act, label="now and then bad", legal=False)


@client_check(
    "GC804",
    "After a connection closed while idle, a read may be repeated and a POST is not",
    severity="blocker",
    evidence="standard",
    why="A client cannot know whether a POST was executed when its connection closed.",
    fix="Retry GETs on stale connections; never POSTs.",
    source="RFC 9112, section 9.3.1",
    cases=("idle-*", "framing-connection-close"),
)
def idle_connections_are_safe(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a POST is not sent again when a reused connection closes.

    A read may be tried again or raise. Fails on a second POST within a call, and on a read that
    does not end.
    """
    for outcome in history.calls():
        sent = history.during(outcome)
        if outcome.op in {"balance", "models"}:
            # A client without retries may raise: a read costs nothing.
            yield expect(
                outcome.kind in {"value", "error"},
                "the value, or an error",
                outcome.shown,
                *sent[:2],
            )
        else:
            tries = [each for each in sent if each.submits]
            yield expect(
                len(tries) <= 1,
                "no second POST: the first may have been served",
                f"{len(tries)} POSTs",
                *tries[:3],
            )


@client_check(
    "GC808",
    "IPv6 addresses, localhost and names that are slow to look up work",
    severity="info",
    evidence="choice",
    why="Tests and gateways use them; a resolver may have to ask twice.",
    fix="Keep the brackets of IPv6 hosts; give connecting the same timeout as reading.",
    cases=("ipv6", "localhost", "names-*"),
)
def names_are_found(history: ClientHistory) -> Iterator[Observation]:
    """Demands that IPv6 addresses, localhost and slow connections work.

    Fails when such a call raises. Where no connection is ever made, a clear error within 600 s is
    expected.
    """
    if history.case != "names-never":
        yield from legal_http_is_read(history)
        return
    for outcome in history.calls():
        yield expect(
            outcome.clear and outcome.seconds <= _LONGEST_CONNECT,
            f"an error within {_LONGEST_CONNECT:g} s",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
        )


@client_check(
    "GC809",
    "Connections, files and threads do not pile up, errors included",
    severity="major",
    evidence="choice",
    why="A worker process runs for months.",
    fix="Close responses whose body was not read.",
    cases=("thousand", "hundreds-real", "waited-often*", "given-up-twice", "cut-often"),
)
def nothing_leaks(history: ClientHistory) -> Iterator[Observation]:
    """Demands that connections, files and threads do not accumulate over many calls.

    A third of the calls fails. Fails when more than 20 connections stay open, when any of the
    counts rises by more than 20 after the first calls or by one for each wait, when each
    download that breaks off leaves a file of its own, or when a video whose wait was given up is
    polled later.
    """
    if history.case == "cut-often":
        yield from _leftovers_are_few(history)
        return
    if history.case == "given-up-twice":
        yield from _waits_are_over(history)
        return
    calls = history.calls()
    good = sum(each.kind == "value" for each in calls)
    yield expect(good >= len(calls) // 4, "the good answers taken", f"{good} of {len(calls)}")
    if len(history.holdings) < 2:
        return
    early, late = history.holdings
    yield expect(
        late.connections <= _MAX_OPEN,
        f"few open connections after {len(calls)} calls",
        f"{late.connections}",
    )
    waits = history.case.startswith("waited-often")
    first, most = (
        (_WAITS_BEFORE, _WAITS - _WAITS_BEFORE - 1) if waits else (BASELINE_CALLS, _MAX_OPEN)
    )
    shown = f"after {len(calls)} calls than after {first}"
    for name, more in late.compute_excess(early).items():
        yield expect(more <= most, f"no more {name} {shown}", f"{more} more")


def _waits_are_over(history: ClientHistory) -> Iterator[Observation]:
    """Judge waits that were given up: a poll of one in a later call comes of something left."""
    for outcome in history.calls("generate_video"):
        own = [each.object.get("id") for each in history.during(outcome) if each.submits]
        if not own or outcome.kind != "error":
            continue
        later = [
            each
            for each in history.poll_requests
            if each.number > outcome.last and each.path.endswith(f"/{own[0]}")
        ]
        yield expect(
            not later,
            "no poll of a video whose wait was given up",
            f"{len(later)} polls after the error",
            *later[:2],
        )


def _leftovers_are_few(history: ClientHistory) -> Iterator[Observation]:
    """Judge downloads of one file that break off: one part of it may be kept, to be resumed."""
    left = [len(each.files) for each in history.calls("download")]
    if left:
        yield expect(
            left[-1] <= max(1, left[0]),
            f"no more parts of a file after {len(left)} downloads of it than after one",
            f"{left[-1]} files in the folder",
            *history.requests[-1:],
        )


@client_check(
    "GC810",
    "One client serves several threads or tasks, and a forked child",
    severity="minor",
    evidence="choice",
    why="Servers share clients; parent and child on one connection read each other's answers.",
    fix="Keep no state of a call on the client; open new connections after a fork; hold no lock "
    "while an answer is awaited.",
    cases=("threads", "forked", "many-mixed-*"),
)
def clients_are_shared(history: ClientHistory) -> Iterator[Observation]:
    """Demands that one client works from several threads or tasks, and in a forked child.

    Fails when a call raises, when a child sends over a connection that its parent opened, or when a
    read is not sent before the orders that take their time are answered.
    """
    if history.case.startswith("many-mixed"):
        yield from _reads_go_beside_orders(history)
        return
    yield from legal_http_is_read(history)
    for outcome in history.calls():
        before = [each for each in history.requests if each.connection in outcome.shared]
        yield expect(
            not outcome.shared,
            "connections of its own in a forked child",
            "sent over one that the parent had opened, and goes on to use",
            *before[:1],
        )


def _reads_go_beside_orders(history: ClientHistory) -> Iterator[Observation]:
    """Judge when a read is sent that is asked for together with orders."""
    reads = [each for each in history.requests if each.operation == "billing.balance"]
    if reads:
        yield expect(
            reads[0].elapsed < 1.0,
            "the balance asked for beside the orders",
            f"after {reads[0].elapsed:.1f} s, behind them",
            reads[0],
        )
