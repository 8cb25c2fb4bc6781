"""How many requests per second the fake answers, as a share of what a bare app does.

All servers run at the same time and are loaded in turn, a third of a second each, so that what else
happens on the machine falls on all alike. The ratio is the median of the ratios of the rounds.

With `--cpu` it compares processor time per request instead of answers per second: this is the
figure that can be trusted while other programs use the machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import KEY, encoded, image_requests, load
from benchmarks.processes import Server, bare, fake, logging_fake, running
from benchmarks.targets import at_least

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 21
REQUESTS: Final = 2_000
CONNECTIONS: Final = 16
SERVERS: Final = {"bare": bare, "fake": fake, "fake with access log": logging_fake}
VIDEOS: Final = "/v2/videos/generations"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rounds of one server gave: answers per second, and processor seconds a request."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def drop_first(self) -> None:
        """Leave out the first round, which warms up."""
        del self.rates[0], self.costs[0]

    def compute_share(self, base: Measured, *, cpu: bool) -> float:
        """Return the share of the speed of `base`: the median of the rounds."""
        if cpu:
            pairs = zip(base.costs, self.costs, strict=True)
        else:
            pairs = zip(self.rates, base.rates, strict=True)
        return median(one / other for one, other in pairs)

    def __str__(self) -> str:
        return f"{median(self.rates):,.0f}/s with {median(self.costs) * 1e6:.0f} us"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="compare processor time per request")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    requests = image_requests(REQUESTS * (options.rounds + 1))
    images = {name: Measured() for name in SERVERS}
    polls = {name: Measured() for name in ("bare", "fake")}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(running(command, requests[0]))
            for name, command in SERVERS.items()
        }
        poll = [_make_pending_video(servers["fake"])]
        for begin in range(0, len(requests), REQUESTS):
            for name, server in servers.items():
                _measure(server, requests[begin : begin + REQUESTS], images[name])
            for name, measured in polls.items():
                _measure(servers[name], poll, measured)
    for measured in (*images.values(), *polls.values()):
        measured.drop_first()
    _show("POST image", images)
    _show("GET pending video", polls)
    return max(
        _judge("POST image, fake / bare", images, "fake", cpu=options.cpu),
        _judge(
            "POST image, with access log / bare", images, "fake with access log", cpu=options.cpu
        ),
        _judge("GET pending video, fake / bare", polls, "fake", cpu=options.cpu),
    )


TARGETS: Final = {
    "POST image, fake / bare": 0.40,
    "POST image, with access log / bare": 0.36,
    "GET pending video, fake / bare": 0.55,
}


def _make_pending_video(server: Server) -> bytes:
    """Return the request for the state of a new video, which stays pending."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(
        "POST",
        VIDEOS,
        json.dumps({"model": "seedance-v1-5-pro", "prompt": "Waves"}),
        {
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/json",
            "X-Mock-Behaviour": "hold",
        },
    )
    answer = connection.getresponse()
    made = json.load(answer)
    connection.close()
    if answer.status != 202:
        raise RuntimeError(f"No video was made: {made}.")
    return encoded("GET", f"{VIDEOS}/{made['id']}")


def _measure(server: Server, requests: list[bytes], measured: Measured) -> None:
    before = server.read_cpu_seconds()
    seen = load(port=server.port, requests=requests, count=REQUESTS, connections=CONNECTIONS)
    if seen.statuses != {200: REQUESTS}:
        raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
    measured.rates.append(seen.rate)
    measured.costs.append((server.read_cpu_seconds() - before) / REQUESTS)


def _show(what: str, measured: dict[str, Measured]) -> None:
    shown = ", ".join(f"{name} {each}" for name, each in measured.items())
    print(f"serving   {what} over {CONNECTIONS} connections: {shown}")


def _judge(what: str, measured: dict[str, Measured], name: str, *, cpu: bool) -> int:
    share = measured[name].compute_share(measured["bare"], cpu=cpu)
    return at_least(f"serving   {what}", share, TARGETS[what])


if __name__ == "__main__":
    sys.exit(main())
