"""GP4: files, and the links that lead to them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.media_probe import probe_media, sniff_mime_type
from getimg_mock.contract.verdicts import check, expect, fail, note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

_FORMATS: Final = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_WORD: Final = re.compile(r"[^\W_]+")
_LEEWAY: Final = timedelta(seconds=2)


def _list_items(history: History) -> Iterator[tuple[HttpExchange, dict[str, Any]]]:
    for result in history.results:
        for item in result.items:
            yield result, item


def _list_files(history: History) -> Iterator[tuple[HttpExchange, HttpExchange, dict[str, Any]]]:
    """Yield the whole files that came, with the result and the item of their link."""
    for got, result, item in history.downloads:
        if got.status == 200 and got.method == "GET":
            yield got, result, item


@check(
    "GP401",
    "A link is an absolute https URL with exp and sig",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented form; clients use it as it stands.",
)
def links_are_signed(history: History) -> Iterator[Observation]:
    """GP401."""
    plain = history.base.startswith("http://")
    for result, item in _list_items(history):
        url = str(item.get("url"))
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        secure = parts.scheme == "https" or (plain and parts.scheme == "http")
        good = secure and parts.hostname and query.get("exp") and query.get("sig")
        yield expect(good, "an absolute https URL with exp and sig", url, result)


@check(
    "GP402",
    "exp is deletes_at within two seconds, and ahead when given out",
    severity="major",
    evidence="seed",
    cost="T",
    why="Documented: the link ends when the file is deleted.",
)
def expiry_is_deletion(history: History) -> Iterator[Observation]:
    """GP402."""
    for result, item in _list_items(history):
        exp = parse_instant(parse_qs(urlsplit(str(item.get("url"))).query).get("exp", [""])[0])
        gone = parse_instant(item.get("deletes_at"))
        if exp is None or gone is None:
            yield fail("exp and deletes_at as moments", item, result)
            continue
        yield expect(
            abs(exp - gone) <= _LEEWAY,
            f"exp at deletes_at, {gone.isoformat()}",
            exp.isoformat(),
            result,
        )
        if history.ended.get(result.generation, result) is result:
            made = _find_creation_bound(history, result)
            yield expect(
                exp > made.at,
                f"an end after {made.at.isoformat()}, when it was not made",
                exp.isoformat(),
                made,
                result,
            )


def _find_creation_bound(history: History, result: HttpExchange) -> HttpExchange:
    """Return the last exchange before which a result cannot have been made.

    An image is made while it is asked for. A video may be looked at long after it was made, and
    even after it was deleted.
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
    why="Documented, and no client sends one; a key on that host would be a leak.",
)
def downloads_need_no_key(history: History) -> Iterator[Observation]:
    """GP403."""
    for got, result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if got.use == "before-expiry":
            continue  # how long a file can be had is GP315's to say
        if got.key == "none" and got.method == "GET" and gone is not None and got.at < gone:
            yield expect(
                got.status in {200, 206, 304},
                "200 without a key",
                f"{got.status} {got.body[:100]!r}",
                result,
                got,
            )


@check(
    "GP404",
    "Content-Type, bytes and output_format agree with mime_type",
    severity="major",
    evidence="documented",
    cost="T",
    why="Clients name the file by what they asked for.",
)
def formats_are_as_promised(history: History) -> Iterator[Observation]:
    """GP404."""
    for got, result, item in _list_files(history):
        promised = str(item.get("mime_type"))
        yield expect(got.kind == promised, f"Content-Type: {promised}", got.kind, result, got)
        yield expect(
            sniff_mime_type(got.body) == promised,
            f"bytes of {promised}",
            sniff_mime_type(got.body),
            result,
            got,
        )
    for result, item in _list_items(history):
        made = history.submitted.get(result.generation)
        if made is not None and made.operation == "images.generate":
            asked = _FORMATS.get(str(made.asked.get("output_format", "jpeg")))
            if asked is not None:  # that another format is taken at all is GP203's to report
                yield expect(
                    item.get("mime_type") == asked,
                    f"{asked}, as asked for",
                    item.get("mime_type"),
                    made,
                    result,
                )


