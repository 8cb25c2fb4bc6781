"""Legal services: each answers, where the documentation leaves it open, unlike the fake.

They are judged as services other than the fake, and compared with it. A failure on any of them is a
false positive. The variants of `benign` keep every MUST even where it is an assumption; these need
not.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.contract.provider.wrapping import (
    Asked,
    Reply,
    Scene,
    Wrap,
    answering,
    list_references,
    replies,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalService:
    """One legal service; `plans` are the beginnings of the names of the plans that it concerns."""

    name: str
    wrap: Wrap
    plans: tuple[str, ...]


_ROW = {"content-type": "application/json"}
_RATES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def _refuse(status: int, code: str, param: str | None = None) -> Reply:
    error = {"message": "No.", "type": "invalid_request_error", "param": param, "code": code}
    body = json.dumps({"error": error}).encode()
    return Reply(status, _ROW | {"content-length": str(len(body))}, body)


def _refusing(
    condition: Callable[[Asked], object], status: int = 400, code: str = "invalid_parameter"
) -> Wrap:
    """Refuse what a condition names, for holders of a key."""

    def answer(asked: Asked, _scene: Scene) -> Reply | None:
        return _refuse(status, code) if asked.opens and condition(asked) else None

    return answering(answer)


def _changing(change: Callable[[Asked], None]) -> Wrap:
    def answer(asked: Asked, scene: Scene) -> Reply:
        change(asked)
        return scene.send(asked)

    return answering(answer)


def _exact_scheme(asked: Asked, _scene: Scene) -> Reply | None:
    """Nothing but `Bearer` with one space is a scheme."""
    told = asked.headers.get("authorization", "Bearer x")
    exact = told.startswith("Bearer ") and not told.startswith("Bearer  ")
    return None if exact else _refuse(401, "invalid_api_key")


def _no_rates_on_refusals(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status >= 400 and reply.status != 429:
        reply.headers = {n: v for n, v in reply.headers.items() if n not in _RATES}


def _rates_everywhere(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if "x-ratelimit-limit" not in reply.headers:
        reply.headers |= dict(zip(_RATES, ("60", "59", "1788264090"), strict=True))


def _one_slash(asked: Asked) -> None:
    while "//" in asked.path:
        asked.path = asked.path.replace("//", "/")


def _redirect_slashes(asked: Asked, _scene: Scene) -> Reply | None:
    if "//" not in asked.path:
        return None
    return Reply(308, {"location": asked.path.replace("//", "/"), "content-length": "0"}, b"")


def _references(asked: Asked) -> list[str]:
    found = (each.get("url") for each in list_references(asked.json))
    return [url for url in found if isinstance(url, str)]


def _unfetched(asked: Asked) -> bool:
    """No address can be fetched, so that all orders with one are refused."""
    return asked.submits and b'"https:' in asked.body.lower()


def _mislabelled(asked: Asked) -> bool:
    return any(url.startswith("data:image/jpeg;base64,iVBOR") for url in _references(asked))


def _relabel(asked: Asked) -> None:
    if asked.submits and _mislabelled(asked):
        asked.body = asked.body.replace(
            b"data:image/jpeg;base64,iVBOR", b"data:image/png;base64,iVBOR"
        )


def _noisy(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Show totals and costs with what binary floating point makes of them."""
    body = reply.json
    if isinstance(body, dict) and isinstance(body.get("usage"), dict):
        total = body["usage"]["total_cost"]
        reply.say(body | {"usage": body["usage"] | {"total_cost": math.nextafter(total, math.inf)}})


