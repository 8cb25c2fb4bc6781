"""Clients in other languages: a program that reads requests and writes responses, as JSON lines.

The program talks to a real port, in real time, so cases that need time or the network in our hands
are left out. Its protocol is the schemas own/driver-request and own/driver-response.
"""

from __future__ import annotations

import json
import queue
import shlex
import subprocess
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.cases import BASE, KEY, OPS, OPTIONS, Case, Result
from getimg_mock.contract.clients.cases.client_history import ClientHistory, Outcome
from getimg_mock.contract.clients.drivers.capabilities import absent, fitted, lacking, unmet
from getimg_mock.contract.clients.drivers.case_run import files_in
from getimg_mock.contract.clients.drivers.python_driver import blank
from getimg_mock.contract.clients.drivers.upstream_driver import PATIENCE, foreign, not_there
from getimg_mock.contract.clients.sandbox.client_time import START
from getimg_mock.contract.clients.sandbox.resource_usage import EARLY, Holdings, held_by
from getimg_mock.contract.clients.server.fault_server import Adversary
from getimg_mock.contract.clients.server.forwarding import Forwarding
from getimg_mock.contract.clients.server.socket_server import Sockets
from getimg_mock.contract.plans import Plan
from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.media.cache import MediaCache
from getimg_mock.world import schemas
from getimg_mock.world.clock import VirtualClock, stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.targets.http_target import Address

_START_SECONDS: Final = 20.0
_GRACE: Final = 1.0


