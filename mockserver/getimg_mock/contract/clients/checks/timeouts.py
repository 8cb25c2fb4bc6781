"""GC801 and GC802: a server that sends a byte now and then, or nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    IMAGE,
    RANGE,
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.value_encoding import build_reference
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_CALLS: Final = (balance(), models(), *FALLBACK_CALLS)
_LOOKUPS: Final = (
    ClientCall(op="costs", args=RANGE),
    ClientCall(op="model", args={"id": IMAGE["model"]}),
    ClientCall(op="retrieve_video", args={"id": "req-01K6SILENT00001"}),
)
_LARGE: Final = 2**20
"""The length of a reference that does not fit on the way to a server that reads nothing."""
_OPTIONS: Final = {"timeout": 1, "max_retries": 0}


def cases(_: Stream) -> Iterator[Case]:
    """Yield a case for each way to send no answer in time."""
    drip = FaultRule(on="*", do=fault_actions.drip(0.1, 200), label="10 pieces a second")
    silence = FaultRule(on="*", do=fault_actions.end_before_work("hang"), label="silence")
    yield Case(
        name="drip",
        calls=_CALLS,
        options=_OPTIONS,
        needs=("timeout",),
        patience=12,
        limit=HOUR,
        rules=(drip,),
    )
    yield Case(
        name="silence",
        calls=_CALLS,
        options=_OPTIONS | {"timeout": 0.5},  # rounded down, it would be none
        patience=12,
        limit=HOUR,
        rules=(silence,),
    )
    yield _build_unread_case()
    yield from _build_order_cases(silence, drip)
    yield _build_real_order_case(drip)
    yield from _build_nobody_cases()


def _build_unread_case() -> Case:
    """Return the case of a large body, of which the server reads nothing."""
    return Case(
        name="unread",
        calls=(image(images=[build_reference(_LARGE)]),),
        options=_OPTIONS | {"timeout": 5},
        needs=("timeout", "max_retries"),
        patience=None,
        limit=HOUR,
        rules=(FaultRule(on="connect", do="unread", label="nothing is read"),),
    )


def _build_order_cases(silence: FaultRule, drip: FaultRule) -> Iterator[Case]:
    """Yield the cases of orders, and of further reads, that are not answered in time."""
    submit = ClientCall(op="submit_video", args=VIDEO).instead_of("generate_video")
    orders = (image(), submit, video())
    yield Case(
        name="silence-lookups",
        calls=_LOOKUPS,
        options=_OPTIONS,
        needs=("timeout", "max_retries"),
        patience=12,
        limit=HOUR,
        rules=(silence.with_changes(must=False),),
    )
    yield Case(
        name="silence-orders",
        calls=orders,
        options=_OPTIONS,
        needs=("timeout", "max_retries"),
        patience=12,
        limit=HOUR,
        rules=(silence,),
    )
    yield Case(
        name="drip-orders",
        calls=orders,
        options=_OPTIONS,
        needs=("timeout",),
        patience=None,
        limit=HOUR,
        rules=(drip,),
    )


def _build_real_order_case(drip: FaultRule) -> Case:
    """Return the case in real time of an order whose answer drips."""
    return Case(
        name="drip-orders-real",
        calls=(image(), video().instead_of("generate_image")),
        options=_OPTIONS,
        needs=("timeout",),
        limit=HOUR,
        rules=(drip,),
    )


def _build_nobody_cases() -> Iterator[Case]:
    """Yield the cases of a service that cannot be connected to, however often it is tried.

    Their rules may have no hit: nobody sees a program knock at a port at which nothing listens.
    """
    calls = (
        balance(),
        models().instead_of("balance"),
        image(),
        video().instead_of("generate_image"),
    )
    absent = FaultRule(on="connect", do="absent", label="nothing listens", must=False)
    unknown = FaultRule(on="connect", do="unknown", label="no such name", must=False)
    for name, retries, made, rule, patience in (
        ("listens", 0, calls, absent, 8.0),
        ("listens-retried", 1, (balance(), *FALLBACK_CALLS), absent, 12.0),
        ("known", 2, (*calls, video()), unknown, None),
    ):
        yield Case(
            name=f"nobody-{name}",
            calls=made,
            options={"timeout": 2, "max_retries": retries},
            needs=("failing at once",),
            patience=patience,
            limit=HOUR,
            rules=(rule,),
            logs=True,
        )


@client_check(
    "GC801",
    "A timeout bounds the whole call, not each read",
    severity="major",
    evidence="choice",
    why="A byte now and then resets a read timeout for ever.",
    fix="Bound the whole call by a deadline on the monotonic clock.",
    cases=("drip", "drip-orders*"),
)
def drips_end(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error in time when the server sends a few bytes every 100 ms.

    Fails when the call returns a value, or lasts longer than its timeout and its retries allow.
    """
    timeout = float(history.options.get("timeout", 1))
    for outcome in history.calls():
        tries = len(history.during(outcome))
        most = timeout * 2 + 2 if tries < 2 else (timeout * 2 + 40) * tries
        yield expect(
            outcome.kind == "error" and outcome.seconds <= most,
            f"an error within {most:g} s at a timeout of {timeout:g} s",
            f"{outcome.shown} after {outcome.seconds:.1f} s",
            *history.during(outcome)[:1],
        )


@client_check(
    "GC802",
    "Silence after the request ends in an error",
    severity="major",
    evidence="choice",
    why="A peer may disappear without closing the connection.",
    fix="Set a read timeout.",
    cases=("silence", "silence-orders", "silence-lookups", "names-never", "nobody-*", "unread"),
)
def silence_ends(history: ClientHistory) -> Iterator[Observation]:
    """Demands a clear error when the server accepts a request and sends nothing.

    Tries reads, orders, a large body that is not read, and connections that are never made: nothing
    answers, nothing listens, or the name is not known. Fails when the call does not end
    within its timeout and retries, or raises an unclear error.
    """
    slack = 10 if history.options.get("max_retries") == 0 else 120
    for outcome in history.calls():
        sent = history.during(outcome)
        # Without an option of its own, a client may wait as the official SDK does: 5 minutes.
        each_try = float(history.options.get("timeout", 300)) * 2 + 2
        most = each_try * max(1, len(sent)) + slack
        yield expect(
            outcome.clear and outcome.seconds <= most,
            f"an error within {most:g} s",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
            *sent[:2],
        )
