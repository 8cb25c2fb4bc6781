"""`getimg-mock serve`: the fake on a port, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.application import create_app
from getimg_mock.control.page_files import EXAMPLE_KEY
from getimg_mock.control.request_guard import require_token
from getimg_mock.serving.server import format_url, new_event_loop, open_listeners, serve
from getimg_mock.serving.workers import Workers, check_workers
from getimg_mock.settings import FILE, PREFIX, Settings, format_option_name, list_options

if TYPE_CHECKING:
    import socket

    from getimg_mock.application import Application
    from getimg_mock.fake import Fake

_COLLECTED_AFTER = 50_000
_CONTROL = """
The controls under /__mock__/ ask for this token in the header X-Mock-Token:
  export GETIMG_MOCK_TOKEN={token}
"""


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `serve` with an option for every setting."""
    parser = commands.add_parser(
        "serve",
        help="start the fake",
        description="Start the fake and answer requests until Ctrl-C.",
        epilog=f"Every option is also an environment variable ({PREFIX}VIDEO_SECONDS for "
        f"--video-seconds) and a key of {FILE} (video-seconds).",
        allow_abbrev=False,
    )
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add `--config` and an option for every setting."""
    parser.add_argument("--config", metavar="FILE", type=Path, help=f"settings file ({FILE})")
    for option in list_options():
        shown = option.metadata["help"]
        if option.default is not None and not option.metadata["flag"]:
            shown += f" (default: {option.default})"
        arguments: dict[str, Any] = {"help": shown.replace("%", "%%"), "dest": option.name}
        if option.metadata["flag"]:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["metavar"] = option.metadata["metavar"]
        parser.add_argument(
            f"--{format_option_name(option.name)}", default=argparse.SUPPRESS, **arguments
        )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; returns 0."""
    settings = require_token(load_settings(arguments, {}))
    check_workers(settings)
    app = create_app(settings)
    listeners = open_listeners(settings)
    sys.stdout.write(render_greeting(format_url(listeners[0]), settings.control_token))
    sys.stdout.flush()
    if settings.workers == 1:
        _serve(app, listeners[0])
        return 0
    # Connections of a store must not be shared with a child: each opens its own.
    app.fake.store.close()
    del app
    Workers(
        settings.workers,
        lambda number, parent: _serve(create_app(settings), listeners[number], parent),
    ).run()
    return 0


def _serve(app: Application, listener: socket.socket, parent: int | None = None) -> None:
    """Serve until a signal, or until the pipe `parent` is closed at its other end."""
    app.judge = judge_client
    # What has been loaded stays, and what requests leave behind are no cycles: looking for garbage
    # rarely is a tenth of the time of a request.
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve_until_signal(app, listener, parent))
    app.fake.store.close()


def load_settings(arguments: argparse.Namespace, preset: dict[str, Any]) -> Settings:
    """Return the settings of a command line; `preset` replaces variables, file and defaults."""
    given = {
        option.name: getattr(arguments, option.name)
        for option in list_options()
        if hasattr(arguments, option.name)
    }
    named = arguments.config or os.environ.get(PREFIX + "CONFIG")
    return Settings.load(preset | given, os.environ, Path(named) if named else None)


def render_greeting(url: str, token: str | None = None) -> str:
    """Return what to do next, ready to copy."""
    control = _CONTROL.format(token=token) if token else ""
    return f"""\
getimg-mock answers at {url} (Ctrl-C stops it)

Point a client at it:
  export GETIMG_AI_BASE_URL={url}
  export GETIMG_API_KEY={EXAMPLE_KEY}

Or try it with curl:
  curl -s {url}/v2/images/generations -H "Authorization: Bearer {EXAMPLE_KEY}" \\
    -H "Content-Type: application/json" \\
    -d '{{"model": "seedream-5-lite", "prompt": "A lighthouse"}}'

Pictures, jobs, time and money: {url}/__mock__/

Any key that begins with sk_ opens a workspace of its own. Nothing here costs anything.
{control}
"""


def judge_client(fake: Fake, key: str | None = None) -> dict[str, Any]:
    """Return the findings of the client contract on the client of a key, or on all clients."""
    from getimg_mock.contract.clients.observed_traffic import judge_traffic  # noqa: PLC0415 - the contract takes longer to import than the fake, and few ask for a verdict

    result = judge_traffic(fake, key=key)
    return {
        "judged": sum(each.status not in {"VOID", "SKIP"} for each in result.verdicts),
        "findings": [
            {
                "check": each.check.id,
                "statement": each.check.statement,
                "status": each.status,
                "severity": each.check.severity,
                "expected": finding.observation.expected,
                "actual": finding.observation.actual,
                "exchanges": list(finding.observation.exchanges),
            }
            for each in result.verdicts
            for finding in each.findings
        ],
    }


async def _serve_until_signal(
    app: Application, listener: socket.socket, parent: int | None
) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(stop, over.set)
        except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
            break
    if parent is not None:
        loop.add_reader(parent, over.set)
    await serve(app, listener, over)
