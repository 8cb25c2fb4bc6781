"""Serves one variant: `python -m tests.contract.written_by_others.serve NAME --port 0`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.contract.written_by_others import variants
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import combine
from tests.contract.written_by_others.wire import start_serving


async def serve(
    kind: type[Provider], port: int, video_seconds: float, log: Path | None = None
) -> None:
    """Serve until the process ends; the first line printed is the address."""
    server, port = await start_serving(kind(video_seconds=video_seconds), port, log)
    print(f"http://127.0.0.1:{port}", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line and serve."""
    variants.load()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", metavar="NAME", help="`right`, a variant, or `one+two`")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--video-seconds", type=float, default=2.0)
    parser.add_argument("--log", type=Path, help="write each request's time and status here")
    chosen = parser.parse_args()
    kind = combine(chosen.variant, Provider)
    asyncio.run(serve(kind, chosen.port, chosen.video_seconds, chosen.log))


if __name__ == "__main__":
    main()
