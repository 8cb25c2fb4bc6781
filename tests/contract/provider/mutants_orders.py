# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that go wrong for what is ordered together, in full, or in another spelling."""

from __future__ import annotations

import base64
import io
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PIL import Image

from getimg_mock.contract.model_choice import PIXEL
from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_input import lenient, refuse, refuse_all
from tests.contract.provider.mutants_rare import cut_tracks
from tests.contract.provider.wrapping import (
    Asked,
    Reply,
    Scene,
    answering,
    list_references,
    replies,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_SUM = 14 << 20
_QUARTER_TURN = 6


def _is_turned(reference: dict[str, Any]) -> bool:
    """Whether a reference is a JPEG that says it is turned."""
    head, _, data = str(reference.get("url")).partition(",")
    return "image/jpeg" in head and b"Exif" in base64.b64decode(data[:400])


def _remembers(condition: Callable[[Any], bool]) -> Callable[[Asked, Reply, Scene], bool]:
    """Return whether a reply is a whole file of an order that fulfilled a condition."""

    def judge(asked: Asked, reply: Reply, scene: Scene) -> bool:
        if asked.submits and reply.status < 300 and reply.json and condition(asked.json):
            scene.memory[reply.json["id"]] = True
        whole = asked.method == "GET" and reply.status == 200 and "range" not in asked.headers
        return asked.downloads and whole and asked.path.split("/")[3] in scene.memory

    return judge


_with_references = _remembers(lambda body: bool(list_references(body)))
_with_turned = _remembers(lambda body: any(map(_is_turned, list_references(body))))
_without_length = _remembers(lambda body: isinstance(body, dict) and "duration" not in body)


def _lies_down(asked: Asked, reply: Reply, scene: Scene) -> None:
    """What is made of references lies where it should stand."""
    if _with_references(asked, reply, scene) and "image" in reply.headers["content-type"]:
        with Image.open(io.BytesIO(reply.body)) as picture:
            if picture.height > picture.width:
                _save(reply, picture.resize(picture.size[::-1]))


def _keeps_metadata(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The metadata of a reference are those of the result."""
    if _with_turned(asked, reply, scene) and reply.body.startswith(b"\xff\xd8"):
        with Image.open(io.BytesIO(reply.body)) as picture:
            exif = Image.Exif()
            exif[0x0112] = _QUARTER_TURN
            _save(reply, picture.copy(), exif=exif)


def _save(reply: Reply, picture: Image.Image, **more: Any) -> None:
    held = io.BytesIO()
    picture.save(held, "JPEG", **more)
    reply.raw(held.getvalue())


def _has_its_own_default(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The file of a video whose length was left out has another length than is said."""
    if _without_length(asked, reply, scene) and reply.body[4:8] == b"ftyp":
        cut_tracks(reply, 1 / 2, {"audio", "video"})


def _is_too_much(asked: Asked, scene: Scene) -> Reply | None:
    """The limit of one picture is taken for that of all pictures of an order."""
    if asked.submits and asked.body.count(b";base64,") > 1 and len(asked.body) > _SUM:
        return refuse_all(asked, scene)
    return None


def _takes_long(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A picture that takes long is answered as a video is."""
    references = list_references(asked.json) if asked.submits and reply.completed else ()
    if len(references) > 1 and asked.json.get("resolution") == "4K":
        reply.say({"id": reply.json["id"], "status": "pending"})


def _no_pairs(asked: Asked, scene: Scene) -> Reply | None:
    """A letter that is escaped as a pair is taken for half of one."""
    pair = re.search(rb"\\ud8[0-9a-f]{2}\\ud[cdef]", asked.body)
    return refuse_all(asked, scene) if pair else None


def _is_a_template(body: dict[str, Any]) -> bool:
    """Whether a prompt would have something put in, if it was taken for a format."""
    return "{0}" in str(body.get("prompt"))


def _quotes_a_charset(asked: Asked, scene: Scene) -> Reply | None:
    """A parameter of the media type must not be quoted."""
    quoted = '"' in asked.headers.get("content-type", "") and asked.submits
    return refuse_all(asked, scene) if quoted else None


def _rounds(body: dict[str, Any]) -> None:
    if isinstance(body.get("duration"), float) and math.isfinite(body["duration"]):
        body["duration"] = round(body["duration"])


def _schemes_in_lower_case(body: dict[str, Any]) -> bool:
    urls = [str(each.get("url")) for each in list_references(body)]
    return any(url.startswith(("HTTPS:", "data:IMAGE")) for url in urls)


def _final_dot(body: dict[str, Any]) -> None:
    for each in list_references(body):
        if str(each.get("url")).startswith("https://127.0.0.1.:"):
            each["url"] = PIXEL


def _truthy_sound(body: dict[str, Any]) -> None:
    if body.get("model") == "seedance-v1-5-pro" and isinstance(body.get("sound"), str):
        body["sound"] = bool(body["sound"])


def _square_or_nearly(body: dict[str, Any]) -> None:
    if body.get("aspect_ratio") == "5:4":
        body["aspect_ratio"] = "1:1"


def _follows_its_reference(body: dict[str, Any]) -> None:
    """What has no ratio of its own gets that of its first reference."""
    references = list_references(body)
    data = str(references[0].get("url")).partition(";base64,")[2] if references else ""
    with suppress(ValueError, OSError):
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        across = picture.width / picture.height
        body.setdefault("aspect_ratio", "16:9" if across > math.sqrt(16 / 9) else "1:1")


ORDERS: tuple[Mutant, ...] = tuple(
    Mutant(name=name, kind=kind, breaks=breaks, wrap=wrap, blocker=breaks == "GP210")  # type: ignore[arg-type]
    for name, kind, breaks, wrap in (
        ("references-lay-it-down", "media", "GP405", replies(_lies_down)),
        ("references-turn-it", "media", "GP405", replies(_keeps_metadata)),
        ("files-have-another-default", "media", "GP405", replies(_has_its_own_default)),
        ("ratios-of-references", "media", "GP405", answering(lenient(_follows_its_reference))),
        ("large-references-add-up", "validation", "GP204", answering(_is_too_much)),
        ("slow-pictures-are-pending", "sequence", "GP301", replies(_takes_long)),
        ("escaped-pairs-are-halves", "validation", "GP215", answering(_no_pairs)),
        ("prompts-are-templates", "validation", "GP104", answering(refuse(_is_a_template, 500))),
        ("charsets-without-quotes", "validation", "GP215", answering(_quotes_a_charset)),
        ("fractions-are-rounded", "validation", "GP202", answering(lenient(_rounds))),
        ("any-text-is-sound", "validation", "GP202", answering(lenient(_truthy_sound))),
        ("schemes-have-a-case", "validation", "GP204", answering(refuse(_schemes_in_lower_case))),
        ("a-final-dot-is-public", "validation", "GP210", answering(lenient(_final_dot))),
        ("5:4-is-square", "validation", "GP204", answering(lenient(_square_or_nearly))),
    )
)
