"""Legal variants of the provider: each differs from the fake as a right service may differ.

A MUST failure on any of them is a false positive of the check.
"""

# ruff: noqa: D401 - the docstring of a variant says what is different about it

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from tests.contract.provider.mutants_shape import body_of, errors, headers, result
from tests.contract.provider.wrapping import Asked, Reply, Scene, Wrap, answering, both, replies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_TOGETHER = 6
# Pairs of which one undoes the other.
_CONTRADICTIONS = ({"indented JSON", "escaped JSON"},)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One legal variant; `settings` are the fake's own."""

    name: str
    wrap: Wrap | None = None
    settings: tuple[tuple[str, Any], ...] = ()


def _unknown_everywhere(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unknown_everywhere(each) for name, each in value.items()} | {"x_new": 1}
    return [_unknown_everywhere(each) for each in value] if isinstance(value, list) else value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(each) for each in value] if isinstance(value, list) else value


def _every_json(edit: Callable[[Any], Any]) -> Wrap:
    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.json is not None:
            reply.say(edit(reply.json))

    return replies(change)


def _spaced(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.json is not None:
        reply.raw(json.dumps(reply.json, indent=2).encode() + b"\n")


def _escaped(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.json is not None:
        reply.raw(json.dumps(reply.json, ensure_ascii=True).encode())


def _charset(_asked: Asked, reply: Reply) -> None:
    if reply.headers.get("content-type") == "application/json":
        reply.headers["content-type"] = "application/json; charset=utf-8"


def _upper(_asked: Asked, reply: Reply) -> None:
    reply.headers = {name.title(): value for name, value in reply.headers.items()}


def _more_headers(_asked: Asked, reply: Reply) -> None:
    reply.headers |= {"server": "edge", "x-request-id": "1b671a64", "vary": "Accept"}


def _no_ours(_asked: Asked, reply: Reply) -> None:
    reply.headers = {n: v for n, v in reply.headers.items() if not n.startswith("x-mock")}


def _no_length(_asked: Asked, reply: Reply) -> None:
    reply.headers.pop("content-length", None)


def _two_places(body: dict[str, Any]) -> dict[str, Any]:
    whole, _, cents = body["balance"].partition(".")
    return body | {"balance": f"{whole}.{cents.ljust(6, '0')}"}


def _padded_prices(body: Any) -> Any:
    for model in body if isinstance(body, list) else [body]:
        for rate in model["pricing"]["rates"]:
            whole, _, part = rate["unit_price"].partition(".")
            rate["unit_price"] = f"{whole}.{part.ljust(4, '0')}"
    return body


def _trailing_zeros(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.completed:
        total = str(reply.json["usage"]["total_cost"])
        more = total + "0" if "." in total else total + ".0"
        reply.raw(
            reply.body.replace(f'"total_cost":{total}'.encode(), f'"total_cost":{more}'.encode())
        )


def _ids(pattern: Callable[[str], str], back: Callable[[str], str]) -> Wrap:
    """Give generations other ids, everywhere."""

    def answer(asked: Asked, scene: Scene) -> Reply | None:
        parts = asked.path.split("/")
        at = {"videos": 4, "downloads": 3}.get(parts[2] if len(parts) > 2 else "", 0)
        if at and len(parts) > at and parts[at]:
            parts[at] = back(parts[at])
            asked.path = "/".join(parts)
        reply = scene.send(asked)
        body = reply.json
        name = body.get("id") if isinstance(body, dict) and "type" not in body else None
        if isinstance(name, str):
            reply.raw(reply.body.replace(name.encode(), pattern(name).encode()))
        return reply

    return answering(answer)


def _resigned(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A link gets another, equally good, parameter with each answer."""
    if reply.completed:
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        body = reply.json
        body["data"][0]["url"] += f"&n={scene.memory['n']}"
        reply.say(body)
    del asked


def _ignore_n(asked: Asked, scene: Scene) -> Reply | None:
    if asked.downloads:
        asked.query = "&".join(p for p in asked.query.split("&") if not p.startswith("n="))
        return scene.send(asked)
    return None


def _status(old: int, new: int, *, path: tuple[str, ...] = ("/",)) -> Wrap:
    def change(asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.status == old and asked.path.startswith(path):
            reply.status = new

    return replies(change)


def _no_ranges(asked: Asked, scene: Scene) -> Reply | None:
    asked.headers.pop("range", None)
    return scene.send(asked)


def _no_optional(body: dict[str, Any]) -> None:
    for name in ("width", "height", "fps", "duration"):
        body["data"][0].pop(name, None)


def _null_optional(body: dict[str, Any]) -> None:
    for name in ("width", "height"):
        body["data"][0][name] = None


def _offset(body: dict[str, Any]) -> None:
    moment = body["data"][0]["deletes_at"]
    body["data"][0]["deletes_at"] = moment.replace("Z", "+00:00")


def _terse(body: dict[str, Any]) -> Any:
    error = body["error"]
    return {"error": {"message": error["message"], "code": error["code"]}}


def _cased(_asked: Asked, reply: Reply) -> None:
    if reply.headers.get("content-type") == "application/json":
        reply.headers["content-type"] = "Application/JSON"


def _numbered(_asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every error has an id of its own, and the time."""
    if reply.status >= 400 and isinstance(reply.json, dict):
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        moment = max([each.clock.now().isoformat() for each in scene.fake.store], default="none")
        reply.say(reply.json | {"request": f"r{scene.memory['n']}", "asked_at": moment})


def _edge(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A file comes from a cache at the edge, which says so."""
    if asked.downloads and reply.status < 300:
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        reply.headers |= {
            "cache-control": "private, max-age=60",
            "x-cache": "MISS from edge 7",
            "age": str(scene.memory["n"]),
            "via": "1.1 edge",
        }


BENIGN: tuple[Variant, ...] = (
    Variant(name="the fake itself"),
    Variant(name="another seed", settings=(("seed", "1729"),)),
    Variant(name="slow videos", settings=(("video_seconds", "200..400"),)),
    Variant(name="videos at once", settings=(("video_seconds", "0"),)),
    Variant(name="slow images", settings=(("image_seconds", "25..35"),)),
    Variant(name="short windows", settings=(("rate_window", "10"),)),
    Variant(name="long windows", settings=(("rate_window", "3600"),)),
    Variant(name="files for a week", settings=(("retention", "604800"),)),
    Variant(name="expired links are 403", settings=(("expired_status", "403"),)),
    Variant(name="expired links are 404", settings=(("expired_status", "404"),)),
    Variant(name="tampered links are 401", settings=(("tampered_status", "401"),)),
    Variant(name="tampered links are 404", settings=(("tampered_status", "404"),)),
    Variant(name="charged at submission", settings=(("charge_at", "submission"),)),
    Variant(name="a large balance", settings=(("balance", "98765.4321"),)),
    Variant(name="without our headers", settings=(("mock_headers", "false"),)),
    Variant(name="unknown fields everywhere", wrap=_every_json(_unknown_everywhere)),
    Variant(name="keys in another order", wrap=_every_json(_reversed)),
    Variant(name="indented JSON", wrap=replies(_spaced)),
    Variant(name="escaped JSON", wrap=replies(_escaped)),
    Variant(name="with a charset", wrap=headers(_charset)),
    Variant(name="media type in capitals", wrap=headers(_cased)),
    Variant(name="header names in capitals", wrap=headers(_upper)),
    Variant(name="more headers", wrap=headers(_more_headers)),
    Variant(name="no X-Mock headers", wrap=headers(_no_ours)),
    Variant(name="no Content-Length", wrap=headers(_no_length)),
    Variant(name="balance with six places", wrap=body_of("/v2/billing/balance", _two_places)),
    Variant(name="prices with four places", wrap=body_of("/v2/models", _padded_prices)),
    Variant(name="0.10 for 0.1", wrap=replies(_trailing_zeros)),
    Variant(
        name="ids are lower-case", wrap=_ids(str.lower, lambda name: f"req-{name[4:].upper()}")
    ),
    Variant(
        name="ids have a prefix",
        wrap=_ids(lambda name: f"gen_{name}", lambda name: name.removeprefix("gen_")),
    ),
    Variant(name="links are signed anew", wrap=both(answering(_ignore_n), replies(_resigned))),
    Variant(
        name="invalid orders are 422", wrap=_status(400, 422, path=("/v2/images", "/v2/videos"))
    ),
    Variant(name="wrong content types are 400", wrap=_status(415, 400)),
    Variant(name="too large is 400", wrap=_status(413, 400)),
    Variant(name="no ranges", wrap=answering(_no_ranges)),
    Variant(name="no optional fields", wrap=result(_no_optional)),
    Variant(name="optional fields are null", wrap=result(_null_optional)),
    Variant(name="an offset instead of Z", wrap=result(_offset)),
    Variant(name="errors of two fields", wrap=errors(_terse)),
    Variant(name="errors with an id of their own", wrap=replies(_numbered)),
    Variant(name="files from the edge", wrap=replies(_edge)),
    Variant(
        name="errors with more fields",
        wrap=errors(lambda body: body["error"].update(request_id="r-1", docs=None)),
    ),
)


def combine(variants: Sequence[Variant]) -> Variant:
    """Return one provider that differs in everything in which those variants differ."""
    wraps = [each.wrap for each in variants if each.wrap is not None]
    return Variant(
        name=", ".join(each.name for each in variants),
        wrap=reduce(both, wraps) if wraps else None,
        settings=tuple(pair for each in variants for pair in each.settings),
    )


def combinations() -> list[Variant]:
    """Return every variant once, up to six of them in one provider.

    Variants of one setting are in different providers, and so are those that change one thing.
    """
    groups: list[list[Variant]] = []
    for variant in BENIGN:
        for group in groups:
            if len(group) < _TOGETHER and not any(_meet(variant, each) for each in group):
                group.append(variant)
                break
        else:
            groups.append([variant])
    return [combine(group) for group in groups]


def _meet(one: Variant, other: Variant) -> bool:
    settings = dict(one.settings).keys() & dict(other.settings).keys()
    return bool(settings) or {one.name, other.name} in _CONTRADICTIONS