@dataclass
class ProcessDriver:
    """A program as a client. It is asked `{"op": "describe"}` first, and may say what it can do."""

    command: Sequence[str]
    name: str = "program"
    cache: MediaCache = field(default_factory=lambda: MediaCache(64 * 1024 * 1024))
    address: Address | None = None
    """The service that requests are passed on to, where it is not ours."""

    def __post_init__(self) -> None:
        if not self.command or not self.command[0].strip():
            raise SettingsError(
                'There is no program to drive: write its command, --program "node driver.mjs".'
            )
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[bytes] = queue.Queue()
        try:
            about = self._about()
        except SettingsError:
            self.close()
            raise
        self.ops, self.options = set(about["ops"]), set(about["options"])
        self.lacking = set(about["lacking"])
        self.name = str(about.get("name", self.name))

    def _about(self) -> dict[str, Any]:
        said = self._asked({"case": "describe", "op": "describe", "args": {}}, _START_SECONDS)
        if said["outcome"] == "abandoned":
            raise SettingsError(
                f"{self._shown} ended, or did not answer within {_START_SECONDS:g} s. It is asked "
                '{"op": "describe"} in a line on its standard input, and goes on reading until '
                "that ends."
            )
        return _described(said, self._shown)

    @property
    def _shown(self) -> str:
        return shlex.join(self.command)

    def lacks(self, case: Case) -> tuple[str, ...]:
        """Return what the case needs that the program does not have."""
        needs = unmet(case, self.options, self.lacking)
        if "failing at once" in case.needs and not (
            "retries" in self.lacking or "max_retries" in self.options
        ):
            needs.append("max_retries")
        if {"timeout"} & set(case.options) and "timeout" not in self.options:
            needs.append("timeout")
        return tuple(dict.fromkeys([*lacking(case, self.ops), *needs]))

    def untried(self, case: Case) -> str:
        """Return what cannot be given to a program in a case."""
        if self.address is not None:
            return not_there(case)
        if case.patience is not None and not case.together:
            return ""
        return f"with a program: needs {_in_our_hands(case)}"

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Move the program through a case, on a port of its own."""
        missing, untried = self.lacks(case), self.untried(case)
        if missing or untried:
            return blank(self.name, case, seed, missing, untried)
        case = fitted(case, self.ops)
        clock = VirtualClock(start=START)
        with ExitStack() as stack:
            server, other = (stack.enter_context(Sockets(clock)) for _ in range(2))
            place = stack.enter_context(tempfile.TemporaryDirectory())
            prefix = case.base.partition("://")[2].partition("/")[2]
            case = case.but(base=f"{server.url}/{prefix}".rstrip("/"))
            forwarding = None
            if self.address is not None:
                forwarding = stack.enter_context(Forwarding(self.address, server.url))
                case = case.but(rules=(), patience=PATIENCE)
            server.adversary = Adversary(
                clock=clock,
                key=KEY,
                base=case.base,
                rules=case.rules,
                forward=forwarding,
                settings={"seed": seed, **case.settings},
                scenario=tuple(map(dict, case.scenario)),
                cache=self.cache,
                elsewhere=other.url,
            )
            other.adversary = server.adversary
            holdings: list[Holdings] = []
            outcomes = self._calls(case, server, Path(place), holdings)
        history = self._history(case, seed, server.adversary, outcomes, holdings)
        return history if forwarding is None else foreign(history, forwarding)

    def _history(
        self,
        case: Case,
        seed: str,
        adversary: Adversary,
        outcomes: list[Outcome],
        holdings: list[Holdings],
    ) -> ClientHistory:
        return ClientHistory(
            plan=Plan(name=f"client {case.name}", steps=()),
            virtual=False,
            exchanges=tuple(adversary.exchanges),
            base=case.base,
            secrets=(("a", case.key),),
            client=self.name,
            case=case.name,
            seed=seed,
            outcomes=tuple(outcomes),
            missed=adversary.missed(),
            without=absent(case, self.ops),
            ledger=adversary.totals(),
            options=self._given(case),
            holdings=tuple(holdings),
        )

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what it has not read is of no use any more
                        pipe.close()
            self._process = None

    def _given(self, case: Case) -> dict[str, Any]:
        # A video of a second is not worth polling every five, in time that is real.
        quick = {"poll_interval": 1} if self.address is None else {}
        wanted = quick | dict(case.options)
        return {name: value for name, value in wanted.items() if name in self.options}

    def _held(self, server: Sockets) -> Holdings:
        process = self._running()
        return held_by(process.pid, server.open)

    def _calls(
        self, case: Case, server: Sockets, place: Path, holdings: list[Holdings]
    ) -> list[Outcome]:
        made: dict[int, Outcome] = {}
        adversary = server.adversary
        for number, call in enumerate(case.calls):
            if case.holdings and number == EARLY:
                holdings.append(self._held(server))
            args = _resolved(call.args, made)
            if args is None or number in case.left_out:
                continue
            if call.after:
                adversary.clock.advance_to(adversary.later(call.after))
            folder = place / str(number if call.into is None else call.into)
            if call.op == "download":
                folder.mkdir(exist_ok=True)
                args["directory"] = str(folder)
            adversary.call = number
            first, began = len(adversary.exchanges), _seconds(adversary)
            request = {
                "case": f"{case.name}#{number}",
                "op": call.op,
                "args": args,
                "base_url": case.base,
                "key": case.key,
                "deadline": case.patience,
                "options": self._given(case),
            }
            said = self._asked(request, case.patience or 0)
            kind = said["outcome"]
            made[number] = Outcome(
                op=call.op,
                args=args,
                kind=kind,
                value=said.get("value"),
                error=_error(said),
                began=began,
                ended=_seconds(adversary),
                first=first,
                last=len(adversary.exchanges),
                files=files_in(folder) if call.op == "download" else {},
            )
        if holdings:
            holdings.append(self._held(server))
        return list(made.values())

    def _asked(self, request: dict[str, Any], patience: float) -> dict[str, Any]:
        """Send one request to the program and return what it says, or that it did not come back."""
        process = self._running()
        if process.stdin is None:
            raise AssertionError("the program was started with pipes")
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            self.close()
            raise SettingsError(f"{self._shown} does not read its requests: {error}") from None
        until = stopwatch() + patience + _GRACE
        while (left := until - stopwatch()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if not line:
                return self._gone(request, "the program ended before it responded")
            said = _read(line)
            if said.get("case") == request["case"]:
                return said
        return self._gone(request, f"no response within {patience + _GRACE:g} s")

    def _gone(self, request: dict[str, Any], why: str) -> dict[str, Any]:
        self.close()
        return {"case": request["case"], "outcome": "abandoned", "error": {"text": why}}

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the caller's own program
                    list(self.command), stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            except OSError as error:
                raise SettingsError(
                    f"{self._shown} cannot be started: {error.strerror}. Write the command as "
                    "a shell would take it, with a path where it is not on PATH."
                ) from None
            self._lines = queue.Queue()
            reader = threading.Thread(
                target=_pump, args=(self._process.stdout, self._lines), daemon=True
            )
            reader.start()
        return self._process


def _in_our_hands(case: Case) -> str:
    """Return what a case needs of a client that runs in this process."""
    wants = {
        "calls at the same time": case.together,
        "a way to interrupt it": case.interrupt_at is not None,
        "a look at its memory": case.memory,
        "what it logs": case.logs,
        "its wall clock in our hands": bool(case.wall_jumps),
        "variables of its own": bool(case.environment) and case.ours != "TLS",
        "a fork of it": any(call.child for call in case.calls),
        "connections in our hands": any(
            rule.on == "connect" and rule.do != "bad certificate" for rule in case.rules
        ),
        "another address": not case.base.startswith(BASE),
    }
    found = [name for name, wanted in wants.items() if wanted]
    return found[0] if found else f"{case.ours} in our hands"


def _described(said: dict[str, Any], program: str) -> dict[str, Any]:
    """Return what a program says of itself; all operations and no options, where it says nothing.

    Raises `SettingsError` for what cannot be meant.
    """
    value = said.get("value") if said["outcome"] == "value" else None
    about: dict[str, Any] = {"ops": list(OPS), "options": [], "lacking": []}
    about |= value if isinstance(value, dict) else {}
    for name in ("ops", "options", "lacking"):
        if not isinstance(about[name], list) or not all(isinstance(x, str) for x in about[name]):
            example = {"ops": list(OPS[:2]), "options": list(OPTIONS[:2]), "lacking": ["retries"]}
            raise SettingsError(
                f"{program}: its answer to describe says {name}: {json.dumps(about[name])}. Write "
                f"a list of names, as in {json.dumps(example[name])}."
            )
    for kind, known, names in (
        ("operation", OPS, about["ops"]),
        ("option", OPTIONS, about["options"]),
    ):
        for name in names:
            if name not in known:
                raise UnknownNameError(f"{kind} of `{program}`", name, known)
    return about


def _pump(pipe: Any, lines: queue.Queue[bytes]) -> None:
    try:
        for line in pipe:
            lines.put(line)
    except ValueError:
        return
    finally:
        lines.put(b"")  # the end


def _read(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        shown = line[:80].decode("utf-8", "replace").rstrip()
        raise SettingsError(
            f"The driver wrote {shown!r} to its standard output, which is no JSON. One JSON object "
            "a line goes there and nothing else: log to standard error."
        ) from None
    found = [
        each
        for each in schemas.violations("own/driver-response", said)
        if each.keyword != "unicode"
    ]  # a lone surrogate comes from the fault server
    if found:
        raise SettingsError(
            f"The driver's response {line[:80].decode('utf-8', 'replace').rstrip()!r} is not what "
            f"own/driver-response.json describes: {found[0].path or '/'}: {found[0].message}."
        )
    response: dict[str, Any] = said
    return response


def _error(said: dict[str, Any]) -> dict[str, Any]:
    error = dict(said.get("error") or {})
    if error:
        error.setdefault("text", f"{error.get('message', '')} {error.get('data', '')}".strip())
    return error


def _resolved(args: Any, made: dict[int, Outcome]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, value in args.items():
        if isinstance(value, Result):
            earlier = made.get(value.call)
            if earlier is None or earlier.kind != "value":
                return None
            found[name] = earlier.value
        else:
            found[name] = value
    return found


def _seconds(adversary: Adversary) -> float:
    return (adversary.clock.now() - START) / timedelta(seconds=1)
