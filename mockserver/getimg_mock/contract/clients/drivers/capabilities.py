"""Fitting a case to a client: calls of operations that the client lacks are left out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import BASE, OPTIONS, Case, EarlierResult

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from getimg_mock.contract.clients.cases.case_rules import ClientCall
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

OPERATION_REQUESTS: Final[dict[str, tuple[str, ...]]] = {
    "generate_image": ("images.generate",),
    "submit_video": ("videos.create",),
    "generate_video": ("videos.create", "videos.retrieve"),
    "retrieve_video": ("videos.retrieve",),
    "download": ("downloads.retrieve", "elsewhere"),
    "models": ("models.list",),
    "model": ("models.retrieve",),
    "balance": ("billing.balance",),
    "costs": ("billing.costs",),
}
"""The requests that each operation always sends."""


def fit_case(case: Case, ops: Collection[str]) -> Case:
    """Return the case for a client with these operations.

    Calls of other operations are left out. Fault rules that the remaining calls cannot meet become
    optional.
    """
    out = frozenset(_find_left_out(case, ops))
    left = [call for number, call in enumerate(case.calls) if number not in out]
    rules = tuple(
        rule.with_changes(must=False)
        if _meets(rule, case.calls) and not _meets(rule, left)
        else rule
        for rule in case.rules
    )
    return case.with_changes(left_out=out, rules=rules)


def find_absent_operations(case: Case, ops: Collection[str]) -> tuple[str, ...]:
    """Return the operations of a case that a client lacks."""
    return tuple(
        dict.fromkeys(each.op for each in case.calls if not each.unless and each.op not in ops)
    )


def find_lacking_operations(case: Case, ops: Collection[str]) -> tuple[str, ...]:
    """Return the lacking operations because of which a case cannot judge a client.

    Then no call remains, or no call meets the faults of the case.
    """
    left = fit_case(case, ops)
    idle = len(left.left_out) == len(left.calls)
    blunt = any(each.must for each in case.rules) and not any(each.must for each in left.rules)
    return find_absent_operations(case, ops) if idle or blunt else ()


def find_unmet_needs(case: Case, options: Collection[str], lacks: Collection[str]) -> list[str]:
    """Return the needs of a case that a client does not meet, or says that it lacks."""
    return [
        need for need in case.needs if (need in OPTIONS and need not in options) or need in lacks
    ]


def find_in_process_need(case: Case) -> str:
    """Return what a case needs that only a client in this process can have."""
    wants = {
        "calls at the same time": case.together,
        "a way to interrupt it": bool(case.interrupt_at or case.interrupt_after),
        "a measurement of its memory": case.memory,
        "a simulated wall clock": bool(case.wall_jumps),
        "its own environment variables": bool(case.environment) and case.ours != "TLS",
        "a limit on files": bool(case.file_limit),
        "a fork of it": any(call.child for call in case.calls),
        "simulated connections": any(
            rule.on == "connect" and rule.do != "bad certificate" for rule in case.rules
        ),
        "another address": not case.base.startswith(BASE),
    }
    found = [name for name, wanted in wants.items() if wanted]
    return found[0] if found else f"simulated {case.ours}"


def _find_left_out(case: Case, ops: Collection[str]) -> Iterator[int]:
    out: set[int] = set()
    for number, call in enumerate(case.calls):
        before = [each.call for each in call.args.values() if isinstance(each, EarlierResult)]
        if (
            call.op not in ops
            or any(op in ops for op in call.unless)
            or any(earlier in out for earlier in before)
        ):
            out.add(number)
            yield number


def _meets(rule: FaultRule, calls: Iterable[ClientCall]) -> bool:
    """Return whether one of the calls always sends a request that a rule applies to."""
    return any(
        fnmatchcase(operation, rule.on)
        for call in calls
        for operation in OPERATION_REQUESTS[call.op]
    )
