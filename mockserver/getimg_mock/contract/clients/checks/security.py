"""GC7: keys, links and addresses."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    Case,
    ClientCall,
    balance,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, build_error
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_BOMB_SIZE: Final = 64 * 1024 * 1024
_BOUND: Final = 24 * 1024 * 1024
_LIMIT: Final = 3600.0
_NO_RETRIES: Final = {"max_retries": 0}
_INJECTED: Final = "x\r\nX-Evil: injected\r\n\r\nGET /v2/stolen HTTP/1.1\r\n"


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    del stream
    made = [
        Case(
            name="redirected",
            calls=(models(), balance()),
            options=_NO_RETRIES,
            rules=(
                FaultRule(
                    on="models.list",
                    do=_redirect_elsewhere(302),
                    label="302 elsewhere",
                    legal=False,
                ),
                FaultRule(
                    on="billing.balance",
                    do=_redirect_elsewhere(307),
                    label="307 elsewhere",
                    must=False,
                    legal=False,
                ),
            ),
        ),
        Case(
            name="downgraded",
            calls=(models(), balance(), *_FALLBACK_CALLS),
            options=_NO_RETRIES,
            patience=None,
            ours="TLS",
            rules=(
                FaultRule(
                    on="models.list",
                    label="302 to http",
                    legal=False,
                    do=fault_actions.redirect(302, "http://api.getimg.ai/v2/models?type=image"),
                    when=lambda asked: asked.origin.startswith("https:"),
                ),
                FaultRule(
                    on="billing.balance",
                    label="307 to http",
                    must=False,
                    legal=False,
                    do=fault_actions.redirect(307, "http://api.getimg.ai/v2/billing/balance"),
                ),
                *_build_submission_rules(
                    "307 to http",
                    fault_actions.redirect(
                        307, lambda turn: f"http://api.getimg.ai{turn.asked.target}"
                    ),
                ),
            ),
        ),
        *(
            Case(
                name=name,
                calls=(image(), video().instead_of("generate_image")),
                options=_NO_RETRIES,
                rules=_build_submission_rules(f"{status} elsewhere", _redirect_elsewhere(status)),
            )
            for name, status in (("redirected-post", 307), ("redirected-post-308", 308))
        ),
        Case(
            name="redirect-loop",
            calls=(models(), *_FALLBACK_CALLS),
            options=_NO_RETRIES,
            rules=(
                FaultRule(
                    on="*",
                    label="302 to itself",
                    legal=False,
                    do=fault_actions.redirect(302, "/v2/models"),
                ),
            ),
        ),
        Case(
            name="logged",
            logs=True,
            options=_NO_RETRIES,
            patience=None,
            settings={"video_seconds": 3},
            calls=(
                image(),
                download(),
                models(),
                balance(),
                ClientCall(op="retrieve_video", args={"id": "req-unknown"}),
                video().instead_of("generate_image"),
            ),
            rules=(
                FaultRule(
                    on="billing.balance",
                    label="500",
                    must=False,
                    do=fault_actions.answer_instead(
                        build_error(500, "server_error", "Something went wrong on our end")
                    ),
                ),
            ),
        ),
        Case(
            name="certificate",
            calls=(balance(), image(), _FALLBACK_CALLS[1]),
            options=_NO_RETRIES,
            patience=None,
            ours="TLS",
            rules=(
                FaultRule(on="connect", do="bad certificate", label="a certificate of another"),
            ),
        ),
        Case(
            name="proxy",
            calls=(balance(), *_FALLBACK_CALLS),
            options=_NO_RETRIES,
            patience=None,
            ours="TLS",
            environment={"HTTPS_PROXY": "http://proxy.example:3128"},
        ),
        Case(
            name="injection",
            options=_NO_RETRIES,
            limit=_LIMIT,
            calls=(
                ClientCall(op="retrieve_video", args={"id": _INJECTED}),
                ClientCall(op="model", args={"id": _INJECTED}),
                image(prompt=_INJECTED),
                image(model=_INJECTED),
                models(_INJECTED),
                video(prompt=_INJECTED).instead_of("generate_image"),
                video(model=_INJECTED).instead_of("generate_image"),
            ),
        ),
        Case(
            name="bomb",
            calls=(models(), *_FALLBACK_CALLS),
            options=_NO_RETRIES,
            memory=True,
            patience=None,
            rules=(FaultRule(on="*", do=fault_actions.answer_instead(_bomb()), label="a bomb"),),
        ),
    ]
    return tuple(case.with_changes(limit=_LIMIT) for case in made)


_FALLBACK_CALLS: Final = (
    image().instead_of("models", "balance"),
    video().instead_of("models", "balance", "generate_image"),
)


def _redirect_elsewhere(status: int) -> FaultAction:
    return fault_actions.redirect(
        status, lambda turn: f"{turn.adversary.elsewhere}{turn.asked.target}"
    )


def _build_submission_rules(label: str, act: FaultAction) -> tuple[FaultRule, ...]:
    return tuple(
        FaultRule(on=on, label=label, do=act, legal=False)
        for on in ("images.generate", "videos.create")
    )


def _bomb() -> WireAnswer:
    packed = gzip.compress(b"[" + b" " * _BOMB_SIZE + b"]", 1)
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    return WireAnswer(200, headers, packed)


@client_check(
    "GC701",
    "The key is sent to the configured origin alone, redirects included",
    severity="blocker",
    evidence="standard",
    why="Whoever has the key has the money.",
    fix="Drop Authorization on another origin, or follow no redirects.",
    source="RFC 9110, section 15.4",
    cases=("redirected*", "downgraded"),
)
def the_key_stays_home(history: ClientHistory) -> Iterator[Observation]:
    """GC701."""
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
    why="From there on everybody can read along.",
    fix="Refuse redirects to http.",
    cases=("downgraded",),
)
def no_downgrade(history: ClientHistory) -> Iterator[Observation]:
    """GC702."""
    for outcome in history.calls():
        clear = [each for each in history.during(outcome) if each.origin.startswith("http:")]
        yield expect(
            not clear, "no request without TLS", clear[0].origin if clear else "", *clear[:2]
        )


@client_check(
    "GC703",
    "The key is in no log, repr or pickle",
    severity="blocker",
    evidence="choice",
    why="Those are kept and shown to others.",
    fix="Redact the header; hide the field; leave it out of __getstate__.",
    cases=("logged", "errors-key"),
)
def logs_keep_the_key(history: ClientHistory) -> Iterator[Observation]:
    """GC703."""
    key = history.secrets[0][1]
    for where, text in (("log", history.logs), ("repr", history.appearance)):
        at = text.find(key)
        line = text[text.rfind("\n", 0, at) + 1 : at] if at >= 0 else ""
        yield expect(at < 0, f"no key in its {where}", f"the key after {line[-120:]!r}")
    # Nobody may ever pickle a client: that its parts would tell the key is a warning.
    yield warn_unless(key not in history.pickles, "no key in its pickled parts", "the key")
    for outcome in history.calls():
        pickled = str(outcome.error.get("pickled", ""))
        yield expect(key not in pickled, "no key in a pickled error", outcome.shown)


@client_check(
    "GC704",
    "A POST is not sent again to another origin by 307 or 308",
    severity="major",
    evidence="choice",
    why="The prompt and the references are the caller's.",
    fix="Follow redirects for GET at most.",
    cases=("redirected-post*",),
)
def posts_stay_home(history: ClientHistory) -> Iterator[Observation]:
    """GC704."""
    for outcome in history.calls():
        off = [each for each in history.during(outcome) if not each.home and each.request_body]
        yield expect(
            not off,
            "no body sent to another origin",
            f"{off[0].method} with the body to {off[0].origin}" if off else "",
            *off[:2],
        )


@client_check(
    "GC705",
    "A loop of redirects ends",
    severity="minor",
    evidence="standard",
    why="Else it never does.",
    fix="Bound their number.",
    source="RFC 9110, section 15.4",
    cases=("redirect-loop",),
)
def redirects_are_bounded(history: ClientHistory) -> Iterator[Observation]:
    """GC705."""
    for outcome in history.calls():
        sent = history.during(outcome)
        yield expect(
            len(sent) <= 25 and outcome.kind == "error",
            "an error after a few redirects",
            f"{outcome.shown}, {len(sent)} requests",
            *sent[:2],
        )


@client_check(
    "GC706",
    "TLS certificates and their host names are verified by default",
    severity="blocker",
    evidence="standard",
    why="Else anybody in between has the key.",
    fix="Do not turn verification off.",
    source="RFC 9110, section 4.3.4",
    cases=("certificate",),
)
def certificates_are_verified(history: ClientHistory) -> Iterator[Observation]:
    """GC706."""
    for outcome in history.calls():
        sent = history.during(outcome)
        yield expect(
            not sent and outcome.kind == "error",
            "no request over such a connection",
            outcome.shown,
            *sent[:2],
        )


@client_check(
    "GC707",
    "A proxy of the environment does not see the key",
    severity="major",
    evidence="standard",
    why="https through a proxy is a tunnel.",
    fix="Use CONNECT for https.",
    source="RFC 9110, section 9.3.6",
    cases=("proxy",),
)
def proxies_see_no_key(history: ClientHistory) -> Iterator[Observation]:
    """GC707."""
    key = history.secrets[0][1]
    seen = [each for each in history.plain_seen if key in each]
    line = seen[0].partition("\r\n")[0] if seen else ""
    yield expect(not seen, "the key inside TLS only", f"readable to the proxy: {line}")


@client_check(
    "GC708",
    "Signed links are not written to logs",
    severity="minor",
    evidence="choice",
    why="Who has the link has the file.",
    fix="Redact sig in logged URLs.",
    cases=("logged",),
)
def links_stay_out_of_logs(history: ClientHistory) -> Iterator[Observation]:
    """GC708."""
    at = history.logs.find("sig=")
    while at >= 0 and history.logs[at + 4 : at + 5] in {"", "*", "<", "[", ".", "R"}:
        at = history.logs.find("sig=", at + 4)
    start = history.logs.rfind("\n", 0, at) + 1
    yield expect(at < 0, "no signature of a link in the log", history.logs[start : at + 12][-160:])


@client_check(
    "GC709",
    "Nothing can be injected into a request by id, model or prompt",
    severity="blocker",
    evidence="standard",
    why="They often come from others.",
    fix="Encode, and refuse line ends.",
    source="RFC 9110, section 5.5, and RFC 3986, section 2",
    cases=("injection",),
)
def nothing_is_injected(history: ClientHistory) -> Iterator[Observation]:
    """GC709."""
    for outcome in history.calls():
        for each in history.during(outcome):
            bad = each.get_sent_headers("x-evil") or each.target.startswith("/v2/stolen")
            crude = "\r" in each.target or "\n" in each.target
            yield expect(
                not bad and not crude,
                "one request, nothing added",
                f"{each.method} {each.target[:80]!r} {each.get_sent_headers('x-evil')}",
                each,
            )
        if not history.during(outcome):
            yield expect(outcome.kind == "error", "a request, or an error", outcome.shown)


@client_check(
    "GC710",
    "What an answer unpacks to is bounded",
    severity="major",
    evidence="choice",
    why="64 KB can unpack to all of the memory.",
    fix="Read with a limit, and count unpacked bytes.",
    cases=("bomb",),
)
def bombs_are_bounded(history: ClientHistory) -> Iterator[Observation]:
    """GC710."""
    for outcome in history.calls():
        yield expect(
            outcome.peak < _BOUND,
            f"less than {_BOUND >> 20} MiB for an answer that unpacks to {_BOMB_SIZE >> 20} MiB",
            f"{outcome.peak >> 20} MiB; {outcome.shown}",
            *history.during(outcome)[:1],
        )
