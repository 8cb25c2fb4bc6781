# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers whose faults show only in looks that are easily left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies, show_allowance

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE = 3
_OLD_LIST = 5


def _slots_until_looked_at(asked: Asked, scene: Scene) -> Reply | None:
    """A video keeps its slot until a look shows its end."""
    held = scene.memory.setdefault(asked.key, set())
    if asked.method == "POST" and asked.path.endswith("/videos/generations") and asked.opens:
        if len(held) >= _AT_ONCE:
            refusal = Reply(429, {}, b"")
            show_allowance(refusal, scene.workspace(asked.key).compute_allowance("video"))
            error = {"message": "Too many concurrent requests.", "code": "rate_limit"}
            refusal.say({"error": error})
            return refusal
        reply = scene.send(asked)
        if reply.status == 202:
            held.add(reply.json["id"])
        return reply
    reply = scene.send(asked)
    if asked.retrieves and reply.status == 200 and reply.json["status"] != "pending":
        held.discard(reply.json["id"])
    return reply


def _looks_need_no_key(asked: Asked, scene: Scene) -> Reply | None:
    """The status of a video is shown without a key, once its owner has seen its end."""
    known = scene.memory.setdefault("looks", {})
    if asked.retrieves and not asked.key and asked.path in known:
        kept: Reply = known[asked.path]
        return Reply(kept.status, dict(kept.headers), kept.body)
    reply = scene.send(asked)
    if asked.retrieves and reply.completed:
        known[asked.path] = reply
    return reply


def _errors_in_latin1(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """An error whose letters Latin-1 has is written in it."""
    if reply.status >= 400 and reply.json is not None and not reply.body.isascii():
        text = json.dumps(reply.json, ensure_ascii=False)
        try:
            reply.raw(text.encode("latin-1"))
        except UnicodeEncodeError:
            return


def _missing_is_invalid(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A missing field is called an invalid one."""
    body = reply.json
    if reply.status == 400 and body and body["error"]["code"] == "parameter_missing":
        body["error"]["code"] = "invalid_parameter"
        reply.say(body)


def _every_other_code(status: int, code: str) -> Callable[[Asked, Reply, Scene], None]:
    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.status == status:
            body = reply.json
            body["error"]["code"] = code
            reply.say(body)

    return change


def _old_list(asked: Asked, reply: Reply, scene: Scene) -> None:
    """One node of five has a list of before the newest model."""
    if asked.path == "/v2/models" and not asked.query and reply.status == 200 and reply.json:
        scene.memory["lists"] = scene.memory.get("lists", 0) + 1
        if scene.memory["lists"] % _OLD_LIST == 0:
            reply.say(reply.json[:-1])


LOOKS: tuple[Mutant, ...] = (
    Mutant(
        name="slots-until-looked-at",
        kind="rate",
        breaks="GP604",
        wrap=answering(_slots_until_looked_at),
    ),
    Mutant(
        name="looks-at-videos-need-no-key",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=answering(_looks_need_no_key),
    ),
    Mutant(name="errors-in-latin-1", kind="shape", breaks="GP103", wrap=replies(_errors_in_latin1)),
    Mutant(
        name="missing-fields-are-invalid",
        kind="shape",
        breaks="GP105",
        wrap=replies(_missing_is_invalid),
    ),
    Mutant(
        name="limits-have-another-code",
        kind="shape",
        breaks="GP105",
        wrap=replies(_every_other_code(429, "too_many_requests")),
    ),
    Mutant(
        name="one-list-in-five-lacks-a-model",
        kind="shape",
        breaks="GP809",
        wrap=replies(_old_list),
    ),
)
