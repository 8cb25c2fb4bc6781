r"""How the fake compares with other mock servers: answers per second, start and memory.

`python -m benchmarks.peers` measures those that are installed, and prints the table of
`docs/performance.md`. It is optional, and no part of `make bench`: the others come from npm, by

    npm install --prefix .peers @stdy/cli @stoplight/prism-cli @mockoon/cli \
        @copilotkit/aimock wiremock

Each answers a request that it is for. That is the order of an image for those that read OpenAPI or
take any answer, and for AIMock a completion of OpenAI's. moto is left out: its server closes each
connection after an answer. All run at the same time and are loaded in turn, as in
`benchmarks.serving`. Memory is what is held after the load, by the process and those it started.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from benchmarks.load import encoded, image_requests, load
from benchmarks.processes import bare, fake, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.processes import Server

    Command = Callable[[int], list[str]]

ROOT: Final = Path(__file__).parents[1]
PEERS: Final = ROOT / ".peers" / "node_modules"
OPENAPI: Final = ROOT / "schemas" / "openapi.json"
IMAGES: Final = "/v2/images/generations"
CONNECTIONS: Final = 16
ROUNDS: Final = 7
REQUESTS: Final = 1_000
ANSWER: Final = json.loads((ROOT / "fixtures/examples/image-generated.json").read_text())


@dataclass(frozen=True, slots=True)
class Peer:
    """A server: its name and version, how it is started, and the requests it is sent."""

    name: str
    version: str
    command: Command
    requests: list[bytes]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen of a server: answers per second by round, seconds to start, MiB at the end."""

    peer: Peer
    server: Server
    rates: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is installed, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        peers = list(find_peers(Path(folder)))
        seen = [
            Measured(peer, stack.enter_context(running(peer.command, peer.requests[0])))
            for peer in peers
        ]
        for _ in range(options.rounds + 1):  # the first round warms up
            for each in seen:
                each.rates.append(_load(each))
        print(
            f"{CONNECTIONS} connections, median of {options.rounds} rounds of {REQUESTS} requests"
        )
        print("\n| server | requests a second | start | memory after |\n| --- | --- | --- | --- |")
        for each in seen:
            memory = read_memory(each.server.process.pid)
            rate, start = median(each.rates[1:]), each.server.cold_start
            name = f"{each.peer.name} {each.peer.version}".strip()
            print(f"| {name} | {rate:,.0f} | {start:.2f} s | {memory:,.0f} MiB |")
    return 0


def find_peers(folder: Path) -> Iterator[Peer]:
    """Yield the fake, the bare app, and the peers that are installed."""
    orders = image_requests(REQUESTS)
    yield Peer("getimg-mock", importlib.metadata.version("getimg-mock"), fake, orders)
    yield Peer("bare ASGI application", "", bare, orders)
    node = shutil.which("node")
    for name, package, make in (
        ("Steady", "@stdy/cli", _steady),
        ("Prism", "@stoplight/prism-cli", _prism),
        ("Mockoon", "@mockoon/cli", _mockoon),
        ("AIMock", "@copilotkit/aimock", _aimock),
        ("WireMock", "wiremock", _wiremock),
    ):
        manifest = PEERS / package / "package.json"
        if not node or not manifest.exists():
            print(f"{name} is left out: it is not installed (npm package {package}).")
            continue
        version = json.loads(manifest.read_text())["version"]
        yield Peer(name, version, make(folder), _ask() if name == "AIMock" else orders)


def read_memory(process: int) -> float:
    """Return the MiB that a process and all that it started hold now."""
    ps = ["ps", "-e", "-o", "pid=,ppid=,rss="]
    lines = subprocess.run(ps, capture_output=True, check=True, text=True).stdout.splitlines()
    rows = [tuple(map(int, line.split())) for line in lines]
    family = {process}
    while more := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= more
    return sum(size for pid, _, size in rows if pid in family) / 1024


def _load(measured: Measured) -> float:
    """Send a round of requests, and return how many were answered a second."""
    port, requests = measured.server.port, measured.peer.requests
    seen = load(port=port, requests=requests, count=REQUESTS, connections=CONNECTIONS)
    if seen.statuses != {200: REQUESTS}:
        raise RuntimeError(f"{measured.peer.name} did not answer with 200: {seen.statuses}.")
    return seen.rate


def _run_node(package: str, script: str) -> list[str]:
    return ["node", str(PEERS / package / script)]


def _steady(_folder: Path) -> Command:
    # The program itself: its Node script would start it, and outlive it.
    [program] = PEERS.glob("@stdy/cli-*/bin/steady*")
    command = [str(program), "--host", "127.0.0.1", "--quiet"]
    return lambda port: [*command, "--port", str(port), str(OPENAPI)]


def _prism(_folder: Path) -> Command:
    command = [*_run_node("@stoplight/prism-cli", "dist/index.js"), "mock", "--host", "127.0.0.1"]
    return lambda port: [*command, "--verboseLevel", "error", "--port", str(port), str(OPENAPI)]


def _mockoon(_folder: Path) -> Command:
    command = [*_run_node("@mockoon/cli", "bin/run.js"), "start", "--disable-log-to-file"]
    command += ["--hostname", "127.0.0.1", "--disable-admin-api"]
    return lambda port: [*command, "--port", str(port), "--data", str(OPENAPI)]


def _aimock(folder: Path) -> Command:
    fixtures = folder / "aimock.json"
    said = {"match": {"userMessage": "lighthouse"}, "response": {"content": "A lighthouse."}}
    fixtures.write_text(json.dumps({"fixtures": [said]}))
    command = [*_run_node("@copilotkit/aimock", "dist/cli.js"), "--host", "127.0.0.1"]
    return lambda port: [*command, "--fixtures", str(fixtures), "--port", str(port)]


def _wiremock(folder: Path) -> Command:
    mappings = folder / "wiremock" / "mappings"
    mappings.mkdir(parents=True)
    response = {"status": 200, "jsonBody": ANSWER["response"]["body"]}
    response |= {"headers": {"Content-Type": "application/json"}}
    stub = {"request": {"method": "POST", "urlPath": IMAGES}, "response": response}
    (mappings / "image.json").write_text(json.dumps(stub))
    [program] = (PEERS / "wiremock" / "build").glob("*.jar")
    command = ["java", "-jar", str(program), "--bind-address", "127.0.0.1"]
    command += ["--root-dir", str(mappings.parent), "--disable-banner"]
    return lambda port: [*command, "--port", str(port)]


def _ask() -> list[bytes]:
    """Return the request for a completion, which AIMock answers."""
    said: dict[str, Any] = {"role": "user", "content": "Draw a lighthouse"}
    return [encoded("POST", "/v1/chat/completions", body={"model": "gpt-4o", "messages": [said]})]


if __name__ == "__main__":
    sys.exit(main())
