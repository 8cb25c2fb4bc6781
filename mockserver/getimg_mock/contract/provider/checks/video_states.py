"""GP3: the states of a video, as polls show them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.charges import expect_free
from getimg_mock.contract.provider.final_looks import files_stay, results_stay, simplify
from getimg_mock.contract.steps import TERMINAL
from getimg_mock.contract.verdicts import OK, check, expect, fail, fail_as, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


_MAX_PENDING: Final = timedelta(minutes=10)


_MAX_PENDING_PER_SECOND: Final = timedelta(seconds=30)

_ENDLESS: Final = 59.0
_MANY_TIMES: Final = 9.0
_ENOUGH_VIDEOS: Final = 3
"""A video that has not ended is called endless by so many others that have, after so long."""


@check(
    "GP305",
    "A video can be polled from its 202 on",
    severity="major",
    evidence="common-sense",
    cost="T",
    why="A 404 in between makes clients submit, and pay, again.",
    fix="Store the generation before the 202 is sent, and read it from where it was written.",
)
def jobs_are_readable_at_once(history: History) -> Iterator[Observation]:
    """Require that a video is readable from its 202 on.

    Applies to status requests with the key of the submission. Fails on anything but 200. Source:
    inferred.
    """
    for each in history.with_operation("videos.retrieve"):
        made = history.submitted.get(each.path.rpartition("/")[2])
        if made is None or made.key != each.key or each.method != "GET" or each.status == 429:
            continue
        yield expect(each.status == 200, "200 for a video of one's own", each.status, made, each)


@check(
    "GP306",
    "A status response has the requested id",
    severity="major",
    evidence="seed",
    cost="T",
    why="Otherwise a client receives the result of another generation.",
    fix="Return the id of the request, and look generations up by it alone.",
)
def answers_are_about_the_id(history: History) -> Iterator[Observation]:
    """Require that a status response has the id that was requested.

    Applies to successful status requests. Fails when `id` differs. Source: documented.
    """
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
    fix="Serialize each state by its own type of the union.",
)
def states_are_exclusive(history: History) -> Iterator[Observation]:
    """Require a documented state, with the fields of that state only.

    Applies to successful status requests. Fails on an unknown status, `data` before completion, or
    `error` in a completed video. Source: documented.
    """
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
    "A video goes from pending to one terminal state, and never back",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Clients act on a terminal state: after a way back the video is paid twice or lost.",
    fix="Make the change to a terminal state atomic, and refuse every later change.",
)
def states_move_forward(history: History) -> Iterator[Observation]:
    """Require that a video moves from pending to one terminal state and stays there.

    Applies to all polls of one video. Fails when a later poll shows another state; of polls that
    were sent at the same time, none is later. Source: documented.
    """
    for polls in history.polls.values():
        ended: HttpExchange | None = None
        for each in polls:
            status = each.object.get("status")
            if ended is not None and not _were_sent_together(ended, each):
                before = ended.object.get("status")
                yield expect(status == before, f"{before} for ever", status, ended, each)
            elif status in TERMINAL:
                ended = each
                yield expect(condition=True, expected="", actual="")


def _were_sent_together(one: HttpExchange, other: HttpExchange) -> bool:
    """Return whether two requests were on their way at the same time, in whatever order."""
    if one.step is None or other.step is None:
        return False
    # The looks of a `Poll` at one moment share their step.
    if one.step is other.step:
        return True
    return one.step.together and other.step.together and one.step.group == other.step.group


@check(
    "GP309",
    "After its terminal state a video's response stays the same, except the signature",
    severity="major",
    evidence="common-sense",
    cost="T",
    why="Every reader of a result must see the same result.",
    fix="Store the result once, and serve each later poll from it.",
    across=results_stay,
)
def ends_are_final(history: History) -> Iterator[Observation]:
    """Require an unchanged response after the terminal state, except the link's signature.

    Applies to all polls after the first terminal one, at the end of the run too. Fails when any
    other value changes, or the video is gone. Source: our choice.
    """
    for polls in history.polls.values():
        ended = [each for each in polls if each.object.get("status") in TERMINAL]
        for each in ended[1:]:
            yield expect(
                simplify(each.object) == simplify(ended[0].object),
                "the same result as before",
                f"{each.body[:200]!r}",
                ended[0],
                each,
            )


def find_endless_videos(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP310, by the others of a run: a video that is pending many times as long never ends."""
    times = [
        (end.at - made.at).total_seconds()
        for history in histories
        for name, made in history.submitted.items()
        if (end := history.ended.get(name)) is not None and end is not made
    ]
    bound = max(_MANY_TIMES * max(times, default=0), _ENDLESS)
    for history in histories if len(times) >= _ENOUGH_VIDEOS else ():
        for each in history.with_role("poll-given-up"):
            made = history.submitted.get(each.path.rpartition("/")[2])
            if made is None or each.object.get("status") != "pending" or history.own:
                continue
            if (each.at - made.at).total_seconds() >= bound:
                wanted = f"an end, as {len(times)} others had within {max(times):.0f} s"
                yield history, fail_as("FAIL", wanted, "pending", made, each)


