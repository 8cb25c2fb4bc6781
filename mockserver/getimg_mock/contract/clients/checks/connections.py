"""GC804, GC808 and GC810: how a client opens, keeps and shares its connections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireStep, build_error
from getimg_mock.contract.clients.checks.http_framing import legal_http_is_read
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import End, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import (
        FaultContext,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_LONGEST_CONNECT: Final = 600.0
_SOON_REAL: Final = 3.0
"""When a read is sent at the latest that has to wait for nothing, on a busy machine."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_idle_cases()
    yield _build_stray_case()
    yield from _build_address_cases()
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


def _build_stray_case() -> Case:
    """Return the case in which an idle connection has an answer that nobody asked for."""
    return Case(
        name="idle-stray",
        calls=(
            *(replace(call, after=5) for call in (balance(), balance(), image())),
            video().instead_of("generate_image"),
        ),
        patience=None,
        limit=HOUR,
        rules=(FaultRule(on="billing.balance", do=_say_more, label="a word too much"),),
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


def _close_afterwards(turn: FaultContext) -> WireScript:
    return (*turn.proceed().to_script(), WireStep("close", 0.0))


def _say_more(turn: FaultContext) -> WireScript:
    """Answer; send another answer a second later, which no request has asked for, and close."""
    late = build_error(408, "timeout", "No request came.", ("Connection", "close"))
    answered = turn.proceed().to_script()
    if turn.adversary.call > 1:  # a read on the way to an order, which follows at once
        return answered
    return (
        *answered,
        WireStep(late.head() + late.body, 1.0),
        WireStep("close"),
    )


@client_check(
    "GC804",
    "After a connection closed while idle, a read may be repeated and a POST is not",
    severity="blocker",
    evidence="standard",
    why="A client cannot know whether a POST was executed when its connection closed.",
    fix="Retry GETs on stale connections; never POSTs. Drop an idle connection on which something "
    "has arrived, and one that is announced to close.",
    source="RFC 9112, section 9.3.1",
    cases=("idle-*", "framing-connection-close"),
)
def idle_connections_are_safe(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a POST is not sent again when a reused connection closes.

    A read may be tried again or raise. Fails on a second POST within a call, on a read that does
    not end, on a request over a connection that the answer before has announced to close, and on
    an answer taken for one's own that came before the request.
    """
    if history.case == "framing-connection-close":
        yield from _announced_ends_are_heeded(history)
    if history.case == "idle-stray":
        yield from legal_http_is_read(history)
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


def _announced_ends_are_heeded(history: ClientHistory) -> Iterator[Observation]:
    """Judge requests after answers with `Connection: close`: each has a connection of its own."""
    seen: set[int] = set()
    for each in history.requests:
        fresh = each.connection not in seen
        yield expect(fresh, "a new connection after Connection: close", "the one to close", each)
        seen.add(each.connection)


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
        soon = 1.0 if history.virtual else _SOON_REAL
        yield expect(
            reads[0].elapsed < soon,
            "the balance asked for beside the orders",
            f"after {reads[0].elapsed:.1f} s, behind them",
            reads[0],
        )
