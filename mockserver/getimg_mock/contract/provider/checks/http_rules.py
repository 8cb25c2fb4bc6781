"""GP1: methods, paths and headers, by the rules of HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.content_coding import begins_as, decompress, list_allowed
from getimg_mock.contract.exchanges import parse_length
from getimg_mock.contract.provider.cache_lifetimes import check_caching
from getimg_mock.contract.verdicts import OK, check, expect, fail, keep_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_OK: Final = 200
_PART: Final = 206
_NOT_MODIFIED: Final = 304

_SINGLE: Final = (
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
"""Fields of which a message has one: of two that differ, each reader takes another."""

# Errors after which a server cannot know where the next request begins, or has no more patience.
_CLOSING_STATUSES: Final = (408, 413, 431)


@check(
    "GP111",
    "A wrong method is 405 with Allow; HEAD and OPTIONS create and charge nothing",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="Probes and proxies send HEAD and OPTIONS of their own accord (RFC 9110).",
    fix="Answer 405 with the allowed methods, and run no handler of POST for HEAD or OPTIONS.",
)
def wrong_methods_are_refused(history: History) -> Iterator[Observation]:
    """Require 405 with `Allow` for a wrong method; HEAD and OPTIONS must create nothing.

    Applies to requests with an unsupported method. Fails on another status, a missing or wrong
    `Allow`, a new id or a charge. Source: our choice.
    """
    for each in history.with_role("wrong-method"):
        yield expect(each.status == 405, "405", each.status, each)
        if each.status == 405:
            allowed = {word.strip() for word in each.fields.get("allow", "").split(",")} - {""}
            yield expect(
                allowed and each.method not in allowed,
                f"an Allow header, without {each.method}",
                allowed or "none",
                each,
            )
    for each in history.with_role("side-method"):
        yield expect(
            "id" not in each.object and not each.generation,
            "HEAD and OPTIONS create nothing",
            f"{each.body[:100]!r}",
            each,
        )
    yield from _check_balances_around_methods(history)


def _check_balances_around_methods(history: History) -> Iterator[Observation]:
    """Require the same balance after methods that create nothing."""
    for before, after, between in history.settled_intervals:
        if any(each.use in {"side-method", "wrong-method"} for each in between):
            yield expect(
                before.object.get("balance") == after.object.get("balance"),
                "the same balance after methods that create nothing",
                after.object,
                before,
                after,
            )


@check(
    "GP112",
    "An unusual spelling of a path never reaches another resource",
    severity="major",
    evidence="assumption",
    cost="T",
    why="By path confusion one tenant can read another's data through a proxy.",
    fix="Route on the normalised path only, and refuse paths that are not canonical.",
)
def odd_paths_lead_nowhere_else(history: History) -> Iterator[Observation]:
    """Require that an unusual spelling of a path reaches no other resource.

    Applies to paths with extra slashes, other case, dot segments or escapes. Fails on a success
    that differs from the plain path's. Source: our choice.
    """
    for group in history.groups.values():
        odd = [each for each in group if each.use == "odd-path"]
        canonical = [each for each in group if each.use == "canonical-path"]
        for each in odd:
            same = bool(canonical) and each.json == canonical[0].json
            yield expect(
                not 200 <= each.status < 300 or same,
                "the resource of the plain path, or none",
                f"{each.status} {each.body[:100]!r}",
                each,
            )


@check(
    "GP113",
    "An unknown path is 404 in the envelope, without a key too (or always 401)",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="A wrong path must not look like a success.",
    fix="Add a catch-all route that answers 404 with the error envelope.",
)
def unknown_paths_are_404(history: History) -> Iterator[Observation]:
    """Require 404 with an error envelope for an unknown path.

    Applies to paths that the API does not have. Without a key, 401 is allowed if all are answered
    alike. Source: our choice.
    """
    anonymous: list[HttpExchange] = []
    for each in history.with_role("unknown-path"):
        allowed = {404, 401} if each.key == "none" else {404}
        yield expect(
            each.status in allowed and each.error,
            "404 in the envelope",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
        if each.key == "none":
            anonymous.append(each)
            first = anonymous[0]
            yield expect(
                each.status == first.status,
                f"{first.status}, as for another unknown path without a key",
                each.status,
                first,
                each,
            )


@check(
    "GP114",
    "Content-Length is exact, compression is requested, errors keep the connection",
    severity="major",
    evidence="standard",
    cost="T",
    why="A wrong length hangs or cuts off every HTTP client (RFC 9110). Only "
    "Connection: close is visible here; GP104 finds a connection that breaks after an error.",
    fix="Let the HTTP server set Content-Length, follow Accept-Encoding, and keep connections "
    "open after errors.",
)
def transport_is_sound(history: History) -> Iterator[Observation]:
    """Require an exact `Content-Length`, compression only on request, and open connections.

    Applies to every response. Fails on a wrong length, JSON that its length cuts off, an
    unrequested or wrong encoding, `Connection: close` after a 4xx, a response to a key that a
    shared cache may give to another, what changes and may be repeated for over a minute, 304 for
    the tag of what has changed, two values of a field that is no list, and no answer to
    `Expect: 100-continue` (RFC 9110). Nothing may be chunked for HTTP/1.0, and what is chunked
    states no length (RFC 9112).
    Source: our choice.
    """
    for each in history:
        if not each.status:
            continue
        yield from _check_coding(each)
        yield from check_caching(each)
        yield _check_delivery(each)
        yield from _find_second_values(each)
        yield from _check_connection(history, each)
        length = each.fields.get("content-length")
        framed = each.method != "HEAD" and each.status != 304
        if length is not None and framed and not (each.step and each.step.abandons):
            yield expect(
                parse_length(length) == len(each.body),
                f"Content-Length {len(each.body)}",
                length,
                each,
            )
            yield from _find_cut_letters(each, length)
    for name, group in history.groups.items():
        if name.startswith("coded "):
            yield from _compare_coded(group)
    for each in history.with_role("stale-tag"):
        yield _check_stale_tag(history, each)


def _check_connection(history: History, each: HttpExchange) -> Iterator[Observation]:
    """Require that a 4xx leaves the connection open, where the next request can be told from it."""
    kept = each.status not in _CLOSING_STATUSES and not _is_of_old_version(each)
    if 400 <= each.status < 500 and kept:
        last = each.fields.get("connection", "").lower()
        wanted = f"an open connection after {each.status}"
        seen = expect(last != "close", wanted, f"Connection: {last}", each)
        # A server may close whenever it likes.
        yield seen if history.own or not seen.failed else replace(seen, status="INFO")


def _find_cut_letters(each: HttpExchange, length: str) -> Iterator[Observation]:
    """Find JSON with letters beyond ASCII that ends too early: its letters were counted."""
    is_json = "json" in each.kind and not each.coding
    if is_json and not each.body.isascii() and each.json is None:
        yield fail(
            "JSON that is whole: Content-Length counts bytes, of which some letters have several",
            f"Content-Length: {length}, and a body that ends with {each.body[-20:]!r}",
            each,
        )


def _is_of_old_version(each: HttpExchange) -> bool:
    return each.step is not None and each.step.delivery == "http/1.0"


def _check_delivery(each: HttpExchange) -> Observation:
    """Require an answer to `Expect`, and none in chunks for a version that has no chunks."""
    framing = each.fields.get("transfer-encoding")
    if framing and _is_of_old_version(each):
        return fail("no Transfer-Encoding in HTTP/1.0", framing, each)
    wanted = "100 Continue, or a final answer, before the body is sent"
    return expect(not each.unwelcome, wanted, "neither, for seconds", each)


def _find_second_values(each: HttpExchange) -> Iterator[Observation]:
    """Find what is said twice, so that a gateway and a client may read it differently."""
    if {"content-length", "transfer-encoding"} <= each.fields.keys():
        found = f"Content-Length: {each.fields['content-length']}, and Transfer-Encoding"
        yield fail("Content-Length or Transfer-Encoding, and not both", found, each)
    if len(each.fields) == len(each.headers):
        return
    for name in _SINGLE:
        values = {value for other, value in each.headers if other == name}
        if len(values) > 1:
            yield fail(f"one {name}", " and ".join(sorted(values)), each)


def _check_coding(each: HttpExchange) -> Iterator[Observation]:
    """Require a coding that the request allows, and a body that has it."""
    if not each.coding:
        yield keep_rule(each)
        return
    sent = {name.lower(): value for name, value in each.request_headers}
    allowed = list_allowed(sent.get("accept-encoding"))
    fine = each.coding in allowed or "*" in allowed
    wanted = "no compression that was not requested"
    yield expect(fine, wanted, f"Content-Encoding: {each.coding}", each)
    if each.coding in allowed and each.method == "GET" and each.body:
        wanted = f"a body that is {each.coding}"
        yield expect(_has_its_coding(each), wanted, f"{each.body[:40]!r}", each)


def _has_its_coding(each: HttpExchange) -> bool:
    """Return whether a body has the coding that is named: of a part, its beginning shows that."""
    if each.status != _PART:
        return decompress(each.body, each.coding) is not None
    begins = each.fields.get("content-range", "").startswith("bytes 0-")
    return not begins or begins_as(each.body, each.coding)


def _compare_coded(group: Sequence[HttpExchange]) -> Iterator[Observation]:
    """Require the same status and body under each coding, where it is the same without one."""
    coded = [each for each in group if _names_coding(each)]
    plain = [each for each in group if each not in coded]
    known = {each.content for each in plain}
    if len(known) != 1 or len({each.status for each in plain}) != 1:
        return
    for each in coded:
        wanted = f"{plain[0].status}, and the body that comes without a coding"
        same = each.status == plain[0].status and each.content in known
        yield expect(same, wanted, f"{each.status} {each.content[:60]!r}", plain[0], each)


def _names_coding(exchange: HttpExchange) -> bool:
    return any(name == "accept-encoding" for name, _ in exchange.request_headers)


def _check_stale_tag(history: History, each: HttpExchange) -> Observation:
    """Require a new answer to the tag, or date, of an answer that has changed since."""
    value = each.fields.get("etag", "none")
    if each.status != _NOT_MODIFIED or each.step is None or each.step.donor is None:
        return OK
    before = history.find_named(each.step.donor.step)
    later = next(
        (
            other
            for other in history
            if other.number > each.number
            and (other.path, other.query, other.key) == (each.path, each.query, each.key)
            and other.status == _OK
        ),
        before,
    )
    wanted = "a new answer, since what had that tag or date has changed"
    return expect(later.json == before.json, wanted, f"304, ETag {value}", before, each, later)
