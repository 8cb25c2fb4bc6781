"""GP1: methods, paths and headers, by the rules of HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.verdicts import check, expect, fail_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


# Errors after which a server cannot know where the next request begins, or has no more patience.
_CLOSING_STATUSES: Final = (408, 413, 431)


_PRIVATE_OPERATIONS: Final = frozenset(
    {"images.generate", "videos.create", "videos.retrieve", "billing.balance", "billing.costs"}
)


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

    Applies to every response. Fails on a wrong length, an unrequested encoding, `Connection:
    close` after a 4xx, and a response to a key that a shared cache may give to another. Source: our
    choice.
    """
    for each in history:
        if not each.status:
            continue
        asked = any(name == "accept-encoding" for name, _ in each.request_headers)
        coding = each.fields.get("content-encoding", "identity")
        yield expect(
            asked or coding == "identity", "no compression that was not requested", coding, each
        )
        yield from _check_caching(each)
        if 400 <= each.status < 500 and each.status not in _CLOSING_STATUSES:
            last = each.fields.get("connection", "").lower()
            seen = expect(
                last != "close",
                f"an open connection after {each.status}",
                f"Connection: {last}",
                each,
            )
            # A server may close whenever it likes.
            yield seen if history.own or not seen.failed else replace(seen, status="INFO")
        length = each.fields.get("content-length")
        if length is not None and each.method != "HEAD" and each.status != 304:
            yield expect(
                length == str(len(each.body)), f"Content-Length {len(each.body)}", length, each
            )


def _check_caching(each: HttpExchange) -> Iterator[Observation]:
    """Require that caches do not share what one workspace was told, nor tell it late."""
    if each.operation not in _PRIVATE_OPERATIONS or each.key not in {"a", "b"}:
        return
    told = each.fields.get("cache-control", "").lower()
    words = {word.strip().partition("=")[0] for word in told.split(",")}
    shared = {"public", "s-maxage"} & words and "no-store" not in words
    age = each.fields.get("age", "0")
    if shared or age.strip() != "0":
        wanted = "no response to a key from a shared cache, or for one"
        yield fail_as("WARN", wanted, f"Cache-Control: {told or 'none'}, Age: {age}", each)