@check(
    "GP310",
    "Every video ends within ten minutes, and half a minute more for each second",
    severity="major",
    evidence="assumption",
    cost="T",
    why="A pending video holds a slot of the concurrency limit. The bound is our choice: "
    "the documented sample gives up after 300 s, and the fake needs 20 to 60 s.",
    fix="Give each generation a time limit after which it is marked as failed.",
    across=find_endless_videos,
)
def jobs_end(history: History) -> Iterator[Observation]:
    """Require a terminal state within ten minutes plus 30 s for each requested second.

    Applies to every polled video. Fails when a poll after that bound still shows `pending`. Source:
    our choice.
    """
    for (_, name), polls in history.polls.items():
        made = history.submitted.get(name)
        if made is None:
            continue
        bound = _compute_longest_wait(history, made)
        waiting = [each for each in polls if each.object.get("status") not in TERMINAL]
        late = next((each for each in waiting if each.at - made.at > bound), None)
        if late is not None:
            yield fail(
                f"an end within {bound.total_seconds():.0f} s",
                late.object.get("status"),
                made,
                late,
            )
        elif len(waiting) < len(polls):
            yield OK


def _compute_longest_wait(history: History, made: HttpExchange) -> timedelta:
    """Return how long a video may be pending: our choice, by its requested duration."""
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
    fix="Fill error.code and error.message, and leave data and usage out of failures.",
)
def failures_say_why(history: History) -> Iterator[Observation]:
    """Require a code and a message in a failed video, no data and no cost.

    Applies to polls that show `failed`. Fails on a missing reason, on `data`, and on a usage above
    zero. Source: documented.
    """
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
    evidence="documented",
    cost="0",
    why="Clients would poll for ever for an id that does not exist.",
    fix="Answer 404 not_found when the look-up finds nothing, and validate the id's form first.",
)
def unknown_ids_are_404(history: History) -> Iterator[Observation]:
    """Require 404 for an unknown id, and a 4xx for a malformed one.

    Applies to status requests for ids that were never issued. Fails on a success, a 5xx, or a body
    without the envelope. What a malformed id gets is inferred. Source: documented.
    """
    for each in history.with_role("unknown-id"):
        yield expect(
            each.status == 404 and each.error,
            "404 in the envelope",
            f"{each.status} {each.body[:100]!r}",
            each,
        )
    for each in history.with_role("malformed-id"):
        shown = f"{each.status} {each.body[:100]!r}"
        if 400 <= each.status < 500 or history.own or 200 <= each.status < 300:
            yield expect(400 <= each.status < 500, "4xx", shown, each)
        else:  # whatever else a path may be called for its form
            yield fail_as("INFO", "4xx", shown, each)


@check(
    "GP313",
    "Polling changes nothing: no state, no charge, no later deletes_at",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    why="Clients poll every few seconds, and waiting must be free.",
    fix="Make the status request a pure read.",
)
def polling_is_safe(history: History) -> Iterator[Observation]:
    """Require that polling changes no state, no balance and no `deletes_at`.

    Applies to repeated polls, and to balances read around them. Fails on any change that polls
    alone explain. Source: inferred.
    """
    for polls in history.polls.values():
        yield from _check_deadlines(polls)
        for first, last in itertools.pairwise(polls):
            if first.at == last.at and last.number == first.number + 1 and history.own:
                yield expect(
                    first.object.get("status") == last.object.get("status"),
                    "the same state without time",
                    last.object.get("status"),
                    first,
                    last,
                )
    yield from _check_balances_around_polls(history)


def _check_deadlines(polls: Sequence[HttpExchange]) -> Iterator[Observation]:
    """Require one `deletes_at` in all polls of a completed video."""
    deadlines = {
        str(item.get("deletes_at"))
        for each in polls
        for item in each.items
        if each.object.get("status") == "completed"
    }
    if deadlines:
        yield expect(
            len(deadlines) == 1,
            "one deletes_at in all polls",
            sorted(deadlines),
            *polls[-2:],
        )


def _check_balances_around_polls(history: History) -> Iterator[Observation]:
    """Require the same balance after polls that showed no change."""
    for window in history.balance_intervals:
        polls = [each for each in window.between if each.operation == "videos.retrieve"]
        if (
            polls
            and len(polls) == len(window.between)
            and _is_unchanged(history, window.before, polls)
        ):
            yield expect_free(history, window, "the same balance after polls", *polls[:4])


def _is_unchanged(history: History, before: HttpExchange, polls: list[HttpExchange]) -> bool:
    """Whether no generation ended during the polls, as far as they show."""
    states: dict[str, set[object]] = {}
    for each in polls:
        states.setdefault(each.path, set()).add(each.object.get("status"))
    for name in history.submitted:
        end = history.ended.get(name)
        looked = any(each.path.endswith(name) for each in polls)
        if (end is None or end.number > before.number) and not looked:
            return False
    return all(len(seen) == 1 for seen in states.values())


@check(
    "GP315",
    "A file can be downloaded until deletes_at",
    severity="major",
    evidence="documented",
    cost="T",
    why="Clients plan their downloads by this time.",
    fix="Keep the file, and accept its link, for as long as deletes_at says.",
    across=files_stay,
)
def files_last_as_promised(history: History) -> Iterator[Observation]:
    """Require that a file can be downloaded until its `deletes_at`.

    Applies to downloads shortly before expiry, and to the first links of a run at its end.
    Fails on anything but 200; what follows expiry is noted. Source: documented.
    """
    for got, result, item in history.downloads:
        gone = parse_instant(item.get("deletes_at"))
        if got.use == "before-expiry" and gone is not None and got.at < gone:
            yield expect(got.status == 200, "200 until deletes_at", got.status, result, got)
    for each in history.with_role("look-after-expiry"):
        yield note(f"after deletes_at a status request gets {each.status}", each)
