"""GC8: HTTP as it can legally be, and connections as they are."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.encodings import ENCODINGS, accepts_encoding
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep, encode_chunks
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.clients.sandbox.resource_usage import BASELINE_CALLS
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import (
        FaultAction,
        FaultContext,
        ReceivedRequest,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_NO_RETRIES: Final = {"max_retries": 0}
_LIMIT: Final = 3600.0
_MANY: Final = 1000
_SOME: Final = 200
_FEW: Final = 20
_LONG: Final = 600.0
_EARLY_HINTS: Final = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    b"HTTP/1.1 102 Processing\r\n\r\n"
)


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    del stream
    made = [
        Case(
            name="drip",
            calls=(balance(), models(), *_FALLBACK_CALLS),
            options={"timeout": 2, "max_retries": 0},
            needs=("timeout",),
            patience=12,
            rules=(
                FaultRule(on="*", do=fault_actions.drip(0.01, least=2000), label="10 ms a byte"),
            ),
        ),
        Case(
            name="silence",
            calls=(balance(), models(), *_FALLBACK_CALLS),
            options={"timeout": 2, "max_retries": 0},
            patience=12,
            rules=(FaultRule(on="*", do=fault_actions.end_before_work("hang"), label="silence"),),
        ),
        *_build_framing_cases(),
        Case(
            name="mismatch",
            calls=(balance(), models(), image(), _FALLBACK_CALLS[1]),
            options=_NO_RETRIES,
            rules=(
                FaultRule(
                    on="*", do=fault_actions.promise_too_much, label="Content-Length too large"
                ),
            ),
        ),
        Case(
            name="idle-close-get",
            calls=(balance(), balance(), models()),
            rules=(
                FaultRule(on="billing.balance", do=_close_afterwards, label="idle close", nth=(1,)),
            ),
        ),
        Case(
            name="idle-race-post",
            calls=(models(), image(), image()),
            rules=(
                FaultRule(
                    on="images.generate",
                    do=fault_actions.end_before_work("close"),
                    label="race",
                    nth=(1,),
                    when=_is_reused,
                ),
            ),
        ),
        Case(
            name="idle-race-video",
            calls=(
                models(),
                *(ClientCall(op="submit_video", args=VIDEO),) * 2,
                *(video().instead_of("submit_video"),) * 2,
            ),
            rules=(
                FaultRule(
                    on="videos.create",
                    do=fault_actions.end_before_work("reset"),
                    label="race",
                    nth=(1,),
                    when=_is_reused,
                ),
            ),
        ),
        Case(
            name="ipv6",
            base="https://[::1]:8443",
            calls=(balance(), image(), _FALLBACK_CALLS[1]),
            patience=None,
        ),
        Case(
            name="localhost",
            base="https://localhost:8443",
            calls=(balance(), image(), _FALLBACK_CALLS[1]),
            patience=None,
        ),
        Case(
            name="names-slow",
            calls=(balance(), image()),
            options={"timeout": 10},
            patience=None,
            rules=(FaultRule(on="connect", do="slow", label="4 s to connect"),),
        ),
        Case(
            name="names-never",
            calls=(balance(), image()),
            needs=("timeout",),
            patience=None,
            options={"timeout": 2, "max_retries": 0},
            rules=(FaultRule(on="connect", do="timeout", label="never connects"),),
        ),
        Case(
            name="thousand",
            calls=(balance(),) * _MANY,
            options=_NO_RETRIES | {"timeout": 5},
            holdings=True,
            patience=None,
            rules=(
                FaultRule(
                    on="billing.balance",
                    do=_fail_some(16, _FAILURES),
                    label="now and then bad",
                    legal=False,
                ),
            ),
        ),
        Case(
            name="hundreds-real",
            calls=(balance(),) * _SOME,
            options=_NO_RETRIES,
            holdings=True,
            needs=("failing at once",),
            rules=(
                FaultRule(
                    on="billing.balance",
                    do=_fail_some(6, _FAILURES[:4]),
                    label="now and then bad",
                    legal=False,
                ),
            ),
        ),
        Case(
            name="forked",
            calls=(models(), ClientCall(op="models", child=True), models()),
            patience=None,
        ),
        Case(
            name="threads",
            calls=(
                (balance(),) * 4
                + (models(),) * 4
                + (_FALLBACK_CALLS[0],) * 4
                + (_FALLBACK_CALLS[1],) * 4
            ),
            together=True,
            patience=None,
        ),
        Case(
            name="skew-ahead",
            calls=(balance(), image(), _FALLBACK_CALLS[1]),
            rules=(FaultRule(on="*", do=_shift_date(86400), label="Date a day ahead"),),
        ),
        Case(
            name="skew-behind",
            calls=(balance(), image(), _FALLBACK_CALLS[1]),
            rules=(FaultRule(on="*", do=_shift_date(-86400), label="Date a day behind"),),
        ),
    ]
    return tuple(case.with_changes(limit=_LIMIT * (48 if case.holdings else 1)) for case in made)


_FALLBACK_CALLS: Final = (
    image().instead_of("models", "balance"),
    video().instead_of("models", "balance", "generate_image"),
)


def _is_reused(asked: ReceivedRequest) -> bool:
    return asked.reused


def _build_framing_cases() -> Iterator[Case]:
    forms: dict[str, Callable[[WireAnswer], WireAnswer | WireScript]] = {
        "encoding-identity": lambda a: a.with_headers(("Content-Encoding", "identity")),
        "chunks": lambda a: WireAnswer(a.status, a.headers, a.body, "chunked"),
        "chunk-extension": lambda a: _send_chunked(a, extension=';a="b c"'),
        "several-extensions": lambda a: _send_chunked(a, extension=';a=b;c="d e"'),
        "trailers": lambda a: _send_chunked(a, trailers="X-Checksum: abc\r\nX-More: 1\r\n"),
        "single-bytes": lambda a: _send_chunked(a, size=1),
        "informational": lambda a: (WireStep(_EARLY_HINTS), *a.to_script()),
        "until-close": lambda a: WireAnswer(a.status, a.headers, a.body, "close"),
        "old-style": lambda a: (
            WireStep(
                WireAnswer(a.status, a.headers, a.body, "close")
                .head()
                .replace(b"HTTP/1.1", b"HTTP/1.0")
                + a.body
            ),
            WireStep("close"),
        ),
        "connection-close": lambda a: (
            *a.with_headers(("Connection", "close")).to_script(),
            WireStep("close"),
        ),
    }
    forms |= {f"encoding-{name}": _encode_with(name) for name in ENCODINGS}
    for name, form in forms.items():
        rule = FaultRule(
            on="*",
            do=fault_actions.change_answer(form),
            label=name,
            when=_build_condition(name.removeprefix("encoding-")),
        )
        yield Case(
            name=f"framing-{name}",
            calls=(balance(), models(), image(), _FALLBACK_CALLS[1]),
            options=_NO_RETRIES,
            rules=(rule,),
        )


def _encode_with(encoding: str) -> Callable[[WireAnswer], WireAnswer]:
    return lambda a: WireAnswer(
        a.status, (*a.headers, ("Content-Encoding", encoding)), ENCODINGS[encoding](a.body)
    )


def _build_condition(encoding: str) -> Callable[[ReceivedRequest], bool] | None:
    """Return whether a request may be answered so; None where any may."""
    if encoding not in ENCODINGS:
        return None
    return lambda asked: accepts_encoding(
        encoding, [value for name, value in asked.headers if name.lower() == "accept-encoding"]
    )


def _send_chunked(
    answer: WireAnswer, *, extension: str = "", trailers: str = "", size: int = 100
) -> WireScript:
    head = WireAnswer(answer.status, answer.headers, framing="chunked").head()
    return (
        WireStep(
            head + encode_chunks(answer.body, extension=extension, trailers=trailers, size=size)
        ),
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


def _fail_some(every: int, failures: tuple[FaultAction, ...]) -> FaultAction:
    """Let some of so many calls fail, each in another way."""

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        place = turn.adversary.call % every
        return failures[place](turn) if place < len(failures) else turn.proceed()

    return act


def _shift_date(seconds: float) -> FaultAction:
    def act(turn: FaultContext) -> WireAnswer:
        date = format_datetime(turn.adversary.later(seconds).replace(microsecond=0), usegmt=True)
        return turn.proceed().with_headers(("Date", date), drop=("date",))

    return act


@client_check(
    "GC801",
    "A timeout bounds the whole call, not each read",
    severity="major",
    evidence="choice",
    why="A byte now and then keeps a read alive for ever.",
    fix="Measure the call by the monotonic clock.",
    cases=("drip",),
)
def drips_end(history: ClientHistory) -> Iterator[Observation]:
    """GC801."""
    timeout = float(history.options.get("timeout", 2))
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
    why="A peer may vanish without a word.",
    fix="Set a read timeout.",
    cases=("silence",),
)
def silence_ends(history: ClientHistory) -> Iterator[Observation]:
    """GC802."""
    for outcome in history.calls():
        sent = history.during(outcome)
        # Without an option of its own, a client may wait as the official SDK does: 5 minutes.
        each_try = float(history.options.get("timeout", 300)) * 2 + 2
        most = each_try * max(1, len(sent)) + 120
        yield expect(
            outcome.clear and outcome.seconds <= most,
            f"an error within {most:g} s",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
            *sent[:2],
        )


@client_check(
    "GC803",
    "Legal encodings and framings are read",
    severity="major",
    evidence="standard",
    why="Whatever stands between may choose another.",
    fix="Leave it to an HTTP library.",
    source="RFC 9110, section 8.4, and RFC 9112, section 7",
    cases=(
        "framing-encoding-*",
        "framing-chunk*",
        "framing-several-*",
        "framing-trailers",
        "framing-single-bytes",
    ),
)
def framings_are_read(history: ClientHistory) -> Iterator[Observation]:
    """GC803: of what parsers in wide use cannot read, the author can only say so."""
    if history.case != "framing-several-extensions":
        yield from legal_http_is_read(history)
        return
    for outcome in history.calls():
        yield expect(
            outcome.kind == "value" or outcome.clear,
            "the value, or a clear error",
            outcome.shown,
            *history.during(outcome)[:2],
        )


@client_check(
    "GC805",
    "Informational answers are passed over",
    severity="minor",
    evidence="standard",
    why="HTTP allows any number of them.",
    fix="Read on after 1xx.",
    source="RFC 9110, section 15.2",
    cases=("framing-informational",),
)
@client_check(
    "GC806",
    "A body that ends with the connection is read",
    severity="minor",
    evidence="standard",
    why="HTTP/1.0 has no other.",
    fix="Read to the end where there is no length.",
    source="RFC 9112, section 6.3",
    cases=("framing-until-close", "framing-old-style"),
)
@client_check(
    "GC811",
    "A server's Date that is a day off changes nothing",
    severity="minor",
    evidence="choice",
    why="Clocks are wrong.",
    fix="Do not trust Date.",
    cases=("skew-*",),
)
def legal_http_is_read(history: ClientHistory) -> Iterator[Observation]:
    """GC803, 805, 806, 811; 808 and 810 beside more."""
    for outcome in history.calls():
        yield expect(
            outcome.kind == "value", "the value", outcome.shown, *history.during(outcome)[:2]
        )


@client_check(
    "GC808",
    "IPv6 addresses, localhost and names that are slow to look up work",
    severity="info",
    evidence="choice",
    why="Tests and gateways use them; a resolver may have to ask twice.",
    fix="Keep the brackets; give connecting as long as the rest, and an end.",
    cases=("ipv6", "localhost", "names-*"),
)
def names_are_found(history: ClientHistory) -> Iterator[Observation]:
    """GC808: also in some seconds; who never finds one says so, after however many tries."""
    if history.case != "names-never":
        yield from legal_http_is_read(history)
        return
    for outcome in history.calls():
        yield expect(
            outcome.clear and outcome.seconds <= _LONG,
            f"an error within {_LONG:g} s",
            f"{outcome.shown} after {outcome.seconds:.0f} s",
        )


@client_check(
    "GC804",
    "A connection closed while idle costs a read a retry, and a POST nothing twice",
    severity="blocker",
    evidence="standard",
    why="Whether a POST that met the closing was served cannot be known.",
    fix="Retry GETs on stale connections; never POSTs.",
    source="RFC 9112, section 9.3.1",
    cases=("idle-*", "framing-connection-close"),
)
def idle_connections_are_safe(history: ClientHistory) -> Iterator[Observation]:
    """GC804."""
    for outcome in history.calls():
        sent = history.during(outcome)
        if outcome.op in {"balance", "models"}:
            # Who never retries may pass the error on: a read costs nothing.
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
    "GC807",
    "Fewer bytes than Content-Length says are an error",
    severity="major",
    evidence="standard",
    why="What is missing may have mattered.",
    fix="Compare the lengths.",
    source="RFC 9112, section 8",
    cases=("mismatch",),
)
def lengths_are_checked(history: ClientHistory) -> Iterator[Observation]:
    """GC807."""
    for outcome in history.calls():
        yield expect(
            outcome.kind == "error",
            "an error: bytes are missing",
            outcome.shown,
            *history.during(outcome)[:1],
        )


@client_check(
    "GC809",
    "Connections, files and threads do not pile up, errors included",
    severity="major",
    evidence="choice",
    why="A worker runs for months.",
    fix="Close answers that were not read.",
    cases=("thousand", "hundreds-real"),
)
def nothing_leaks(history: ClientHistory) -> Iterator[Observation]:
    """GC809."""
    calls = history.calls()
    good = sum(each.kind == "value" for each in calls)
    yield expect(good >= len(calls) // 4, "the good answers taken", f"{good} of {len(calls)}")
    if len(history.holdings) < 2:
        return
    early, late = history.holdings
    yield expect(
        late.connections <= _FEW,
        f"few open connections after {len(calls)} calls",
        f"{late.connections}",
    )
    for name, more in late.compute_excess(early).items():
        yield expect(
            more <= _FEW,
            f"no more {name} after {len(calls)} calls than after {BASELINE_CALLS}",
            f"{more} more",
        )


@client_check(
    "GC810",
    "One client serves several threads or tasks, and a forked child",
    severity="minor",
    evidence="choice",
    why="Servers share clients; parent and child on one connection read each other's answers.",
    fix="Keep no per-call state on the client; after a fork, leave its connections alone.",
    cases=("threads", "forked"),
)
def clients_are_shared(history: ClientHistory) -> Iterator[Observation]:
    """GC810."""
    yield from legal_http_is_read(history)
    for outcome in history.calls():
        before = [each for each in history.requests if each.connection in outcome.shared]
        yield expect(
            not outcome.shared,
            "connections of its own in a forked child",
            "sent over one that the parent had opened, and goes on to use",
            *before[:1],
        )
