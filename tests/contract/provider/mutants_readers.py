# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that go wrong for some readers, and for some names of what they read."""

from __future__ import annotations

import json
import re
from typing import Final

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_input import refuse_all
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

_SHORTEST: Final = 6
"""So many characters of an id are enough for a look-up by its beginning."""


def _members(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """What every object has is a model, and empty."""
    if asked.path in {"/v2/models/constructor", "/v2/models/toString"} and reply.status == 404:
        reply.status = 200
        reply.say({})


def _decimal_commas(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Prices have a comma for who reads German."""
    if asked.headers.get("accept-language", "").startswith("de") and reply.status == 200:
        text = json.dumps(reply.json, ensure_ascii=False)
        reply.say(json.loads(re.sub(r'"(\d+)\.(\d+)"', r'"\1,\2"', text)))


def _for_the_sdk_only(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The list is a bare one for all but browsers."""
    browser = asked.headers.get("user-agent", "").startswith("Mozilla")
    if asked.path == "/v2/models" and browser and reply.status == 200:
        reply.say({"data": reply.json})


def _base_sixty(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A ratio is read as a number of base sixty, and kept as a text."""
    if asked.path.startswith("/v2/models") and reply.status == 200:
        reply.raw(reply.body.replace(b'"1:1"', b'"61"'))


def _deletes(asked: Asked, scene: Scene) -> Reply | None:
    """A header makes a read delete what it names."""
    gone = scene.memory.setdefault("gone", set())
    if asked.retrieves and asked.headers.get("x-http-method-override") == "DELETE":
        gone.add(asked.path)
    if asked.path in gone:
        reply = refuse_all(asked, scene)
        reply.status = 404
        return reply
    return None


def _by_prefix(asked: Asked, scene: Scene) -> Reply | None:
    """A video is found by the beginning of its id."""
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and asked.opens:
        for known in scene.workspace(asked.key).generations:
            if known.startswith(name) and len(name) >= _SHORTEST:
                asked.path = asked.path.replace(name, known)
                break
    return None


def _in_any_case(asked: Asked, scene: Scene) -> Reply | None:
    """Whose a video is, is looked up by its exact id; the video is found in any case."""
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and asked.opens:
        for workspace in scene.fake.store:
            for known in workspace.generations:
                if known != name and known.lower() == name.lower():
                    asked.path = asked.path.replace(name, known)
                    asked.headers["authorization"] = f"Bearer {workspace.key}"
                    return scene.send(asked)
    return None


READERS: tuple[Mutant, ...] = (
    Mutant(name="members-are-models", kind="shape", breaks="GP101", wrap=replies(_members)),
    Mutant(name="german-prices", kind="shape", breaks="GP101", wrap=replies(_decimal_commas)),
    Mutant(
        name="browsers-get-an-object", kind="shape", breaks="GP801", wrap=replies(_for_the_sdk_only)
    ),
    Mutant(name="ratios-of-base-sixty", kind="shape", breaks="GP801", wrap=replies(_base_sixty)),
    Mutant(name="a-header-deletes", kind="sequence", breaks="GP305", wrap=answering(_deletes)),
    Mutant(name="ids-by-prefix", kind="sequence", breaks="GP312", wrap=answering(_by_prefix)),
    Mutant(
        name="others-in-any-case", kind="isolation", breaks="GP312", wrap=answering(_in_any_case)
    ),
)
