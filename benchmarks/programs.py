"""What `getimg-mock run` costs a program: its start, and TLS through the proxy.

    python -m benchmarks.programs [--rounds N]

`getimg-mock run -- true` is compared with `true` alone. Within such a run, images are asked for
over plain HTTP and over TLS through the proxy, in turn, from the same server. With Node, a
ten-minute video is polled 121 times in linked time. The best round counts of what takes seconds, as
other programs on the machine can only add to them; of the ratio, the median.
"""

from __future__ import annotations

import argparse
import os
import shutil
import ssl
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.load import Tunnel, image_requests, load
from benchmarks.processes import ENVIRONMENT
from benchmarks.targets import at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 9
REQUESTS: Final = 1_000
RUN: Final = (sys.executable, "-m", "getimg_mock", "run")
PLAIN: Final = ("true",)
NODE_PROGRAM: Final = Path(__file__).with_name("linked_video.mjs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.programs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--inside", action="store_true", help="measure within a run")
    options = parser.parse_args(arguments)
    if options.inside:
        return _compare_tls(options.rounds)
    inside = [sys.executable, "-m", "benchmarks.programs", "--inside", "--rounds"]
    return max(
        _compare_start(options.rounds),
        subprocess.run(
            [*RUN, "--isolated", "--balance", "1000000", "--", *inside, str(options.rounds)],
            check=False,
            env=ENVIRONMENT,
        ).returncode,
        _time_linked_video(),
    )


def _compare_start(rounds: int) -> int:
    added, cpu = [], []
    for _ in range(rounds + 1):
        alone, _ = _time_command(PLAIN)
        within, used = _time_command((*RUN, "--", *PLAIN))
        added.append(within - alone)
        cpu.append(used)
    del added[0], cpu[0]  # the first one compiles what is not yet compiled
    print(
        f"programs  run -- true: added {median(added):.3f} s, at best {min(added):.3f} s; "
        f"processor time {median(cpu):.3f} s"
    )
    return at_most("programs  run -- true, added, best", min(added), 0.6, " s")


def _time_command(words: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of a command, of the clock and of the processor."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(words, check=True, env=ENVIRONMENT)
    after, seconds = os.times(), time.perf_counter() - began
    used = after.children_user + after.children_system
    return seconds, used - before.children_user - before.children_system


def _compare_tls(rounds: int) -> int:
    """Compare plain HTTP with TLS through the proxy, of the fake of this run."""
    plain = urlsplit(os.environ["GETIMG_AI_BASE_URL"]).port
    proxy = urlsplit(os.environ["HTTPS_PROXY"]).port
    tunnel = Tunnel("api.getimg.ai", ssl.create_default_context())
    rates: dict[bool, list[float]] = {False: [], True: []}
    requests = image_requests(REQUESTS * (rounds + 1))
    for begin in range(0, len(requests), REQUESTS):
        for secured, port in ((False, plain), (True, proxy)):
            seen = load(
                port=port or 0,
                requests=requests[begin : begin + REQUESTS],
                count=REQUESTS,
                tunnel=tunnel if secured else None,
            )
            if seen.statuses != {200: REQUESTS}:
                raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
            rates[secured].append(seen.rate)
    shares = [one / other for one, other in zip(rates[True], rates[False], strict=True)][1:]
    print(
        f"programs  POST image over 16 connections: plain {median(rates[False]):,.0f}/s, "
        f"TLS through the proxy {median(rates[True]):,.0f}/s, best round {max(shares):.2f}"
    )
    return at_least("programs  TLS through the proxy / plain HTTP", median(shares), 0.40)


def _time_linked_video() -> int:
    """Poll a ten-minute video from Node in linked time; nothing where Node is not installed."""
    node = shutil.which("node")
    if node is None:
        print("programs  Node is not installed: linked time was left out")
        return 0
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        [node, str(NODE_PROGRAM)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"PATH": path},
    )
    seconds = [float(each) for each in done.stdout.split()]
    print(f"programs  121 linked polls from Node: {', '.join(f'{each:.2f}' for each in seconds)} s")
    return at_most("programs  121 linked polls from Node, best", min(seconds), 0.5, " s")


if __name__ == "__main__":
    sys.exit(main())
