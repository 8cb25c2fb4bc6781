"""GC4: retries and money. The ledger says what a call has really cost."""

from __future__ import annotations

import itertools
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients import acts
from getimg_mock.contract.clients.adversary import Rule
from getimg_mock.contract.clients.cases import VIDEO, Call, Case, image, models, video
from getimg_mock.contract.clients.checking import ClientCheck
from getimg_mock.contract.clients.timeline import problem
from getimg_mock.contract.verdicts import held, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.adversary import Act, Turn
    from getimg_mock.contract.clients.history import ClientExchange, ClientHistory, Outcome
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.chance import Stream

_NOT_DONE: Final = problem(503, "server_error", "Down for a moment; nothing was done.",
                           ("Retry-After", "2"))  # fmt: skip
_COMMITTED: Final = problem(500, "server_error", "Something went wrong on our end",
                            ("X-Committed", "true"))  # fmt: skip
_GATEWAY: Final = acts.text(502, "text/html", acts.HTML)
_HOURS: Final = 3 * 3600
_NEVER_AGAIN: Final = (400, 401, 402, 403, 404, 413, 422)
_ODD_WAITS: Final = (
    "-5", "soon", "NaN", "1000000000000", "Wed, 01 Jan 2020 00:00:00 GMT", "", "1e3", "inf",
)  # fmt: skip
_LOST: Final[dict[str, tuple[Act, dict[str, Any]]]] = {
    "reset": (acts.lost("reset"), {}),
    "close": (acts.lost("close"), {}),
    "timeout": (acts.lost("hang"), {"timeout": 2}),
    "truncated": (acts.truncated, {}),
    "500": (acts.after(_COMMITTED), {}),
    "502": (acts.after(_GATEWAY), {}),
}
_KINDS: Final = (("image", "images.generate", image()), ("video", "videos.create", video()))


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    del stream
    return (*_lost(), *_early(), *_gets(), *_waits(), *_endless())


def _lost() -> Iterator[Case]:
    for kind, on, call in _KINDS:
        for name, (act, options) in _LOST.items():
            yield Case(
                name=f"lost-{name}-{kind}", calls=(call, call), options=options, limit=_HOURS,
                settings={"video_seconds": 1}, patience=12,
                rules=(Rule(on=on, do=act, label=f"work done, answer lost: {name}", nth=(1,)),),
            )  # fmt: skip
        conflict = acts.instead(problem(409, "conflict", "A request like this is under way."))
        yield Case(
            name=f"conflict-{kind}", calls=(call,), limit=_HOURS, settings={"video_seconds": 1},
            rules=(Rule(on=on, do=conflict, label="409", nth=(1,)),),
        )  # fmt: skip
    submit = Call(op="submit_video", args=VIDEO)
    for name, calls, on in (("image", (image(), image()), "images.generate"),
                            ("video", (submit, submit, *(video().instead_of("submit_video"),) * 2),
                             "videos.create")):  # fmt: skip
        yield Case(
            name=f"unknown-{name}", calls=calls, options={"max_retries": 0}, limit=_HOURS,
            patience=None,
            rules=(Rule(on="connect", do="refused", label="connection refused", nth=(1,)),
                   Rule(on=on, do=acts.lost("reset"), label="work done, answer lost", nth=(1,))),
        )  # fmt: skip


def _early() -> Iterator[Case]:
    limited = acts.paced(429, lambda _: (("Retry-After", "2"),))
    for kind, on, call in _KINDS:
        for name, rule in (
            ("503", Rule(on=on, do=acts.instead(_NOT_DONE), label="503, not done", nth=(1,))),
            ("429", Rule(on=on, do=limited, label="429", nth=(1,))),
            ("refused", Rule(on="connect", do="refused", label="refused", nth=(1,))),
        ):
            yield Case(name=f"early-{name}-{kind}", calls=(call,), rules=(rule,), limit=_HOURS,
                       settings={"video_seconds": 1},
                       patience=None if name == "refused" else 12)  # fmt: skip


