"""What large bodies cost `getimg-mock run` in memory: they pass its proxy in pieces.

    python -m benchmarks.proxied_bytes [--megabytes 500]

Within a run, a program loads a file of its own of 500 MB from the fake by TLS, and as much from
another host through the tunnel, both as fast as it can and with pauses; and it sends 30 MB to the
fake, which refuses them, and to the other host, which sends them back.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.load import IMAGES
from benchmarks.processes import ENVIRONMENT
from benchmarks.targets import at_most
from getimg_mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from socket import socket

TARGET: Final = 200.0
BODY: Final = 30_000_000
_PIECE: Final = 1 << 20
_PAUSES: Final = 20
IMAGE: Final = {"model": "seedream-5-lite", "prompt": "A lighthouse"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.proxied_bytes", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--inside", action="store_true", help="be the program")
    options = parser.parse_args(arguments)
    size = options.megabytes * 1_000_000
    if options.inside:
        return _transfer(size)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.jpeg"
        _write_jpeg(own, size)
        inside = ["-m", "benchmarks.proxied_bytes", "--inside", "--megabytes"]
        words = ["run", "--media", str(own), "--", sys.executable, *inside, str(options.megabytes)]
        command = [sys.executable, "-m", "getimg_mock", *words]
        return subprocess.run(command, check=False, env=ENVIRONMENT).returncode


def _write_jpeg(path: Path, size: int) -> None:
    """Write a JPEG of so many bytes: what follows the end of the picture is not read."""
    with MockServer() as server, path.open("wb") as file:
        link = _submit(_connect(server.url))
        connection = _connect(server.url)
        connection.request("GET", link)
        file.write(connection.getresponse().read())
        file.truncate(size)


def _transfer(size: int) -> int:
    """Move the bytes, and compare the memory of the run before and after."""
    before = _read_peak()
    with _other_host() as port:
        for name, slow in (("fast", False), ("slow", True)):
            _report(f"{size / 1e6:.0f} MB from the fake, {name}", _load_own(size, slow=slow))
            moved = _load_other(port, size, slow=slow)
            _report(f"{size / 1e6:.0f} MB from another host, {name}", moved)
        _report("30 MB to the fake", _send_large())
        _report("30 MB to another host and back", _send_other(port))
    print(f"proxied   memory of the run before: {before:.0f} MiB")
    return at_most("proxied   memory of the run, highest", _read_peak(), TARGET, " MiB")


def _report(what: str, seconds: float) -> None:
    print(f"proxied   {what}: {seconds:.1f} s, memory of the run {_read_peak():.0f} MiB")


def _read_peak() -> float:
    """Return the most memory, in MiB, that the run has held, which is the parent (Linux)."""
    lines = Path(f"/proc/{os.getppid()}/status").read_text(encoding="utf-8").splitlines()
    return next(int(each.split()[1]) / 1024 for each in lines if each.startswith("VmHWM"))


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "http":
        return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=300)
    proxy = urlsplit(os.environ["HTTPS_PROXY"])
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(
        str(proxy.hostname), proxy.port, timeout=300, context=context
    )
    connection.set_tunnel(str(parts.hostname), 443)
    return connection


def _submit(connection: http.client.HTTPConnection) -> str:
    """Return the target of the link of a new image."""
    headers = {"Authorization": "Bearer sk_large", "Content-Type": "application/json"}
    connection.request("POST", IMAGES, json.dumps(IMAGE), headers)
    parts = urlsplit(json.load(connection.getresponse())["data"][0]["url"])
    return f"{parts.path}?{parts.query}"


def _load_own(size: int, *, slow: bool) -> float:
    began = time.perf_counter()
    connection = _connect("https://api.getimg.ai")
    link = _submit(connection)
    connection.request("GET", link)
    answer = connection.getresponse()
    left = size
    while piece := answer.read(_PIECE):
        left -= len(piece)
        if slow and left > size - _PAUSES * _PIECE:
            time.sleep(0.1)
    if left:
        raise RuntimeError(f"{left} bytes are missing.")
    return time.perf_counter() - began


def _load_other(port: int, size: int, *, slow: bool) -> float:
    began = time.perf_counter()
    tunnel = _open_tunnel(port)
    tunnel.sendall(b"%d\n" % size)
    left, number = size, 0
    while left:
        left -= len(tunnel.recv(_PIECE))
        number += 1
        if slow and number < _PAUSES:
            time.sleep(0.1)
    tunnel.close()
    return time.perf_counter() - began


def _send_large() -> float:
    began = time.perf_counter()
    connection = _connect("https://api.getimg.ai")
    headers = {"Authorization": "Bearer sk_large", "Content-Type": "application/json"}
    try:
        connection.request("POST", IMAGES, b" " * BODY, headers)
    except OSError:  # the fake may answer and hang up before all is sent
        pass
    else:
        status = connection.getresponse().status
        if status != 413:
            raise RuntimeError(f"30 MB were answered {status}.")
    return time.perf_counter() - began


def _send_other(port: int) -> float:
    began = time.perf_counter()
    tunnel = _open_tunnel(port)
    sending = threading.Thread(target=tunnel.sendall, args=(b"back\n" + b"x" * BODY,))
    sending.start()
    left = BODY
    while left:
        left -= len(tunnel.recv(_PIECE))
    sending.join()
    tunnel.close()
    return time.perf_counter() - began


def _open_tunnel(port: int) -> socket:
    proxy = urlsplit(os.environ["HTTPS_PROXY"])
    connection = http.client.HTTPConnection(str(proxy.hostname), proxy.port, timeout=300)
    connection.set_tunnel("127.0.0.1", port)
    connection.connect()
    return connection.sock


@contextmanager
def _other_host() -> Iterator[int]:
    """Serve on a port: a number is answered by so many bytes, `back` by what follows it."""
    with create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket) -> None:
    piece = b"x" * _PIECE
    with connection, connection.makefile("rb") as stream:
        wanted = stream.readline()
        if wanted == b"back\n":
            left = BODY
            while left:
                received = stream.read1(_PIECE)
                connection.sendall(received)
                left -= len(received)
            return
        left = int(wanted)
        while left:
            part = piece[:left]
            connection.sendall(part)
            left -= len(part)


if __name__ == "__main__":
    sys.exit(main())