def _close(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    reply.headers["connection"] = "close"


def _serve_in_rotation(_asked: Asked, reply: Reply, scene: Scene) -> None:
    if reply.headers.get("content-type", "").startswith(("image/", "video/")):
        scene.memory["files"] = scene.memory.get("files", -1) + 1
        reply.headers["x-served-by"] = ("edge-north", "edge-south")[scene.memory["files"] % 2]


def _chunked(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    reply.headers.pop("content-length", None)
    reply.headers["transfer-encoding"] = "chunked"


def _empty_range(asked: Asked) -> bool:
    told = asked.parameters
    return asked.path.endswith("/costs") and told.get("start") == told.get("end")


_KNOWN = frozenset(
    (
        "model",
        "prompt",
        "aspect_ratio",
        "resolution",
        "output_format",
        "images",
        "duration",
        "sound",
    )
)


def _unknown(asked: Asked) -> bool:
    return asked.submits and isinstance(asked.json, dict) and bool(asked.json.keys() - _KNOWN)


def _any_type(asked: Asked) -> None:
    if asked.submits:
        asked.headers["content-type"] = "application/json"


def _has_duplicates(asked: Asked) -> bool:
    def look(pairs: list[tuple[str, Any]]) -> Any:
        found.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    found: list[bool] = []
    try:
        json.loads(asked.body[: 1 << 20], object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return asked.submits and any(found)


def _many_units(asked: Asked) -> bool:
    prompt = asked.json.get("prompt") if isinstance(asked.json, dict) else None
    return isinstance(prompt, str) and len(prompt.encode("utf-16-le", "surrogatepass")) > 8192


def _is_odd_text(asked: Asked) -> bool:
    prompt = asked.json.get("prompt") if isinstance(asked.json, dict) else None
    return isinstance(prompt, str) and any(
        not letter.isprintable() or ord(letter) > 0xFFFF for letter in prompt
    )


def _drop_nulls(asked: Asked) -> None:
    if asked.submits and isinstance(asked.json, dict) and b"null" in asked.body:
        kept = {
            name: value
            for name, value in asked.json.items()
            if value is not None or name in {"model", "prompt"}
        }
        asked.body = json.dumps(kept).encode()


def _bare_wrong_methods(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 405:
        reply.headers.pop("allow", None)
        reply.status = 404
    del asked


def _cors(asked: Asked, _scene: Scene) -> Reply | None:
    return (
        Reply(204, {"access-control-allow-origin": "*"}, b"") if asked.method == "OPTIONS" else None
    )


def _retry_after(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 429:
        reply.headers.setdefault("retry-after", "30")
    if asked.retrieves and reply.status == 200 and not reply.completed:
        reply.headers["retry-after"] = "5"


def _is_float(asked: Asked) -> bool:
    return asked.submits and isinstance((asked.json or {}).get("duration"), float)


def _show_dates(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Show the range of the whole dates."""
    if asked.path.endswith("/costs") and reply.status == 200 and reply.body:
        first, last = (reply.json["data"][place]["date"] for place in (0, -1))
        dates = {"start": f"{first}T00:00:00Z", "end": f"{last}T23:59:59.999Z"}
        reply.say(reply.json | dates)


def _own_list(asked: Asked, scene: Scene) -> Reply | None:
    """There is a list of what the key itself has ordered."""
    if asked.method != "GET" or not asked.path.endswith("/generations") or not asked.opens:
        return None
    reply = Reply(200, dict(_ROW), b"")
    reply.say([{"id": name} for name in scene.workspace(asked.key).generations])
    return reply


_BODIES = ("images: ", "videos: ")
_LIMITS = ("more images than the limit", "more videos than the limit", "one video at a time")

LEGAL: tuple[LegalService, ...] = (
    LegalService(name="the scheme is exact", wrap=answering(_exact_scheme), plans=("schemes",)),
    LegalService(
        name="no rate headers on refusals",
        wrap=replies(_no_rates_on_refusals),
        plans=("images: missing", "videos: missing", "what cannot be paid", *_LIMITS),
    ),
    LegalService(
        name="rate headers on every answer",
        wrap=replies(_rates_everywhere),
        plans=("the catalogue", "bad keys", "images: missing", "an image and its file"),
    ),
    LegalService(
        name="binary noise in totals",
        wrap=replies(_noisy),
        plans=("an image and its file", "longer videos", "many equal", "money of a working day"),
    ),
    LegalService(name="two slashes are one", wrap=_changing(_one_slash), plans=("paths",)),
    LegalService(name="two slashes redirect", wrap=answering(_redirect_slashes), plans=("paths",)),
    LegalService(
        name="the label of a data URL counts",
        wrap=_refusing(_mislabelled),
        plans=("images: references", "videos: references"),
    ),
    LegalService(
        name="no reference can be fetched",
        wrap=_refusing(_unfetched),
        plans=("images: references", "videos: references"),
    ),
    LegalService(
        name="the bytes of a data URL count",
        wrap=_changing(_relabel),
        plans=("images: references", "videos: references"),
    ),
    LegalService(
        name="every connection closes",
        wrap=replies(_close),
        plans=("the catalogue", "bad keys", "images: missing", "an image and its file"),
    ),
    LegalService(
        name="two servers have the files in rotation",
        wrap=replies(_serve_in_rotation),
        plans=("files of two workspaces",),
    ),
    LegalService(
        name="answers in chunks",
        wrap=replies(_chunked),
        plans=("the catalogue", "bad keys", "an image and its file", "a video from"),
    ),
    LegalService(
        name="an empty range is refused", wrap=_refusing(_empty_range), plans=("ranges of costs",)
    ),
    LegalService(
        name="ranges are shown by their dates",
        wrap=replies(_show_dates),
        plans=("ranges of costs",),
    ),
    LegalService(
        name="orders of one's own are listed",
        wrap=answering(_own_list),
        plans=("two workspaces",),
    ),
    LegalService(name="unknown fields are refused", wrap=_refusing(_unknown), plans=_BODIES),
    LegalService(name="every media type is JSON", wrap=_changing(_any_type), plans=_BODIES),
    LegalService(
        name="duplicate keys are refused",
        wrap=_refusing(_has_duplicates),
        plans=("images: duplicate", "videos: duplicate"),
    ),
    LegalService(name="prompts are counted in UTF-16", wrap=_refusing(_many_units), plans=_BODIES),
    LegalService(name="prompts are plain text", wrap=_refusing(_is_odd_text), plans=_BODIES),
    LegalService(name="null is absent", wrap=_changing(_drop_nulls), plans=_BODIES),
    LegalService(
        name="5.0 is not an integer", wrap=_refusing(_is_float), plans=("videos: one number",)
    ),
    LegalService(
        name="a wrong method is an unknown path",
        wrap=replies(_bare_wrong_methods),
        plans=("methods",),
    ),
    LegalService(name="OPTIONS is answered by an edge", wrap=answering(_cors), plans=("methods",)),
    LegalService(
        name="every refusal says when to come back",
        wrap=replies(_retry_after),
        plans=(*_LIMITS, "a video from"),
    ),
)
