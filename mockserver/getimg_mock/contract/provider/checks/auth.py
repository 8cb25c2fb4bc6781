"""GP7: authentication, and isolation of workspaces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.provider.charges import expect_free
from getimg_mock.contract.provider.corpus.bad_keys import ODD_KEYS
from getimg_mock.contract.provider.decisions import may_hang_up
from getimg_mock.contract.provider.shown_keys import find_shown_key
from getimg_mock.contract.verdicts import check, expect, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# An id as errors quote it: in quotation marks, or a word that contains a digit.
_ID_PATTERN: Final = re.compile(r"'[^']*'|\"[^\"]*\"|\b[\w-]*\d[\w-]*\b")


_KEYS: Final = ("a", "b")

_LEAST_ID: Final = 8
"""A shorter id may be a part of another text."""

_ODD_KEY_REFUSALS: Final = frozenset({400, 401, 403, 431})
"""A gateway may refuse a long header (RFC 6585, 5), or what looks like an attack."""

_TEXTS: Final = frozenset({"application/json", "text/plain", "text/html"})


@check(
    "GP701",
    "Without a valid key every operation but the download is 401",
    severity="blocker",
    evidence="seed",
    cost="0",
    why="One operation without authentication exposes a workspace. A revoked key "
    "cannot be produced from outside: an unknown key is sent instead.",
    fix="Authenticate in one middleware in front of all routes but downloads.",
)
def bad_keys_are_401(history: History) -> Iterator[Observation]:
    """Require 401 without a valid key on every operation but the download.

    Applies to missing, malformed and unknown keys. Fails on another status, on a body without the
    envelope, and on 401 for a right key. Source: documented.
    """
    for each in history.with_fault("key"):
        if may_hang_up(each) and not each.status:
            continue
        yield expect(
            each.status == 401 and (each.error or each.method == "HEAD"),
            f"401: {each.step.field if each.step else ''}",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
    for each in history.with_role("gate"):
        wanted = f"nothing without a good key: {each.step.field if each.step else ''}"
        shown = f"{each.status} {each.body[:100]!r}"
        yield expect(not 200 <= each.status < 300, wanted, shown, each)
    yield from _check_near_keys(history)
    yield from _check_right_keys(history)


def _check_right_keys(history: History) -> Iterator[Observation]:
    """Require that a right key opens each operation, however many wrong ones came before."""
    if history.plan.rules:
        return
    for each in history:
        named = each.operation and each.operation != "downloads.retrieve"
        after = each.use == "right-key"
        right = after or each.key in {"a", "b"}
        if not right or not named or each.step is None:
            continue
        wanted = "a right key is taken" + (", also after wrong ones" if after else "")
        taken = each.status not in ({401, 403, 429} if after else {401})
        yield expect(taken, wanted, f"{each.status} {each.body[:100]!r}", each)


def _check_near_keys(history: History) -> Iterator[Observation]:
    """Require that no near miss of a key opens what an unknown key does not open.

    A service that takes any key for a workspace of its own, as the fake does, is left out.
    """
    opened: dict[str, bool] = {}
    for each in history.with_fault("near-key"):
        field = each.step.field if each.step else ""
        if field == "an unknown key":
            opened[each.path] = each.status != 401
        elif not opened.get(each.path, True):
            refused = _ODD_KEY_REFUSALS if field.startswith(ODD_KEYS) else {401}
            yield expect(each.status in refused, f"401: {field}", f"{each.status}", each)


@check(
    "GP702",
    "Another workspace's video looks like one that does not exist",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    why="That an id exists is already private information.",
    fix="Look generations up by workspace and id together, so that both cases take one path.",
)
def others_jobs_are_hidden(history: History) -> Iterator[Observation]:
    """Require that another workspace's video looks like an unknown id.

    Applies to status requests with a second key. Fails on anything but 403 or 404, when the error
    differs from an unknown id's, and on a success that names a generation of the other key. Source:
    inferred.
    """
    unknown = history.with_role("unknown-for-b")
    for each in history.with_role("foreign"):
        yield expect(
            each.status in {403, 404},
            "403 or 404 for another workspace's video",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
        if unknown and each.key == "b":
            yield _compare_with_unknown(each, unknown)
    yield from _check_for_ids(history)


def _check_for_ids(history: History) -> Iterator[Observation]:
    """Require that no response to a key names a generation of the other workspace."""
    if history.plan.keys < len(_KEYS):
        return
    made = {
        key: {
            name.casefold()
            for name, each in history.submitted.items()
            if each.key == key and len(name) >= _LEAST_ID
        }
        for key in _KEYS
    }
    for each in history:
        if each.use == "foreign-path" and each.method == "HEAD":
            wanted = "no success for another workspace's video"
            yield expect(not 200 <= each.status < 300, wanted, each.status, each)
        others = made[_KEYS[each.key == _KEYS[0]]] if each.key in _KEYS else set()
        if not others or not 200 <= each.status < 300 or each.kind not in _TEXTS:
            continue
        shown = each.content.decode(errors="replace").casefold()
        told = [name for name in others if name in shown]
        wanted = f"nothing of another workspace for key {each.key}"
        yield expect(not told, wanted, f"{each.status} {each.body[:100]!r}", each)


def _compare_with_unknown(foreign: HttpExchange, unknown: Sequence[HttpExchange]) -> Observation:
    """Require that a response about another workspace's id equals those about unknown ids."""
    shapes = [dict(_collect_leaves(each)) for each in unknown]
    # Values that vary between two unknown ids do not reveal whether an id exists.
    known = {name for shape in shapes for name in shape}
    same = {name for name in known if len({shape.get(name) for shape in shapes}) == 1}
    shown, usual = dict(_collect_leaves(foreign)), shapes[0]
    different = {
        name
        for name in shown.keys() | same
        if shown.get(name) != usual.get(name) and (name in same or name not in known)
    }
    return expect(
        not different,
        f"as an unknown id: {_format_shape(usual, different)}",
        _format_shape(shown, different),
        unknown[0],
        foreign,
    )


