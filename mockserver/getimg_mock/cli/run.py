"""`getimg-mock run`: a program of any language against a fake that lives as long as it does."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from getimg_mock.application import create_app
from getimg_mock.cli.program_options import PROGRAM_PRESET, add_program_options, build_program
from getimg_mock.cli.serve import add_settings, judge_client, load_settings
from getimg_mock.contract.clients.traffic_spool import SPOOL_VARIABLE, TrafficSpool
from getimg_mock.control.request_guard import require_token
from getimg_mock.errors import SettingsError
from getimg_mock.serving.kept_objects import keep_objects
from getimg_mock.serving.private_folder import open_private_folder

if TYPE_CHECKING:
    import argparse

    from getimg_mock.contract.clients.traffic_spool import SpooledTraffic
    from getimg_mock.fake import Fake


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `run` with its options and those of `serve`."""
    parser = commands.add_parser(
        "run",
        help="run a program of any language against a fake",
        description="Start a fake, run a program for which https://api.getimg.ai is that fake, "
        "and end with its status.",
        epilog="getimg-mock run --isolated --observe -- node my-program.js",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("program", nargs="*", metavar="COMMAND", help="the program and its arguments, after --")
    add("--isolated", action="store_true", help="refuse connections to other hosts")
    add("--summary", action="store_true", help="print requests and money at the end, to stderr")
    add(
        "--observe",
        action="store_true",
        help="as --summary, with the verdict of the client contract",
    )
    add_program_options(
        parser,
        api_host_help="a further host that is the fake, such as your gateway to the API",
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the program; returns its status."""
    if not arguments.program:
        raise SettingsError("Say what to run: getimg-mock run -- node my-program.js")
    program = build_program(arguments, isolated=arguments.isolated)
    settings = load_settings(arguments, PROGRAM_PRESET)
    if settings.tls or settings.tls_host:
        raise SettingsError(
            "getimg-mock run answers HTTPS with a certificate of its own: leave out --tls. "
            "Use --api-host NAME for a further name."
        )
    app = create_app(require_token(settings))
    keep_objects()
    if not arguments.observe:
        status, refused = program.run(app, os.environ)
        if arguments.summary:
            sys.stderr.write(render_summary(app.fake, refused))
        return status
    with open_private_folder("getimg-mock-observed-") as folder:
        status, refused = program.run(app, {**os.environ, SPOOL_VARIABLE: str(folder)})
        verdict = render_verdict(app.fake, TrafficSpool(folder).read())
    sys.stderr.write(render_summary(app.fake, refused) + verdict)
    return status


def render_summary(fake: Fake, refused: frozenset[str]) -> str:
    """Return what a program has asked for and spent, in a few lines."""
    exchanges = [each for workspace in fake.store for each in workspace.journal]
    failed = sum(each.status >= 400 for each in exchanges)
    charged = sum((each.ledger.charged for each in fake.store), Decimal(0))
    money = f"{charged.normalize():f} USD"
    lines = [f"getimg-mock: {len(exchanges)} requests, {failed} refused or failed, {money}"]
    counts: dict[str, int] = {}
    for each in exchanges:
        counts[each.operation] = counts.get(each.operation, 0) + 1
    lines += [f"  {count:5} {operation}" for operation, count in sorted(counts.items())]
    lines += [f"  refused by --isolated: {host}" for host in sorted(refused)]
    if not exchanges:
        lines.append(
            "  No request with a key reached the fake. docs/any-program.md says what reaches which."
        )
    return "\n".join(lines) + "\n"


def render_verdict(fake: Fake, handed: SpooledTraffic | None = None) -> str:
    """Return the findings of the client contract on all that a program has sent.

    `handed` is what tests have handed over of fakes of their own.
    """
    verdict = judge_client(fake, handed=handed)
    # Of each check the worst finding, which comes first.
    worst: dict[str, dict[str, Any]] = {}
    for each in verdict["findings"]:
        worst.setdefault(each["check"], each)
    lines = [
        f"  {each['status']} {each['check']} {each['statement']}\n"
        f"       {each['expected']}; {each['actual']}"
        + "".join(f"\n       sent by {sender}" for sender in each["sent_by"])
        + "".join(f"\n       called at {place}" for place in each["called_at"])
        for each in worst.values()
    ]
    head = f"client contract: {verdict['judged']} checks judged, {len(lines)} with findings"
    return "\n".join([head, *lines]) + "\n"
