"""GC607, GC609 and GC612: downloads that stop, and files that are there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.cases import Call, Case, download, image
from getimg_mock.contract.clients.cases.client_check import ClientCheck
from getimg_mock.contract.clients.cases.wire_script import cut
from getimg_mock.contract.clients.checks.files import (
    FILM,
    JPEG,
    ON,
    OTHER,
    SAVED,
    final,
    parted,
)
from getimg_mock.contract.clients.server.fault_server import Rule
from getimg_mock.contract.verdicts import held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import Answer, Timeline
    from getimg_mock.contract.clients.server.fault_server import Turn
    from getimg_mock.contract.verdicts import Observation


def cases() -> Iterator[Case]:
    """Yield the cases."""
    another = Rule(on=ON, do=_other_file, label="another file", must=False)
    yield Case(
        name="resumed",
        calls=_twice(),
        patience=12,
        rules=(Rule(on=ON, do=_first_half, label="half", nth=(1,)), another),
    )
    yield Case(
        name="again",
        rules=(),
        calls=(
            image(),
            download(),
            image(prompt="another"),
            download(2, into=1),
            FILM,
            download(4),
            FILM,
            download(6, into=5),
        ),
    )
    later = another.but(nth=(2,))
    half = Rule(
        on=ON,
        do=lambda turn: cut(_other_file(turn)),
        label="half of another file",
        nth=(2,),
        must=False,
    )
    yield Case(name="again-same", calls=_twice(), rules=(later,))
    yield Case(name="again-asked", calls=_twice(overwrite=True), rules=(later,))
    yield Case(name="again-cut", calls=_twice(overwrite=True), rules=(half,))
    yield Case(
        name="stalled",
        calls=SAVED,
        options={"timeout": 2},
        patience=12,
        rules=(Rule(on=ON, do=fault_actions.stalled, label="stalls"),),
    )
    yield Case(
        name="stalled-once",
        calls=_twice(),
        options={"timeout": 2},
        patience=12,
        rules=(
            Rule(on=ON, do=_stalling, label="stalls", nth=(1,)),
            Rule(on=ON, do=_same_file, label="the file", must=False),
        ),
    )


def _twice(**more: Any) -> tuple[Call, ...]:
    """Return the calls that save one result twice in one place; `more` is for the second time."""
    return (
        image(),
        download(),
        download(into=1, **more),
        FILM,
        download(3),
        download(3, into=4, **more),
    )


def _same_file(turn: Turn) -> Answer:
    return parted(turn, JPEG, '"one"')


def _other_file(turn: Turn) -> Answer:
    return parted(turn, OTHER, '"two"')


def _first_half(turn: Turn) -> Timeline:
    return cut(_same_file(turn))


def _stalling(turn: Turn) -> Timeline:
    return cut(_same_file(turn), end="hang")


def broken_files_are_not_kept(history: ClientHistory) -> Iterator[Observation]:
    """GC602, 603, 611, 612."""
    for outcome in history.calls("download"):
        sent = history.during(outcome)
        yield held(outcome.kind == "error", "an error", outcome.shown, *sent)
        yield held(
            not final(outcome),
            "no file under its final name",
            ", ".join(final(outcome)),
            *sent[-1:],
        )


def resuming_fits_together(history: ClientHistory) -> Iterator[Observation]:
    """GC607."""
    for outcome in history.calls("download"):
        if outcome.kind != "value":
            yield held(outcome.clear, "a file or a clear error", outcome.shown)
            continue
        for name in final(outcome):
            data = outcome.files[name]
            whole = data in {JPEG, OTHER}
            yield held(
                whole, "one whole file", f"{name}: parts of two", *history.during(outcome)[-2:]
            )


def files_are_replaced_when_asked(history: ClientHistory) -> Iterator[Observation]:
    """GC609: a file stays as it was, unless a whole one is to take its place."""
    downloads = history.calls("download")
    if len(downloads) != 2 or downloads[0].kind != "value":
        return
    before, after = downloads
    sent = history.during(after)[-1:]
    if history.case == "again-asked":
        replaced = after.kind == "value" and (not sent or OTHER in after.files.values())
        yield held(replaced, "the new file: it was asked to overwrite", after.shown, *sent)
        return
    for name, data in before.files.items():
        yield held(
            after.files.get(name) == data,
            f"{name} as it was",
            "another file, or half of one, under its name",
            *sent,
        )


def stalled_downloads_can_be_taken_up(history: ClientHistory) -> Iterator[Observation]:
    """GC612: a download that stalls ends, and does not stand in the way of the next one."""
    if history.case == "stalled":
        yield from broken_files_are_not_kept(history)
        return
    downloads = history.calls("download")
    if downloads:
        last = downloads[-1]
        whole = any(last.files.get(name) == JPEG for name in final(last))
        yield held(
            whole and any(each.kind == "value" for each in downloads),
            "the whole file, the second time",
            last.shown,
            *history.during(last)[-1:],
        )


RESUMED: Final = ClientCheck(
    id="GC607",
    severity="minor",
    evidence="standard",
    cost="0",
    source="RFC 9110, sections 13.1.5 and 14.2",
    statement="A download is resumed only where validator and length agree",
    why="Else the file is made of two.",
    fix="Send If-Range, or begin again.",
    judge=resuming_fits_together,
    cases=("resumed",),
)
KEPT: Final = ClientCheck(
    id="GC609",
    severity="minor",
    evidence="choice",
    cost="0",
    statement="A file is overwritten only when asked, and by a whole one",
    why="The one before may be the only copy.",
    fix="Take another name unless asked; write beside it, and rename at the end.",
    judge=files_are_replaced_when_asked,
    cases=("again*",),
)
STALLED: Final = ClientCheck(
    id="GC612",
    severity="major",
    evidence="choice",
    cost="0",
    statement="A download that stalls ends in an error, and can be taken up again",
    why="A stalled read waits for ever; the file is still to be had.",
    fix="Set a read timeout; let nothing that is left of it stand in the way.",
    judge=stalled_downloads_can_be_taken_up,
    cases=("stalled*",),
)
