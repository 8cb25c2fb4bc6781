"""`getimg-mock serve`: the fake on a port, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.application import create_app
from getimg_mock.cli.greeting import render_greeting, render_recording_greeting
from getimg_mock.cli.setting_groups import OTHER, SETTING_GROUPS, find_heading
from getimg_mock.control.request_guard import require_token
from getimg_mock.errors import SettingsError
from getimg_mock.serving.input_end import end_with_input
from getimg_mock.serving.kept_objects import keep_objects
from getimg_mock.serving.reloading import UNCHANGED, Reloader, check_watching, watch_files
from getimg_mock.serving.server import (
    describe_entrances,
    new_event_loop,
    open_entrances,
    serve,
)
from getimg_mock.serving.tls_settings import prepare_tls
from getimg_mock.serving.workers import (
    Workers,
    check_workers,
    hold_hangups,
    release_hangups,
)
from getimg_mock.setting_values import read_host_names, read_media, read_names
from getimg_mock.settings import FILE, PREFIX, Settings, format_option_name, list_options

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Mapping, Sequence

    from getimg_mock.application import Application
    from getimg_mock.contract.clients.traffic_spool import SpooledTraffic
    from getimg_mock.fake import Fake
    from getimg_mock.serving.server import Entrance
    from getimg_mock.serving.tls_settings import TlsSetup
    from getimg_mock.serving.workers import WorkerEnds


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
    parser.add_argument(
        "--restore",
        metavar="[KEY=]FILE",
        action="append",
        default=[],
        help="begin with a workspace that getimg-mock snapshot wrote, unless the store has one",
    )
    parser.add_argument(
        "--watch",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="take changed settings, models, scenarios and media into force when files change",
    )
    parser.add_argument(
        "--until-eof",
        action="store_true",
        help="end when standard input ends, as it does when the program that started it is gone",
    )
    parser.add_argument(
        "--first-picture", action="store_true", help="make a picture, and print its address"
    )
    add_settings(parser)
    _add_recording(parser)


def _add_recording(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recording (docs/recording.md)")
    add = group.add_argument
    add("--record", metavar="DIR", type=Path, help="forward requests to the API and record them")
    add("--learn", metavar="FILE", type=Path, help="write a settings file that follows --record")
    add("--upstream", metavar="URL", help="the API that --record forwards to (default: real)")
    add(
        "--budget", metavar="USD", help="what --record may spend today; without it reads alone pass"
    )


def add_settings(
    parser: argparse.ArgumentParser, *, hidden: bool = False, without: Collection[str] = ()
) -> None:
    """Add `--config` and an option for every setting but those of the names `without`.

    `hidden` leaves them out of the help of a command that they are not about.
    """
    shown = argparse.SUPPRESS if hidden else f"settings file ({FILE})"
    parser.add_argument("--config", metavar="FILE", type=Path, help=shown)
    groups = {title: parser.add_argument_group(title) for title in (*SETTING_GROUPS, OTHER)}
    for option in list_options():
        if option.name in without:
            continue
        shown = option.metadata["help"]
        if option.default is not None and not option.metadata["flag"]:
            shown += f" (default: {option.default})"
        shown = argparse.SUPPRESS if hidden else shown.replace("%", "%%")
        arguments: dict[str, Any] = {"help": shown, "dest": option.name}
        if option.metadata["flag"]:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["metavar"] = option.metadata["metavar"]
            if option.metadata["parse"] in {read_names, read_host_names, read_media}:
                arguments["action"] = _Extend
        groups[find_heading(option.name)].add_argument(
            f"--{format_option_name(option.name)}", default=argparse.SUPPRESS, **arguments
        )


class _Extend(argparse.Action):
    """Collects an option that is given again, each time with one name or several."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add names to those that came before."""
        del parser, option_string
        earlier = getattr(namespace, self.dest, ())
        setattr(
            namespace,
            self.dest,
            [*earlier, *([values] if self.dest == "media" else values.split(","))],
        )


