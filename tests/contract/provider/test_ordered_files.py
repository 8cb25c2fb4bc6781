"""GP405, GP412 and GP413: the file is the one that was ordered, whatever the fields say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.contract.provider.fixed_plans import is_broken, run_plan

if TYPE_CHECKING:
    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History


def edit(history: History, change: Any) -> History:
    """Return a history with another body in each result; `change` edits it."""

    def show(each: HttpExchange) -> HttpExchange:
        if not each.completed:
            return each
        body = json.loads(each.body)
        change(body, each)
        return replace(each, body=json.dumps(body).encode())

    return replace(history, exchanges=tuple(show(each) for each in history))


def test_a_larger_resolution_of_equal_price_has_more_pixels() -> None:
    """One order of a larger resolution that is answered in the smaller size is enough."""
    history = run_plan("pictures of every size")
    first = next(each for each in history if each.completed)
    last = [each for each in history if each.completed and not each.asked.get("aspect_ratio")][-1]
    small = {name: first.items[0][name] for name in ("width", "height")}

    def shrink(body: dict[str, Any], each: HttpExchange) -> None:
        if each is last:
            body["data"][0] |= small

    assert not is_broken("GP412", history)
    assert is_broken("GP412", edit(history, shrink))


def test_a_sound_track_is_missed_without_a_field() -> None:
    """`has_sound` is optional: what was ordered is known without it."""
    history = run_plan("a video with sound, and one without")
    files = [each for each in history if each.operation == "downloads.retrieve"]
    mute = replace(
        history,
        exchanges=tuple(
            replace(each, body=files[1].body) if each is files[0] else each for each in history
        ),
    )

    def forget(body: dict[str, Any], _each: HttpExchange) -> None:
        body["data"][0].pop("has_sound")

    assert not is_broken("GP405", edit(history, forget))
    assert is_broken("GP405", edit(mute, forget))


def test_orders_of_different_prompts_may_share_a_sample_but_not_by_workspace() -> None:
    """A provider may answer with one file for all; which one may not hang on whose it is."""
    history = run_plan("files of two workspaces")
    got = [each for each in history if each.operation == "downloads.retrieve" and not each.use]
    made = [each for each in history if each.use == "twin"]
    files = {each.number: made[place] for place, each in enumerate(got[: len(made)])}

    def give(choose: Any) -> History:
        def show(each: HttpExchange) -> HttpExchange:
            order = files.get(each.number)
            return each if order is None else replace(each, body=choose(order))

        return replace(history, exchanges=tuple(show(each) for each in history))

    assert len(made) == 8
    assert not is_broken("GP413", history)
    assert not is_broken("GP413", give(lambda _: got[0].body))
    assert not is_broken("GP413", give(lambda order: got[order.asked["prompt"] > "Picture 1"].body))
    assert is_broken("GP413", give(lambda order: got[order.key == "b"].body))
