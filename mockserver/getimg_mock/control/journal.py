"""Commands on the journal: list, count, wait for, export and delete exchanges."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command import Command, DeferredAnswer, StreamedAnswer
from getimg_mock.control.encoded_exchanges import ENCODED
from getimg_mock.control.exchange_summaries import find_twins, summarise
from getimg_mock.control.fields import Field, choice, moment, number, text, whole
from getimg_mock.control.har import build_har, build_har_entry
from getimg_mock.errors import ControlError, UnknownNameError
from getimg_mock.setting_values import shorten_value
from getimg_mock.world.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.journal import Exchange
    from getimg_mock.world.workspaces import Workspace

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

# A waiting connection keeps a task alive; no test needs to wait longer than this.
MAX_WAIT: Final = 600
DEFAULT_WAIT: Final = 10.0

_LONGEST_GLOB: Final = 200


def list_exchanges(_fake: Fake, workspace: Workspace, values: Json) -> StreamedAnswer:
    """Return the exchanges that match, oldest first; with `last` only the newest of them."""
    last, journal = values.pop("last", None), workspace.journal
    if last is not None:
        numbers = [each.number for each in journal.query(**values)]
        skipped = len(numbers) - last
        if skipped > 0:
            values["after"] = numbers[skipped - 1]
    found = map(ENCODED.encode, journal.stream(**values))
    return StreamedAnswer(JSON, chain(('{"exchanges":[',), _separate(found), ("]}",)))


def _separate(items: Iterable[str]) -> Iterator[str]:
    for index, item in enumerate(items):
        yield f",{item}" if index else item


def show_exchange(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return one exchange."""
    number = values["number"]
    found = workspace.journal.find(number)
    if found is None:
        kept = [each.number for each in workspace.journal]
        has = f"has {kept[0]} to {kept[-1]}" if kept else "is empty"
        raise ControlError(
            "unknown_exchange", f"No exchange {number}: the journal {has}.", status=404
        )
    return found.as_json()


