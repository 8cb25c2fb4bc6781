"""Drivers: what moves a client through a case and reports what it did.

`PythonDriver` runs an adapter in this process, in virtual time on a virtual network.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import os
import random  # noqa: TID251 - the client's chance is what is seeded here
import ssl
import sys
import tempfile
import threading
import tracemalloc
import warnings
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

from getimg_mock.contract.clients.adversary import Adversary
from getimg_mock.contract.clients.cases import KEY, OPS, OPTIONS, Case, Result
from getimg_mock.contract.clients.history import ClientHistory, Outcome
from getimg_mock.contract.clients.network import Network
from getimg_mock.contract.clients.telling import plain, told
from getimg_mock.contract.clients.timing import Abandoned, ClientTime
from getimg_mock.contract.plans import Plan
from getimg_mock.errors import SettingsError
from getimg_mock.media.cache import MediaCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases import Call


class Driver(Protocol):
    """A client that can be moved through cases."""

    @property
    def name(self) -> str:
        """What reports call the client."""

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Return what the case needs that the client, or this way of driving it, does not have."""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Move the client through a case in a world of its own."""

    def close(self) -> None:
        """Let go of the client."""


@dataclass
class PythonDriver:
    """An adapter in this process: `make(base_url=..., key=..., **options)` returns one.

    The options it takes are the parameters that `make` names. An adapter has those of `OPS` that
    the client can do, as methods or as coroutine functions; `lacking` names what else it cannot.
    """

    make: Callable[..., Any]
    name: str = "client"
    cache: MediaCache = field(default_factory=lambda: MediaCache(64 * 1024 * 1024))

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.make).parameters.values()
        anything = any(each.kind is each.VAR_KEYWORD for each in parameters)
        named = {each.name for each in parameters}
        self.options = {name for name in OPTIONS if anything or name in named}
        probe: Any = self.make
        if not inspect.isclass(probe):
            made = inspect.signature(probe).return_annotation
            probe = made if inspect.isclass(made) else None
        self._probe = probe if probe is not None else self._made_once()
        self.ops = {name for name in OPS if callable(getattr(self._probe, name, None))}
        self.lacking = set(getattr(self._probe, "lacking", ()))
        self.variables: dict[str, str] = dict(getattr(self._probe, "environment", {}))
        self.is_async = any(
            inspect.iscoroutinefunction(getattr(self._probe, name)) for name in self.ops
        )
        if not self.ops:
            raise SettingsError(f"{self.name}: the adapter has none of {', '.join(OPS)}.")

    def _made_once(self) -> Any:
        return type(self.make(base_url="https://api.getimg.ai", key=KEY))

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Return the operations, options and abilities of the case that the client lacks."""
        ops = [each.op for each in case.calls if each.op not in self.ops]
        if len(ops) < len(case.calls):  # what the client can do of it is tried
            ops = []
        needs = [
            need for need in case.needs
            if (need in OPTIONS and need not in self.options) or need in self.lacking
            or (need == "environment" and not self.variables)
        ]  # fmt: skip
        return tuple(dict.fromkeys(ops + needs))

    def close(self) -> None:
        """Do nothing: every case has an adapter of its own."""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Move the client through a case in virtual time."""
        missing = self.lacks(case)
        if missing:
            return blank(self.name, case, seed, missing)
        time = ClientTime(
            limit=case.limit, interrupt_at=case.interrupt_at, wall_jumps=case.wall_jumps
        )
        adversary = Adversary(
            clock=time.clock, key=KEY, base=case.base, rules=case.rules,
            settings={"seed": seed, **case.settings}, scenario=tuple(map(dict, case.scenario)),
            cache=self.cache,
        )  # fmt: skip
        network = Network(adversary, time)
        run = Run(self, case, adversary, network, time)
        with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
            run.place = Path(place)
            logs = stack.enter_context(_logged()) if case.logs else []
            stack.enter_context(_environment(case, self.variables))
            stack.enter_context(_quick(f"{seed} {case.name}"))
            stack.enter_context(network.spanned())
            stack.enter_context(time.governing())
            try:
                run.all()
            except Abandoned:
                time.lifted = True
        return run.history(seed, "\n".join(logs))


@dataclass
class Run:
    """One case on its way through a client in this process."""

    driver: PythonDriver
    case: Case
    adversary: Adversary
    network: Network
    time: ClientTime
    place: Path = Path()
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    looks: str = ""
    leaks: str = ""

    def all(self) -> None:
        """Make every call; raises `Abandoned` when the client does not come back."""
        if self.driver.is_async:
            self.time.run(self._all_async())
            return
        adapter = self._made()
        if self.case.together:
            self._threads(adapter)
        else:
            for number in range(len(self.case.calls)):
                self._call(adapter, number)
        self._looked_at(adapter)
        close = getattr(adapter, "close", None)
        if callable(close):
            with suppress(Exception):
                close()

    def _threads(self, adapter: Any) -> None:
        self.time.participants = len(self.case.calls)

        def work(number: int) -> None:
            try:
                self._call(adapter, number)
            finally:
                self.time.left()

        threads = [
            threading.Thread(target=work, args=(number,), daemon=True)
            for number in range(len(self.case.calls))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    async def _all_async(self) -> None:
        adapter = self._made()
        if self.case.together:
            calls = range(len(self.case.calls))
            await asyncio.gather(*(self._acall(adapter, number) for number in calls))
        else:
            for number in range(len(self.case.calls)):
                await self._acall(adapter, number)
        self._looked_at(adapter)
        close = getattr(adapter, "close", None) or getattr(adapter, "aclose", None)
        if callable(close):
            with suppress(Exception):
                closing = close()
                if inspect.isawaitable(closing):
                    await closing

    def _made(self) -> Any:
        given = {name: value for name, value in self.case.options.items()
                 if name in self.driver.options}  # fmt: skip
        if "base_url" in self.case.environment:
            return self.driver.make(base_url=None, key=None, **given)
        return self.driver.make(base_url=self.case.base, key=KEY, **given)

    def _looked_at(self, adapter: Any) -> None:
        shown = [repr(adapter), str(adapter)]
        inner = vars(adapter).values() if hasattr(adapter, "__dict__") else ()
        shown += [repr(value) for value in inner if not isinstance(value, str)]
        self.looks = "\n".join(shown)

    def _begin(self, number: int) -> tuple[Call, dict[str, Any], Path, int, float] | None:
        call = self.case.calls[number]
        args = self._resolved(call.args)
        if args is None or call.op not in self.driver.ops:
            return None
        self.adversary.call = number
        place = self.place / str(number if call.into is None else call.into)
        place.mkdir(exist_ok=True)
        if call.op == "download":
            args["directory"] = str(place)
        return call, args, place, len(self.adversary.exchanges), self.time.seconds()

    def _resolved(self, args: Any) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        for name, value in args.items():
            if isinstance(value, Result):
                earlier = self.outcomes.get(value.call)
                if earlier is None or earlier.kind != "value":
                    return None
                found[name] = copy.deepcopy(earlier.value)
            else:
                found[name] = copy.deepcopy(value)
        return found

    def _call(self, adapter: Any, number: int) -> None:
        begun = self._begin(number)
        if begun is None:
            return
        call, args, *_ = begun
        before = copy.deepcopy(args)
        with _measured(on=self.case.memory) as peak:
            try:
                value = getattr(adapter, call.op)(**args)
                result: tuple[Any, ...] = ("value", plain(value), {})
            except Abandoned as stop:
                result = ("abandoned", None, {"text": str(stop)})
            except KeyboardInterrupt as error:
                result = ("interrupted", None, told(error, adapter))
            except Exception as error:  # noqa: BLE001 - whatever a client raises is its outcome
                result = ("error", None, told(error, adapter))
        self._end(number, begun, result, peak, changed=args != before)

    async def _acall(self, adapter: Any, number: int) -> None:
        begun = self._begin(number)
        if begun is None:
            return
        call, args, *_ = begun
        before = copy.deepcopy(args)
        with _measured(on=self.case.memory) as peak:
            try:
                value = await getattr(adapter, call.op)(**args)
                result: tuple[Any, ...] = ("value", plain(value), {})
            except Abandoned as stop:
                result = ("abandoned", None, {"text": str(stop)})
            except (KeyboardInterrupt, asyncio.CancelledError) as error:
                result = ("interrupted", None, told(error, adapter))
            except Exception as error:  # noqa: BLE001 - whatever a client raises is its outcome
                result = ("error", None, told(error, adapter))
        self._end(number, begun, result, peak, changed=args != before)

    def _end(
        self, number: int, begun: Any, result: tuple[Any, ...], peak: list[int], *, changed: bool
    ) -> None:
        call, args, place, first, began = begun
        kind, value, error = result
        if changed:
            args = args | {"$changed": True}
        self.outcomes[number] = Outcome(
            op=call.op, args=args, kind=kind, value=value, error=error, began=began,
            ended=self.time.seconds(), first=first, last=len(self.adversary.exchanges),
            files=files_in(place) if call.op == "download" else {}, peak=peak[0],
        )  # fmt: skip

    def history(self, seed: str, logs: str) -> ClientHistory:
        """Return what came of it."""
        for number, call in enumerate(self.case.calls):
            if number not in self.outcomes and not self._needed(number):
                now, last = self.time.seconds(), len(self.adversary.exchanges)
                self.outcomes[number] = Outcome(
                    op=call.op, args=dict(call.args), kind="abandoned", began=now, ended=now,
                    first=0, last=last, error={"text": "did not come back"},
                )  # fmt: skip
        missed = self.adversary.missed()
        return ClientHistory(
            plan=Plan(name=f"client {self.case.name}", steps=()),
            exchanges=tuple(self.adversary.exchanges),
            base=self.case.base,
            secrets=(("a", KEY),),
            client=self.driver.name,
            case=self.case.name,
            seed=seed,
            outcomes=tuple(self.outcomes[number] for number in sorted(self.outcomes)),
            missed=missed,
            missing=dropped(self.case, self.driver.ops) if missed else (),
            logs=logs,
            appearance=self.looks,
            options={k: v for k, v in self.case.options.items() if k in self.driver.options},
            open_connections=self.network.open,
            plain_seen=tuple(self.network.plain),
            ledger=self.adversary.totals(),
        )

    def _needed(self, number: int) -> bool:
        """Whether a call was not made: it builds on one that failed, or the client has no such."""
        return self.case.calls[number].op not in self.driver.ops or any(
            isinstance(each, Result) for each in self.case.calls[number].args.values()
        )


def dropped(case: Case, ops: set[str]) -> tuple[str, ...]:
    """Return the operations of a case that a client does not have, and that were left out."""
    return tuple(dict.fromkeys(each.op for each in case.calls if each.op not in ops))


def blank(client: str, case: Case, seed: str, missing: tuple[str, ...]) -> ClientHistory:
    """Return the history of a case that a client cannot be tried with."""
    return ClientHistory(
        plan=Plan(name=f"client {case.name}", steps=()), exchanges=(), client=client,
        case=case.name, seed=seed, missing=missing,
    )  # fmt: skip


def loaded(name: str) -> PythonDriver:
    """Return the driver of an adapter named as `package.module:make`, here or installed.

    Raises `SettingsError` where there is none.
    """
    module, _, attribute = name.partition(":")
    if not attribute:
        raise SettingsError(f"{name!r}: write package.module:make.")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{name!r}: {error}") from error
    return PythonDriver(made, name)


def files_in(place: Path) -> dict[str, bytes]:
    """Return the files of a call's directory, and those that got out of it."""
    found = {}
    for each in sorted(place.parent.rglob("*")):
        if each.is_file():
            inside = each.is_relative_to(place)
            name = (
                str(each.relative_to(place)) if inside else f"../{each.relative_to(place.parent)}"
            )
            if inside or not each.parent.name.isdigit():
                found[name] = each.read_bytes() if each.stat().st_size < 2**22 else b"large"
    return found


