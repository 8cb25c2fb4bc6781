"""Judging a client by the requests that a fake received from it.

Nothing is done to the client: scenarios and magic inputs bring faults about. The journal has how
the client went on after each fault, and what each request cost.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.cases.client_history import (
    CallOutcome,
    ClientExchange,
    ClientHistory,
)
from getimg_mock.contract.clients.suite import CHECKS, Result
from getimg_mock.contract.clients.traffic_spool import SPOOL_VARIABLE, SpooledTraffic, TrafficSpool
from getimg_mock.contract.plans import Plan
from getimg_mock.errors import SettingsError
from getimg_mock.serving.server import MockServer
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.fake import Fake
    from getimg_mock.settings import Settings
    from getimg_mock.world.journal import Exchange, Journal

OBSERVABLE: Final[tuple[ClientCheck, ...]] = tuple(each for each in CHECKS if each.observable)

_BASE: Final = "http://observed"
_OPS: Final = {"images.generate": "generate_image", "videos.create": "submit_video"}
# By the beginning of what the journal calls a fault: the case that it is like.
_FAULTS: Final = (
    ("reset after commit", "observed-reset"),
    ("close after commit", "observed-close"),
    ("hang after commit", "observed-timeout"),
    ("hang_body", "observed-timeout"),
    ("truncate", "observed-truncated"),
    ("wrong_length", "observed-truncated"),
    ("409", "observed-409"),
)


@dataclass(frozen=True, slots=True)
class ObservedFake:
    """A client that is judged by what a fake of this process has seen of it so far.

    `key` limits that to one workspace, and to requests without one from `since` on, a moment of
    real time. `name` is the name of the client in reports.
    """

    fake: Fake
    key: str | None = None
    name: str = "observed"
    since: datetime | None = None

    @property
    def words(self) -> str:
        """The words that name the client on the command line: none, the fake is in this process."""
        return ""


@dataclass(frozen=True, slots=True)
class ObservedCommand:
    """A program that is run against a fake, and judged by what the fake sees of it.

    It finds the fake by `GETIMG_AI_BASE_URL`. `scenarios` are in force while it runs. `settings`
    are those of the fake, in place of the defaults on a free port, and `options` the words of the
    command line that gave them.
    """

    command: Sequence[str]
    scenarios: Sequence[str] = ()
    settings: Settings | None = None
    options: Sequence[str] = ()

    @property
    def words(self) -> str:
        """The words that name the client on the command line."""
        scenarios = "".join(f"--scenario {shlex.quote(each)} " for each in self.scenarios)
        options = "".join(f"{shlex.quote(each)} " for each in self.options)
        return f"{scenarios}{options}--observe -- {shlex.join(self.command)}"

    def create_server(self) -> MockServer:
        """Return the server for the command, which is to be started."""
        if self.settings is None:
            return MockServer(scenario=tuple(self.scenarios))
        scenarios = tuple(dict.fromkeys((*self.settings.scenario, *self.scenarios)))
        return MockServer(settings=replace(self.settings, scenario=scenarios))


def run_command(
    observed: ObservedCommand, checks: Sequence[ClientCheck] | None = None
) -> tuple[Result, int]:
    """Run a command, and return the verdict on its requests and the status that it ended with.

    Raises `SettingsError` where it cannot be started.
    """
    command = list(observed.command)
    if not command:
        raise SettingsError("Say what to observe: --observe -- pytest tests/")
    with tempfile.TemporaryDirectory() as folder, observed.create_server() as server:
        environment = {"GETIMG_API_KEY": "sk_observed", **os.environ, SPOOL_VARIABLE: folder}
        environment["GETIMG_AI_BASE_URL"] = server.url
        try:
            done = subprocess.run(command, env=environment, check=False)  # noqa: S603 - the caller's own command
        except OSError as error:
            raise SettingsError(f"{command[0]} cannot be started: {error.strerror}.") from None
        server.finish_answers()
        result = judge_traffic(
            server.app.fake,
            name=" ".join(command),
            checks=checks,
            handed=TrafficSpool(folder).read(),
        )
        return result, done.returncode


def judge_traffic(
    fake: Fake,
    *,
    name: str = "observed",
    key: str | None = None,
    checks: Sequence[ClientCheck] | None = None,
    since: datetime | None = None,
    handed: SpooledTraffic | None = None,
) -> Result:
    """Return the verdict on the clients of a fake so far: of all workspaces, or of one `key`.

    Requests without a workspace, to unknown paths or without a valid key, belong to it: all of
    them, or with `key` those from `since` on. `checks` are those to judge, of which only observable
    ones can be; all of them, without. `handed` is what tests have handed over: what fakes of their
    own have seen is judged, too, and findings name the tests.
    """
    judging = [each for each in OBSERVABLE if checks is None or each in checks]
    workspaces = fake.store if key is None else (fake.store.get_or_create(key),)
    journals: list[Iterable[Exchange]] = [each.journal for each in workspaces]
    journals.append(fake.list_strays(since) if since is not None or key is None else ())
    histories = list(_collect_all(journals, handed or SpooledTraffic(), name))
    return Result(
        name,
        "0",
        tuple(compute_verdict(each, histories) for each in judging),
        tuple(histories),
        remark=describe_refusals(histories),
    )


def _collect_all(
    journals: Iterable[Iterable[Exchange]], handed: SpooledTraffic, name: str
) -> Iterator[ClientHistory]:
    """Yield the histories of journals of the observer's fake, and of those handed over."""

    def find_sender(each: Exchange) -> str:
        return handed.find_test(each.wall) or _describe_agent(each)

    for journal in journals:
        yield from collect_histories(
            journal, name=name, find_sender=find_sender, find_call_site=handed.find_call_site
        )
    for own in handed.journals:
        yield from collect_histories(
            own.exchanges,
            name=name,
            find_sender=lambda _: own.test,  # noqa: B023 - called at once
            find_call_site=lambda each: (
                own.call_sites.get(each.number) or handed.find_call_site(each)  # noqa: B023 - as above
            ),
        )


