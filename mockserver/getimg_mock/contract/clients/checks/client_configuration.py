"""GC109 and GC110: what a client takes from its configuration, and what its calls share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    KEY,
    NO_RETRIES,
    RANGE,
    VIDEO,
    Case,
    ClientCall,
    balance,
    download,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.checks.request_bodies import read_fields
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, fail, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientExchange, ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_FRAME: Final = "https://example.com/frame.png"
_QUICK: Final = {"video_seconds": 1}
_LOOKED_AT: Final = "req-GREASE0000002"
_UNREACHABLE: Final = "environment-unreachable"


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the cases."""
    yield from _build_address_cases()
    yield _build_decoy_case()
    word = stream.letters[:8]
    prompts = [f"number {n} of {word}" for n in range(6)]
    calls = tuple(image(prompt=each) for each in prompts)
    yield Case(name="together", together=True, calls=calls)
    reference = {"url": _FRAME, "role": "reference_image"}
    first = {"url": _FRAME, "role": "first_frame"}
    changed = (image(images=[reference]), video(images=[first]))
    yield Case(name="mutation", calls=changed, settings=_QUICK)
    yield Case(
        name="shared-lists", calls=(models(),) * 3, together=True, spoils=True, patience=None
    )


def _build_address_cases() -> Iterator[Case]:
    """Yield the cases of base URLs: with a path, of another host, and from the environment."""
    yield _build_prefix_case()
    yield Case(
        name=_UNREACHABLE,
        calls=(balance(), image()),
        rules=(FaultRule(on="connect", do="absent", label="nobody listens, once", nth=(1,)),),
        options=NO_RETRIES,
        decoys=True,
        patience=None,
    )
    yield Case(
        name="gateway",
        base="https://gateway.example:8443/getimg/",
        settings=_QUICK,
        calls=(image(), models(), video(), ClientCall(op="balance")),
        patience=None,
    )
    yield _build_down_case()
    yield Case(
        name="environment",
        needs=("environment",),
        calls=(ClientCall(op="balance"),),
        patience=None,
        environment={"base_url": "https://gateway.example", "key": "sk_from_environment"},
        base="https://gateway.example",
    )


def _build_decoy_case() -> Case:
    """Return the case in which the environment names another key and address than the caller."""
    return Case(
        name="environment-other",
        calls=(balance(), image(), download(1)),
        options=NO_RETRIES,
        decoys=True,
    )


def _build_prefix_case() -> Case:
    """Return the case of every operation below a path: one that joins its own may lose it."""
    return Case(
        name="prefix",
        base="https://api.getimg.ai/gateway/team-7",
        settings=_QUICK,
        options={"poll_interval": 1},
        calls=(
            image(),
            models(),
            ClientCall(op="submit_video", args=VIDEO),
            balance(),
            video(),
            ClientCall(op="retrieve_video", args={"id": _LOOKED_AT}),
            ClientCall(op="model", args={"id": VIDEO["model"]}),
            ClientCall(op="costs", args=RANGE),
        ),
        rules=(
            FaultRule(
                on="videos.retrieve",
                do=fault_actions.answer_instead(
                    build_json_answer(200, {"id": _LOOKED_AT, "status": "pending"})
                ),
                label="a video of long ago",
                when=lambda asked: _LOOKED_AT in asked.target,
                must=False,
            ),
        ),
    )


def _build_down_case() -> Case:
    """Return the case in which a gateway is down: a request to another host has the key."""
    down = fault_actions.answer_instead(fault_actions.UNAVAILABLE)
    return Case(
        name="gateway-down",
        base="https://gateway.example:8443/getimg",
        calls=(image(), models(), ClientCall(op="balance")),
        rules=(FaultRule(on="*", do=down, label="503"),),
        options={"max_retries": 1},
        limit=HOUR,
        patience=None,
    )