@check(
    "GP405",
    "Width, height, aspect, duration, fps and sound track are as the fields say",
    severity="major",
    evidence="documented",
    cost="T",
    why="Layouts and players are built from these fields.",
)
def sizes_are_as_promised(history: History) -> Iterator[Observation]:
    """GP405."""
    for got, result, item in _list_files(history):
        found = probe_media(got.body)
        yield expect(not found.flaw, "a file that can be decoded", found.flaw, result, got)
        if found.flaw:
            continue
        size = (item.get("width") or found.width, item.get("height") or found.height)
        yield expect(
            size == (found.width, found.height),
            f"{size[0]}x{size[1]}",
            f"{found.width}x{found.height}",
            result,
            got,
        )
        yield from _check_track(got, result, item)
    for result, item in _list_items(history):
        yield from _check_aspect(history, result, item)


def _check_track(
    got: HttpExchange, result: HttpExchange, item: dict[str, Any]
) -> Iterator[Observation]:
    found = probe_media(got.body)
    seconds, rate = parse_decimal(item.get("duration")), parse_decimal(item.get("fps"))
    if found.mime_type != "video/mp4":
        return
    if seconds is not None:
        close = found.duration is not None and abs(found.duration - float(seconds)) <= 0.15
        yield expect(close, f"a video of {seconds} s", found.duration, result, got)
    if rate is not None:
        close = found.fps is not None and abs(found.fps - float(rate)) <= 0.1
        yield expect(close, f"{rate} frames per second", found.fps, result, got)
    if isinstance(item.get("has_sound"), bool):
        yield expect(
            found.has_sound == item["has_sound"],
            "a sound track" if item["has_sound"] else "no sound track",
            found.has_sound,
            result,
            got,
        )


def _check_aspect(
    history: History, result: HttpExchange, item: dict[str, Any]
) -> Iterator[Observation]:
    made = history.submitted.get(result.generation)
    width, height = parse_decimal(item.get("width")), parse_decimal(item.get("height"))
    if made is None or not width or not height:
        return
    model = history.find_model(made.asked.get("model")) or {}
    ratios = model.get("supported_aspect_ratios") or [None]
    ratio = str(made.asked.get("aspect_ratio", ratios[0]))
    across, _, down = ratio.partition(":")
    if across.isdigit() and down.isdigit() and int(down):
        wanted = int(across) / int(down)
        yield expect(
            abs(float(width / height) / wanted - 1) < 0.06,
            f"an aspect of {ratio}",
            f"{width}x{height}",
            made,
            result,
        )
    wanted_seconds = made.asked.get("duration")
    if wanted_seconds is not None and item.get("duration") is not None:
        yield expect(
            parse_decimal(item["duration"]) == parse_decimal(wanted_seconds),
            f"{wanted_seconds} s, as asked for",
            item["duration"],
            made,
            result,
        )


@check(
    "GP406",
    "has_sound is what was asked for, where the model can",
    severity="minor",
    evidence="documented",
    cost="T",
    why="Sound has a price of its own.",
)
def sound_is_as_asked(history: History) -> Iterator[Observation]:
    """GP406."""
    for result, item in _list_items(history):
        made = history.submitted.get(result.generation)
        if made is None or made.operation != "videos.create" or "has_sound" not in item:
            continue
        model = history.find_model(made.asked.get("model")) or {}
        wanted = bool(made.asked.get("sound", False)) and bool(model.get("supports_sound"))
        yield expect(
            item["has_sound"] is wanted, f"has_sound {wanted}", item["has_sound"], made, result
        )


@check(
    "GP407",
    "A link whose signature, expiry or path was changed gives no bytes",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="The link is the only guard of a file: without this anyone reads anyone's pictures. "
    "The signature of another file counts as changed; that of another item of the same file "
    "can be tried where a result has several.",
)
def altered_links_lead_nowhere(history: History) -> Iterator[Observation]:
    """GP407."""
    for each in history:
        if each.step is None or not each.step.alter or f"{each.path}?{each.query}" in history.media:
            continue  # what was given out as a link is none that was altered
        yield expect(
            400 <= each.status < 500 and sniff_mime_type(each.body) is None,
            f"401, 403 or 404 and no bytes for a changed {each.step.alter}",
            f"{each.status}, {len(each.body)} bytes",
            each,
        )


@check(
    "GP408",
    "After deletes_at there is no file",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="People are promised that their pictures are deleted.",
)
def links_expire(history: History) -> Iterator[Observation]:
    """GP408."""
    for got, result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if gone is not None and got.at > gone + _LEEWAY:
            yield expect(
                got.status >= 400, f"no file after {gone.isoformat()}", got.status, result, got
            )


