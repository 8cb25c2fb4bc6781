"""The command getimg-mock."""

from __future__ import annotations

import gc
import sys

# The version is to be printed before Python has imported what parses command lines.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

# One module a command; only the one that was asked for is imported.
COMMANDS: Final = {
    "serve": "start the fake",
    "ca": "show how programs trust the certificates of serve --tls",
    "run": "run a program of any language against a fake",
    "record": "run a program against the API under a ceiling, and record it",
    "openapi": "print the OpenAPI document",
    "verify": "judge a provider or a client by the contract",
    "explain": "say what a check holds, and why",
    "cassette": "list, check, prune or convert recordings of the API",
    "replay": "run the plans of recorded failures again",
    "drift": "say what has changed in the API",
    "report": "put recorded runs side by side, in one report",
    "request": "send one request to the API as the client of a workspace",
    "verdict": "judge the client of a workspace by the requests it sent so far",
    "workspaces": "list the workspaces of all keys",
    "clock": "read or move a workspace's clock",
    "scenario": "put scenarios in force",
    "media": "deliver files of your own in new generations",
    "models": "list the models of a fake",
    "generations": "list generations, and end them by hand",
    "ledger": "see or change a workspace's balance",
    "limits": "see or change a workspace's rate limits",
    "transitions": "set how new generations end",
    "settings": "see or change a workspace's settings",
    "journal": "read a workspace's journal",
    "reset": "empty a workspace: it begins again",
    "snapshot": "write a workspace down as JSON",
    "restore": "go back to a snapshot",
    "store": "list or delete what a store keeps",
    "fork": "copy a workspace to another key",
    "completion": "print what completes commands in bash, zsh or fish",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 when something was wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        return _print_version()
    from getimg_mock.cli.colour import take_choice  # noqa: PLC0415 - see above
    from getimg_mock.cli.word_order import replace_help  # noqa: PLC0415 - see above
    from getimg_mock.errors import GetimgMockError  # noqa: PLC0415 - see above

    try:
        return _run(replace_help(take_choice(words)))
    except GetimgMockError as error:
        sys.stderr.write(f"getimg-mock: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def _run(words: list[str]) -> int:
    from importlib import import_module  # noqa: PLC0415 - see above

    from getimg_mock.cli.option_parser import NEAR, build_parser, list_actions  # noqa: PLC0415 - see above
    from getimg_mock.cli.word_order import find_name, move_options  # noqa: PLC0415 - see above
    from getimg_mock.errors import UnknownNameError  # noqa: PLC0415 - see above

    name = find_name(words, COMMANDS)
    if name is not None and name not in COMMANDS:
        raise UnknownNameError("command", name, COMMANDS, near=NEAR)
    # Nothing that is imported is garbage: looking for some takes a tenth of the time of a start.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        described = COMMANDS if name is None else {name: COMMANDS[name]}
        parser = build_parser(described, {name})
    finally:
        if was_enabled:
            gc.enable()
    if name is not None:
        words = move_options(words, name)
        actions = list_actions(parser, name)
        if (action := find_name(words[1:], actions)) in actions:
            words = [name, *move_options(words[1:], str(action))]
    parsed = parser.parse_args(words)
    if parsed.version:
        return _print_version()
    if name is None:
        parser.print_help()
        return 2
    run: int = import_module(f"getimg_mock.cli.{name}").run(parsed)
    return run


def _print_version() -> int:
    from getimg_mock.control.package_version import find_version  # noqa: PLC0415 - rarely asked

    sys.stdout.write(f"getimg-mock {find_version()}\n")
    return 0
