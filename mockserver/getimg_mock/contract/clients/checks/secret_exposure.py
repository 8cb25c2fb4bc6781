"""GC703, GC706 to GC708: where a client shows keys and signed links, and to which peers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    NO_RETRIES,
    Case,
    ClientCall,
    balance,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.key_parts import (
    find_headers_with_key,
    find_key_part,
    is_key_in_file,
)
from getimg_mock.contract.clients.checks.message_variants import SIGNATURE
from getimg_mock.contract.clients.checks.submission_rules import build_submission_rules
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_OF_LIBRARIES: Final = re.compile(
    r"HTTP Request: |HTTP/1\.1\" \d|Retrying \(|^(\w+ )?(httpx|httpcore|urllib3|aiohttp|requests)\b"
)
"""Lines that HTTP libraries log by themselves."""


_SIGNED: Final = "b7" * 32
_REFERENCES: Final = [
    {"url": f"https://files.example/tree.png?X-Amz-Signature={_SIGNED}", "role": "reference_image"}
]
_FRAMES: Final = [_REFERENCES[0] | {"role": "first_frame"}]
_FOR_DEBUGGING: Final = re.compile(r"^\W*DEBUG\b")
_BROKEN: Final = (
    "garbage-image",
    "garbage-video",
    *(
        f"{kind}-{name}"
        for kind in ("missing", "mistyped", "beyond", "unknown-status")
        for name in ("image", "video")
    ),
)
"""Cases of answers that hold a link and are not what the API documents."""

_LOGGED: Final = (
    "failed-video-odd",
    "held-shorter",
    "held-rarely-real",
    "nobody-*",
    "cut-reset",
    "refused-500",
)
"""Further cases of calls that end in an error, about which clients write something."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield _build_logging_case()
    yield _build_retry_logging_case()
    yield _build_refusal_logging_case()
    wrong_host = FaultRule(
        on="connect", do="bad certificate", label="a certificate for another host"
    )
    yield Case(
        name="certificate",
        calls=(balance(), image(), FALLBACK_CALLS[1]),
        options=NO_RETRIES,
        patience=None,
        ours="TLS",
        limit=HOUR,
        rules=(wrong_host,),
    )
    yield Case(
        name="proxy",
        calls=(balance(), *FALLBACK_CALLS),
        options=NO_RETRIES,
        patience=None,
        ours="TLS",
        limit=HOUR,
        environment={"HTTPS_PROXY": "http://proxy.example:3128"},
    )


def _build_logging_case() -> Case:
    failing = FaultRule(
        on="billing.balance",
        label="500",
        must=False,
        do=fault_actions.answer_instead(
            build_error(500, "server_error", "Something went wrong on our end")
        ),
    )
    return Case(
        name="logged",
        logs=True,
        options=NO_RETRIES | {"poll_interval": 1},
        limit=HOUR,
        settings={"video_seconds": 1},
        calls=(
            image(images=_REFERENCES),
            download(),
            models(),
            balance(),
            ClientCall(op="retrieve_video", args={"id": "req-unknown"}),
            video(images=_FRAMES),
        ),
        rules=(failing,),
    )


def _build_retry_logging_case() -> Case:
    """Return the case in which each request is tried again: what a retry logs counts, too."""
    limited = fault_actions.refuse_with_wait(429, lambda _: (("Retry-After", "1"),))
    return Case(
        name="logged-retries",
        logs=True,
        limit=HOUR,
        settings={"video_seconds": 1},
        calls=(image(), download(), models(), balance(), video().instead_of("generate_image")),
        rules=tuple(
            FaultRule(on=on, do=limited, label="429", nth=(1,), must=False)
            for on in ("images.generate", "videos.*", "downloads.*", "models.list", "billing.*")
        ),
    )


def _build_refusal_logging_case() -> Case:
    """Return the case in which each request is refused or lost: what is logged then counts, too."""
    refuse = fault_actions.answer_instead(
        build_error(401, "invalid_api_key", "This API key is not valid.")
    )
    forbid = fault_actions.answer_instead(build_error(403, "forbidden", "This key may not."))
    lose = fault_actions.end_before_work("reset")
    return Case(
        name="logged-refusals",
        logs=True,
        options=NO_RETRIES,
        limit=HOUR,
        calls=(image(), models(), balance(), balance(), video().instead_of("generate_image")),
        rules=(
            *build_submission_rules("401", refuse),
            FaultRule(on="models.list", do=forbid, label="403", must=False),
            FaultRule(on="billing.balance", do=refuse, label="401", nth=(1,), must=False),
            FaultRule(on="billing.balance", do=lose, label="reset", must=False),
        ),
    )


@client_check(
    "GC703",
    "The key is in no URL, log, file, repr or pickle",
    severity="blocker",
    evidence="choice",
    why="Logs and pickles are kept and shared, and proxies log URLs.",
    fix="Send the key in its header alone; redact the header; hide the field; leave it out of "
    "__getstate__.",
    cases=("logged*", "errors-key", "saved", *_LOGGED, *_BROKEN),
)
def logs_keep_the_key(history: ClientHistory) -> Iterator[Observation]:
    """Demands that URLs, logs, saved files, the client's repr and pickled errors lack the key.

    What is printed and warned of is part of the log, and variables of the environment that the
    client sets are part of what it shows. So are headers that are not for keys. Fails wherever
    eight characters of the key in succession are found, its `sk_` apart, more than eight around a
    mask, or the key in base64 or another notation. A key in the pickled parts of the client is a
    warning.
    """
    key = history.secrets[0][1]
    for where, text in (("log", history.logs), ("repr", history.appearance)):
        at = find_key_part(text, key)
        line = text[text.rfind("\n", 0, at) + 1 : at] if at >= 0 else ""
        yield expect(at < 0, f"no key in its {where}", f"the key after {line[-120:]!r}")
    yield from _requests_keep_the_key(history, key)
    # A client is seldom pickled: a key in its pickled parts is a warning only.
    yield warn_unless(key not in history.pickles, "no key in its pickled parts", "the key")
    for outcome in history.calls():
        pickled = str(outcome.error.get("pickled", ""))
        unseen = find_key_part(pickled, key) < 0
        yield expect(unseen, "no key in a pickled error", outcome.shown)
        written = [name for name, data in outcome.files.items() if is_key_in_file(data, key)]
        yield expect(not written, "no key in a file", ", ".join(written))


