# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that take a caller for another: by cookie, address, path or the request before."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import (
    Asked,
    Reply,
    Scene,
    answering,
    both,
    replies,
    show_allowance,
)

if TYPE_CHECKING:
    from getimg_mock.world.workspaces import Workspace
    from tests.contract.provider.mutants import Kind
    from tests.contract.provider.wrapping import Wrap

_ANYONE = "sk_anyone_at_all"
_SLOTS = 3
_DOWNLOADS = 5
_HOLDS = 4
_BUFFER = 128


def _refuse(status: int, code: str, param: str | None = None) -> Reply:
    reply = Reply(status, {}, b"")
    error = {"message": "No.", "type": "invalid_request_error", "param": param, "code": code}
    reply.say({"error": error})
    return reply


def _authorize(asked: Asked, key: str) -> None:
    asked.headers["authorization"] = f"Bearer {key}"


def _opens_heads_of_videos(asked: Asked, scene: Scene) -> Reply | None:
    """HEAD of a video that exists needs no key."""
    known = list(scene.fake.store.find_holders(asked.path.rpartition("/")[2]))
    return Reply(200, {}, b"") if asked.method == "HEAD" and known and not asked.opens else None


def _knows_undefined(asked: Asked, _scene: Scene) -> None:
    """What a program sends that has no key is looked up, and found."""
    if asked.key == "undefined":
        _authorize(asked, _ANYONE)


def _passes_what_is_large(asked: Asked, _scene: Scene) -> None:
    """A gate passes on what does not fit into its memory."""
    if len(asked.body) > 1 << 20 and not asked.opens:
        _authorize(asked, _ANYONE)


def _faints_at_long_keys(asked: Asked, _scene: Scene) -> None:
    """A key that is longer than its buffer is taken for the first one."""
    if len(asked.headers.get("authorization", "")) > _BUFFER:
        _authorize(asked, "sk_mock_a")


def _takes_keys_for_patterns(asked: Asked, _scene: Scene) -> None:
    """A key is compared by `LIKE`, so that a percent sign is like any."""
    if asked.key == "%":
        _authorize(asked, "sk_mock_a")


def _keeps_the_space(asked: Asked, _scene: Scene) -> Reply | None:
    """White space after a key counts as a part of it."""
    told = asked.headers.get("authorization", "")
    return _refuse(401, "invalid_api_key") if told != told.rstrip() and asked.opens else None


def _crashes_on_bytes(asked: Asked, _scene: Scene) -> Reply | None:
    """A key in UTF-8 is a server error."""
    told = asked.headers.get("authorization", "")
    return None if told.isascii() else _refuse(500, "server_error")


