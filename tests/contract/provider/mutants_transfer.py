"""Providers that go wrong on the way: compression, tags, keys in texts, and now and then."""

# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from collections.abc import Callable

_EACH: Final = 5
_TAG: Final = '"1"'


def _count(scene: Scene, name: str) -> int:
    scene.memory[name] = scene.memory.get(name, 0) + 1
    return int(scene.memory[name])


def _label_only(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Where gzip is allowed, the header says so of a body that is plain."""
    if asked.headers.get("accept-encoding") == "gzip" and asked.method == "GET":
        reply.headers["content-encoding"] = "gzip"


def _one_tag(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The tag of a status is that of its path: an ended video is as the pending one was."""
    if asked.retrieves and reply.status == 200:
        reply.headers["etag"] = _TAG
        if asked.headers.get("if-none-match") == _TAG:
            reply.status = 304
            reply.raw(b"")


def _counts_letters(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The length of an error with typographic quotes is that of its text, not of its bytes."""
    if reply.status == 404 and reply.json:
        text = reply.body.decode().replace("'", "\u2019")
        reply.raw(text.encode()[: len(text)])


def _length_and_chunks(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A gateway sends files in chunks, and passes the length on that the storage had stated."""
    if asked.path.startswith("/v2/downloads/") and reply.status == 200:
        reply.headers["transfer-encoding"] = "chunked"


def _nested_unprocessable(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """What is wrong inside of `images` is 422, as the validation library has it."""
    error = (reply.json or {}).get("error", {}) if reply.status == 400 else {}
    if str(error.get("param", "")).startswith("images["):
        reply.status = 422


def _first_page_total(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The total of costs is that of the first 31 dates, a page of the ledger."""
    if asked.path == "/v2/billing/costs" and reply.json and "data" in reply.json:
        body = reply.json
        body["total_cost"] = round(sum(each["cost"] for each in body["data"][:31]), 9)
        reply.say(body)


def _masked_key(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """An error about a model names the key by its ends."""
    if reply.status == 404 and asked.path.startswith("/v2/models/") and reply.json:
        body = reply.json
        body["error"]["message"] += f" (asked by {asked.key[:6]}...{asked.key[-4:]})"
        reply.say(body)


def _refuses_a_key(asked: Asked, scene: Scene) -> Reply | None:
    """Each thirtieth read with a right key is 401."""
    if asked.method == "GET" and asked.opens and not _count(scene, "reads") % 30:
        asked.headers["authorization"] = "Bearer sk_mock_invalid"
    return None


def _odd_retry(_asked: Asked, reply: Reply, scene: Scene) -> None:
    """Each fifth Retry-After is a third of the time."""
    if reply.status == 429 and "retry-after" in reply.headers and not _count(scene, "429") % _EACH:
        reply.headers["retry-after"] = str(max(1, int(reply.headers["retry-after"]) // 3))


def _replying(name: str, breaks: str, change: Callable[[Asked, Reply, Scene], None]) -> Mutant:
    return Mutant(name=name, kind="shape", breaks=breaks, wrap=replies(change))


TRANSFER: tuple[Mutant, ...] = (
    _replying("compression-is-a-label", "GP114", _label_only),
    _replying("lengths-count-letters", "GP114", _counts_letters),
    _replying("status-tag-never-changes", "GP114", _one_tag),
    _replying("files-state-length-and-chunks", "GP114", _length_and_chunks),
    _replying("nested-fields-are-unprocessable", "GP102", _nested_unprocessable),
    _replying("total-of-the-first-31-dates", "GP508", _first_page_total),
    _replying("ends-of-a-key-in-an-error", "GP705", _masked_key),
    _replying("one-retry-after-in-five-is-short", "GP604", _odd_retry),
    Mutant(
        name="each-thirtieth-key-is-refused",
        kind="isolation",
        breaks="GP701",
        wrap=answering(_refuses_a_key),
    ),
)
