"""GP4: signed links: their form, their end, and what they protect."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.delivered_files import list_items, list_twins
from getimg_mock.contract.provider.media_probe import sniff_mime_type
from getimg_mock.contract.verdicts import check, expect, fail, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_WORD: Final = re.compile(r"[^\W_]+")


_INTERNAL_NAMES: Final = (".internal", ".local", ".localhost", ".lan", ".svc", ".cluster")

_CLAIMS: Final = ("x-forwarded-host", "x-host", "forwarded")
"""Headers in which a client can say which host it has asked."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_LEEWAY: Final = timedelta(seconds=2)


@check(
    "GP401",
    "A link is an absolute https URL with exp and sig",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented form; clients use it unchanged.",
    fix="Build links from the public base URL, and sign each with exp and sig.",
)
def links_are_signed(history: History) -> Iterator[Observation]:
    """Require absolute https links with `exp` and `sig`.

    Applies to the URL of every delivered item. Fails on a relative or plain http URL, on a missing
    parameter, on a host of a private network other than that of the API, and on a host that only a
    header of the request named. Source: documented.
    """
    plain = history.base.startswith("http://")
    for result, item in list_items(history):
        url = str(item.get("url"))
        parts, query = _read_link(url)
        secure = parts.scheme == "https" or (plain and parts.scheme == "http")
        good = secure and parts.hostname and query.get("exp") and query.get("sig")
        yield expect(good, "an absolute https URL with exp and sig", url, result)
        public = parts.netloc == urlsplit(history.base).netloc or not _is_internal(parts.hostname)
        yield expect(public, "a host that clients can reach", url, result)
        if parts.hostname and parts.netloc != urlsplit(history.base).netloc:
            claimed = any(_names_host(result, name, parts.hostname) for name in _CLAIMS)
            yield expect(not claimed, "a host that no header of the request named", url, result)


def _names_host(exchange: HttpExchange, header: str, host: str) -> bool:
    return any(name == header and host in value for name, value in exchange.request_headers)


@lru_cache(maxsize=1024)
def _read_link(url: str) -> tuple[SplitResult, dict[str, list[str]]]:
    parts = urlsplit(url)
    return parts, parse_qs(parts.query)


def _is_internal(host: str | None) -> bool:
    """Whether a host exists in a private network only: by its address, or by its name."""
    name = (host or "").rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_INTERNAL_NAMES)
    return address.is_private or address.is_link_local or address.is_unspecified


@check(
    "GP402",
    "exp is deletes_at within two seconds, and in the future when issued",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented: the link ends when the file is deleted.",
    fix="Derive exp and deletes_at from one stored time.",
)
def expiry_is_deletion(history: History) -> Iterator[Observation]:
    """Require that `exp` agrees with `deletes_at` within two seconds, and lies in the future.

    Applies to every delivered item. Fails on a larger difference, and on a link that had ended when
    it was issued. Source: inferred.
    """
    for result, item in list_items(history):
        _, query = _read_link(str(item.get("url")))
        exp = parse_instant(query.get("exp", [""])[0])
        gone = parse_instant(item.get("deletes_at"))
        if exp is None or gone is None:
            yield fail("exp and deletes_at as times", item, result)
            continue
        yield expect(
            abs(exp - gone) <= _LEEWAY,
            f"exp at deletes_at, {gone.isoformat()}",
            exp.isoformat(),
            result,
        )
        # A video of an earlier plan may have been made, and deleted, long ago.
        ordered = result.generation in history.submitted
        if ordered and history.ended.get(result.generation, result) is result:
            made = _find_creation_bound(history, result)
            yield expect(
                exp > made.at,
                f"an end after {made.at.isoformat()}, before which it was not made",
                exp.isoformat(),
                made,
                result,
            )


def _find_creation_bound(history: History, result: HttpExchange) -> HttpExchange:
    """Return the last exchange before which a result cannot have been made.

    An image is made during its request. A video may be polled long after it was made, and even
    after it was deleted.
    """
    if result.operation == "images.generate":
        return result
    looks = history.polls.get((result.key, result.path.rpartition("/")[2]), [])
    earlier = [each for each in looks if each.number < result.number]
    return earlier[-1] if earlier else history.submitted.get(result.generation, result)


@check(
    "GP403",
    "A download needs no key",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented, and no known client sends one; a key sent there would be a leak.",
    fix="Authorize downloads by the link's signature alone.",
)
def downloads_need_no_key(history: History) -> Iterator[Observation]:
    """Require that a download succeeds without an API key.

    Applies to downloads before expiry that send no Authorization. Fails on any status but 200, 206
    or 304. Source: documented.
    """
    for got, result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if got.use == "before-expiry":
            continue  # GP315 checks how long a file is available
        if got.status in _REDIRECTS:
            continue  # that the bytes are answered directly is inferred
        ranged = any(name == "range" for name, _ in got.request_headers)
        if got.key == "none" and got.method == "GET" and gone is not None and got.at < gone:
            yield expect(
                got.status in {200, 206, 304} or (got.status == 416 and ranged),
                "200 without a key",
                f"{got.status} {got.body[:100]!r}",
                result,
                got,
            )