def list_timeline(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return summaries of exchanges, and the control commands that changed the workspace."""
    last, before = values.pop("last", None), values.pop("before", None)
    matching = workspace.journal.query(**values)
    found = [each for each in matching if before is None or each.number < before]
    kept = found if last is None else found[max(0, len(found) - last) :]
    # A filter may leave out the other of two: only then is the journal read once more.
    twins = find_twins(workspace.journal if values else matching)
    return {
        "total": len(found),
        "exchanges": [summarise(each, twins) for each in kept],
        "steps": [each.as_json() for each in tuple(workspace.journal.steps)],
    }


def count(_fake: Fake, workspace: Workspace, values: Json) -> Json:
    """Return the number of exchanges that match."""
    return {"count": workspace.journal.count(**values)}


def wait(_fake: Fake, workspace: Workspace, values: Json) -> DeferredAnswer:
    """Wait for the exchange that completes the wanted number of matches."""
    wanted, timeout = values.pop("count", 1), values.pop("timeout", DEFAULT_WAIT)
    journal = workspace.journal

    def look() -> Json | None:
        found = journal.query(**values)
        return {"exchange": found[wanted - 1].as_json()} if len(found) >= wanted else None

    criteria = ", ".join(f"{name}={value}" for name, value in values.items()) or "any exchange"
    plural = "exchange" if wanted == 1 else "exchanges"
    return DeferredAnswer(
        look,
        journal.subscribe,
        timeout,
        f"Waited {timeout:g} s for {wanted} {plural} with {criteria}; "
        f"the journal has {journal.count(**values)}.",
    )


def export(_fake: Fake, workspace: Workspace, values: Json) -> StreamedAnswer:
    """Return the exchanges that match as one document."""
    form, number = values.pop("format", "har"), values.pop("number", None)
    if number is not None:
        values["after"] = max(values.get("after", 0), number - 1)
    found = workspace.journal.stream(**values, up_to=number)
    if form == "ndjson":
        return StreamedAnswer(NDJSON, (f"{ENCODED.encode(each)}\n" for each in found))
    head, _, tail = json.dumps(build_har([]), separators=(",", ":")).partition('"entries":[')
    entries = (ENCODED.encode(each, build_har_entry) for each in found)
    return StreamedAnswer(JSON, chain((f'{head}"entries":[',), _separate(entries), (tail,)))


def clear(_fake: Fake, workspace: Workspace, _values: Json) -> Json:
    """Delete every exchange; numbering continues."""
    workspace.journal.clear()
    return {"exchanges": []}


def format_event(exchange: Exchange) -> str:
    """Return an exchange as a server-sent event."""
    return f"id: {exchange.number}\nevent: exchange\ndata: {ENCODED.encode(exchange)}\n\n"


def _parse_operation(value: Any) -> str:
    """Return the name or glob of an operation; refuses one that no operation fits."""
    # A glob is translated in quadratic time.
    if not isinstance(value, str) or len(value) > _LONGEST_GLOB or not _match(value):
        raise UnknownNameError("operation", shorten_value(value).strip("'"), _RECORDED)
    return value


def _match(glob: str) -> bool:
    return any(fnmatchcase(each, glob) for each in _RECORDED)


# The operations of exchanges: `unknown` is that of requests to other paths.
_RECORDED: Final = (*OPERATIONS, "unknown")

CRITERIA: Final = (
    Field(
        "operation",
        _parse_operation,
        "its operation, such as videos.create; globs such as videos.*",
        {"type": "string", "maxLength": _LONGEST_GLOB},
    ),
    whole("status", "the status of its answer", low=0, high=999),
    text("generation", "the generation it made, polled or downloaded", longest=200),
    moment("since", "not before this time of the workspace's clock"),
    moment("until", "not after this time of the workspace's clock"),
    whole("after", "only with a higher number", low=0, high=2**53),
)

COMMANDS: Final = (
    Command(
        "journal",
        "GET",
        "/journal",
        "List exchanges",
        list_exchanges,
        (*CRITERIA, whole("last", "only the newest, at most this many", low=0, high=10**6)),
        answer="exchanges, oldest first",
    ),
    Command(
        "journal.timeline",
        "GET",
        "/journal/timeline",
        "List exchanges in a few fields each, with the control commands in between",
        list_timeline,
        (
            *CRITERIA,
            whole("last", "only the newest, at most this many", low=0, high=10**6),
            whole("before", "only with a lower number", low=0, high=2**53),
        ),
        answer="summaries, oldest first, and steps; exchanges are shown by /journal/{number}",
    ),
    Command(
        "journal.show",
        "GET",
        "/journal/{number}",
        "Show one exchange",
        show_exchange,
        (whole("number", "its number", low=0, high=2**53, required=True),),
        answer="the exchange",
    ),
    Command(
        "journal.count",
        "GET",
        "/journal/count",
        "Count exchanges",
        count,
        CRITERIA,
        answer="the number of exchanges",
    ),
    Command(
        "journal.wait",
        "POST",
        "/journal/wait",
        "Wait for exchanges",
        wait,
        (
            *CRITERIA,
            whole("count", "the number of exchanges to wait for (1)", low=1, high=10**6),
            number("timeout", f"real seconds ({DEFAULT_WAIT:g})", low=0, high=MAX_WAIT),
        ),
        answer="the last of the awaited exchanges",
    ),
    Command(
        "journal.export",
        "GET",
        "/journal/export",
        "Export exchanges as HAR or NDJSON",
        export,
        (
            *CRITERIA,
            choice("format", "the format (har)", "har", "ndjson"),
            whole("number", "only the exchange of this number", low=0, high=2**53),
        ),
        answer="a HAR 1.2 document, or one JSON object per line",
    ),
    Command(
        "journal.clear", "DELETE", "/journal", "Delete all exchanges", clear, answer="no exchanges"
    ),
)