def _gets() -> Iterator[Case]:
    for status in (502, 503, 504):
        answer = acts.text(status, "text/html", acts.HTML)
        yield Case(name=f"get-{status}", calls=(models(),), needs=("retries",), limit=_HOURS,
                   rules=(Rule(on="models.list", do=acts.instead(answer), label=f"{status}",
                               nth=(1,)),))  # fmt: skip
    yield Case(
        name="get-reset",
        calls=(models(),),
        needs=("retries",),
        limit=_HOURS,
        rules=(Rule(on="models.list", do=acts.before("reset"), label="reset", nth=(1,)),),
    )
    for status in _NEVER_AGAIN:
        refusal = acts.instead(problem(status, "refused", "Refused."))
        yield Case(
            name=f"refusal-{status}", calls=(image(), models(), video()), limit=_HOURS,
            rules=tuple(Rule(on=on, do=refusal, label=f"{status}")
                        for on in ("images.generate", "models.list", "videos.create")),
        )  # fmt: skip


def _paced(name: str, headers: Callable[[Turn], tuple[tuple[str, str], ...]], **more: Any) -> Case:
    rules = tuple(Rule(on=on, do=acts.paced(429, headers), label=f"429 {name}", nth=(1,))
                  for on in ("images.generate", "videos.create"))  # fmt: skip
    calls = (image(), video().instead_of("generate_image"))
    return Case(name=name, calls=calls, rules=rules, limit=_HOURS,
                settings={"video_seconds": 1}, **more)  # fmt: skip


def _waits() -> Iterator[Case]:
    def seconds(text: str) -> Callable[[Turn], tuple[tuple[str, str], ...]]:
        return lambda _: (("Retry-After", text),)

    yield _paced("wait-5", seconds("5"), patience=7)
    yield _paced("wait-17", seconds("17"))
    for text in ("60", "61", "120", "900"):
        yield _paced(f"long-wait-{text}", seconds(text), patience=4)
    yield _paced("date-wait-30", lambda turn: (("Retry-After", acts.with_date(turn, 30)),),
                 patience=4)  # fmt: skip

    def reset(turn: Turn) -> tuple[tuple[str, str], ...]:
        at = int(turn.adversary.later(45).timestamp()) + 1
        return (("X-RateLimit-Limit", "20"), ("X-RateLimit-Remaining", "0"),
                ("X-RateLimit-Reset", str(at)))  # fmt: skip

    yield _paced("reset-wait-45", reset, patience=4)
    for place, text in enumerate(_ODD_WAITS):
        yield _paced(f"odd-wait-{place}", seconds(text), patience=4)


def _endless() -> Iterator[Case]:
    down = Rule(on="models.list", do=acts.instead(acts.UNAVAILABLE), label="503 for ever")
    yield Case(name="down", calls=(models(),) * 3, rules=(down,), limit=_HOURS, patience=None)
    yield Case(name="down-no-retries", calls=(models(),), rules=(down,), limit=_HOURS,
               options={"max_retries": 0}, needs=("max_retries",))  # fmt: skip


def submitted_once(history: ClientHistory) -> Iterator[Observation]:
    """GC401 to 405: one call, one generation."""
    for outcome in history.calls():
        paid = [each for each in history.during(outcome) if each.paid]
        if not history.during(outcome):
            continue
        requests = ", ".join(str(each.number) for each in paid)
        yield held(
            len(paid) <= 1, "one generation for one call",
            f"{len(paid)} generations, {_charged(history, outcome, len(paid))}: "
            f"requests {requests}", *paid[:6],
        )  # fmt: skip


def _charged(history: ClientHistory, outcome: Outcome, times: int) -> str:
    """Return what a call has cost, as somebody would say it who pays for one."""
    total = history.charged(outcome)
    often = "twice" if times == 2 else f"{times} times"
    return f"{total / max(1, times)} USD charged {often} ({total})"


def conflicts_are_not_reposted(history: ClientHistory) -> Iterator[Observation]:
    """GC406."""
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        yield held(len(sent) <= 1, "no second POST after a 409", f"{len(sent)} POSTs", *sent[:6])


