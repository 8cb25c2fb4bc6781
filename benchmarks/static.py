"""The bare static server that downloads are against: a thread a connection, and sendfile.

    python -m benchmarks.static PORT FILE...

Answers `GET /0` with the first file, `/1` with the second, and anything else with 404.
"""

from __future__ import annotations

import os
import re
import socketserver
import sys
from pathlib import Path
from typing import Final

_PATH: Final = re.compile(rb"GET /(\d+) ")


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer requests until the client closes."""
        files = [Path(each) for each in sys.argv[2:]]
        while first := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            found = _PATH.match(first)
            place = int(found[1]) if found is not None else len(files)
            if place < len(files):
                self._send(files[place])
            else:
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    def _send(self, path: Path) -> None:
        with path.open("rb") as file:
            size, sent = path.stat().st_size, 0
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
            while sent < size:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, size - sent)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing of clients that close."""


if __name__ == "__main__":
    with _Server(("127.0.0.1", int(sys.argv[1])), _Connection) as server:
        server.serve_forever()
