"""GP7: keys, and who may see what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.verdicts import check, expect, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

# What an error may quote: the id as it was asked for, or as the provider writes it.
_ID_PATTERN: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\b[\w-]*\d[\w-]*\b")


@check(
    "GP701",
    "Without a good key every operation but the download is 401",
    severity="blocker",
    evidence="seed",
    cost="0",
    why="One forgotten operation is an open door to a workspace. A key that was withdrawn "
    "cannot be made from outside: any other that opens nothing stands for it.",
)
def bad_keys_are_401(history: History) -> Iterator[Observation]:
    """GP701."""
    for each in history.with_fault("key"):
        yield expect(
            each.status == 401 and (each.error or each.method == "HEAD"),
            f"401: {each.step.field if each.step else ''}",
            f"{each.status} {each.body[:100]!r}",
            each,
        )


@check(
    "GP702",
    "Another workspace's video looks like one that does not exist",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="Even that an id exists is somebody's secret.",
)
def others_jobs_are_hidden(history: History) -> Iterator[Observation]:
    """GP702."""
    unknown = history.with_role("unknown-for-b")
    shapes = [dict(_collect_leaves(each)) for each in unknown]
    # What differs between two answers about ids that do not exist says nothing about an id.
    known = {name for shape in shapes for name in shape}
    same = {name for name in known if len({shape.get(name) for shape in shapes}) == 1}
    for each in history.with_role("foreign"):
        yield expect(
            each.status in {403, 404},
            "403 or 404 for another workspace's video",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
        if not shapes or each.key != "b":
            continue
        shown, usual = dict(_collect_leaves(each)), shapes[0]
        told = {
            name
            for name in shown.keys() | same
            if shown.get(name) != usual.get(name) and (name in same or name not in known)
        }
        yield expect(
            not told,
            f"as an unknown id: {_format_shape(usual, told)}",
            _format_shape(shown, told),
            unknown[0],
            each,
        )


def _format_shape(shape: dict[str, object], names: set[str]) -> str:
    return ", ".join(f"{name or 'body'} {shape.get(name, 'absent')}" for name in sorted(names))


def _collect_leaves(exchange: HttpExchange) -> Iterator[tuple[str, object]]:
    """Yield what an answer gives away, by its place, without the id that was asked for."""
    asked = exchange.path.rpartition("/")[2]
    yield "status", exchange.status
    yield "type", exchange.kind
    level: list[tuple[str, Any]] = [("", exchange.json)]
    while level:
        name, value = level.pop()
        if isinstance(value, dict):
            level += [(f"{name}/{key}", inner) for key, inner in value.items()]
        elif isinstance(value, list):
            level += [(f"{name}/{place}", inner) for place, inner in enumerate(value)]
        else:
            yield name, _ID_PATTERN.sub("ID", str(value).replace(asked, "ID"))


@check(
    "GP703",
    "The key is judged before the body",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="Strangers should learn nothing about the schema.",
)
def keys_come_first(history: History) -> Iterator[Observation]:
    """GP703."""
    for each in history.with_role("no-key-bad-body"):
        yield expect(each.status == 401, "401 before the body is judged", each.status, each)


@check(
    "GP704",
    "A key in the query or the body is not accepted",
    severity="major",
    evidence="assumption",
    cost="0",
    why="Queries end in logs, and bodies in what is stored of a request.",
)
def keys_belong_in_the_header(history: History) -> Iterator[Observation]:
    """GP704."""
    for each in history.with_role("key-elsewhere"):
        yield expect(each.status == 401, "401 for a key outside of the header", each.status, each)


@check(
    "GP705",
    "A key never stands in a body, a header or a redirect",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="Answers are logged and shared.",
)
def keys_are_not_echoed(history: History) -> Iterator[Observation]:
    """GP705."""
    secrets = [secret.encode() for _, secret in history.secrets]
    for each in history if secrets else ():
        shown = each.body[:65536] + b"\n" + "\n".join(value for _, value in each.headers).encode()
        yield expect(
            not any(secret in shown for secret in secrets),
            "no key in the answer",
            "the key stands in it",
            each,
        )


@check(
    "GP706",
    "A 401 costs nothing and uses up no quota",
    severity="major",
    evidence="assumption",
    cost="0",
    why="Anyone could otherwise spend another's allowance.",
)
def refusals_use_nothing_up(history: History) -> Iterator[Observation]:
    """GP706."""
    for span in history.settled_intervals:
        refused = [each for each in span.between if each.status == 401]
        if refused and not any(each.accepted for each in span.between):
            others = [e for e in span.between if e.submits and e.status != 401]
            if not others:
                yield expect(
                    span.spent == 0,
                    "a 401 costs nothing",
                    f"{span.spent} gone",
                    span.before,
                    *refused[:3],
                    span.after,
                )
    before, after = history.with_role("quota-before"), history.with_role("quota-after")
    for first, last in zip(before, after, strict=False):
        name = "x-ratelimit-remaining"
        if first.fields.get("x-ratelimit-reset") == last.fields.get("x-ratelimit-reset"):
            yield expect(
                first.fields.get(name) == last.fields.get(name),
                f"{first.fields.get(name)} left, as before",
                last.fields.get(name),
                first,
                last,
            )


@check(
    "GP707",
    "The scheme's case and extra spaces are treated alike everywhere",
    severity="info",
    evidence="assumption",
    cost="0",
    why="RFC 9110 has schemes without case; what matters is that it does not vary.",
)
def schemes_are_treated_alike(history: History) -> Iterator[Observation]:
    """GP707."""
    for name, group in history.groups.items():
        if name.startswith("scheme:") and len(group) > 1:
            known = {each.status == 401 for each in group}
            yield expect(
                len(known) == 1,
                f"one answer to {name} on every operation",
                [each.status for each in group],
                *group,
            )
            yield note(f"{name} is {'refused' if True in known else 'accepted'}")