def retries_carry_one_key(history: ClientHistory) -> Iterator[Observation]:
    """GC407: among calls that were submitted more than once."""
    used: list[str] = []
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        keys = {each.sent_one("idempotency-key") for each in sent}
        if len(sent) < 2:
            yield held(not keys & set(used), "a fresh Idempotency-Key for each call",
                       sorted(map(str, keys)), *sent)  # fmt: skip
            used += [key for key in keys if key]
            continue
        yield held(len(keys) == 1 and None not in keys, "one Idempotency-Key for all attempts",
                   sorted(map(str, keys)), *sent[:4])  # fmt: skip
        fresh = not (keys & set(used))
        yield held(
            fresh, "a fresh Idempotency-Key for each call", sorted(map(str, keys)), *sent[:4]
        )
        used += [key for key in keys if key]


def early_failures_do_no_harm(history: ClientHistory) -> Iterator[Observation]:
    """GC408."""
    for outcome in history.calls():
        sent = history.during(outcome)
        paid = [each for each in sent if each.paid]
        again = len([each for each in sent if each.submits]) > 1
        if outcome.kind == "value":
            yield held(len(paid) == 1, "one generation", f"{len(paid)}", *sent[:4])
        elif again:
            yield wrong("a result: the second try was served", outcome.shown, *sent[:4])
        else:
            yield held(outcome.clear, "a result, or a clear error", outcome.shown, *sent[:4])


def reads_are_retried(history: ClientHistory) -> Iterator[Observation]:
    """GC409."""
    for outcome in history.calls():
        yield held(outcome.kind == "value", "the value: the next try was served", outcome.shown,
                   *history.during(outcome)[:4])  # fmt: skip


def refusals_are_final(history: ClientHistory) -> Iterator[Observation]:
    """GC410."""
    for outcome in history.calls():
        sent = history.during(outcome)
        if sent:
            yield held(len(sent) == 1, f"no second request after {sent[0].status}",
                       f"{len(sent)} requests", *sent[:4])  # fmt: skip


def _waits_at_least(seconds: float | None, history: ClientHistory) -> Iterator[Observation]:
    """GC411, 412, 413: never again before the time that the server named."""
    asked = float(history.case.rpartition("-")[2]) if seconds is None else seconds
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        for first, second in itertools.pairwise(sent):
            gap = second.elapsed - first.elapsed
            # A date has whole seconds: what is left of one may be gone.
            yield held(gap >= asked - 1.0, f"no request within {asked:g} s",
                       f"again after {gap:.1f} s", first, second)  # fmt: skip
        if len(sent) == 1:
            given_up = outcome.kind in {"error", "abandoned"} and not outcome.raw
            yield held(given_up, "to wait or to give up", outcome.shown, *sent)


def odd_waits_do_no_harm(history: ClientHistory) -> Iterator[Observation]:
    """GC414."""
    for outcome in history.calls():
        sent = history.during(outcome)
        if outcome.kind == "abandoned" and not history.virtual:
            yield held(True, "", "")  # noqa: FBT003 - it waits longer than real time allows
            continue
        yield held(outcome.kind == "value" or outcome.clear, "a result or a clear error",
                   outcome.shown, *sent[:4])  # fmt: skip
        gaps = _gaps([each for each in sent if each.submits])
        yield held(not gaps or min(gaps) >= 0.05, "a pause before the next try",
                   f"{min(gaps, default=0):.3f} s", *sent[:3])  # fmt: skip


def back_off_is_sound(history: ClientHistory) -> Iterator[Observation]:
    """GC415."""
    series = []
    for outcome in history.calls():
        sent = history.during(outcome)
        if history.case == "down-no-retries":
            yield held(len(sent) == 1, "one request with retries off", f"{len(sent)}", *sent[:3])
            continue
        gaps = _gaps(sent)
        series.append([round(gap, 3) for gap in gaps])
        shown = " ".join(f"{gap:.1f}" for gap in gaps[:8])
        yield held(outcome.kind == "error" and len(sent) <= 12,
                   "at most a dozen tries, then an error", f"{outcome.kind}, {len(sent)} tries",
                   *sent[:4])  # fmt: skip
        if len(gaps) >= 2:
            yield held(gaps[-1] > gaps[0], "waits that grow", f"{shown} s", *sent[:4])
            yield held(max(gaps) <= 300, "waits with a cap", f"{shown} s", *sent[:4])
    if len(series) > 1 and series[0]:
        yield held(any(each != series[0] for each in series), "waits with jitter",
                   f"the same every time: {series[0]}")  # fmt: skip


