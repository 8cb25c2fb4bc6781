"""Verifying a client of the getimg.ai v2 API: an adapter, a program, or its recorded requests."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record, parse_amount
from getimg_mock.contract.clients import run_validity, suite
from getimg_mock.contract.clients.drivers.driver_lookup import CASE_SECONDS, find_source
from getimg_mock.contract.clients.observed_traffic import ObservedCommand, ObservedFake
from getimg_mock.contract.targets.http_target import REAL_API_URL, HttpTarget
from getimg_mock.contract.verification.client_run import ClientRun
from getimg_mock.contract.verification.commands import format_command
from getimg_mock.contract.verification.result import Verification
from getimg_mock.errors import MissingPackageError, SettingsError, UnknownNameError
from getimg_mock.reports.known_failures import load_known_failures
from getimg_mock.reports.recorder import RunRecorder
from getimg_mock.user_files import require_writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.budget.spend_file import Amount
    from getimg_mock.contract.clients.drivers.driver_lookup import AdapterSource, ProgramSource
    from getimg_mock.reports.run_events import RunEvent

    Client = str | Sequence[str] | Callable[..., Any] | ObservedCommand | ObservedFake
    """A client: the name of an adapter that ships, `package.module:make`, a factory such as that
    `make`, a program as a list of words or as `program:COMMAND`, or requests that a fake has seen.
    """
    _Source = AdapterSource | ProgramSource | ObservedCommand | ObservedFake


def verify_client(
    client: Client,
    *others: Client,
    only: str | Iterable[str] | None = None,
    seed: int | str = 0,
    random: int = 0,
    case_seconds: float = CASE_SECONDS,
    processes: int = 1,
    target: str = "fake",
    key: str | None = None,
    budget: Amount | None = None,
    record: Path | str | None = None,
    known_failures: Path | str | Mapping[str, str] | None = None,
    events: Path | str | None = None,
    keep_events: bool = False,
    on_event: Callable[[RunEvent], object] | None = None,
) -> Verification:
    """Verify a client of the API by the client contract, or several clients side by side.

    Args:
        client: `package.module:make`, the name of an adapter that ships (`official-sdk`, `httpx`),
            a factory that takes `base_url` and `key` and returns an adapter, a program as a list of
            words or as `program:COMMAND`, an `ObservedCommand`, or an `ObservedFake`.
        others: More clients, each with a run of its own.
        only: The ids of the checks to judge, or their beginnings: `"GC4,GC501"` or a list.
        seed: What the words and names in cases are drawn from.
        random: How many schedules of faults to try, in search of the shortest that costs twice;
            needs hypothesis.
        case_seconds: The most seconds of real time that a case of an adapter may take.
        processes: In how many processes the cases of an adapter are run. More than this one are
            forked, on Linux, while it has one thread and is neither traced nor profiled: what the
            client changes in memory is not seen here. A program always has several.
        target: `fake`, or a service to put the client to as well: `real` (getimg.ai) or a URL. Only
            cases that need no faults are run then. Ignored for observed requests.
        key: The API key for `target`; by default that of `GETIMG_API_KEY`.
        budget: The most US dollars that may be spent at `target` on this UTC day, over all runs.
        record: The file that keeps the spend of each day; by default in the state folder.
        known_failures: Checks that are known to fail, by id with a reason, or a file of them.
        events: A file for the event stream, which is written as the run goes on.
        keep_events: Without `events`, keep the stream in the state folder until the next run.
        on_event: Called with each event as it happens.

    Raises:
        SettingsError: An option, file, key, client or target cannot be used. `UnknownNameError`, a
            subclass, names what was probably meant.
        BudgetError: The budget, or the record of what was spent, cannot be used.
    """
    if events is not None:
        require_writable(Path(events))
    words = only if only is None or isinstance(only, str) else ",".join(only)
    checks = suite.choose_checks(_split_words(words))
    known = load_known_failures(known_failures, [check.id for check in suite.CHECKS])
    if random and find_spec("hypothesis") is None:
        raise MissingPackageError("--random needs hypothesis: pip install 'getimg-mock[verify]'.")
    sources = [_find_source(each) for each in (client, *others)]
    amount = None if budget is None else str(parse_amount(budget))
    options = {
        "target": None if target == "fake" else target,
        "budget": amount,
        "seed": None if str(seed) == "0" else seed,
        "only": words,
        "random": random,
    }
    upstream = None
    if target != "fake" and any(_is_driven(each) for each in sources):
        upstream = _open_upstream(target, key, budget, record)
    name = "-".join(["verify-client", *map(_get_label, sources)]) if keep_events else ""
    with RunRecorder(
        Path(events) if events is not None else None, name=name, known=known, on_event=on_event
    ) as recorder:
        run = ClientRun(
            recorder=recorder,
            checks=checks,
            seed=str(seed),
            random=random,
            case_seconds=case_seconds,
            processes=processes,
            origin={"again": _format_again(options, sources), "budget": amount},
        )
        _run_all(run, sources, upstream)
    return _conclude(run)


def _run_all(
    run: ClientRun, sources: Sequence[_Source], upstream: tuple[HttpTarget, Budget] | None
) -> None:
    for source in sources:
        if isinstance(source, (ObservedCommand, ObservedFake)):
            run.observe(source)
        elif upstream is None:
            run.verify(source)
        else:
            run.compare(source, *upstream)
    if upstream is not None:
        upstream[1].close()


def _conclude(run: ClientRun) -> Verification:
    outcomes = tuple(run.recorder.outcomes)
    status = 0 if all(each.ok for each in outcomes) else 1
    status = status or run.command_status
    gaps: list[str] = []
    for result in run.results:
        hollow = run_validity.explain_nothing_judged(result)
        found = [hollow] if hollow else list(run_validity.find_gaps(result))
        if found:
            status = 2 if hollow else status or 2
        gaps += found
    return Verification(outcomes, status=status, gaps=tuple(gaps))


def _split_words(words: str | None) -> list[str]:
    return [word.strip().upper() for word in (words or "").split(",") if word.strip()]


def _find_source(client: Client) -> _Source:
    if isinstance(client, (ObservedCommand, ObservedFake)):
        return client
    return find_source(client)


def _is_driven(source: _Source) -> bool:
    return not isinstance(source, (ObservedCommand, ObservedFake))


def _get_label(source: _Source) -> str:
    if isinstance(source, ObservedCommand):
        return source.command[0] if source.command else ""
    return source.name


def _format_again(options: Mapping[str, object], sources: Sequence[_Source]) -> str:
    """Return the command that repeats the run; empty where a client has no name to type."""
    words = [each.words for each in sources]
    return format_command("client", options, words) if all(words) else ""


def _open_upstream(
    where: str, key: str | None, budget: Amount | None, record: Path | str | None
) -> tuple[HttpTarget, Budget]:
    """Return the service that clients are put to, behind its budget."""
    if budget is None:
        raise SettingsError(
            "A service that is not ours may cost: set the most that may be spent (--budget USD)."
        )
    url = REAL_API_URL if where == "real" else where
    key = key or os.environ.get("GETIMG_API_KEY")
    if not url.startswith(("https://", "http://")):
        raise UnknownNameError("target", url, ("fake", "real", "https://...", "http://..."))
    if not key:
        raise SettingsError("A target needs a key: give --key, or set GETIMG_API_KEY.")
    target = HttpTarget(url, {"a": key}, name=where)
    spent = SpendRecord(Path(record) if record else find_default_record())
    return target, install_budget(target, parse_amount(budget), spent)
