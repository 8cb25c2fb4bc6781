# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers whose files and links are wrong for some requests: by header, order, size or moment."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_media import resigned
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from tests.contract.provider.wrapping import Wrap

_SHORT = 8
_LARGE = 3_000
_LONG_FILM = 200_000


def _signatures_of(count: int) -> Wrap:
    """Take a signature of so few characters where they are the first of the right one."""

    def answer(asked: Asked, scene: Scene) -> Reply | None:
        sent = asked.parameters.get("sig")
        exp = asked.parameters.get("exp", "")
        if not asked.downloads or sent is None or len(sent) != count or not exp.isdigit():
            return None
        name = asked.path.split("/")[3]
        for workspace in scene.fake.store.find_holders(name):
            if workspace.sign_link(name, 0, int(exp)).startswith(sent):
                return resigned(asked, scene)
        return None

    return answering(answer)


def _remembers_refusals(asked: Asked, scene: Scene) -> Reply | None:
    """A file whose first request was refused stays refused."""
    if not asked.downloads:
        return None
    known = scene.memory.setdefault("first", {})
    reply = scene.send(asked)
    first = known.setdefault(asked.path, reply)
    return first if first.status == 403 else reply


def _save(reply: Reply, picture: Image.Image, kind: str) -> None:
    held = io.BytesIO()
    picture.save(held, kind)
    reply.raw(held.getvalue())


def _is_whole_picture(asked: Asked, reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "")
    return asked.downloads and asked.method == "GET" and reply.status == 200 and "image" in kind