def unknown_outcomes_are_told(history: ClientHistory) -> Iterator[Observation]:
    """GC416."""
    for outcome in history.calls():
        lost = [each for each in history.during(outcome) if each.label == "work done, answer lost"]
        if not lost:
            continue
        known = [each for each in history.calls() if each is not outcome and each.kind == "error"]
        same = any(each.error.get("type") == outcome.error.get("type") for each in known)
        told = outcome.kind == "error" and (bool(outcome.error.get("unknown")) or not same)
        yield held(told, "an error that says the outcome is unknown, unlike a refused connection",
                   outcome.shown, *lost)  # fmt: skip


def retries_send_the_same(history: ClientHistory) -> Iterator[Observation]:
    """GC417."""
    for outcome in history.calls():
        sent = [each for each in history.during(outcome) if each.submits]
        for again in sent[1:]:
            yield held(again.request_body == sent[0].request_body, "the same bytes again",
                       (again.request_body or b"")[:100].decode("utf-8", "replace"),
                       sent[0], again)  # fmt: skip


def costs_are_told(history: ClientHistory) -> Iterator[Observation]:
    """GC418: by the ledger, or by the service's own answers where there is none to look into."""
    for outcome in history.calls("generate_image", "generate_video"):
        if outcome.kind != "value" or not isinstance(outcome.value, dict):
            continue
        charged = history.charged(outcome) if history.own else _billed(history.during(outcome))
        usage = outcome.value.get("usage")
        told = usage.get("total_cost") if isinstance(usage, dict) else None
        same = told is not None and Decimal(str(told)) == charged
        paid = [each for each in history.during(outcome) if each.paid]
        source = "the ledger has" if history.own else "the answers have"
        yield held(same, f"a cost of {charged} USD, as {source} it", f"{told}", *paid[:4])


def _billed(sent: list[ClientExchange]) -> Decimal:
    """Return what the results among some answers say that they cost, each result once."""
    costs = {
        str(each.object.get("id")): Decimal(str(each.object["usage"]["total_cost"]))
        for each in sent
        if each.object.get("status") == "completed" and each.object.get("usage")
    }
    return sum(costs.values(), Decimal(0))


def _gaps(sent: list[ClientExchange]) -> list[float]:
    return [b.elapsed - a.elapsed for a, b in itertools.pairwise(sent)]


def _costly(outcome: Outcome) -> bool:
    return outcome.op in {"generate_image", "generate_video"}


_SAFE: Final = (
    "Do not send a POST again once its bytes are out. Report the outcome as unknown; the ledger, "
    "or GET /v2/billing/costs, tells whether it was charged. Whether getimg.ai de-duplicates is "
    "not known."
)


def _once(number: str, how: str, name: str) -> ClientCheck:
    return ClientCheck(
        id=number, severity="blocker", evidence="seed", cost="0",
        statement=f"A submission is executed at most once per call when {how}",
        why="Each execution is paid; no idempotency key is documented.", fix=_SAFE,
        judge=submitted_once, observable=True,
        cases=(f"lost-{name}-*", f"observed-{name}"),
    )  # fmt: skip