def describe_refusals(histories: Iterable[ClientHistory]) -> str:
    """Return how many requests were refused, and how; an empty text where none was."""
    sent = [each for one in histories if one.case == "observed" for each in one.requests]
    parts = []
    orders = [each for each in sent if each.operation in SUBMISSIONS and each.method == "POST"]
    others = [each for each in sent if each not in orders]
    for name, asked in (("submissions", orders), ("other requests", others)):
        refused = Counter(_describe_refusal(each) for each in asked if each.status >= 400)
        if refused:
            listed = ", ".join(f"{what} ({number})" for what, number in refused.most_common())
            parts.append(f"{refused.total()} of {len(asked)} {name} were refused: {listed}")
    return "; ".join(parts)


def _describe_refusal(each: ClientExchange) -> str:
    code = each.object.get("error", {})
    code = code.get("code") if isinstance(code, dict) else None
    return f"{each.status} {code}" if isinstance(code, str) else str(each.status)


def collect_histories(
    journal: Journal | Iterable[Exchange],
    *,
    name: str = "observed",
    find_sender: Callable[[Exchange], str] | None = None,
    find_call_site: Callable[[Exchange], str] = lambda _: "",
) -> list[ClientHistory]:
    """Return what a journal holds as histories: one of all of it, one of each submission.

    `find_sender` returns which test or program has sent an exchange; by default its User-Agent.
    `find_call_site` returns the file and line whose call has sent it, or "".
    """
    find_sender = find_sender or _describe_agent
    exchanges = [
        _convert_exchange(each, find_sender(each), find_call_site(each)) for each in journal
    ]
    if not exchanges:
        return []
    first = exchanges[0].at
    dated = [_set_elapsed(each, (each.at - first).total_seconds()) for each in exchanges]
    return [_history(name, "observed", dated), *_group_submissions(name, dated)]


def _describe_agent(each: Exchange) -> str:
    """Return what a request says of the program that has sent it: its User-Agent, if any."""
    named = (value for name, value in each.request_headers if name.lower() == b"user-agent")
    agent = next(named, b"").decode("latin-1")
    return f"User-Agent {agent[:100]}" if agent else ""


def _convert_exchange(each: Exchange, sender: str, call_site: str) -> ClientExchange:
    sent = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in each.request_headers)
    return ClientExchange(
        number=each.number,
        at=each.at,
        method=each.method,
        path=each.path,
        query=each.query,
        status=each.status,
        request_headers=tuple((n.lower(), v) for n, v in sent if n.lower() != "authorization"),
        request_body=each.request_body,
        headers=tuple((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in each.headers),
        body=each.body,
        seconds=each.seconds,
        origin=_BASE,
        label=each.fault or "",
        sent=sent,
        target=each.path + (f"?{each.query}" if each.query else ""),
        effects=each.effects,
        sender=sender,
        call_site=call_site,
    )


def _set_elapsed(each: ClientExchange, elapsed: float) -> ClientExchange:
    object.__setattr__(each, "elapsed", elapsed)  # it is under construction
    return each


def _group_submissions(name: str, exchanges: list[ClientExchange]) -> Iterator[ClientHistory]:
    """Yield a history of each submission with its repetitions: equal bytes after a failure."""
    open_: dict[tuple[str, bytes], list[ClientExchange]] = {}
    groups: list[list[ClientExchange]] = []
    for each in exchanges:
        if each.operation not in SUBMISSIONS or each.method != "POST":
            continue
        key = (each.operation, each.request_body or b"")
        chain = open_.get(key)
        if chain and _is_failure(chain[-1]):
            chain.append(each)
        else:
            open_[key] = chain = [each]
            groups.append(chain)
    for group in groups:
        yield _history(name, _case(group[0]), group, op=_OPS[group[0].operation])


def _is_failure(each: ClientExchange) -> bool:
    return bool(each.label) or not 200 <= each.status < 300


def _case(first: ClientExchange) -> str:
    for beginning, case in _FAULTS:
        if first.label.startswith(beginning):
            return case
    if first.status >= 500 and "after commit" in first.label:
        return "observed-500"
    if first.status in {400, 401, 402, 403, 404, 413, 422}:
        return "observed-refusals"
    return "observed-usual"


def _history(
    name: str, case: str, exchanges: list[ClientExchange], *, op: str = ""
) -> ClientHistory:
    ledger: dict[str, Decimal] = {}
    for each in exchanges:
        for effect in each.effects or ():
            if effect.what in {"hold", "charge"} and effect.generation:
                ledger[effect.generation] = effect.amount or Decimal(0)
    first, last = exchanges[0].number - 1, exchanges[-1].number
    outcomes = (CallOutcome(op=op, args={}, kind="value", first=first, last=last),) if op else ()
    return ClientHistory(
        plan=Plan(name=case, steps=()),
        exchanges=tuple(exchanges),
        base=_BASE,
        client=name,
        case=case,
        virtual=False,
        outcomes=outcomes,
        ledger=ledger,
        secrets=(("a", "\0never"),),
    )