def _optimises(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Who says to take WebP gets WebP, whatever was ordered."""
    if _is_whole_picture(asked, reply) and "image/webp" in asked.headers.get("accept", ""):
        with Image.open(io.BytesIO(reply.body)) as picture:
            _save(reply, picture, "WEBP")
        reply.headers["content-type"] = "image/webp"


def _shrinks(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Telephones get a picture of half the width."""
    if _is_whole_picture(asked, reply) and "Mobile" in asked.headers.get("user-agent", ""):
        with Image.open(io.BytesIO(reply.body)) as picture:
            half = picture.resize((picture.width // 2, picture.height // 2))
            _save(reply, half, str(picture.format))


def _follows_claims(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Links begin with the host that a header of the request names."""
    claimed = asked.headers.get("x-forwarded-host")
    if claimed and reply.completed:
        body = reply.json
        body["data"][0]["url"] = body["data"][0]["url"].replace("api.getimg.ai", claimed)
        reply.say(body)


def _merges_formats(asked: Asked, scene: Scene) -> Reply:
    """Orders of one moment with one prompt share the file of the first."""
    twins = scene.memory.setdefault("twins", {})
    if asked.downloads:
        name = asked.path.split("/")[3]
        first = scene.memory.get(name, name)
        if first != name:
            kind = scene.send(asked).headers.get("content-type", "")
            asked.path = asked.path.replace(name, first)
            reply = resigned(asked, scene) or scene.send(asked)
            reply.headers["content-type"] = kind
            return reply
        return scene.send(asked)
    reply = scene.send(asked)
    body: Any = asked.json
    if asked.submits and reply.completed and isinstance(body, dict):
        now = scene.workspace(asked.key).clock.now()
        moment = (now, asked.key, body["prompt"], body["model"])
        scene.memory[reply.json["id"]] = twins.setdefault(moment, reply.json["id"])
    return reply


def _is_whole_png(asked: Asked, reply: Reply) -> bool:
    whole = _is_whole_picture(asked, reply) and "range" not in asked.headers
    return whole and reply.headers["content-type"] == "image/png"


def _without_end(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A PNG lacks its last chunk, which has no pixels."""
    if _is_whole_png(asked, reply):
        reply.raw(reply.body[:-12])


def _with_wrong_sum(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The checksum of the last pixels of a PNG is wrong."""
    if _is_whole_png(asked, reply):
        at = reply.body.rindex(b"IEND") - 8
        reply.raw(reply.body[:at] + bytes(4) + reply.body[at + 4 :])


def _caches_a_part(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A large file is kept by a cache, which holds no more than its beginning."""
    if _is_whole_png(asked, reply):
        with Image.open(io.BytesIO(reply.body)) as picture:
            large = picture.width > _LARGE
        if large and asked.path in scene.memory:
            reply.raw(reply.body[: len(reply.body) // 2])
        scene.memory[asked.path] = True


def _cuts_films(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A film is stored up to a limit: its head says that there is more."""
    film = reply.headers.get("content-type") == "video/mp4"
    whole = asked.downloads and asked.method == "GET" and "range" not in asked.headers
    if film and whole and reply.status == 200 and len(reply.body) > _LONG_FILM:
        reply.raw(reply.body[:_LONG_FILM])


def _parts_are_free(asked: Asked, scene: Scene) -> Reply | None:
    """A part of a file is served to any signature."""
    if asked.downloads and "range" in asked.headers and asked.parameters.get("sig"):
        return resigned(asked, scene)
    return None


def _any_unit(asked: Asked, _scene: Scene) -> None:
    """A range is one of bytes, whatever its unit is called."""
    if asked.downloads and "range" in asked.headers:
        asked.headers["range"] = "bytes=" + asked.headers["range"].partition("=")[2]


def _no_single_byte(asked: Asked, _scene: Scene) -> None:
    """A range of the first byte has the second one, too."""
    if asked.downloads and asked.headers.get("range") == "bytes=0-0":
        asked.headers["range"] = "bytes=0-1"


def _nothing_at_the_end(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A range that begins right at the end is 206, with nothing in it."""
    size = reply.headers.get("content-range", "").rpartition("/")[2]
    if asked.downloads and reply.status == 416 and asked.headers.get("range") == f"bytes={size}-":
        reply.status = 206
        reply.raw(b"")


DOWNLOADS: tuple[Mutant, ...] = (
    Mutant(
        name="eight-digits-are-a-signature",
        kind="media",
        breaks="GP407",
        blocker=True,
        wrap=_signatures_of(_SHORT),
    ),
    Mutant(
        name="no-digits-are-a-signature",
        kind="media",
        breaks="GP407",
        blocker=True,
        wrap=_signatures_of(0),
    ),
    Mutant(
        name="refused-links-stay-refused",
        kind="media",
        breaks="GP403",
        wrap=answering(_remembers_refusals),
    ),
    Mutant(name="webp-for-browsers", kind="media", breaks="GP404", wrap=replies(_optimises)),
    Mutant(name="smaller-for-telephones", kind="media", breaks="GP405", wrap=replies(_shrinks)),
    Mutant(
        name="links-to-a-claimed-host", kind="media", breaks="GP401", wrap=replies(_follows_claims)
    ),
    Mutant(
        name="formats-at-once-share-a-file",
        kind="media",
        breaks="GP404",
        wrap=answering(_merges_formats),
    ),
    Mutant(name="png-has-no-end", kind="media", breaks="GP405", wrap=replies(_without_end)),
    Mutant(name="png-has-a-wrong-sum", kind="media", breaks="GP405", wrap=replies(_with_wrong_sum)),
    Mutant(
        name="large-files-are-cached-in-part",
        kind="media",
        breaks="GP410",
        wrap=replies(_caches_a_part),
    ),
    Mutant(name="long-films-are-cut-off", kind="media", breaks="GP405", wrap=replies(_cuts_films)),
    Mutant(
        name="parts-need-no-signature",
        kind="media",
        breaks="GP407",
        blocker=True,
        wrap=answering(_parts_are_free),
    ),
    Mutant(name="pages-are-bytes", kind="media", breaks="GP409", wrap=answering(_any_unit)),
    Mutant(name="one-byte-is-two", kind="media", breaks="GP409", wrap=answering(_no_single_byte)),
    Mutant(
        name="nothing-at-the-end", kind="media", breaks="GP409", wrap=replies(_nothing_at_the_end)
    ),
)