def format_settings(arguments: argparse.Namespace, without: Collection[str] = ()) -> list[str]:
    """Return the words of a command line that gave settings, but those of the names `without`."""
    words = [] if arguments.config is None else ["--config", str(arguments.config)]
    for option in list_options():
        if option.name in without or not hasattr(arguments, option.name):
            continue
        value, name = getattr(arguments, option.name), format_option_name(option.name)
        if option.metadata["flag"]:
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            for each in value if isinstance(value, list) else [value]:
                words += [f"--{name}", str(each)]
    return words


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C; returns 0."""
    given = load_settings(arguments, {})
    tls = prepare_tls(require_token(given))
    settings = tls.settings
    check_workers(settings)
    if arguments.watch:
        check_watching()
    app = _create_app(arguments, settings)
    seeded = _restore_workspaces(app, arguments.restore)
    entrances = open_entrances(tls)
    url, secure = describe_entrances(entrances, tls)
    hold_hangups()
    if arguments.until_eof:
        end_with_input()
    sys.stdout.write("".join(f"{line}\n" for line in seeded))
    sys.stdout.write(_greet(arguments, app, tls, (url, secure)))
    if arguments.first_picture:
        from getimg_mock.cli.first_picture import describe_picture  # noqa: PLC0415 - `make run` alone asks

        sys.stdout.write(describe_picture(app, url))
    sys.stdout.flush()
    file = find_settings_file(arguments)

    def work(app: Application, worker: WorkerEnds | None = None) -> None:
        def load() -> Settings:
            return _answer_misses(load_settings(arguments, {}))

        reloader = Reloader(app, _answer_misses(given), load, file)
        _serve(reloader, entrances, watched=arguments.watch, worker=worker)

    if settings.workers != 1:
        _serve_from_workers(app, work, [each.listener for each in entrances])
        return 0
    try:
        work(app)
    finally:
        release_hangups()
        if arguments.record is not None or settings.on_miss == "real":
            _finish(app, arguments.learn)
    return 0


def _greet(
    arguments: argparse.Namespace, app: Application, tls: TlsSetup, urls: tuple[str, str | None]
) -> str:
    """Return what is printed first; of a recorder, that requests may cost money."""
    settings, (url, secure) = tls.settings, urls
    if arguments.record is not None or _is_mixed(settings):
        from getimg_mock.contract.cassette_recording import recording_application  # noqa: PLC0415 - see `_create_app`

        if isinstance(app, recording_application.RecordingApplication):
            return render_recording_greeting(
                url,
                app.forwarder.origin,
                app.recorder.folder,
                arguments.budget,
                unrecorded=_is_mixed(settings),
            )
    return render_greeting(url, settings.control_token, secure, tls.authority)


def _is_mixed(settings: Settings) -> bool:
    """Return whether a cassette is replayed, and what it does not have goes to the API."""
    return settings.on_miss == "real" and settings.replay is not None


def _answer_misses(settings: Settings) -> Settings:
    """Return settings for the fake within what sends unrecorded requests to the API."""
    return replace(settings, on_miss="fail") if settings.on_miss == "real" else settings


def _serve_from_workers(
    app: Application,
    work: Callable[[Application, WorkerEnds], None],
    listeners: Sequence[socket.socket],
) -> None:
    """Call `work` in each worker, with a new application on the settings of `app`."""
    settings = app.fake.settings
    # Connections of a store must not be shared with a child: each opens its own.
    app.fake.store.close()
    # Else the interpreter would search all workspaces for garbage several times before it ends,
    # which on a busy machine takes many seconds after a signal.
    gc.freeze()
    Workers(settings.workers, lambda ends: work(create_app(settings), ends), listeners).run()


def _restore_workspaces(app: Application, files: Sequence[str]) -> list[str]:
    """Return what is to be said of each snapshot that workspaces begin with."""
    if not files:
        return []
    from getimg_mock.cli.seeding import seed_store  # noqa: PLC0415 - it imports all control commands

    return list(seed_store(app.fake, files))


def _create_app(arguments: argparse.Namespace, settings: Settings) -> Application:
    """Return the fake, or what forwards to the API, all requests or unrecorded ones alone.

    Raises `SettingsError` for options that do not belong together.
    """
    is_mixed = _is_mixed(settings)
    if settings.replay is not None and arguments.record is not None and not is_mixed:
        raise SettingsError("--record beside --replay is for --on-miss real: add it.")
    folder = arguments.record or (settings.replay if is_mixed else None)
    if folder is None:
        if arguments.upstream is not None or arguments.budget is not None:
            raise SettingsError(
                "--upstream and --budget are for a recording: add --record DIR, or --replay DIR "
                "--on-miss real."
            )
        return create_app(settings)
    if settings.workers != 1:
        raise SettingsError("A recording is one process: leave out --workers.")
    from getimg_mock.contract.cassette_recording import recording_run  # noqa: PLC0415 - the contract takes longer to import than the fake

    options = recording_run.RecordingOptions(
        folder=folder,
        upstream=arguments.upstream or recording_run.REAL,
        budget=arguments.budget,
    )
    if not is_mixed:
        return recording_run.open_recording(options, settings)
    from getimg_mock.contract.cassette_recording import replaying_recorder  # noqa: PLC0415 - see above

    return replaying_recorder.open_replaying_recorder(options, settings)


def _finish(app: Application, learn: Path | None) -> None:
    """Write the cassette of a recording, and say what it holds."""
    from getimg_mock.cli import record  # noqa: PLC0415 - see `_create_app`
    from getimg_mock.contract.cassette_recording.recording_application import RecordingApplication  # noqa: PLC0415 - see `_create_app`

    if isinstance(app, RecordingApplication):
        record.finish(app, learn)


def _serve(
    reloader: Reloader,
    entrances: Sequence[Entrance],
    *,
    watched: bool,
    worker: WorkerEnds | None,
) -> None:
    """Serve until a signal, or until the parent of a worker ends."""
    app = reloader.app
    app.judge = judge_client
    keep_objects()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve_until_signal(reloader, entrances, worker, watched=watched))
    app.fake.store.close()
    # Else the interpreter would search all workspaces for garbage several times before it ends,
    # which on a busy machine takes many seconds after a signal.
    gc.freeze()


def load_settings(arguments: argparse.Namespace, preset: Mapping[str, Any]) -> Settings:
    """Return the settings of a command line; `preset` replaces variables, file and defaults."""
    given = {
        option.name: getattr(arguments, option.name)
        for option in list_options()
        if hasattr(arguments, option.name)
    }
    named = arguments.config or os.environ.get(PREFIX + "CONFIG")
    return Settings.load({**preset, **given}, os.environ, Path(named) if named else None)


def find_settings_file(arguments: argparse.Namespace) -> Path:
    """Return the settings file of a command line, whether it exists or not."""
    return Path(arguments.config or os.environ.get(PREFIX + "CONFIG") or FILE)


def judge_client(
    fake: Fake, key: str | None = None, *, handed: SpooledTraffic | None = None
) -> dict[str, Any]:
    """Return the findings of the client contract on the client of a key, or on all clients.

    `handed` is what tests have handed over of fakes of their own.
    """
    from getimg_mock.contract.clients.observed_traffic import judge_traffic  # noqa: PLC0415 - the contract takes longer to import than the fake, and few ask for a verdict

    result = judge_traffic(fake, key=key, handed=handed)
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
                "sent_by": finding.history.find_senders(finding.observation.exchanges),
                "called_at": finding.history.find_call_sites(finding.observation.exchanges),
            }
            for each in result.verdicts
            for finding in each.findings
        ],
    }


async def _serve_until_signal(
    reloader: Reloader,
    entrances: Sequence[Entrance],
    worker: WorkerEnds | None,
    *,
    watched: bool,
) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(stop, over.set)
        except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt instead
            break
    if worker is not None:
        loop.add_reader(worker.parent, over.set)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, lambda: _print_line(reloader.reload() or UNCHANGED))
        release_hangups()
    watching = asyncio.ensure_future(_watch(reloader, over)) if watched else None
    await serve(reloader.app, entrances, over, channel=worker and worker.channel)
    if watching is not None:
        await watching


async def _watch(reloader: Reloader, over: asyncio.Event) -> None:
    async for line in watch_files(reloader, over):
        _print_line(line)


def _print_line(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