@check(
    "GP409",
    "Lengths are exact, Range is honoured or ignored, HEAD agrees with GET",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="Resumed downloads are built on it (RFC 9110).",
)
def transfers_are_exact(history: History) -> Iterator[Observation]:
    """GP409."""
    whole: dict[str, HttpExchange] = {}
    for got, _result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if gone is not None and got.at >= gone:
            continue
        where = f"{got.path}?{got.query}"
        ranged = next((v for n, v in got.request_headers if n == "range"), None)
        if got.status == 200 and got.method == "GET" and ranged is None:
            whole.setdefault(where, got)
            length = got.fields.get("content-length")
            yield expect(
                length in {None, str(len(got.body))}, f"Content-Length {len(got.body)}", length, got
            )
        elif ranged is not None and got.method == "GET" and where in whole:
            yield from _check_range(got, whole[where], ranged)
        elif got.method == "HEAD" and where in whole:
            full = whole[where]
            same = got.status == full.status and got.fields.get(
                "content-length"
            ) == full.fields.get("content-length")
            yield expect(
                same or got.status == 405,
                "HEAD as GET, without the body",
                f"{got.status}, {got.fields.get('content-length')}",
                full,
                got,
            )


def _check_range(got: HttpExchange, whole: HttpExchange, asked: str) -> Iterator[Observation]:
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not (first.isdigit() and last.isdigit()):
        return
    if got.status == 206:
        part = whole.body[int(first) : int(last) + 1]
        shown = got.fields.get("content-range", "none")
        good = got.body == part and shown.endswith(f"/{len(whole.body)}")
        yield expect(
            good,
            f"bytes {first}-{last}/{len(whole.body)} of the file",
            f"{len(got.body)} bytes, Content-Range {shown}",
            whole,
            got,
        )
    else:
        yield expect(
            got.status == 200 and got.body == whole.body,
            "206, or the whole file with 200",
            f"{got.status}, {len(got.body)} bytes",
            whole,
            got,
        )


@check(
    "GP410",
    "Two downloads of one link are byte for byte the same",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="Whoever resumes or verifies by hash needs it.",
)
def downloads_repeat(history: History) -> Iterator[Observation]:
    """GP410."""
    seen: dict[str, HttpExchange] = {}
    for got, _result, _item in _list_files(history):
        first = seen.setdefault(got.path, got)
        if first is not got:
            yield expect(
                first.body == got.body,
                "the same bytes again",
                f"{len(first.body)} and {len(got.body)} bytes",
                first,
                got,
            )


@check(
    "GP411",
    "Neither link nor headers of a file show a key, a workspace or another's id",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="Links are passed on and logged. What stands on all files of one workspace and on "
    "none of another's names the workspace; with one key alone that cannot be seen.",
)
def links_leak_nothing(history: History) -> Iterator[Observation]:
    """GP411."""
    secrets = [secret for _, secret in history.secrets]
    for result, item in _list_items(history):
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
    """Hold that no link and no header of two workspaces' files says whose they are.

    What stands on all files of the one and on none of the other would, if it is so for both. They
    ordered the same by turns: neither what was ordered nor when tells the files apart.
    """
    signs: dict[str, dict[str, list[set[str]]]] = {}
    shown: dict[str, HttpExchange] = {}
    for got, result, item in history.downloads:
        made = history.submitted.get(result.generation)
        if made is not None and made.use == "twin" and got.status == 200:
            shown[made.key] = got
            for place, text in _list_signs(got, item):
                words = set(_WORD.findall(text))
                signs.setdefault(place, {}).setdefault(made.key, []).append(words)
    for place, found in signs.items():
        if len(found) == 2 and all(len(words) > 1 for words in found.values()):
            one, other = found.values()
            told = [
                set[str].intersection(*a) - set[str]().union(*b)
                for a, b in ((one, other), (other, one))
            ]
            yield expect(
                not all(told),
                f"nothing in the {place} that tells one workspace's files from another's",
                [sorted(words) for words in told],
                *shown.values(),
            )


def _list_signs(got: HttpExchange, item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    parts = urlsplit(str(item.get("url")))
    yield "link", f"{parts.netloc}{parts.path}"
    for name, value in parse_qsl(parts.query):
        if name != "exp":
            yield f"parameter {name}", value
    for name, value in got.headers:
        yield f"header {name}", value
