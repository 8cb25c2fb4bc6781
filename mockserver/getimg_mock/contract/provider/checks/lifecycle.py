"""GP3: how generations live."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.contract.verdicts import OK, check, expect, fail, note
from getimg_mock.world.operations import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

_MAX_PENDING: Final = timedelta(minutes=10)
_MAX_PENDING_PER_SECOND: Final = timedelta(seconds=30)
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9._~-]{1,200}")


@check(
    "GP301",
    "An image request is answered 200, completed, with its media",
    severity="major",
    evidence="seed",
    cost="1",
    why="There is no second place to get an image's result from.",
)
def images_are_completed(history: History) -> Iterator[Observation]:
    """GP301."""
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
    "The result names the model that was asked for",
    severity="major",
    evidence="assumption",
    cost="1",
    why="Another model is another price and another picture.",
)
def models_are_those_asked_for(history: History) -> Iterator[Observation]:
    """GP302."""
    for each in history.results:
        made = history.submitted.get(each.generation)
        if made is not None and "model" in made.asked:
            yield expect(
                each.object.get("model") == made.asked["model"],
                f"the model {made.asked['model']!r}",
                each.object.get("model"),
                made,
                each,
            )


@check(
    "GP303",
    'A video request is answered 202 with exactly an id and "pending"',
    severity="major",
    evidence="seed",
    cost="1",
    why="The id is all a client has for what it will pay.",
)
def videos_are_pending_first(history: History) -> Iterator[Observation]:
    """GP303."""
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
    evidence="assumption",
    cost="T",
    why="One id for two generations loses one of them. On our fake each plan begins a new "
    "world, where ids begin anew: there they are compared within a plan.",
    across=ids_are_unique_over_a_run,
)
def ids_are_unique(history: History) -> Iterator[Observation]:
    """GP304: of equal bodies with one id GP314 says that they were merged."""
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
    """Return what was ordered, and by whom."""
    return exchange.key, exchange.operation, exchange.request_body


@check(
    "GP305",
    "A video can be looked at from its 202 on",
    severity="major",
    evidence="assumption",
    cost="T",
    why="A 404 in between makes clients submit, and pay, again.",
)
def jobs_are_readable_at_once(history: History) -> Iterator[Observation]:
    """GP305."""
    for each in history.with_operation("videos.retrieve"):
        made = history.submitted.get(each.path.rpartition("/")[2])
        if made is None or made.key != each.key or each.method != "GET" or each.status == 429:
            continue
        yield expect(each.status == 200, "200 for a video of one's own", each.status, made, each)


@check(
    "GP306",
    "A status answer is about the id that was asked for",
    severity="major",
    evidence="seed",
    cost="T",
    why="Anything else hands out another's result.",
)
def answers_are_about_the_id(history: History) -> Iterator[Observation]:
    """GP306."""
    for each in history.with_operation("videos.retrieve"):
        if each.status == 200 and each.method == "GET":
            asked = each.path.rpartition("/")[2]
            yield expect(
                each.object.get("id") == asked, f"the id {asked}", each.object.get("id"), each
            )


@check(
    "GP307",
    "A video is pending, completed or failed, and shows only that state's fields",
    severity="major",
    evidence="documented",
    cost="T",
    why="Documented union; clients branch on status.",
)
def states_are_exclusive(history: History) -> Iterator[Observation]:
    """GP307."""
    for each in history.with_operation("videos.retrieve"):
        if each.status != 200 or each.method != "GET":
            continue
        status = each.object.get("status")
        known = status in {"pending", *TERMINAL}
        yield expect(known, "pending, completed or failed", status, each)
        banned = {"pending": {"data", "usage", "error"}, "completed": {"error"}, "failed": {"data"}}
        extra = sorted(
            name for name in banned.get(str(status), ()) if each.object.get(name) is not None
        )
        yield expect(not extra, f"a {status} video without {extra}", f"{each.body[:120]!r}", each)


@check(
    "GP308",
    "A video goes from pending to one end, and never back",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Whoever saw the end acts on it: a way back is paid twice or lost.",
)
def states_move_forward(history: History) -> Iterator[Observation]:
    """GP308."""
    for looks in history.polls.values():
        ended: HttpExchange | None = None
        for each in looks:
            status = each.object.get("status")
            if ended is not None:
                before = ended.object.get("status")
                yield expect(status == before, f"{before} for ever", status, ended, each)
            elif status in TERMINAL:
                ended = each
                yield expect(condition=True, expected="", actual="")


@check(
    "GP309",
    "After its end a video's answer stays the same, but for a new signature",
    severity="major",
    evidence="assumption",
    cost="T",
    why="Two readers of one result must see one result.",
)
def ends_are_final(history: History) -> Iterator[Observation]:
    """GP309."""
    for looks in history.polls.values():
        ended = [each for each in looks if each.object.get("status") in TERMINAL]
        for each in ended[1:]:
            yield expect(
                _strip_signatures(each.object) == _strip_signatures(ended[0].object),
                "the same result as before",
                f"{each.body[:200]!r}",
                ended[0],
                each,
            )


def _strip_signatures(body: dict[str, Any]) -> dict[str, Any]:
    """Return a result without what may be made anew for each answer: the link's signature."""
    data = body.get("data")
    if not isinstance(data, list):
        return body
    items = [
        item | {"url": urlsplit(str(item.get("url"))).path} if isinstance(item, dict) else item
        for item in data
    ]
    return body | {"data": items}


