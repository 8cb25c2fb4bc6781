"""GC6: saving what was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, download, image, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireStep, build_error, cut
from getimg_mock.contract.clients.checks import partial_downloads
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_CALLS,
    DOWNLOAD_OPERATION,
    VIDEO_CALL,
    find_mime_type,
    list_finished_files,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_QUICK: Final = {"video_seconds": 3}
_SAFE: Final = {
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".mp4",
    ".webm",
    ".avif",
    ".gif",
    ".mov",
    ".bin",
    ".dat",
    "",
    ".media",
    ".img",
}
_LIMIT: Final = 3600.0
_DAY: Final = 86400.0 + 3600
"""When a file is surely gone: the documentation keeps it for 24 hours."""
_LARGE: Final = 500 * 10**6
_BOUND: Final = 16 * 1024 * 1024
_READ_BLOCK: Final = bytes(64 * 1024)


def cases(stream: Stream) -> tuple[Case, ...]:
    """Return the cases."""
    del stream
    made = [
        Case(
            name="saved",
            calls=(image(), download(), video(), download(2)),
            rules=_build_result_rules(
                "a cookie",
                fault_actions.change_answer(
                    lambda a: a.with_headers(("Set-Cookie", "session=s3cret; Path=/"))
                ),
            ),
        ),
        Case(
            name="saved-elsewhere",
            calls=DOWNLOAD_CALLS,
            rules=(
                *_build_result_rules("media on another host", _link_elsewhere),
                FaultRule(on="elsewhere", do=serve_picture(), label="the file"),
            ),
        ),
        *partial_downloads.cases(),
        *_build_cut_off_cases(),
        *_build_refused_cases(),
        *_build_file_name_cases(),
        *_build_redirect_cases(),
        Case(
            name="odd-link",
            calls=DOWNLOAD_CALLS,
            rules=(
                *_build_result_rules(
                    "an odd link",
                    fault_actions.change_json(
                        fault_actions.change_items(
                            lambda i: i | {"url": i["url"].partition("?")[0] + _ODD_QUERY}
                        )
                    ),
                ),
                FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file"),
            ),
        ),
        Case(
            name="large",
            calls=DOWNLOAD_CALLS,
            memory=True,
            room=2 * _LARGE,
            patience=None,
            rules=(FaultRule(on=DOWNLOAD_OPERATION, do=_serve_large_file, label="500 MB"),),
        ),
    ]
    late = Case(
        name="expired-in-time",
        limit=2 * _DAY,
        calls=(
            image(),
            replace(download(), after=_DAY),
            VIDEO_CALL,
            replace(download(2), after=_DAY),
        ),
    )
    return (
        *(case.with_changes(limit=_LIMIT, settings=_QUICK | dict(case.settings)) for case in made),
        late.with_changes(settings=_QUICK),
    )


_ODD_QUERY: Final = "?sig=aB%2bC%2F%3d~&exp=1790000000&x=a+b%20c&y&z=%C3%A9"


def _build_result_rules(label: str, act: FaultAction) -> tuple[FaultRule, ...]:
    return tuple(
        FaultRule(on=on, label=label, do=act) for on in ("images.generate", "videos.retrieve")
    )


def _link_elsewhere(turn: FaultContext) -> WireAnswer | WireScript:
    """Answer with links to another origin."""
    elsewhere = turn.adversary.elsewhere

    def moved(item: dict[str, Any]) -> dict[str, Any]:
        _, _, rest = item["url"].partition("://")
        return item | {"url": f"{elsewhere}/{rest.partition('/')[2]}"}

    return fault_actions.change_json(fault_actions.change_items(moved))(turn)


def _serve_large_file(turn: FaultContext) -> WireScript:
    head = WireAnswer(200, (("Content-Type", find_mime_type(turn)),)).head(length=_LARGE)
    # One piece, referred to again and again, and of the size that httpcore reads: it reaches the
    # client as it is, so that the adversary costs no memory and next to no time.
    count, rest = divmod(_LARGE, len(_READ_BLOCK))
    return (WireStep(head), *([WireStep(_READ_BLOCK)] * count), WireStep(_READ_BLOCK[:rest]))


def _build_cut_off_cases() -> Iterator[Case]:
    cut_off: dict[str, FaultAction] = {
        "truncated": fault_actions.truncate,
        "padded": fault_actions.promise_too_much,
        "reset": fault_actions.change_answer(lambda a: cut(a, end="reset")),
        "chunked": lambda turn: _break_chunks(turn.proceed()),
    }
    for name, act in cut_off.items():
        yield Case(
            name=f"cut-{name}",
            calls=DOWNLOAD_CALLS,
            rules=(FaultRule(on=DOWNLOAD_OPERATION, do=act, label=f"cut off: {name}"),),
        )


def _break_chunks(answer: WireAnswer) -> WireScript:
    head = WireAnswer(answer.status, answer.headers, framing="chunked").head()
    half = answer.body[: len(answer.body) // 2]
    return (WireStep(head + f"{len(half):x}\r\n".encode() + half + b"\r\n"), WireStep("close"))


def _build_refused_cases() -> Iterator[Case]:
    for status, code in (
        (403, "invalid_signature"),
        (404, "not_found"),
        (410, "url_expired"),
        (500, "server_error"),
    ):
        answer = build_error(status, code, "This link has expired." if status == 410 else "No.")
        yield Case(
            name=f"refused-{status}",
            calls=DOWNLOAD_CALLS,
            rules=(
                FaultRule(
                    on=DOWNLOAD_OPERATION,
                    do=fault_actions.answer_instead(answer),
                    label=f"{status}",
                ),
            ),
        )
    gone = build_error(410, "url_expired", "This download link has expired.")
    for kind, call in (("image", image()), ("video", video())):
        yield Case(
            name=f"expired-{kind}",
            calls=(call, download()),
            options={"max_retries": 1},
            rules=(
                FaultRule(
                    on=DOWNLOAD_OPERATION, do=fault_actions.answer_instead(gone), label="expired"
                ),
            ),
        )
    yield Case(
        name="html-200",
        calls=DOWNLOAD_CALLS,
        rules=(
            FaultRule(
                on=DOWNLOAD_OPERATION,
                label="HTML with 200",
                legal=False,
                do=fault_actions.answer_instead(
                    fault_actions.build_text_answer(200, "text/html", fault_actions.HTML)
                ),
            ),
        ),
    )


def _build_file_name_cases() -> Iterator[Case]:
    names = {
        "disposition": ("image/jpeg", 'attachment; filename="../../escaped.sh"'),
        "absolute": ("image/jpeg", 'attachment; filename="/tmp/escaped-absolute.jpg"'),
        "encoded": ("image/jpeg", "attachment; filename*=UTF-8''..%2F..%2Fescaped.jpg"),
        "kind": ("application/x-sh", ""),
        "kind-path": ("image/../../escaped", ""),
    }
    for name, (kind, disposition) in names.items():
        more = (("Content-Disposition", disposition),) if disposition else ()

        def mime(kind: str = kind) -> Callable[[Any], Any]:
            return fault_actions.change_items(lambda item: item | {"mime_type": kind})

        yield Case(
            name=f"name-{name}",
            calls=DOWNLOAD_CALLS,
            rules=(
                *_build_result_rules("a strange type", fault_actions.change_json(mime())),
                FaultRule(
                    on=DOWNLOAD_OPERATION, do=serve_picture(*more, kind=kind), label="the file"
                ),
            ),
        )


def _build_redirect_cases() -> Iterator[Case]:
    for name, where in (
        ("plain", "http://api.getimg.ai/v2/stolen"),
        ("loopback", "https://127.0.0.1:9/latest"),
        ("metadata", "http://169.254.169.254/latest/meta-data"),
        ("private", "https://10.0.0.8/internal"),
    ):
        yield Case(
            name=f"moved-{name}",
            calls=DOWNLOAD_CALLS,
            patience=None,
            ours="other hosts",
            rules=(
                FaultRule(
                    on=DOWNLOAD_OPERATION,
                    do=fault_actions.redirect(302, where),
                    label=f"302 to {where}",
                    legal=False,
                ),
            ),
        )
    # Where the network is real, another port of this machine: plain HTTP, and a private address.
    lure = fault_actions.redirect(302, lambda turn: f"{turn.adversary.elsewhere}/v2/stolen")
    yield Case(
        name="moved-elsewhere",
        calls=DOWNLOAD_CALLS,
        real=True,
        rules=(FaultRule(on=DOWNLOAD_OPERATION, do=lure, label="302 elsewhere", legal=False),),
    )


@client_check(
    "GC601",
    "Downloads carry neither the key nor cookies",
    severity="blocker",
    evidence="documented",
    why="Links are signed and need no key; media may be served by others.",
    fix="Use a client of its own, without default headers, for downloads.",
    cases=("saved*", "observed"),
    observable=True,
)
def downloads_carry_no_secrets(history: ClientHistory) -> Iterator[Observation]:
    """GC601."""
    places = history.fetched or [each for each in history.requests if not each.home]
    for each in places:
        sent = [name for name in ("authorization", "cookie") if each.get_sent_headers(name)]
        key = any(history.secrets[0][1] in value for _, value in each.sent)
        yield expect(
            not sent and not key, "no key and no cookie", ", ".join(sent) or "the key", each
        )


@client_check(
    "GC604",
    "An expired link is looked up once more or told; nothing is generated again",
    severity="blocker",
    evidence="choice",
    why="A new generation is a new charge and another picture.",
    fix="Retrieve the video again for its link, or raise a typed error.",
    cases=("expired-*",),
)
def expired_links_are_told(history: ClientHistory) -> Iterator[Observation]:
    """GC604."""
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        again = [each for each in sent if each.submits]
        yield expect(
            not again,
            "no new generation for an expired link",
            f"{len(again)} POSTs, {history.compute_charge(outcome)} USD",
            *again[:3],
        )
        told = "expire" in f"{outcome.text} {outcome.error.get('type')}".lower()
        told = told or outcome.error.get("status") == 410 or "410" in outcome.text
        yield expect(
            outcome.clear and told,
            "an error that says that the link has expired",
            outcome.shown,
            *sent[-2:],
        )
        looks = [each for each in sent if each.operation == "videos.retrieve"]
        yield expect(
            len(looks) <= 2, "at most one look for a fresh link", f"{len(looks)}", *looks[:3]
        )


@client_check(
    "GC605",
    "A link is used word for word",
    severity="major",
    evidence="choice",
    why="Its signature is over those very characters.",
    fix="Do not parse and rebuild the URL.",
    cases=("odd-link",),
)
def links_are_used_word_for_word(history: ClientHistory) -> Iterator[Observation]:
    """GC605."""
    for outcome in history.calls("download"):
        link = str(outcome.args["result"]["data"][0]["url"])
        for each in history.during(outcome):
            expected = "/" + link.partition("://")[2].partition("/")[2]
            yield expect(each.target == expected, expected, each.target, each)


@client_check(
    "GC606",
    "Files are streamed: memory stays bounded",
    severity="major",
    evidence="choice",
    why="Films are large, and several come at once.",
    fix="Iterate over the body.",
    cases=("large",),
)
def files_are_streamed(history: ClientHistory) -> Iterator[Observation]:
    """GC606."""
    for outcome in history.calls("download"):
        right = outcome.kind == "value" and outcome.peak < _BOUND
        yield expect(
            right,
            f"less than {_BOUND >> 20} MiB of memory for {_LARGE // 10**6} MB",
            f"{outcome.peak >> 20} MiB; {outcome.shown}",
            *history.during(outcome)[:1],
        )


@client_check(
    "GC608",
    "Names and types from the server cannot leave the directory or choose a program",
    severity="blocker",
    evidence="choice",
    why="Paths from outside are an old hole.",
    fix="Make the name yourself; map known types to extensions.",
    cases=("name-*",),
)
def names_stay_inside(history: ClientHistory) -> Iterator[Observation]:
    """GC608."""
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        strange = [name for name in outcome.files if name.startswith(("..", "/"))]
        yield expect(not strange, "files in the given directory only", ", ".join(strange), *sent)
        at = str(outcome.value.get("path") if isinstance(outcome.value, dict) else outcome.value)
        inside = at.startswith(str(outcome.args["directory"])) and ".." not in at
        yield expect(outcome.kind != "value" or inside, "a path in the given directory", at, *sent)
        suffixes = [
            name
            for name in list_finished_files(outcome)
            if PurePosixPath(name).suffix.lower() not in _SAFE
        ]
        yield expect(not suffixes, "a harmless extension", ", ".join(suffixes), *sent)
        yield expect(
            outcome.kind == "value" or outcome.clear,
            "a file or a clear error",
            outcome.shown,
            *sent,
        )


@client_check(
    "GC610",
    "A redirect of a download to plain HTTP or a private address is refused",
    severity="major",
    evidence="choice",
    why="It would fetch from inside the caller's network.",
    fix="Do not follow redirects, or check where they go.",
    cases=("moved-*",),
)
def redirects_stay_safe(history: ClientHistory) -> Iterator[Observation]:
    """GC610."""
    for outcome in history.calls("download"):
        off = [each for each in history.during(outcome) if not each.home]
        yield expect(not off, "no request there", off[0].origin if off else "", *off[:2])
        yield expect(
            not off or not list_finished_files(outcome), "no file from there", "saved", *off[:1]
        )