@check(
    "GP407",
    "A link whose signature, expiry or path was changed returns no media",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="The signature alone protects a file from other readers. The signature of another "
    "file counts as changed; that of another item is tried where a result has several.",
    fix="Sign the path, the item and exp together, and compare signatures in constant time.",
)
def altered_links_lead_nowhere(history: History) -> Iterator[Observation]:
    """Require a 4xx without media for a link whose signature, expiry or path was changed.

    Applies to altered links, including the signature of another file. Fails when media are
    returned. Source: inferred.
    """
    for each in history:
        altered = each.step is not None and each.step.link and each.step.alter
        if not altered or f"{each.path}?{each.query}" in history.media:
            continue  # an issued link is not an altered one
        yield expect(
            400 <= each.status < 500 and sniff_mime_type(each.body) is None,
            f"401, 403 or 404 and no bytes for a changed {altered}",
            f"{each.status}, {len(each.body)} bytes",
            each,
        )


@check(
    "GP408",
    "After deletes_at a file cannot be downloaded",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="The API promises that files are deleted.",
    fix="Check exp at each download, and delete the file at deletes_at.",
)
def links_expire(history: History) -> Iterator[Observation]:
    """Require that no file can be downloaded after its `deletes_at`.

    Applies to downloads more than two seconds after expiry. Fails on a success. Source: documented.
    """
    for got, result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if gone is not None and got.at > gone + _LEEWAY:
            yield expect(
                got.status >= 400 or got.status in _REDIRECTS,
                f"no file after {gone.isoformat()}",
                got.status,
                result,
                got,
            )


@check(
    "GP411",
    "Links and headers of files contain no key, workspace or id of another generation",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    why="Links are shared and logged. A word on all files of one workspace and on none of "
    "another's identifies the workspace; this needs two keys.",
    fix="Put only the generation's own id, exp and sig into links, and no owner into headers.",
)
def links_leak_nothing(history: History) -> Iterator[Observation]:
    """Require links and download headers without keys, workspace names or other ids.

    Applies to every delivered item and download. Fails on an API key, another generation's id, or a
    word that identifies the workspace. Source: our choice.
    """
    secrets = [secret for _, secret in history.secrets]
    for result, item in list_items(history):
        url = str(item.get("url"))
        others = [name for name in history.submitted if name != result.generation and name in url]
        leaks = [secret for secret in secrets if secret in url]
        yield expect(
            not leaks and not others,
            "a link without keys or other ids",
            "a key" if leaks else others,
            result,
        )
    for got, _result, _item in history.downloads:
        text = " ".join(f"{name}: {value}" for name, value in got.headers)
        yield expect(
            not any(secret in text for secret in secrets),
            "headers without keys",
            "a key in the headers",
            got,
        )
        if "set-cookie" in got.fields:
            yield note("a download sets a cookie", got)
    yield from _check_owners(history)


def _check_owners(history: History) -> Iterator[Observation]:
    """Require that links and headers do not identify the workspace of a file.

    A word identifies a workspace if all its files have the word and none of the other's do. Both
    workspaces submitted the same requests in turn, so that content and time cannot explain it.
    Where all files of a workspace are one, its headers are those of that file.
    """
    signs: dict[str, dict[str, list[set[str]]]] = {}
    shown: dict[str, HttpExchange] = {}
    files: dict[str, set[bytes]] = {}
    for made, got, item in list_twins(history):
        shown[made.key] = got
        files.setdefault(made.key, set()).add(got.body)
        for place, text in _list_signs(got, item):
            words = set(_WORD.findall(text))
            signs.setdefault(place, {}).setdefault(made.key, []).append(words)
    several = any(len(bodies) > 1 for bodies in files.values())
    for place, found in signs.items():
        if len(found) == 2 and (several or not place.startswith("header")):
            yield from _compare_signs(place, [*found.values()], [*shown.values()])


def _compare_signs(
    place: str, found: Sequence[list[set[str]]], shown: Sequence[HttpExchange]
) -> Iterator[Observation]:
    """Require that not all files of each of two workspaces have words of their own in a place."""
    one, other = found
    if min(len(one), len(other)) > 1:
        told = [
            set[str].intersection(*a) - set[str]().union(*b)
            for a, b in ((one, other), (other, one))
        ]
        yield expect(
            not all(told),
            f"nothing in the {place} that identifies the workspace",
            [sorted(words) for words in told],
            *shown,
        )


def _list_signs(got: HttpExchange, item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    parts = urlsplit(str(item.get("url")))
    yield "link", f"{parts.netloc}{parts.path}"
    for name, value in parse_qsl(parts.query):
        if name != "exp":
            yield f"parameter {name}", value
    for name, value in got.headers:
        yield f"header {name}", value