@check(
    "GP310",
    "Every video ends within ten minutes, and half a minute more for each second",
    severity="major",
    evidence="assumption",
    cost="T",
    why="A pending video holds a slot of the concurrency limit. The bound is ours: nothing "
    "is documented but a sample that gives up after 300 s; the fake needs 20 to 60 s.",
)
def jobs_end(history: History) -> Iterator[Observation]:
    """GP310."""
    for (_, name), looks in history.polls.items():
        made = history.submitted.get(name)
        if made is None:
            continue
        bound = _compute_longest_wait(history, made)
        waiting = [each for each in looks if each.object.get("status") not in TERMINAL]
        late = next((each for each in waiting if each.at - made.at > bound), None)
        if late is not None:
            yield fail(
                f"an end within {bound.total_seconds():.0f} s",
                late.object.get("status"),
                made,
                late,
            )
        elif len(waiting) < len(looks):
            yield OK


def _compute_longest_wait(history: History, made: HttpExchange) -> timedelta:
    """Return how long a video may be pending: ours to say, by what its model was asked for."""
    lengths = (history.find_model(made.asked.get("model")) or {}).get("supported_durations") or [10]
    seconds = parse_decimal(made.asked.get("duration", lengths[0])) or 0
    return _MAX_PENDING + float(seconds) * _MAX_PENDING_PER_SECOND


@check(
    "GP311",
    "A failed video says why, has no data and costs nothing",
    severity="major",
    evidence="documented",
    cost="T",
    why="Documented shape; a failure that is charged is money lost.",
)
def failures_say_why(history: History) -> Iterator[Observation]:
    """GP311."""
    for each in history.with_operation("videos.retrieve"):
        if each.status != 200 or each.object.get("status") != "failed":
            continue
        said = each.error.get("code") and each.error.get("message")
        yield expect(said, "error.code and error.message", f"{each.body[:160]!r}", each)
        usage = each.object.get("usage")
        free = not usage or (isinstance(usage, dict) and not usage.get("total_cost"))
        yield expect(
            free and "data" not in each.object,
            "no data, and usage absent or zero",
            f"{each.body[:160]!r}",
            each,
        )


@check(
    "GP312",
    "An unknown id is 404, a malformed one 4xx",
    severity="major",
    evidence="assumption",
    cost="0",
    why="A pending answer for an id that does not exist is waited for, for ever.",
)
def unknown_ids_are_404(history: History) -> Iterator[Observation]:
    """GP312."""
    for each in history.with_role("unknown-id"):
        yield expect(
            each.status == 404 and each.error,
            "404 in the envelope",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
    for each in history.with_role("malformed-id"):
        yield expect(400 <= each.status < 500, "4xx", f"{each.status} {each.body[:100]!r}", each)


@check(
    "GP313",
    "Looking changes nothing: no state, no charge, no later deletes_at",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="Clients poll every few seconds; a price on that is a price on waiting.",
)
def polling_is_safe(history: History) -> Iterator[Observation]:
    """GP313."""
    for looks in history.polls.values():
        deadlines = {
            str(item.get("deletes_at"))
            for each in looks
            for item in each.items
            if each.object.get("status") == "completed"
        }
        if deadlines:
            yield expect(
                len(deadlines) == 1,
                "one deletes_at, however often one looks",
                sorted(deadlines),
                *looks[-2:],
            )
        for first, last in itertools.pairwise(looks):
            if first.at == last.at and last.number == first.number + 1 and history.own:
                yield expect(
                    first.object.get("status") == last.object.get("status"),
                    "the same state without time",
                    last.object.get("status"),
                    first,
                    last,
                )
    for window in history.balance_intervals:
        looks = [each for each in window.between if each.operation == "videos.retrieve"]
        if (
            looks
            and len(looks) == len(window.between)
            and _is_unchanged(history, window.before, looks)
        ):
            yield expect(
                window.spent == 0,
                "the same balance after looking",
                f"{window.spent} gone",
                window.before,
                *looks[:4],
                window.after,
            )


def _is_unchanged(history: History, before: HttpExchange, looks: list[HttpExchange]) -> bool:
    """Whether nothing ended between the looks, as far as they show."""
    states: dict[str, set[object]] = {}
    for each in looks:
        states.setdefault(each.path, set()).add(each.object.get("status"))
    for name in history.submitted:
        end = history.ended.get(name)
        looked = any(each.path.endswith(name) for each in looks)
        if (end is None or end.number > before.number) and not looked:
            return False
    return all(len(seen) == 1 for seen in states.values())


@check(
    "GP314",
    "Equal bodies make as many generations as requests",
    severity="major",
    evidence="assumption",
    cost="1",
    why="No idempotency key is documented; silent merging loses pictures.",
)
def bodies_are_not_merged(history: History) -> Iterator[Observation]:
    """GP314."""
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


@check(
    "GP315",
    "A file can be had until deletes_at",
    severity="minor",
    evidence="assumption",
    cost="T",
    why="Clients plan their downloads by it.",
)
def files_last_as_promised(history: History) -> Iterator[Observation]:
    """GP315."""
    for got, result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if got.use == "before-expiry" and gone is not None and got.at < gone:
            yield expect(got.status == 200, "200 until deletes_at", got.status, result, got)
    for each in history.with_role("look-after-expiry"):
        yield note(f"after deletes_at a status request gets {each.status}", each)
