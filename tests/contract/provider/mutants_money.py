# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it
"""Providers that miscount money."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.contract.provider.faulty_costs import (
    CENT,
    book_downloads,
    book_refusals,
    costs_descend,
    costs_skip_a_day,
    costs_total_wrong,
    without_the_first_day,
)
from tests.contract.provider.faulty_ledgers import (
    BooksFailures,
    ChargesFailures,
    ChargesTwice,
    Overdraft,
    Unbooked,
    dearer,
    with_ledger,
)
from tests.contract.provider.mutants import Mutant
from tests.contract.provider.mutants_shape import result
from tests.contract.provider.wrapping import Asked, Reply, Scene, Wrap, replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.world.generations import Product

FEE = Decimal("0.001")


def _charge(scene: Scene, key: str, amount: Decimal = CENT) -> None:
    workspace = scene.workspace(key)
    now = workspace.clock.now()
    workspace.ledger.hold("req-fault", amount, now)
    workspace.ledger.charge("req-fault", amount, now)


def charge_refusals(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A refused submission costs a cent."""
    if asked.submits and 400 <= reply.status < 500 and asked.opens:
        _charge(scene, asked.key)


def charge_rate_limited(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A 429 costs a cent."""
    if asked.submits and reply.status == 429:
        _charge(scene, asked.key)


def charge_polls(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every status request costs a cent."""
    if asked.retrieves and reply.status == 200:
        _charge(scene, asked.key)


def charge_all_who_see_the_end(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Two requests that find a video done at the same moment both charge it."""
    if not asked.retrieves or reply.status != 200 or reply.json.get("status") != "completed":
        return
    now = scene.workspace(asked.key).clock.now()
    seen = scene.memory.setdefault(asked.path, [])
    seen.append(now)
    if seen == [now, now]:
        _charge(scene, asked.key, Decimal(str(reply.json["usage"]["total_cost"])))


def charge_downloads(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Every download costs the owner a cent."""
    if asked.downloads and reply.status == 200:
        for workspace in scene.fake.store.find_holders(asked.path.split("/")[3]):
            _charge(scene, workspace.key)


def _edit_usage(name: str, factor: str) -> Any:
    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        if reply.completed:
            body = reply.json
            body["usage"][name] = float(Decimal(str(body["usage"][name])) * Decimal(factor))
            reply.say(body)

    return change


def total_as_string(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Usage's total cost is a text."""
    if reply.completed:
        body = reply.json
        body["usage"]["total_cost"] = str(body["usage"]["total_cost"])
        reply.say(body)


def binary_noise(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    """Totals carry the noise of binary floats."""
    if reply.completed:
        text = reply.body.decode()
        total = str(reply.json["usage"]["total_cost"])
        noisy = f"{Decimal(total) + Decimal('0.00000000000000004')}"
        reply.raw(text.replace(f'"total_cost":{total}', f'"total_cost":{noisy}').encode())


def balance_as_number(asked: Asked, reply: Reply, _scene: Scene) -> None:
    """The balance is a number."""
    if asked.path == "/v2/billing/balance" and reply.status == 200 and reply.body:
        body = reply.json
        body["balance"] = float(body["balance"])
        reply.say(body)


def _times(usage: dict[str, Any], name: str, factor: str) -> None:
    usage[name] = float(Decimal(str(usage[name])) * Decimal(factor))


def _with_a_fee(body: dict[str, Any]) -> None:
    body["usage"]["total_cost"] = float(Decimal(str(body["usage"]["total_cost"])) + FEE)


def _a_tenth_dearer(body: dict[str, Any]) -> None:
    _times(body["usage"], "unit_price", "1.1")
    _times(body["usage"], "total_cost", "1.1")


def _is_short_and_sounds(seconds: float | None, has_sound: object) -> bool:
    return seconds is not None and seconds < 5 and has_sound is True


def _three_takes(body: dict[str, Any]) -> None:
    if _is_short_and_sounds(body["data"][0].get("duration"), body["data"][0].get("has_sound")):
        body["data"] *= 3
        _times(body["usage"], "quantity", "3")
        _times(body["usage"], "total_cost", "3")


def _of_two_more_takes(product: Product) -> Decimal:
    short = _is_short_and_sounds(product.duration, product.has_sound)
    return product.total_cost * 2 if short else Decimal(0)


def by_the_second(body: dict[str, Any]) -> None:
    """An image is billed as if it were a second of video."""
    if body["usage"]["billable_unit"] == "image":
        body["usage"]["billable_unit"] = "video_second"


def _less(reply: Reply, amount: Decimal) -> None:
    body = reply.json
    body["balance"] = str(Decimal(body["balance"]) - amount)
    reply.say(body)


def fee_in_no_bill(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Each image takes a tenth of a cent from the balance that neither usage nor costs show."""
    if asked.submits and reply.completed:
        scene.memory[asked.key] = scene.memory.get(asked.key, 0) + 1
    elif asked.path == "/v2/billing/balance" and reply.status == 200 and reply.body:
        _less(reply, FEE * scene.memory.get(asked.key, 0))


def _held_until_all_has_ended(matches: Callable[[Asked, Reply], bool]) -> Wrap:
    """Hold a cent for each request that `matches` until nothing of the workspace is pending."""

    def change(asked: Asked, reply: Reply, scene: Scene) -> None:
        if not asked.opens:
            return
        if not scene.workspace(asked.key).running:
            scene.memory[asked.key] = 0
        elif matches(asked, reply):
            scene.memory[asked.key] = scene.memory.get(asked.key, 0) + 1
        if asked.path == "/v2/billing/balance" and reply.status == 200 and reply.body:
            _less(reply, CENT * scene.memory.get(asked.key, 0))

    return replies(change)


def longer_is_cheaper(asked: Asked, reply: Reply, scene: Scene) -> None:
    """Nine seconds and more cost a tenth, and the books agree."""
    if asked.retrieves and reply.completed:
        body = reply.json
        if body["usage"]["quantity"] >= 9:
            body["usage"]["unit_price"] = float(
                Decimal(str(body["usage"]["unit_price"])) / Decimal(10)
            )
            old = Decimal(str(body["usage"]["total_cost"]))
            body["usage"]["total_cost"] = float(old / 10)
            seen = scene.memory.setdefault("seen", set())
            if body["id"] not in seen:
                seen.add(body["id"])
                workspace = scene.workspace(asked.key)
                workspace.ledger.credit(old * 9 / 10, workspace.clock.now())
            reply.raw(json.dumps(body).encode())


MONEY: tuple[Mutant, ...] = (
    Mutant(
        name="charges-refusals",
        kind="money",
        breaks="GP216",
        blocker=True,
        wrap=replies(charge_refusals),
    ),
    Mutant(
        name="charges-429",
        kind="money",
        breaks="GP605",
        blocker=True,
        wrap=replies(charge_rate_limited),
    ),
    Mutant(
        name="charges-polls", kind="money", breaks="GP313", blocker=True, wrap=replies(charge_polls)
    ),
    Mutant(
        name="charges-downloads",
        kind="money",
        breaks="GP507",
        blocker=True,
        wrap=replies(charge_downloads),
    ),
    Mutant(
        name="charges-twice",
        kind="money",
        breaks="GP504",
        blocker=True,
        wrap=with_ledger(ChargesTwice),
    ),
    Mutant(
        name="charges-failures",
        kind="money",
        breaks="GP506",
        blocker=True,
        wrap=with_ledger(ChargesFailures),
    ),
    Mutant(
        name="lets-balance-go-negative",
        kind="money",
        breaks="GP512",
        blocker=True,
        wrap=with_ledger(Overdraft),
    ),
    Mutant(
        name="costs-never-booked",
        kind="money",
        breaks="GP509",
        blocker=True,
        wrap=with_ledger(Unbooked),
    ),
    Mutant(
        name="total-is-not-the-product",
        kind="money",
        breaks="GP501",
        blocker=True,
        wrap=replies(_edit_usage("total_cost", "2")),
    ),
    Mutant(
        name="quantity-is-wrong",
        kind="money",
        breaks="GP502",
        blocker=True,
        wrap=replies(_edit_usage("quantity", "2")),
    ),
    Mutant(
        name="unit-price-is-not-listed",
        kind="money",
        breaks="GP503",
        blocker=True,
        wrap=replies(_edit_usage("unit_price", "1.01")),
    ),
    Mutant(name="total-is-a-text", kind="money", breaks="GP110", wrap=replies(total_as_string)),
    Mutant(name="total-has-binary-noise", kind="money", breaks="GP109", wrap=replies(binary_noise)),
    Mutant(
        name="balance-is-a-number", kind="money", breaks="GP110", wrap=replies(balance_as_number)
    ),
    Mutant(
        name="all-who-see-the-end-charge",
        kind="money",
        breaks="GP507",
        blocker=True,
        wrap=replies(charge_all_who_see_the_end),
    ),
    Mutant(
        name="costs-total-is-wrong", kind="money", breaks="GP508", wrap=replies(costs_total_wrong)
    ),
    Mutant(
        name="costs-skip-empty-days", kind="money", breaks="GP508", wrap=replies(costs_skip_a_day)
    ),
    Mutant(name="costs-descend", kind="money", breaks="GP508", wrap=replies(costs_descend)),
    Mutant(name="longer-is-cheaper", kind="money", breaks="GP513", wrap=replies(longer_is_cheaper)),
    Mutant(
        name="adds-a-fee",
        kind="money",
        breaks="GP501",
        blocker=True,
        wrap=dearer(lambda _: FEE, _with_a_fee),
    ),
    Mutant(
        name="images-by-the-second",
        kind="money",
        breaks="GP502",
        blocker=True,
        wrap=result(by_the_second),
    ),
    Mutant(
        name="dearer-than-listed",
        kind="money",
        breaks="GP503",
        blocker=True,
        wrap=dearer(lambda product: product.total_cost / 10, _a_tenth_dearer),
    ),
    Mutant(
        name="a-fee-in-no-bill",
        kind="money",
        breaks="GP504",
        blocker=True,
        wrap=replies(fee_in_no_bill),
    ),
    Mutant(
        name="unpayable-requests-hold-money",
        kind="money",
        breaks="GP505",
        blocker=True,
        wrap=_held_until_all_has_ended(lambda _, reply: reply.status == 402),
    ),
    Mutant(
        name="looks-hold-money",
        kind="money",
        breaks="GP313",
        blocker=True,
        wrap=_held_until_all_has_ended(lambda asked, _: asked.retrieves),
    ),
    Mutant(
        name="failures-show-in-the-costs",
        kind="money",
        breaks="GP506",
        blocker=True,
        wrap=with_ledger(BooksFailures),
    ),
    Mutant(
        name="downloads-show-in-the-costs",
        kind="money",
        breaks="GP507",
        blocker=True,
        wrap=replies(book_downloads),
    ),
    Mutant(
        name="refusals-show-in-the-costs",
        kind="money",
        breaks="GP216",
        blocker=True,
        wrap=replies(book_refusals),
    ),
    Mutant(
        name="ranges-leave-out-their-first-day",
        kind="money",
        breaks="GP511",
        wrap=replies(without_the_first_day),
    ),
    Mutant(
        name="short-videos-in-three-takes",
        kind="money",
        breaks="GP513",
        wrap=dearer(_of_two_more_takes, _three_takes),
    ),
)