CHECKS: Final = (
    _once("GC401", "the connection is reset after the work was done", "reset"),
    _once("GC402", "the connection closes without an answer", "close"),
    _once("GC403", "the answer does not come in time", "timeout"),
    _once("GC404", "the answer is cut off", "truncated"),
    _once("GC405", "a 5xx comes although the work was done", "50?"),
    ClientCheck(id="GC406", severity="blocker", evidence="assumption", cost="0",
        statement="A 409 on a submission is not sent again blindly",
        why="A conflict may mean that the first one is being worked on.", fix=_SAFE,
        judge=conflicts_are_not_reposted, cases=("conflict-*", "observed-409"), observable=True),
    ClientCheck(id="GC407", severity="blocker", evidence="assumption", cost="0",
        statement="Who does submit again sends one idempotency key a call, fresh for each call",
        why="Without it no server can tell a repetition from a second order.",
        fix="Draw a key per logical call and send it with every attempt.",
        judge=retries_carry_one_key, cases=("lost-*", "observed-*"), observable=True),
    ClientCheck(id="GC408", severity="major", evidence="documented", cost="0",
        statement="Failures before any effect end in one generation or in a clear error",
        why="A refused connection, a 429 or a 503 with Retry-After is safe to try again.",
        fix="Retry what cannot have had an effect.",
        judge=early_failures_do_no_harm, cases=("early-*",)),
    ClientCheck(id="GC409", severity="major", evidence="seed", cost="0",
        statement="Reads are tried again after 502, 503, 504 and a reset",
        why="A read costs nothing; a passing failure should not reach the caller.",
        fix="Retry GETs a few times with back-off.",
        judge=reads_are_retried, cases=("get-*",)),
    ClientCheck(id="GC410", severity="major", evidence="documented", cost="0",
        statement="400, 401, 402, 403, 404, 413 and 422 are never tried again",
        why="The documentation calls them not retryable.",
        fix="Retry 429 and 5xx only, and only where it is safe.",
        judge=refusals_are_final, observable=True,
        cases=("refusal-*", "free-errors", "bad-key", "observed-refusals")),
    ClientCheck(id="GC411", severity="major", evidence="documented", cost="0",
        statement="Retry-After in seconds is honoured",
        why="Documented for 429.", fix="Wait at least that long.",
        judge=partial(_waits_at_least, None), cases=("wait-*",)),
    ClientCheck(id="GC412", severity="major", evidence="seed", cost="0",
        statement="Retry-After as a date, or beyond a minute, is waited for or given up on",
        why="Trying early burns the next window too.",
        fix="Read both forms; raise when it is longer than you will wait.",
        judge=partial(_waits_at_least, None), cases=("long-wait-*", "date-wait-*")),
    ClientCheck(id="GC413", severity="major", evidence="documented", cost="0",
        statement="With X-RateLimit-Reset alone, the client waits for it or gives up",
        why="A 429 for concurrency has no Retry-After.",
        fix="Fall back to the reset when there is no Retry-After.",
        judge=partial(_waits_at_least, None), cases=("reset-wait-*",)),
    ClientCheck(id="GC414", severity="major", evidence="seed", cost="0",
        statement="A malformed Retry-After neither crashes the client nor makes it spin",
        why="Proxies write all sorts of things there.",
        fix="Treat what you cannot read as absent.",
        judge=odd_waits_do_no_harm, cases=("odd-wait-*",)),
    ClientCheck(id="GC415", severity="major", evidence="documented", cost="0",
        statement="Back-off grows, has jitter and a cap; tries are bounded and can be turned off",
        why="Documented: retry 5xx with back-off.",
        fix="Exponential back-off with full jitter and a maximum.",
        judge=back_off_is_sound, cases=("down", "down-no-retries")),
    ClientCheck(id="GC416", severity="blocker", evidence="seed", cost="0",
        statement="An unknown outcome is reported as unknown",
        why="Only then can the caller look before paying again.",
        fix="A distinct error once the request may have reached the server.",
        judge=unknown_outcomes_are_told, cases=("unknown-image", "unknown-video")),
    ClientCheck(id="GC417", severity="minor", evidence="seed", cost="0",
        statement="A retry sends the same bytes",
        why="Else it is another order.", fix="Build the body once.",
        judge=retries_send_the_same, cases=("early-*", "wait-*", "odd-wait-*")),
    ClientCheck(id="GC418", severity="blocker", evidence="seed", cost="0",
        statement="The cost told to the caller is what the ledger has for the call",
        why="Lost attempts are paid too.",
        fix="Add up attempts, or do not make any twice.",
        judge=costs_are_told, cases=("happy", "saved", "lost-*")),
)  # fmt: skip