def _format_shape(shape: dict[str, object], names: set[str]) -> str:
    return ", ".join(f"{name or 'body'} {shape.get(name, 'absent')}" for name in sorted(names))


def _collect_leaves(exchange: HttpExchange) -> Iterator[tuple[str, object]]:
    """Yield the place and value of each leaf of a response, with ids replaced."""
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
    "The key is checked before the body",
    severity="minor",
    evidence="assumption",
    cost="0",
    why="Callers without a key should learn nothing about the schema.",
    fix="Authenticate before the body is parsed.",
)
def keys_come_first(history: History) -> Iterator[Observation]:
    """Require 401 for a request with neither a valid key nor a valid body.

    Applies to unauthenticated submissions with invalid bodies. Fails when validation answers first.
    Source: inferred.
    """
    for each in history.with_role("no-key-bad-body"):
        yield expect(each.status == 401, "401 before the body is validated", each.status, each)


@check(
    "GP704",
    "A key in the query or the body is not accepted",
    severity="major",
    evidence="assumption",
    cost="0",
    why="Queries are logged, and bodies are stored with requests.",
    fix="Read the key from the Authorization header only.",
)
def keys_belong_in_the_header(history: History) -> Iterator[Observation]:
    """Require 401 for a key in the query or the body.

    Applies to requests without an Authorization header. Fails when the key is accepted elsewhere.
    Source: our choice.
    """
    for each in history.with_role("key-elsewhere"):
        yield expect(each.status == 401, "401 for a key outside of the header", each.status, each)


@check(
    "GP705",
    "No API key appears in a body, a header or a redirect",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    why="Responses are logged and shared.",
    fix="Never copy request headers into responses, and redact keys in error texts.",
)
def keys_are_not_echoed(history: History) -> Iterator[Observation]:
    """Require responses in which no API key appears.

    Applies to the first 64 KiB of every body, and to all headers. Fails when a key in use appears
    there, eight characters of one, its ends around a mask, or one in another notation. What was
    sent as a key counts, too. Source: our choice.
    """
    for each in history if history.secrets else ():
        found = find_shown_key(each, history.secrets)
        yield expect(not found, "no key in the answer", f"the response contains {found}", each)


@check(
    "GP706",
    "A 401 costs nothing and uses no rate limit",
    severity="major",
    evidence="common-sense",
    cost="0",
    why="Anyone could otherwise spend another's allowance.",
    fix="Authenticate before rate limits and billing.",
)
def refusals_use_nothing_up(history: History) -> Iterator[Observation]:
    """Require that a 401 costs nothing and uses no rate limit.

    Applies to balances and Remaining around refused requests. Fails when either changes. Source:
    our choice.
    """
    for span in history.settled_intervals:
        refused = [each for each in span.between if each.status == 401]
        if refused and not any(each.accepted for each in span.between):
            others = [e for e in span.between if e.submits and e.status != 401]
            if not others:
                yield expect_free(history, span, "a 401 costs nothing", *refused[:3])
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
    "The scheme's case and extra spaces are handled alike on all operations",
    severity="info",
    evidence="assumption",
    cost="0",
    why="By RFC 9110 the scheme has no case; this check demands consistency only.",
    fix="Parse the Authorization header in one place.",
)
def schemes_are_treated_alike(history: History) -> Iterator[Observation]:
    """Require that the scheme's case and extra spaces are handled alike on all operations.

    Applies to groups of one spelling of `Bearer`. It informs when some operations accept it and
    others do not. Source: our choice.
    """
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
