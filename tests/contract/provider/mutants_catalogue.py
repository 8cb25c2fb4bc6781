"""Providers whose list of models contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_shape import body_of, headers
from tests.contract.provider.wrapping import Asked, Reply, Scene, Wrap, answering, replies

if TYPE_CHECKING:
    from collections.abc import Callable


def _rates(edit: Callable[[list[Any]], None]) -> Wrap:
    def change(body: Any) -> Any:
        for model in body if isinstance(body, list) else [body]:
            edit(model["pricing"]["rates"])
        return body

    return body_of("/v2/models", change)


def _price_noise(rates: list[Any]) -> None:
    for rate in rates:
        rate["unit_price"] += "0000000000000001"


def _volume(rates: list[Any]) -> None:
    for rate in rates:
        rate["volume"] = [{"from": 1000, "unit_price": float(rate["unit_price"])}]


def _price_number(rates: list[Any]) -> None:
    for rate in rates:
        rate["unit_price"] = float(rate["unit_price"])


def _twice(rates: list[Any]) -> None:
    rates.insert(0, dict(rates[0]))


def _durations(body: Any) -> Any:
    for model in body if isinstance(body, list) else [body]:
        if model["type"] == "image":
            model["supported_durations"] = [5]
    return body


def _without_one(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path == "/v2/models" and "type=image" in asked.query and reply.status == 200:
        reply.say(reply.json[:-1])


def _ignore_type(asked: Asked, scene: Scene) -> Reply | None:
    if asked.path == "/v2/models" and asked.query:
        asked.query = ""
        return scene.send(asked)
    return None


def _other_name(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path.startswith("/v2/models/") and reply.status == 200 and reply.body:
        reply.say(reply.json | {"name": reply.json["name"] + " (beta)"})


def _unknown_model(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path.startswith("/v2/models/") and reply.status == 404:
        reply.status = 200
        reply.say(None)


def _unknown_model_is_400(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.path.startswith("/v2/models/") and reply.status == 404:
        reply.status = 400


def _bad_type_is_nothing(asked: Asked, reply: Reply) -> None:
    if asked.path == "/v2/models" and reply.status == 400:
        reply.status = 200
        reply.say([])


def _flicker(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.path == "/v2/models" and reply.status == 200:
        scene.memory["n"] = scene.memory.get("n", 0) + 1
        if scene.memory["n"] % 2 == 0:
            body = reply.json
            reply.say(body[1:] + body[:1])


CATALOGUE: tuple[Mutant, ...] = tuple(
    Mutant(name=name, kind="shape", breaks=breaks, wrap=wrap)
    for name, breaks, wrap in (
        ("catalogue-prices-have-binary-noise", "GP109", _rates(_price_noise)),
        ("volume-prices-are-numbers", "GP110", _rates(_volume)),
        ("catalogue-prices-are-numbers", "GP110", _rates(_price_number)),
        ("rates-unordered", "GP805", _rates(lambda rates: rates.reverse())),
        ("rates-doubled", "GP805", _rates(_twice)),
        ("images-have-durations", "GP806", body_of("/v2/models", _durations)),
        ("type-drops-a-model", "GP802", replies(_without_one)),
        ("type-is-ignored", "GP802", answering(_ignore_type)),
        ("model-differs-from-its-entry", "GP803", replies(_other_name)),
        ("unknown-model-is-400", "GP804", replies(_unknown_model_is_400)),
        ("a-bad-type-is-nothing", "GP804", headers(_bad_type_is_nothing)),
        ("unknown-model-is-null", "GP804", replies(_unknown_model)),
        ("list-flickers", "GP809", replies(_flicker)),
    )
)