@contextmanager
def _measured(*, on: bool) -> Iterator[list[int]]:
    peak = [0]
    if not on:
        yield peak
        return
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield peak
        peak[0] = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@contextmanager
def _environment(case: Case, variables: dict[str, str]) -> Iterator[None]:
    changes = {variables.get(name, name): value for name, value in case.environment.items()}
    proxies = [name for name in os.environ if name.lower().endswith("_proxy")]
    with patch.dict(os.environ, changes):
        for name in proxies:
            if name not in changes:
                os.environ.pop(name, None)
        yield


@contextmanager
def _quick(seed: str) -> Iterator[None]:
    """Make a run repeatable and cheap: seeded chance, no warnings, no certificates to load.

    On a virtual network no certificate is ever looked at, and reading the store of them takes most
    of the time that a client needs to be made.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        with (
            warnings.catch_warnings(),
            patch.object(ssl.SSLContext, "load_verify_locations", _nothing),
            patch.object(ssl.SSLContext, "load_default_certs", _nothing),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(state)


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            self.lines.append(f"{record.levelname} {record.name}: {self.format(record)}")


@contextmanager
def _logged() -> Iterator[list[str]]:
    root, keeper = logging.getLogger(), _Keeper()
    level = root.level
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    try:
        yield keeper.lines
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)