def _requests_keep_the_key(history: ClientHistory, key: str) -> Iterator[Observation]:
    """Judge addresses and headers: proxies and servers log them, but for those of keys."""
    shown = [each for each in history.requests if find_key_part(each.target, key) >= 0]
    yield expect(not shown, "no key in a URL", "the key in the query or path", *shown[:2])
    for each in history.requests:
        named = ", ".join(find_headers_with_key(each, key))
        yield expect(not named, "no key in other headers than its own", named, each)


@client_check(
    "GC706",
    "TLS certificates and their host names are verified by default",
    severity="blocker",
    evidence="standard",
    why="Otherwise a machine in between can read the key.",
    fix="Do not turn certificate verification off.",
    source="RFC 9110, section 4.3.4",
    cases=("certificate",),
)
def certificates_are_verified(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error and no request when the server's certificate is for another host.

    Fails when a request is sent over that connection, or when the call does not raise.
    """
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
    """Demands that a proxy of the environment sees no API key outside TLS.

    Fails when the key is in the bytes that the proxy can read.
    """
    key = history.secrets[0][1]
    seen = [each for each in history.plain_seen if key in each]
    line = seen[0].partition("\r\n")[0] if seen else ""
    yield expect(not seen, "the key inside TLS only", f"readable to the proxy: {line}")


@client_check(
    "GC708",
    "Signed links are in no log, no error, and no name of a file",
    severity="major",
    evidence="choice",
    why="A signed link alone gives access to the file, until it expires: no key is needed.",
    fix="Redact sig in logged URLs, and in those that errors name; do not quote answers with "
    "links.",
    cases=(
        "logged*",
        "refused-403",
        "refused-410",
        "refused-500",
        "cut-truncated",
        "html-200",
        "saved",
        *_LOGGED,
        *_BROKEN,
    ),
)
def links_stay_out_of_logs(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the signature of a media link is in no log and no error in clear.

    Tries downloads that fail, and answers with links that are broken in any way: a client may keep
    such an answer in an attribute of the error, and not in its text. Fails when `sig=` is followed
    by anything but a redaction, or when the log, lines for debugging apart, has the signed link of
    a reference. It is a warning where the line is one of an HTTP library, which the
    client may not know of, or where the link is dead. Fails as well when the name of a saved file
    has the signature of its link.
    """
    dead = history.case in {"refused-403", "refused-410"}
    if history.case not in _BROKEN:
        lines = history.logs.splitlines()
        foreign = [each for each in lines if _OF_LIBRARIES.search(each)]
        own = [each for each in lines if not _OF_LIBRARIES.search(each)]
        for judge, listed in ((warn_unless if dead else expect, own), (warn_unless, foreign)):
            shown = _find_signature("\n".join(listed))
            yield judge(not shown, "no signature of a link in the log", shown)
        # SDKs log whole requests at the level DEBUG, so those lines may have them.
        kept = [each for each in own if _SIGNED in each and not _FOR_DEBUGGING.search(each)]
        at = kept[0].find(_SIGNED) if kept else 0
        shown = kept[0][max(at - 60, 0) : at + 8] if kept else ""
        yield expect(not kept, "no signed link of a reference in the log", shown)
    judge = warn_unless if dead else expect
    if history.case in _BROKEN:
        yield from _answers_are_not_quoted(history)
    for outcome in history.calls("download"):
        shown = _find_signature(f"{outcome.told} {outcome.error.get('shown', '')}")
        yield judge(not shown, "no signature of a link in an error", shown)
        yield _names_show_no_signature(outcome)


def _answers_are_not_quoted(history: ClientHistory) -> Iterator[Observation]:
    """Judge what is said of answers whose link works, though something else in them is broken."""
    texts = [("the log", history.logs)]
    texts += [(outcome.shown[:80], outcome.told) for outcome in history.calls()]
    for where, text in texts:
        at = text.find(SIGNATURE)
        told = f"{where}: {text[max(at - 60, 0) : at + 8]}..." if at >= 0 else ""
        yield expect(at < 0, "no link of a broken answer in a log or an error", told)


def _names_show_no_signature(outcome: CallOutcome) -> Observation:
    """Judge the names of what a download left: they are listed, shared and backed up."""
    links = [str(each.get("url")) for each in outcome.args["result"].get("data") or ()]
    signed = {sig for each in links for sig in parse_qs(urlsplit(each).query).get("sig", ())}
    shown = [name for name in outcome.files for sig in signed if len(sig) > 16 and sig in name]
    return expect(not shown, "no signature of a link in the name of a file", "".join(shown[:1]))


def _find_signature(text: str) -> str:
    """Return the line in which a signature is readable, up to its first signs; or nothing."""
    at = text.find("sig=")
    while at >= 0 and text[at + 4 : at + 5] in {"", "*", "<", "[", ".", "R"}:
        at = text.find("sig=", at + 4)
    start = text.rfind("\n", 0, at) + 1
    return text[start : at + 12][-160:] if at >= 0 else ""
