"""`getimg-mock verify client`: say what a client does wrong, with evidence and cost."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import reporting
from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record, parse_amount
from getimg_mock.contract.clients import (
    fault_schedules,
    observed_traffic,
    run_validity,
    scorecard,
    suite,
)
from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.drivers.adapter_loading import load_driver, load_maker
from getimg_mock.contract.clients.drivers.adapters import SHIPPED
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.drivers.upstream_driver import FAULT_FREE_CASES, UpstreamDriver
from getimg_mock.contract.targets.http_target import REAL_API_URL, HttpTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports.known_failures import read_known_failures
from getimg_mock.reports.replays import OBSERVED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.clients.cases.cases import Case
    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.contract.clients.drivers.python_driver import Driver
    from getimg_mock.contract.clients.suite import Result
    from getimg_mock.contract.verdicts import Verdict


def add_command(kinds: argparse._SubParsersAction[Any]) -> None:
    """Add `verify client`."""
    parser = kinds.add_parser(
        "client",
        help="say what a client does wrong, with evidence and cost",
        description="Put clients through the contract. Each is an adapter in Python, "
        "package.module:make, or one that ships: " + ", ".join(SHIPPED) + ".",
        epilog="getimg-mock verify client --observe -- pytest tests/ judges a program by what the "
        "fake sees of it; it finds the fake by GETIMG_AI_BASE_URL.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("clients", nargs="*", metavar="CLIENT", help="adapters; several stand side by side")
    add(
        "--program",
        action="append",
        default=[],
        metavar="COMMAND",
        help="a driver in any language: JSON lines in and out",
    )
    add(
        "--target",
        default="fake",
        metavar="WHERE",
        help="fake, real, or a URL: what needs no adversary, beside the fake",
    )
    add("--key", metavar="KEY", help="API key for --target (default: GETIMG_API_KEY)")
    add("--budget", metavar="USD", help="the most that may be spent at --target today")
    add("--observe", action="store_true", help="run a command and judge what the fake sees of it")
    add(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME",
        help="with --observe: scenarios in force",
    )
    add("--only", metavar="IDS", help="checks to judge: GC4, GC401, or several with commas")
    add("--seed", default="0", metavar="TEXT", help="what words and names are drawn from")
    add(
        "--random",
        type=_count,
        default=0,
        metavar="N",
        help="schedules of faults to try, for the shortest that costs twice",
    )
    add(
        "--case-seconds",
        type=_seconds,
        default=30.0,
        metavar="SECONDS",
        help="real time after which a case of an adapter is ended (default: 30)",
    )
    reporting.add_options(parser)
    add("--scorecard", action="store_true", help="print one line a client, nothing else")


def run(arguments: argparse.Namespace) -> int:
    """Judge; returns 0 when the contract holds, 1 when not."""
    reporting.require_places(arguments)
    checks = suite.choose_checks(_words(arguments.only))
    path = arguments.known_failures
    known = read_known_failures(path, [check.id for check in suite.CHECKS]) if path else {}
    if not (arguments.observe or arguments.clients or arguments.program):
        raise SettingsError(
            "Name a client: package.module:make, one that ships ("
            f"{', '.join(SHIPPED)}), --program COMMAND, or --observe -- COMMAND."
        )
    names = arguments.clients if not arguments.observe else arguments.clients[:1]
    name = "verify-client-" + "-".join([*names, *arguments.program])
    with reporting.Keeper(arguments, name, known) as keeper:
        if arguments.observe:
            result, status = _observed(arguments.clients, arguments.scenario)
            told = scorecard.events(result, adapter=OBSERVED, known=known)
            keeper.take(_with_command(each, arguments) for each in told)
            return _reported(arguments, keeper, [result], status)
        if arguments.target != "fake":
            return _side_by_side(arguments, checks, keeper)
        results = []
        for adapter, driver in _drivers(arguments):
            try:
                results.append(_verified(driver, adapter, arguments, checks, keeper))
            finally:
                driver.close()
        return _reported(arguments, keeper, results)


def _verified(
    driver: Driver,
    adapter: str,
    arguments: argparse.Namespace,
    checks: Sequence[ClientCheck],
    keeper: reporting.Keeper,
    *,
    among: frozenset[str] | None = None,
    where: str | None = None,
) -> Result:
    """Put one client through its cases, telling the keeper of each as it is over."""
    cases = suite.select_cases(checks, arguments.seed, among)
    start = scorecard.start_event(
        driver.name,
        adapter=adapter,
        seed=arguments.seed,
        cases=len(cases),
        checks=len(checks),
        where=where,
    )
    keeper.take([_with_command(start, arguments)])
    result = suite.verify(
        driver,
        checks=checks,
        seed=arguments.seed,
        among=among,
        each=lambda history: keeper.take([scorecard.case_event(history)]),
    )
    if arguments.random:
        result = _scheduled(driver, arguments.random, result)
    keeper.take(scorecard.generate_verdict_events(result, adapter=adapter, known=keeper.known))
    return result


def _with_command(event: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return an event; with a start stands what is needed to make the run again."""
    if event["event"] != "start":
        return event
    options = {
        "target": None if arguments.target == "fake" else arguments.target,
        "budget": arguments.budget,
        "seed": None if arguments.seed == "0" else arguments.seed,
        "only": arguments.only,
        "random": arguments.random,
    }
    words = "getimg-mock verify client" + reporting.words_of(options)
    if arguments.observe:
        words += "".join(f" --scenario {shlex.quote(each)}" for each in arguments.scenario)
        words += f" --observe -- {shlex.join(arguments.clients)}"
    else:
        words += "".join(f" {shlex.quote(each)}" for each in arguments.clients)
        words += "".join(f" --program {shlex.quote(each)}" for each in arguments.program)
    return event | {"again": words, "budget": arguments.budget}


