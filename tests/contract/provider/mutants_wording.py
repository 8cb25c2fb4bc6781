# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that misread what is spelled in an unusual way, or word their errors wrongly."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.instants import parse_instant
from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_input import lenient
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from tests.contract.provider.mutants import Kind
    from tests.contract.provider.wrapping import Wrap

_ERROR = {"message": "No.", "type": "invalid_request_error", "param": None}
_DEEP = 20_000


def _refuse(code: str = "invalid_parameter", status: int = 400) -> Reply:
    reply = Reply(status, {}, b"")
    reply.say({"error": _ERROR | {"code": code}})
    return reply


def _asks_for_costs(asked: Asked) -> bool:
    return asked.method == "GET" and asked.path == "/v2/billing/costs" and asked.opens


def _plus_is_a_space(asked: Asked, _scene: Scene) -> Reply | None:
    """The `+` of a zone is decoded to a space, and no time is found."""
    return _refuse() if _asks_for_costs(asked) and "+" in asked.query else None


def _texts_are_compared(asked: Asked, _scene: Scene) -> Reply | None:
    """Start and end are compared as texts."""
    told = asked.parameters
    return (
        _refuse()
        if _asks_for_costs(asked) and told.get("end", "~") < told.get("start", "")
        else None
    )


def _texts_in_order_pass(asked: Asked, scene: Scene) -> Reply | None:
    """A range that ends before it begins passes where its texts are in order."""
    start, end = (parse_instant(asked.parameters.get(name)) for name in ("start", "end"))
    if not _asks_for_costs(asked) or start is None or end is None or end >= start:
        return None
    if asked.parameters["end"] > asked.parameters["start"]:
        first, last = (each.astimezone(UTC) for each in (end, start))
        asked.query = f"start={first:%Y-%m-%dT%H:%M:%SZ}&end={last:%Y-%m-%dT%H:%M:%SZ}"
        return scene.send(asked)
    return None


def _dates_are_midnights(asked: Asked, _scene: Scene) -> None:
    """A date without a time is taken for its midnight."""
    if _asks_for_costs(asked) and len(asked.parameters.get("end", "")) == len("2026-03-02"):
        asked.query += "T00:00:00Z"


def _shown_in_another_zone(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The range in the answer is converted the wrong way."""
    start = parse_instant(asked.parameters.get("start")) if _asks_for_costs(asked) else None
    if reply.status == 200 and reply.body and start is not None:
        offset = start.utcoffset()
        shown = start.replace(tzinfo=UTC) + offset if offset else start
        reply.say(reply.json | {"start": f"{shown:%Y-%m-%dT%H:%M:%SZ}"})


def _quotes_are_not_escaped(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """A message is put into the error's JSON as it is."""
    if asked.submits and reply.status == 400:
        reply.raw(reply.body.replace(b'\\"', b'"'))


def _blames_the_other(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Of two wrong fields the message is about the first, and `param` names the last."""
    wanted = asked.json if asked.submits else None
    if reply.status == 400 and isinstance(wanted, dict) and "prompt" not in wanted:
        named = "resolution" if wanted.get("resolution") == "9K" else "prompt"
        reply.say({"error": reply.json["error"] | {"param": named}})


def _shows_its_query(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The message of an unknown video is that of the database."""
    if asked.retrieves and reply.status == 404:
        message = "no rows: SELECT * FROM generations WHERE id = $1 AND workspace_id = $2"
        reply.say({"error": reply.json["error"] | {"message": message}})


def _asks_for_a_retry(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """An order that is refused for ever is said to be worth another try."""
    if asked.submits and reply.status == 400:
        reply.headers["x-should-retry"] = "true"


def _crashes_on_depth(asked: Asked, _scene: Scene) -> Reply | None:
    """Very deep arrays are too much for the parser."""
    return _refuse("server_error", 500) if asked.body.count(b"[") > _DEEP else None


def _default_number(body: dict[str, Any]) -> None:
    if str(body.get("duration")) == "nan":
        del body["duration"]


def _no_sign(body: dict[str, Any]) -> None:
    if isinstance(body.get("duration"), int):
        body["duration"] = abs(body["duration"])


_ROWS: tuple[tuple[str, Kind, str, Wrap], ...] = (
    ("plus-is-a-space", "money", "GP510", answering(_plus_is_a_space)),
    ("moments-are-compared-as-texts", "money", "GP510", answering(_texts_are_compared)),
    ("backwards-if-its-texts-are-in-order", "money", "GP510", answering(_texts_in_order_pass)),
    ("dates-are-midnights", "money", "GP510", answering(_dates_are_midnights)),
    ("range-is-shown-in-another-zone", "money", "GP508", replies(_shown_in_another_zone)),
    ("quotes-are-not-escaped", "shape", "GP103", replies(_quotes_are_not_escaped)),
    ("blames-the-other-of-two-fields", "validation", "GP116", replies(_blames_the_other)),
    ("shows-its-query", "shape", "GP106", replies(_shows_its_query)),
    ("refusals-ask-for-a-retry", "shape", "GP105", replies(_asks_for_a_retry)),
    ("crashes-on-very-deep-arrays", "validation", "GP104", answering(_crashes_on_depth)),
    (
        "no-number-is-the-default",
        "validation",
        "GP204",
        answering(lenient(_default_number)),
    ),
    ("durations-have-no-sign", "validation", "GP204", answering(lenient(_no_sign))),
)

WORDING: tuple[Mutant, ...] = tuple(
    Mutant(name=name, kind=kind, breaks=breaks, wrap=wrap) for name, kind, breaks, wrap in _ROWS
)