def _gives_a_cookie(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.opens and asked.path == "/v2/billing/balance":
        reply.headers["set-cookie"] = f"w={asked.key[::-1]}; Path=/; HttpOnly"


def _obeys_cookies(asked: Asked, _scene: Scene) -> None:
    """A session's cookie says who asks, whatever key comes with it."""
    found = re.search(r"\bw=([^;]+)", asked.headers.get("cookie", ""))
    if found and asked.opens:
        _authorize(asked, found[1][::-1])


def _finds_ids_in_any_case(asked: Asked, scene: Scene) -> None:
    """An id in the other case is found, and its owner not asked for."""
    parts = asked.path.rpartition("/")
    for holder in scene.fake.store.find_holders(parts[2].swapcase()) if asked.retrieves else ():
        asked.path = f"{parts[0]}/{parts[2].swapcase()}"
        _authorize(asked, holder.key)


def _follows_ways_up(asked: Asked, scene: Scene) -> None:
    """The owner is checked of the first id in a path, and what is served is the last."""
    first, _, last = asked.path.rpartition("/../")
    for holder in scene.fake.store.find_holders(last) if asked.retrieves and first else ():
        asked.path = f"/v2/videos/generations/{last}"
        _authorize(asked, holder.key)


def _opens_heads_to_others(asked: Asked, scene: Scene) -> Reply | None:
    """HEAD looks for a video in all workspaces."""
    known = list(scene.fake.store.find_holders(asked.path.rpartition("/")[2]))
    return Reply(200, {}, b"") if asked.method == "HEAD" and known and asked.opens else None


def _answers_by_name(asked: Asked, scene: Scene) -> Reply | None:
    """Two orders of the same `X-Request-Id` get one answer."""
    name = asked.headers.get("x-request-id")
    if not (asked.submits and asked.opens and name):
        return None
    known = scene.memory.setdefault("answers", {})
    if (asked.path, name) not in known:
        known[asked.path, name] = scene.send(asked)
    first: Reply = known[asked.path, name]
    return Reply(first.status, dict(first.headers), first.body)


def _lists_all(asked: Asked, scene: Scene) -> Reply | None:
    """There is a list of videos, and it is that of all workspaces."""
    if asked.method != "GET" or asked.path != "/v2/videos/generations" or not asked.opens:
        return None
    reply = Reply(200, {}, b"")
    reply.say([{"id": name} for each in scene.fake.store for name in each.generations])
    return reply


def _names_the_model_before(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The message of an error is made of what was asked last, by whomever."""
    body = asked.json
    if not asked.submits or not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return
    before = scene.memory.setdefault("models", []) or [body["model"]]
    if reply.status == 400 and str(body.get("resolution")).startswith("2"):
        error = reply.json["error"]
        message = error["message"].replace(body["model"], before[-1])
        reply.say({"error": error | {"message": message}})
    scene.memory["models"].append(body["model"])


def _remembers_a_bad_picture(asked: Asked, scene: Scene) -> Reply | None:
    """What is wrong with one key's reference is told to the next who sends one."""
    if not asked.submits or b'"images"' not in asked.body or not asked.opens:
        return None
    broken, scene.memory["broken"] = scene.memory.get("broken"), asked.key
    if broken not in {None, asked.key}:
        return _refuse(400, "invalid_parameter", "images")
    return None


def _keeps_the_ratio(asked: Asked, scene: Scene) -> None:
    """Without a ratio, that of the order of another key before it is taken."""
    body = asked.json
    if asked.submits and asked.opens and isinstance(body, dict):
        key, ratio = scene.memory.get("ratio", ("", None))
        if "aspect_ratio" in body:
            scene.memory["ratio"] = asked.key, body["aspect_ratio"]
        elif key not in {"", asked.key} and isinstance(ratio, str):
            asked.body = asked.body[:-1] + f',"aspect_ratio":"{ratio}"}}'.encode()


def _repeats_the_look_before(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Of two looks at the same moment, the second is answered as the first was."""
    if not (asked.retrieves and reply.completed):
        return
    now = scene.workspace(asked.key).clock.now()
    key, at, body = scene.memory.get("look", ("", None, b""))
    scene.memory["look"] = asked.key, now, reply.body
    if key not in {"", asked.key} and at == now:
        reply.raw(body)


def _charge(workspace: Workspace, cost: Decimal) -> None:
    now = workspace.clock.now()
    workspace.ledger.hold("req-fault", cost, now)
    workspace.ledger.charge("req-fault", cost, now)


def _charges_the_first(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Of two orders at the same moment, the key of the first pays for both."""
    if not (asked.submits and reply.completed):
        return
    workspace = scene.workspace(asked.key)
    now, cost = workspace.clock.now(), Decimal(str(reply.json["usage"]["total_cost"]))
    key, at = scene.memory.get("last", (asked.key, None))
    scene.memory["last"] = asked.key, now
    if key != asked.key and at == now:
        workspace.ledger.credit(cost, now)
        _charge(scene.workspace(key), cost)


def _charges_retries(asked: Asked, reply: Reply, scene: Scene) -> None:
    """What an SDK sends once more is paid for with the first."""
    if asked.submits and reply.completed and asked.headers.get("x-stainless-retry-count") == "1":
        _charge(scene.workspace(asked.key), Decimal(str(reply.json["usage"]["total_cost"])))


def _keeps_money_for_nothing(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A video whose reference is missing fails, and is paid for."""
    if asked.submits and reply.status == 202 and b"no-such-picture" in asked.body:
        scene.memory.setdefault("failing", set()).add(reply.json["id"])
    elif (
        asked.retrieves and reply.completed and reply.json["id"] in scene.memory.get("failing", ())
    ):
        error = {"message": "The reference was not found.", "code": "invalid_parameter"}
        reply.say({"id": reply.json["id"], "status": "failed", "error": error})


def _forgets_no_hold(asked: Asked, reply: Reply, scene: Scene) -> None:
    """What was held for an order counts as spent when the next ones are looked at."""
    if asked.submits and reply.status in {200, 202}:
        scene.memory[asked.key] = scene.memory.get(asked.key, 0) + 1
        if scene.memory[asked.key] > _HOLDS:
            refusal = _refuse(402, "quota_exceeded")
            reply.status, reply.headers, reply.body = 402, refusal.headers, refusal.body


def _limits_addresses(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Limits are counted by the address that a request claims."""
    address = asked.headers.get("x-forwarded-for")
    if asked.submits and address and reply.status == 200:
        counts = scene.memory.setdefault("addresses", {})
        counts[address] = counts.get(address, 0) + 1
        left = int(reply.headers["x-ratelimit-limit"]) - counts[address]
        reply.headers["x-ratelimit-remaining"] = str(left)


def _goes_round_the_limiter(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The limiter knows a path without a query only."""
    if asked.submits and asked.query:
        for name in [name for name in reply.headers if name.startswith("x-ratelimit")]:
            del reply.headers[name]


def _shows_an_old_window(asked: Asked, reply: Reply, scene: Scene) -> None:
    """The headers of a status are those that the order had."""
    shown = {name: text for name, text in reply.headers.items() if name.startswith("x-ratelimit")}
    kept = scene.memory.setdefault("windows", {})
    if asked.submits and reply.status == 202:
        kept[reply.json["id"]] = shown
    elif asked.retrieves and reply.status == 200:
        reply.headers |= kept.get(asked.path.rpartition("/")[2], {})


def _shares_slots(asked: Asked, scene: Scene) -> Reply | None:
    """The videos of all workspaces take the same slots."""
    others = [each for each in scene.fake.store if each.key != asked.key]
    if not (asked.submits and asked.opens) or sum(e.running for e in others) < _SLOTS:
        return None
    reply = _refuse(429, "rate_limit")
    show_allowance(reply, scene.workspace(asked.key).compute_allowance("image"))
    return reply


def _limits_downloads(asked: Asked, scene: Scene) -> Reply | None:
    """Downloads at the same moment are limited as orders are."""
    if not asked.downloads or asked.method != "GET" or "range" in asked.headers:
        return None
    now = max(each.clock.now() for each in scene.fake.store)
    begun = scene.memory.setdefault("begun", [])
    begun.append(now)
    return _refuse(429, "rate_limit") if begun.count(now) > _DOWNLOADS else None


_ROWS: tuple[tuple[str, Kind, str, Wrap], ...] = (
    ("heads-of-videos-without-key", "isolation", "GP701", answering(_opens_heads_of_videos)),
    ("undefined-is-a-key", "isolation", "GP701", answering(_knows_undefined)),
    ("large-bodies-pass-the-gate", "isolation", "GP701", answering(_passes_what_is_large)),
    ("long-keys-are-the-first", "isolation", "GP701", answering(_faints_at_long_keys)),
    ("keys-are-patterns", "isolation", "GP701", answering(_takes_keys_for_patterns)),
    ("a-space-after-a-key-counts", "isolation", "GP701", answering(_keeps_the_space)),
    ("bytes-in-a-key-crash", "isolation", "GP104", answering(_crashes_on_bytes)),
    (
        "cookies-outrank-keys",
        "isolation",
        "GP504",
        both(replies(_gives_a_cookie), answering(_obeys_cookies)),
    ),
    ("ids-in-the-other-case", "isolation", "GP702", answering(_finds_ids_in_any_case)),
    ("ways-up-lead-to-others", "isolation", "GP702", answering(_follows_ways_up)),
    ("heads-of-videos-of-others", "isolation", "GP702", answering(_opens_heads_to_others)),
    ("one-answer-to-each-request-id", "isolation", "GP304", answering(_answers_by_name)),
    ("lists-all-videos", "isolation", "GP702", answering(_lists_all)),
    ("errors-name-the-model-before", "isolation", "GP106", replies(_names_the_model_before)),
    ("bad-pictures-are-told-to-others", "isolation", "GP215", answering(_remembers_a_bad_picture)),
    ("defaults-are-those-of-others", "isolation", "GP405", answering(_keeps_the_ratio)),
    ("looks-are-answered-twice", "isolation", "GP306", replies(_repeats_the_look_before)),
    ("the-first-pays-for-both", "money", "GP504", replies(_charges_the_first)),
    ("retries-are-paid-twice", "money", "GP504", replies(_charges_retries)),
    ("holds-are-never-released", "money", "GP215", replies(_forgets_no_hold)),
    ("missing-references-are-paid", "money", "GP506", replies(_keeps_money_for_nothing)),
    ("limits-are-by-address", "rate", "GP602", replies(_limits_addresses)),
    ("queries-go-round-the-limiter", "rate", "GP601", replies(_goes_round_the_limiter)),
    ("polls-show-the-window-of-the-order", "rate", "GP607", replies(_shows_an_old_window)),
    ("slots-are-shared-by-all", "rate", "GP606", answering(_shares_slots)),
    ("downloads-are-limited", "rate", "GP606", answering(_limits_downloads)),
)
_BLOCKERS = frozenset({"GP504", "GP506", "GP701", "GP702"})

CALLERS: tuple[Mutant, ...] = tuple(
    Mutant(name=name, kind=kind, breaks=breaks, wrap=wrap, blocker=breaks in _BLOCKERS)
    for name, kind, breaks, wrap in _ROWS
)
