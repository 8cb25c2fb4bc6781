"""GP3: the response to a submission, and the generation that it creates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.verdicts import check, expect, fail, fail_as, note
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_URL_SAFE: Final = re.compile(r"[A-Za-z0-9._~-]{1,200}")


@check(
    "GP301",
    "An image request is answered 200, completed, with its media",
    severity="major",
    evidence="seed",
    cost="1",
    why="No other operation returns the result of an image.",
    fix="Answer when the image is ready, with status completed and its media.",
)
def images_are_completed(history: History) -> Iterator[Observation]:
    """Require that an accepted image request gets 200, `completed` and at least one item.

    Applies to image submissions. Fails on another status code, another state, or empty `data`.
    Source: documented.
    """
    for each in history.with_operation("images.generate"):
        if each.accepted:
            done = each.status == 200 and each.object.get("status") == "completed" and each.items
            yield expect(
                done,
                "200, completed, with at least one medium",
                f"{each.status} {each.object.get('status')}, {len(each.items)} media",
                each,
            )


@check(
    "GP302",
    "The result names the requested model",
    severity="major",
    evidence="assumption",
    cost="1",
    why="Another model has another price and makes another image.",
    fix="Store the requested model with the generation, and return it unchanged.",
)
def models_are_those_asked_for(history: History) -> Iterator[Observation]:
    """Require that a result names the model of its request.

    Applies to every completed generation. Fails when `model` differs; that it is no other model of
    the catalogue is common sense. Source: inferred.
    """
    for each in history.results:
        made = history.submitted.get(each.generation)
        if made is not None and "model" in made.asked:
            named, wanted = each.object.get("model"), f"the model {made.asked['model']!r}"
            if named != made.asked["model"] and history.find_model(named) is not None:
                yield fail_as("FAIL", wanted, f"another one, {named!r}", made, each)
            else:
                yield expect(named == made.asked["model"], wanted, named, made, each)


@check(
    "GP303",
    'A video request is answered 202 with exactly an id and "pending"',
    severity="major",
    evidence="seed",
    cost="1",
    why="The id is the client's only handle on a paid generation.",
    fix="Answer 202 with the id and the status pending, before the video is made.",
)
def videos_are_pending_first(history: History) -> Iterator[Observation]:
    """Require that an accepted video request gets 202 with an id and `pending`.

    Applies to video submissions. Fails on another status code or state; additional fields are
    noted. Source: documented.
    """
    for each in history.with_operation("videos.create"):
        if each.accepted:
            shape = {"id", "status"} <= set(each.object)
            yield expect(
                each.status == 202 and shape and each.object.get("status") == "pending",
                '202 with an id and "pending"',
                f"{each.status} {each.body[:120]!r}",
                each,
            )
            extra = sorted(set(each.object) - {"id", "status"})
            if extra:
                yield note(f"the 202 also has {', '.join(extra)}", each)


def ids_are_unique_over_a_run(
    histories: Sequence[History],
) -> Iterator[tuple[History, Observation]]:
    """GP304, from plan to plan; on our own fake each plan has a world, and ids, of its own."""
    seen: dict[str, History] = {}
    for history in histories:
        for name, made in history.submitted.items() if not history.own else ():
            fresh = seen.setdefault(name, history) is history
            yield history, expect(fresh, "an id that no earlier plan was given", name, made)


@check(
    "GP304",
    "Ids are unique, over all plans too, and safe in a URL",
    severity="major",
    evidence="common-sense",
    cost="T",
    why="With one id for two generations, one is lost. On the fake each plan starts a new "
    "world with new ids: there they are compared within a plan.",
    across=ids_are_unique_over_a_run,
    fix="Create ids from enough random bits or a unique sequence, in letters, digits, '-' and '_'.",
)
def ids_are_unique(history: History) -> Iterator[Observation]:
    """Require unique ids that are safe in a URL.

    Applies to all submissions of a run. Fails on a repeated id, and on characters that a path would
    have to escape. Source: our choice.
    """
    seen: dict[str, HttpExchange] = {}
    for each in history.with_operation("images.generate", "videos.create"):
        if not each.accepted:
            continue
        name = each.object.get("id")
        yield expect(
            isinstance(name, str) and _URL_SAFE.fullmatch(name), "an id safe in a URL", name, each
        )
        other = seen.setdefault(str(name), each)
        if other is not each and (
            each.request_body is None or _identify_order(other) != _identify_order(each)
        ):
            yield fail("a new id", name, other, each)


def _identify_order(exchange: HttpExchange) -> tuple[str, str, bytes | None]:
    """Return the key, operation and body of a submission."""
    return exchange.key, exchange.operation, exchange.request_body


@check(
    "GP314",
    "Equal bodies make as many generations as requests",
    severity="major",
    evidence="assumption",
    cost="1",
    why="No idempotency key is documented; silent merging loses pictures.",
    fix="Do not deduplicate by body; create one generation for each request.",
)
def bodies_are_not_merged(history: History) -> Iterator[Observation]:
    """Require a generation of its own for each of several equal requests.

    Applies to accepted submissions with the same key and body. Fails when two share an id. Source:
    our choice.
    """
    orders: dict[tuple[str, str, bytes | None], dict[str, HttpExchange]] = {}
    for each in history.with_operation(*SUBMISSIONS):
        if not each.accepted or not each.generation or each.request_body is None:
            continue
        made = orders.setdefault(_identify_order(each), {})
        if made:
            first = made.get(each.generation)
            yield expect(
                first is None,
                "a generation of its own for each of two equal requests",
                each.generation,
                *(() if first is None else (first, each)),
            )
        made.setdefault(each.generation, each)
