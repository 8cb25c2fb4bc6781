"""Judging a client by what a fake has seen of it: the checks that need requests alone.

Nothing is done to the client. What scenarios and magic inputs did to it, and how it went on, stands
in the journal; so does what each request has cost.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.client_check import compute_verdict
from getimg_mock.contract.clients.cases.client_history import (
    CallOutcome,
    ClientExchange,
    ClientHistory,
)
from getimg_mock.contract.clients.suite import CHECKS, Result
from getimg_mock.contract.plans import Plan
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from getimg_mock.contract.clients.cases.client_check import ClientCheck
    from getimg_mock.fake import Fake
    from getimg_mock.world.journal import Exchange, Journal

OBSERVABLE: Final[tuple[ClientCheck, ...]] = tuple(each for each in CHECKS if each.observable)

_BASE: Final = "http://observed"
_OPS: Final = {"images.generate": "generate_image", "videos.create": "submit_video"}
# By the beginning of what the journal calls a fault: the case that it is like.
_FAULTS: Final = (
    ("reset after commit", "observed-reset"),
    ("close after commit", "observed-close"),
    ("hang after commit", "observed-timeout"),
    ("hang_body", "observed-timeout"),
    ("truncate", "observed-truncated"),
    ("wrong_length", "observed-truncated"),
    ("409", "observed-409"),
)


def judge_traffic(
    fake: Fake,
    *,
    name: str = "observed",
    key: str | None = None,
    checks: Sequence[ClientCheck] = OBSERVABLE,
) -> Result:
    """Return the verdict on whoever has talked to a fake so far.

    All workspaces together, or that of `key` alone.
    """
    workspaces = fake.store if key is None else (fake.store.workspace(key),)
    histories = [
        each for workspace in workspaces for each in collect_histories(workspace.journal, name=name)
    ]
    return Result(
        name, "0", tuple(compute_verdict(each, histories) for each in checks), tuple(histories)
    )


def collect_histories(
    journal: Journal | Iterable[Exchange],
    *,
    name: str = "observed",
) -> list[ClientHistory]:
    """Return what a journal holds as histories: one of all of it, one of each submission."""
    exchanges = [_convert_exchange(each) for each in journal if each.operation != "unknown"]
    if not exchanges:
        return []
    first = exchanges[0].at
    dated = [_set_elapsed(each, (each.at - first).total_seconds()) for each in exchanges]
    return [_history(name, "observed", dated), *_group_submissions(name, dated)]


def _convert_exchange(each: Exchange) -> ClientExchange:
    sent = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in each.request_headers)
    return ClientExchange(
        number=each.number,
        at=each.at,
        method=each.method,
        path=each.path,
        query=each.query,
        status=each.status,
        request_headers=tuple((n.lower(), v) for n, v in sent if n.lower() != "authorization"),
        request_body=each.request_body,
        headers=tuple((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in each.headers),
        body=each.body,
        seconds=each.seconds,
        origin=_BASE,
        label=each.fault or "",
        sent=sent,
        target=each.path + (f"?{each.query}" if each.query else ""),
        effects=each.effects,
    )


def _set_elapsed(each: ClientExchange, elapsed: float) -> ClientExchange:
    object.__setattr__(each, "elapsed", elapsed)  # it is being made: nobody has seen it yet
    return each


def _group_submissions(name: str, exchanges: list[ClientExchange]) -> Iterator[ClientHistory]:
    """Yield a history of each submission with its repetitions: equal bytes after a failure."""
    open_: dict[tuple[str, bytes], list[ClientExchange]] = {}
    groups: list[list[ClientExchange]] = []
    for each in exchanges:
        if each.operation not in SUBMISSIONS or each.method != "POST":
            continue
        key = (each.operation, each.request_body or b"")
        chain = open_.get(key)
        if chain and _is_failure(chain[-1]):
            chain.append(each)
        else:
            open_[key] = chain = [each]
            groups.append(chain)
    for group in groups:
        yield _history(name, _case(group[0]), group, op=_OPS[group[0].operation])


def _is_failure(each: ClientExchange) -> bool:
    return bool(each.label) or not 200 <= each.status < 300


def _case(first: ClientExchange) -> str:
    for beginning, case in _FAULTS:
        if first.label.startswith(beginning):
            return case
    if first.status >= 500 and "after commit" in first.label:
        return "observed-500"
    if first.status in {400, 401, 402, 403, 404, 413, 422}:
        return "observed-refusals"
    return "observed-usual"


def _history(
    name: str, case: str, exchanges: list[ClientExchange], *, op: str = ""
) -> ClientHistory:
    ledger: dict[str, Decimal] = {}
    for each in exchanges:
        for effect in each.effects or ():
            if effect.what in {"hold", "charge"} and effect.generation:
                ledger[effect.generation] = effect.amount or Decimal(0)
    outcomes = (
        (
            CallOutcome(
                op=op,
                args={},
                kind="value",
                first=exchanges[0].number - 1,
                last=exchanges[-1].number,
            ),
        )
        if op
        else ()
    )
    return ClientHistory(
        plan=Plan(name=case, steps=()),
        exchanges=tuple(exchanges),
        base=_BASE,
        client=name,
        case=case,
        virtual=False,
        outcomes=outcomes,
        ledger=ledger,
        secrets=(("a", "\0never"),),
    )
