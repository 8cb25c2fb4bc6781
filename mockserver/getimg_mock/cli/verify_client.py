"""`getimg-mock verify client`: say what a client does wrong, with evidence and cost."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.verify_api import REPORTS
from getimg_mock.contract.addresses import Address
from getimg_mock.contract.budget import Record, amount_of, default_record, guarded
from getimg_mock.contract.campaign import written
from getimg_mock.contract.clients import observe, schedules, scorecard, soundness, suite
from getimg_mock.contract.clients.adapters import SHIPPED
from getimg_mock.contract.clients.checking import verdict_of
from getimg_mock.contract.clients.drivers import PythonDriver
from getimg_mock.contract.clients.loading import loaded, maker_of
from getimg_mock.contract.clients.processes import ProcessDriver
from getimg_mock.contract.clients.upstream import PEACEFUL, UpstreamDriver
from getimg_mock.contract.evidence import REAL
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports import console, events

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.clients.checking import ClientCheck
    from getimg_mock.contract.clients.drivers import Driver
    from getimg_mock.contract.clients.suite import Result


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
    add("--program", action="append", default=[], metavar="COMMAND",
        help="a driver in any language: JSON lines in and out")  # fmt: skip
    add("--target", default="fake", metavar="WHERE",
        help="fake, real, or a URL: what needs no adversary, beside the fake")  # fmt: skip
    add("--key", metavar="KEY", help="API key for --target (default: GETIMG_API_KEY)")
    add("--budget", metavar="USD", help="the most that may be spent at --target today")
    add("--observe", action="store_true", help="run a command and judge what the fake sees of it")
    add("--scenario", action="append", default=[], metavar="NAME",
        help="with --observe: scenarios in force")  # fmt: skip
    add("--only", metavar="IDS", help="checks to judge: GC4, GC401, or several with commas")
    add("--seed", default="0", metavar="TEXT", help="what words and names are drawn from")
    add("--random", type=_count, default=0, metavar="N",
        help="schedules of faults to try, for the shortest that costs twice")  # fmt: skip
    add("--case-seconds", type=_seconds, default=30.0, metavar="SECONDS",
        help="real time after which a case of an adapter is ended (default: 30)")  # fmt: skip
    add("--events", metavar="FILE", type=Path, help="write the event stream here (NDJSON)")
    add("--report", action="append", default=[], metavar="FILE", type=Path,
        help="write a report; the ending says which: " + " ".join(REPORTS))  # fmt: skip
    add("--known-failures", metavar="FILE", type=Path, help="checks known to fail, one a line")
    add("--scorecard", action="store_true", help="print one line a client, nothing else")


def run(arguments: argparse.Namespace) -> int:
    """Judge; returns 0 when the contract holds, 1 when not."""
    for report in arguments.report:
        if report.suffix not in REPORTS:
            raise UnknownNameError("kind of report", report.suffix or report.name, REPORTS)
    checks = suite.chosen(_words(arguments.only))
    known = _known(arguments.known_failures)
    if not (arguments.clients or arguments.program or arguments.observe):
        raise SettingsError(
            "Name a client: package.module:make, one that ships ("
            f"{', '.join(SHIPPED)}), --program COMMAND, or --observe -- COMMAND."
        )
    if arguments.observe:
        result, status = _observed(arguments.clients, arguments.scenario)
        stream = list(scorecard.events(result, adapter="--observe", known=known))
        return _sound([result], _reported(arguments, stream, [result]) or status)
    if arguments.target != "fake":
        return _side_by_side(arguments, checks, known)
    results: list[Result] = []
    stream = []
    found: list[str] = []
    for adapter, driver in _drivers(arguments):
        try:
            result = suite.verify(driver, checks=checks, seed=arguments.seed)
            found += _scheduled(driver, arguments.random)
        finally:
            driver.close()
        results.append(result)
        stream += scorecard.events(result, adapter=adapter, known=known)
    status = _sound(results, _reported(arguments, stream, results))
    sys.stdout.writelines(found)
    return status or (1 if found and "GC401" not in known else 0)


def _sound(results: list[Result], status: int) -> int:
    """Tell what was not tried of each client; returns 2 where that leaves no verdict."""
    for result in results:
        hollow = soundness.nothing_judged(result)
        for sentence in [hollow] if hollow else soundness.gaps(result):
            sys.stderr.write(f"getimg-mock: {sentence}\n")
            status = 2 if hollow else status or 2
    return status


def _scheduled(driver: Driver, count: int) -> Iterator[str]:
    """Yield the shortest schedule of faults that makes a client pay twice, among `count` drawn."""
    if not count:
        return
    try:
        import hypothesis  # noqa: F401, PLC0415 - optional
    except ImportError:
        raise SettingsError(
            "--random needs hypothesis: pip install 'getimg-mock[verify]'."
        ) from None
    once = suite.chosen(["GC401"])
    shortest = schedules.shortest(driver, once, examples=count)
    if shortest is not None:
        faults, history = shortest
        costs = next(str(seen.actual) for seen in once[0].observe(history) if seen.wrong)
        yield f"{driver.name}  one call, met by [{'; '.join(faults)}]: {costs}\n"


def _side_by_side(
    arguments: argparse.Namespace, checks: Sequence[ClientCheck], known: dict[str, str]
) -> int:
    """Judge adapters against another service and against the fake by the same cases."""
    if arguments.budget is None:
        raise SettingsError("A service that is not ours may cost: say how much with --budget.")
    target = _upstream(arguments)
    budget = guarded(target, amount_of(arguments.budget), Record(default_record()))
    peaceful = [each for each in checks if any(each.wants(name) for name in PEACEFUL)]
    results: list[Result] = []
    stream: list[dict[str, Any]] = []
    for adapter, driver in _pairs(arguments, target):
        try:
            result = suite.verify(driver, checks=peaceful, seed=arguments.seed, among=PEACEFUL)
        finally:
            driver.close()
        results.append(result)
        stream += scorecard.events(result, adapter=adapter, known=known)
    status = _sound(results, _reported(arguments, stream, results))
    sys.stdout.write(f"Spent at most {budget.spent} of {budget.ceiling} USD.\n")
    return status


def _pairs(arguments: argparse.Namespace, target: Address) -> Iterator[tuple[str, Driver]]:
    """Yield each client twice: on the fake, and on the other service."""
    for adapter in arguments.clients:
        make = maker_of(adapter)
        yield adapter, PythonDriver(make, f"{adapter} on the fake")
        yield adapter, UpstreamDriver(make, f"{adapter} on {target.name}", address=target)
    for program in arguments.program:
        for address, where in ((None, "the fake"), (target, target.name)):
            driver = ProcessDriver(_command(program), address=address)
            driver.name = f"{driver.name} on {where}"
            yield f"program:{program}", driver


def _upstream(arguments: argparse.Namespace) -> Address:
    url = REAL if arguments.target == "real" else arguments.target
    key = arguments.key or os.environ.get("GETIMG_API_KEY")
    if not url.startswith(("https://", "http://")):
        raise UnknownNameError("target", url, ("fake", "real", "https://...", "http://..."))
    if not key:
        raise SettingsError("A target needs a key: give --key, or set GETIMG_API_KEY.")
    return Address(url, {"a": key}, name=arguments.target)


def replayed(verdict: dict[str, Any], times: int) -> int:
    """Try the first failure of a verdict again; returns 1 when it shows again."""
    told = verdict["failures"][0].get("client", {})
    if told.get("adapter", "--observe") == "--observe":
        sys.stdout.write(f"{verdict['id']}  was observed: run the same command again\n")
        return 0
    (check,) = suite.chosen([verdict["id"]])
    driver = driver_of(told["adapter"])
    case = next(each for each in suite.cases(told["seed"]) if each.name == told["case"])
    try:
        seen = sum(
            verdict_of(check, [driver.run(case, seed=told["seed"])]).broken for _ in range(times)
        )
    finally:
        driver.close()
    label = "" if seen in {0, times} else "  flaky"
    sys.stdout.write(f"{check.id}  {seen} of {times}  {case.name}{label}\n")
    return 1 if seen else 0


def driver_of(adapter: str) -> Driver:
    """Return the driver of a client as the command line, or a recorded failure, names it."""
    if adapter.startswith("program:"):
        return ProcessDriver(_command(adapter.removeprefix("program:")))
    return loaded(adapter)


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


def _known(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    found = {}
    for line in lines:
        name, _, reason = line.partition("#")[0].strip().partition(" ")
        if name:
            (check,) = suite.chosen([name.upper()])[:1]
            found[check.id] = reason.strip()
    return found


def _observed(command: list[str], scenarios: list[str]) -> tuple[Result, int]:
    from getimg_mock.server import MockServer  # noqa: PLC0415 - for this way of judging only

    if not command:
        raise SettingsError("Say what to observe: --observe -- pytest tests/")
    with MockServer(scenario=tuple(scenarios)) as server:
        environment = {"GETIMG_API_KEY": "sk_observed", **os.environ}
        environment["GETIMG_AI_BASE_URL"] = server.url
        try:
            status = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - the caller's own command
        except OSError as error:
            raise SettingsError(f"{command[0]} cannot be started: {error.strerror}.") from None
        return observe.verdict(server.app.fake, name=" ".join(command)), status


def _reported(
    arguments: argparse.Namespace, stream: list[dict[str, Any]], results: list[Result]
) -> int:
    if arguments.events:
        arguments.events.write_text("".join(written(stream)), encoding="utf-8")
    outcomes = events.read(stream)
    for report in arguments.report:
        report.write_text(REPORTS[report.suffix](outcomes), encoding="utf-8")
    for outcome, result in zip(outcomes, results, strict=True):
        if not arguments.scorecard:
            sys.stdout.write(console.rendered(outcome, colour=sys.stdout.isatty()))
        prefix = f"{result.client}  " if len(results) > 1 or arguments.scorecard else ""
        sys.stdout.write(f"{prefix}{scorecard.line(result)}\n")
    return 0 if all(outcome.ok for outcome in outcomes) else 1