def _scheduled(driver: Driver, count: int, result: Result) -> Result:
    """Return the result with the shortest of `count` schedules of faults that costs twice."""
    try:
        import hypothesis  # noqa: F401, PLC0415 - optional
    except ImportError:
        raise SettingsError(
            "--random needs hypothesis: pip install 'getimg-mock[verify]'."
        ) from None
    once = suite.choose_checks(["GC401"])  # they differ in the fault alone, which a schedule says
    shortest = fault_schedules.find_shortest_schedule(
        driver, once, examples=count, seed=result.seed
    )
    if shortest is None:
        return result
    schedule, history = shortest
    (check,) = suite.choose_checks([fault_schedules.find_check(schedule)])
    return fault_schedules.add_schedule_verdict(result, check, history)


def _side_by_side(
    arguments: argparse.Namespace,
    checks: Sequence[ClientCheck],
    keeper: reporting.Keeper,
) -> int:
    """Judge adapters against another service and against the fake by the same cases."""
    if arguments.budget is None:
        raise SettingsError("A service that is not ours may cost: say how much with --budget.")
    target = _upstream(arguments)
    budget = install_budget(
        target, parse_amount(arguments.budget), SpendRecord(find_default_record())
    )
    peaceful = [each for each in checks if any(each.wants(name) for name in FAULT_FREE_CASES)]
    results: list[Result] = []
    for adapter, driver, where in _pairs(arguments, target):
        try:
            results.append(
                _verified(
                    driver,
                    adapter,
                    arguments,
                    peaceful,
                    keeper,
                    among=FAULT_FREE_CASES,
                    where=where,
                )
            )
        finally:
            driver.close()
        if where is not None:
            budget.settle()
            keeper.take([budget.as_event()])
    budget.close()
    return _reported(arguments, keeper, results)


def _pairs(
    arguments: argparse.Namespace, target: HttpTarget
) -> Iterator[tuple[str, Driver, str | None]]:
    """Yield each client twice, and where it is put to: on the fake, and on the other service."""
    for adapter in arguments.clients:
        make = load_maker(adapter)
        yield adapter, PythonDriver(make, f"{adapter} on the fake"), None
        beside = UpstreamDriver(make, f"{adapter} on {target.name}", address=target)
        yield adapter, beside, target.url
    for program in arguments.program:
        for address in (None, target):
            driver = ProcessDriver(_command(program), address=address)
            driver.name = f"{driver.name} on {'the fake' if address is None else address.name}"
            yield f"program:{program}", driver, None if address is None else address.url


