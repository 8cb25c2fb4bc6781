# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that are wrong at an edge: a near miss of a key, a method override, a shared cache."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.model_choice import PIXEL
from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import (
    Asked,
    Reply,
    Scene,
    Wrap,
    answering,
    replies,
    workspaces,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.world.workspaces import Workspace

_KEYS = ("sk_contract_alpha_7f3a9c", "sk_contract_bravo_2d8e41")


def _keys_that(match: Callable[[str, str], bool]) -> Wrap:
    """Know two keys only, and take for one of them what `match` does."""

    def answer(asked: Asked, _scene: Scene) -> None:
        told = asked.headers.get("authorization", "")
        if told.lower().startswith("bearer ") and asked.key not in _KEYS:
            found = [key for key in _KEYS if match(asked.key, key)]
            asked.headers["authorization"] = f"Bearer {found[0] if found else 'unknown'}"

    return answering(answer)


def _ignores_case(told: str, key: str) -> bool:
    return told.startswith("sk_") and told.lower() == key.lower()


def _ignores_the_middle(told: str, key: str) -> bool:
    return len(told) == len(key) and told[:12] == key[:12] and told[-4:] == key[-4:]


def _param_is_model(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Every wrong value of a model is blamed on the model."""
    body = reply.json
    if asked.submits and reply.status == 400 and body["error"].get("param") == "resolution":
        body["error"]["param"] = "model"
        reply.say(body)


def _param_has_its_place(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The name of a field comes with its place, as some frameworks give it."""
    body = reply.json
    if asked.submits and reply.status == 400 and body["error"].get("param"):
        body["error"]["param"] = f"body.{body['error']['param']}"
        reply.say(body)


def _blames_a_field_for_a_key(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A 401 names a field, as the error before it did."""
    if reply.status == 401 and reply.body:
        reply.say({"error": reply.json["error"] | {"param": "aspect_ratio"}})


def _obeys_overrides(asked: Asked, _scene: Scene) -> None:
    """A header changes a GET into a POST."""
    asked.method = asked.headers.pop("x-http-method-override", asked.method)


def _is_cached(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The balance may be kept by shared caches."""
    if asked.path == "/v2/billing/balance" and reply.status == 200:
        reply.headers["cache-control"] = "public, max-age=60"


def _waits_are_kept(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """What is said of a pending video may be repeated for five minutes."""
    if asked.method == "GET" and b'"status":"pending"' in reply.body:
        reply.headers["cache-control"] = "private, max-age=300"


def _queues(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The third of the videos that are pending has a state of its own."""
    body = reply.json
    if asked.method != "GET" or reply.status != 200 or "/videos/" not in asked.path:
        return
    pending = scene.memory.setdefault("pending", [])
    if body["status"] == "pending" and body["id"] not in pending:
        pending.append(body["id"])
    if body["status"] == "pending" and body["id"] in pending[2:]:
        reply.say(body | {"status": "queued"})
    elif body["id"] in pending and body["status"] != "pending":
        pending.remove(body["id"])


def _wants_an_extension(asked: Asked, _scene: Scene) -> Reply | None:
    """A URL of a picture must end with the name of its format."""
    urls = re.findall(rb'"url":"(https:[^"]*)"', asked.body) if asked.submits else []
    if any(not url.endswith(b".png") for url in urls):
        error = {"message": "Not a picture.", "param": "images", "code": "invalid_parameter"}
        reply = Reply(400, {}, b"")
        reply.say({"error": error | {"type": "invalid_request_error"}})
        return reply
    return None


def _loses_a_date(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A range over the end of summer time lacks its last date."""
    if asked.method == "GET" and asked.path == "/v2/billing/costs" and reply.status == 200:
        body = reply.json
        if any(each["date"] == "2025-10-26" for each in body["data"][:-1]):
            reply.say(body | {"data": body["data"][:-1]})


def _takes_any_bytes(asked: Asked, _scene: Scene) -> None:
    """HTML in a data URL is taken for a picture."""
    if asked.submits and b"base64,PGh0bWw+" in asked.body:
        body = json.loads(asked.body)
        body["images"][0]["url"] = PIXEL
        asked.body = json.dumps(body).encode()


def _counts_bytes(asked: Asked, _scene: Scene) -> Reply | None:
    """The length of a prompt is counted in bytes."""
    prompt = asked.json.get("prompt") if asked.submits and isinstance(asked.json, dict) else None
    if not asked.opens or not isinstance(prompt, str) or prompt.isascii():
        return None
    if len(prompt) > 4096 or len(prompt.encode("utf-8", "surrogatepass")) <= 4096:
        return None
    reply = Reply(400, {}, b"")
    error: dict[str, Any] = {"message": "The prompt is too long.", "param": "prompt"}
    reply.say({"error": error | {"type": "invalid_request_error", "code": "invalid_parameter"}})
    return reply


def _failures_keep_slots(workspace: Workspace) -> None:
    """A video that failed holds its slot for ever."""
    admit: Any = workspace.limiter.admit
    limiter: Any = workspace.limiter

    def admitted(kind: Any, now: Any, *, running: int) -> None:
        failed = sum(each.at(now) == "failed" for each in workspace.generations.values())
        admit(kind, now, running=running + failed)

    limiter.admit = admitted


EDGES: tuple[Mutant, ...] = (
    Mutant(
        name="keys-in-any-case",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=_keys_that(_ignores_case),
    ),
    Mutant(
        name="the-middle-of-a-key-is-not-compared",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=_keys_that(_ignores_the_middle),
    ),
    Mutant(
        name="resolutions-are-blamed-on-the-model",
        kind="validation",
        breaks="GP116",
        wrap=replies(_param_is_model),
    ),
    Mutant(
        name="param-carries-its-place",
        kind="validation",
        breaks="GP116",
        wrap=replies(_param_has_its_place),
    ),
    Mutant(
        name="a-field-is-blamed-for-a-key",
        kind="validation",
        breaks="GP116",
        wrap=replies(_blames_a_field_for_a_key),
    ),
    Mutant(
        name="obeys-method-overrides",
        kind="validation",
        breaks="GP111",
        wrap=answering(_obeys_overrides),
    ),
    Mutant(
        name="balances-in-shared-caches", kind="shape", breaks="GP114", wrap=replies(_is_cached)
    ),
    Mutant(
        name="pending-is-kept-for-minutes",
        kind="shape",
        breaks="GP114",
        wrap=replies(_waits_are_kept),
    ),
    Mutant(name="the-third-is-queued", kind="sequence", breaks="GP307", wrap=replies(_queues)),
    Mutant(
        name="urls-need-an-extension",
        kind="validation",
        breaks="GP204",
        wrap=answering(_wants_an_extension),
    ),
    Mutant(name="autumn-loses-a-date", kind="money", breaks="GP508", wrap=replies(_loses_a_date)),
    Mutant(
        name="takes-html-for-a-picture",
        kind="validation",
        breaks="GP210",
        blocker=True,
        wrap=answering(_takes_any_bytes),
    ),
    Mutant(
        name="prompts-are-counted-in-bytes",
        kind="validation",
        breaks="GP205",
        wrap=answering(_counts_bytes),
    ),
    Mutant(
        name="failures-keep-their-slots",
        kind="rate",
        breaks="GP604",
        wrap=workspaces(_failures_keep_slots),
    ),
)
