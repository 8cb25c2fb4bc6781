"""What drift says of faulty providers: `python -m tests.drift.faulty_providers`.

Each provider, those of the contract's tests in process and those of other authors on a port, is
read as a live service is, and its catalogue compared with that of the provider without the fault.
What is right to say is known from the answers themselves: where all are as without the fault,
there is nothing to say.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.drift.catalogue_changes import compare_catalogues
from getimg_mock.drift.drift_reports import (
    render_json,
    render_markdown,
    render_sarif,
    render_text,
)
from getimg_mock.drift.drift_rows import DriftReport
from getimg_mock.drift.live_reads import read_target
from getimg_mock.errors import SettingsError
from getimg_mock.world.operations import find_operation
from tests.contract.provider.everyone import MUTANTS
from tests.contract.provider.scoring import create_target
from tests.contract.written_by_others import variants
from tests.contract.written_by_others.accounts import Accounts
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import ROWS
from tests.contract.written_by_others.wire import start_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.drift.drift_rows import DriftRow
    from getimg_mock.drift.live_reads import Readable

T = TypeVar("T")

Outcome = Literal["nothing to say", "named", "refused", "unseen", "false", "exception"]

BAD: Final[tuple[Outcome, ...]] = ("false", "exception")
_URL: Final = "https://provider.invalid"
_DATES: Final = re.compile(r'"(?:start|end|date)": ?"[^"]*"')


@dataclass(frozen=True, slots=True)
class Finding:
    """What drift said of one provider. `changed` are the operations whose answers differ."""

    name: str
    outcome: Outcome
    changed: frozenset[str] = frozenset()
    said: str = ""


@dataclass(slots=True)
class _Watched:
    """A target that keeps what its reads were answered, by operation."""

    target: Readable
    answers: dict[str, str] = field(default_factory=dict)

    def run(self, plan: Plan) -> History:
        """Run a plan."""
        history = self.target.run(plan)
        for each in history.exchanges:
            body = json.dumps(each.plain, sort_keys=True)
            name = find_operation("GET", each.path.partition("?")[0])
            self.answers[name] = f"{each.status} {_DATES.sub('', body)}"
        return history


@dataclass(frozen=True, slots=True)
class Right:
    """The provider without a fault: its models, and its answers by operation."""

    models: list[dict[str, Any]]
    answers: dict[str, str]

    @classmethod
    def of(cls, target: Readable) -> Right:
        """Read a provider that has no fault."""
        watched = _Watched(target)
        return cls(read_target(watched, _URL).models, watched.answers)

    def judge(self, name: str, target: Readable) -> Finding:
        """Compare a provider with this one, by its name."""
        watched, rows, said = _Watched(target), [], ""
        try:
            rows = [*_find_rows(self.models, watched)]
        except SettingsError as error:
            said = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return Finding(name, "exception", said=repr(error))
        changed = frozenset(
            each for each, answer in watched.answers.items() if answer != self.answers[each]
        )
        said = said or "; ".join(f"{row.subject}: {row.change}" for row in rows)
        return Finding(name, _decide(changed, rows, said), changed, said)


def _find_rows(before: list[dict[str, Any]], target: Readable) -> Iterator[DriftRow]:
    """Yield the rows of a run of drift; each report format takes them."""
    reads = read_target(target, _URL)
    known = [each for each in before if each["id"] not in reads.invalid]
    rows = [*reads.rows, *compare_catalogues(reads.source, known, reads.models)]
    for render in (render_text, render_markdown, render_json, render_sarif):
        render(DriftReport(tuple(rows), (reads.source,)))
    yield from rows


def _decide(changed: frozenset[str], rows: list[DriftRow], said: str) -> Outcome:
    if not said:
        return "unseen" if changed else "nothing to say"
    if not rows:
        return "refused" if changed else "false"
    subjects = {_find_subject(each) for each in rows}
    return "named" if subjects <= changed else "false"


def _find_subject(row: DriftRow) -> str:
    """Return the operation whose answer a row is about."""
    return "models.list" if row.subject.startswith("model ") else row.subject.partition(" ")[0]


def judge_mutants(names: Iterable[str] | None = None) -> Iterator[Finding]:
    """Judge the faulty providers of the contract's tests, all or some."""
    right, chosen = Right.of(create_target(None)), names and set(names)
    for each in MUTANTS:
        if chosen is None or each.name in chosen:
            settings = tuple(pair for pair in each.settings if pair[0] != "models")
            yield right.judge(each.name, create_target(each.wrap, settings))


async def judge_variants(names: Iterable[str] | None = None) -> list[Finding]:
    """Judge the providers of other authors, all or some, each on a port."""
    variants.load()
    key = Accounts().workspaces[0].keys[0]

    async def serve_while(provider: type[Provider], act: Callable[[Readable], T]) -> T:
        server, port = await start_serving(provider(video_seconds=0))
        try:
            target = HttpTarget(f"http://127.0.0.1:{port}", {"a": key}, timeout=5, longest_wait=0.0)
            return await asyncio.to_thread(act, target)
        finally:
            server.close()

    right = await serve_while(Provider, Right.of)
    chosen = ROWS if names is None else names
    return [await serve_while(ROWS[name].provider, partial(right.judge, name)) for name in chosen]


def main() -> int:
    """Print what drift says of each provider that differs; the status is 1 for a false row."""
    found = {
        "faulty providers": [*judge_mutants()],
        "variants of other authors": asyncio.run(judge_variants()),
    }
    for title, findings in found.items():
        for each in findings:
            if each.outcome != "nothing to say":
                shown = ", ".join(sorted(each.changed))
                sys.stdout.write(f"{each.outcome:9} {each.name} ({shown}): {each.said[:160]}\n")
        counts = Counter(each.outcome for each in findings)
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
        sys.stdout.write(f"{title}: {len(findings)}, {told}\n")
    return int(any(each.outcome in BAD for every in found.values() for each in every))


if __name__ == "__main__":
    sys.exit(main())