def _upstream(arguments: argparse.Namespace) -> HttpTarget:
    url = REAL_API_URL if arguments.target == "real" else arguments.target
    key = arguments.key or os.environ.get("GETIMG_API_KEY")
    if not url.startswith(("https://", "http://")):
        raise UnknownNameError("target", url, ("fake", "real", "https://...", "http://..."))
    if not key:
        raise SettingsError("A target needs a key: give --key, or set GETIMG_API_KEY.")
    return HttpTarget(url, {"a": key}, name=arguments.target)


def replayed(
    failure: dict[str, Any], times: int, address: HttpTarget | None = None
) -> Iterator[Verdict]:
    """Try a recorded failure again and yield each verdict; `address` where it is not the fake's."""
    told = failure["client"]
    (check,) = suite.choose_checks([failure["id"]])
    case = case_of(told["case"], told["seed"])
    driver = driver_of(told["adapter"])
    if address is not None and isinstance(driver, PythonDriver):
        driver = UpstreamDriver(driver.make, told["adapter"], address=address)
    elif address is not None and isinstance(driver, ProcessDriver):
        driver.address = address
    try:
        for _ in range(times):
            history = driver.run(case, seed=told["seed"])
            if check.wants(case.name):
                yield compute_verdict(check, [history])
            else:  # a schedule: it is judged by what it has lost
                yield judge_check(check, [history])
    finally:
        driver.close()


def case_of(name: str, seed: str) -> Case:
    """Return the case of a name, drawn schedules included; raises `UnknownNameError`."""
    every = {each.name: each for each in suite.cases(seed)}
    case = every.get(name) or fault_schedules.parse_name(name)
    if case is None:
        raise UnknownNameError("case", name, every)
    return case


def driver_of(adapter: str) -> Driver:
    """Return the driver of a client as the command line, or a recorded failure, names it."""
    if adapter.startswith("program:"):
        return ProcessDriver(_command(adapter.removeprefix("program:")))
    return load_driver(adapter)


def _command(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise SettingsError(
            f"--program {text!r}: {error}. Write it as a shell would take it: "
            "--program \"node 'my driver.mjs'\"."
        ) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise SettingsError(f"--case-seconds {text}: write a number of seconds, 30 for example.")
    return seconds


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if count < 1:
        raise SettingsError(f"--random {text}: write how many schedules to try, 1 or more.")
    return count


def _drivers(arguments: argparse.Namespace) -> Iterator[tuple[str, Driver]]:
    for adapter in (*arguments.clients, *(f"program:{each}" for each in arguments.program)):
        driver = driver_of(adapter)
        if isinstance(driver, PythonDriver):
            driver.real_seconds = arguments.case_seconds
        yield adapter, driver


def _words(only: str | None) -> list[str]:
    return [word.strip().upper() for word in (only or "").split(",") if word.strip()]


def _observed(command: list[str], scenarios: list[str]) -> tuple[Result, int]:
    from getimg_mock.serving.server import MockServer  # noqa: PLC0415 - for this way of judging only

    if not command:
        raise SettingsError("Say what to observe: --observe -- pytest tests/")
    with MockServer(scenario=tuple(scenarios)) as server:
        environment = {"GETIMG_API_KEY": "sk_observed", **os.environ}
        environment["GETIMG_AI_BASE_URL"] = server.url
        try:
            status = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - the caller's own command
        except OSError as error:
            raise SettingsError(f"{command[0]} cannot be started: {error.strerror}.") from None
        return observed_traffic.judge_traffic(server.app.fake, name=" ".join(command)), status


def _reported(
    arguments: argparse.Namespace,
    keeper: reporting.Keeper,
    results: list[Result],
    status: int = 0,
) -> int:
    status = keeper.report(brief=arguments.scorecard) or status
    for result in results:
        prefix = f"{result.client}  " if len(results) > 1 or arguments.scorecard else ""
        sys.stdout.write(f"{prefix}{scorecard.render_line(result, keeper.known)}\n")
    return _sound(results, status)


def _sound(results: list[Result], status: int) -> int:
    """Tell what was not tried of each client; returns 2 where that leaves no verdict."""
    for result in results:
        hollow = run_validity.explain_nothing_judged(result)
        for sentence in [hollow] if hollow else run_validity.find_gaps(result):
            sys.stderr.write(f"getimg-mock: {sentence}\n")
            status = 2 if hollow else status or 2
    return status