@client_check(
    "GC109",
    "The configured base URL and key are used; the environment counts where none are given",
    severity="major",
    evidence="choice",
    why="Gateways and tests have other addresses.",
    fix="Join paths to the base URL; read the documented environment variables only for what the "
    "caller does not give.",
    cases=("prefix", "gateway", "environment", "environment-other", _UNREACHABLE),
)
def the_base_url_is_honoured(history: ClientHistory) -> Iterator[Observation]:
    """Demands that all requests go to the configured base URL, below its path.

    Tries one that ends in a slash, the client's environment variables, and an address at which
    nobody listens. Fails on a request to another origin or path, certainly where other requests
    keep to it, and where variables of the environment, or a password in .netrc, outrank the key and
    address that the caller gives. What comes of a slash at the end is a warning, and so is what is
    not taken from the environment.
    """
    judge = warn_unless if history.case in {"environment", "gateway"} else expect
    prefix = history.base.partition("://")[2].partition("/")[2].rstrip("/")
    below = {_is_below(each, prefix) for each in history.requests if each.home}
    judge_place = expect if len(below) > 1 else judge
    for outcome in history.calls():
        lost = history.case in {"environment", _UNREACHABLE}
        yield judge(
            outcome.kind == "value" or lost, "the call to work behind the base URL", outcome.shown
        )
        sent = history.during(outcome)
        if not sent and history.case != _UNREACHABLE:
            yield judge(False, f"a request to {history.base}", outcome.shown)  # noqa: FBT003 - none
        for each in sent:
            right = each.home and _is_below(each, prefix)
            yield judge_place(right, history.base, f"{each.origin}{each.target}", each)
            own = each.home or history.case == "environment"
            yield expect(own, history.base, f"{each.origin}{each.target}", each)
            plain = "//" not in each.target.partition("?")[0]
            yield warn_unless(plain, "one slash between base and path", each.target, each)
            yield from _judge_key(history, each)


def _is_below(each: ClientExchange, prefix: str) -> bool:
    """Return whether a request is below the path of the base URL."""
    return each.target.startswith(f"/{prefix}/" if prefix else "/")


def _judge_key(history: ClientHistory, each: ClientExchange) -> Iterator[Observation]:
    """Judge where the key of a request is from: the environment, or the caller, who outranks it."""
    sent = each.get_sent_headers("authorization")
    if history.case == "environment-other":
        # A link needs no key: what else goes along is of whoever wrote it down for other programs.
        right = sent == [f"Bearer {KEY}"] or (not sent and "/downloads/" in each.path)
        yield expect(right, "the key that the caller gives", "another, or a password", each)
    if history.case == "environment":
        right = sent == ["Bearer sk_from_environment"]
        yield warn_unless(right, "the key of the environment", f"{len(sent)} other", each)


@client_check(
    "GC110",
    "Arguments are not changed, and calls at the same time share nothing",
    severity="major",
    evidence="choice",
    why="A request that is built in a shared object can reach the wrong caller.",
    fix="Copy what you change; keep the state of a call in local variables.",
    cases=("together", "mutation", "several-files", "shared-lists"),
)
def calls_do_not_touch_each_other(history: ClientHistory) -> Iterator[Observation]:
    """Demands that calls change none of their arguments and share no state.

    Fails when an argument differs after the call, or when one of six concurrent calls returns the
    result of another prompt, or a list that the caller of another has emptied. Fails as well when a
    client in Python sets for the whole process: its folder, umask, timeout of sockets, decimals,
    certificates of urllib, handler of interrupts, or seed of random numbers. So does one whose end
    cancels tasks of others, one that gives a log a handler for each client that is made, and a
    program that changes its umask.
    """
    for each in history.changes:
        yield fail("the process as it was", f"{each} has changed")
    for outcome in history.calls():
        yield expect(
            not outcome.args.get("$changed"),
            "the caller's objects unchanged",
            f"{outcome.op} changed its arguments",
        )
    if history.case == "shared-lists":
        for outcome in history.calls("models"):
            whole = outcome.kind != "value" or outcome.value
            yield expect(whole, "a list of one's own", "one that another caller has emptied")
    if history.case == "together":
        yield from _results_are_their_own(history)


def _results_are_their_own(history: ClientHistory) -> Iterator[Observation]:
    """Judge orders at the same time: each returns the result for its prompt."""
    made = {
        each.generation: read_fields(each).get("prompt")
        for each in history.submissions
        if each.paid
    }
    for outcome in history.calls("generate_image"):
        asked = outcome.args["prompt"]
        got = outcome.value.get("id") if isinstance(outcome.value, dict) else None
        yield expect(
            made.get(str(got)) == asked,
            f"the result for {asked!r}",
            outcome.shown if outcome.kind != "value" else f"that for {made.get(str(got))!r}",
        )
