"""The ceiling against services that lie about prices, and take more than they state."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal

import pytest

from getimg_mock.contract.budget.gate import Budget
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.plans import Plan, encode_body, post
from getimg_mock.contract.prices import compute_worst_price
from getimg_mock.contract.targets.execution import ReceivedResponse, RefusedError
from tests.contract.budget.paying_services import Till, order_image

MODELS = load_shipped_models()
DEAREST = max(
    Decimal(rate["unit_price"]) * max([1, *model["supported_durations"]])
    for model in MODELS
    for rate in model["pricing"]["rates"]
)


@pytest.mark.parametrize("price", ["-1", "-0.001", "free", "", None, [], {}, True, "NaN", "-inf"])
def test_a_price_that_is_none_buys_nothing(price: object) -> None:
    """A negative or malformed price says nothing of what the request will cost."""
    models = deepcopy(MODELS)
    models[0]["pricing"]["rates"][0]["unit_price"] = price
    body = encode_body({"model": models[0]["id"], "prompt": "a"})
    assert compute_worst_price(body, models) is None


@pytest.mark.parametrize("price", ["0", "0.000", "-0", 0])
def test_a_price_of_zero_reserves_the_dearest_known_price(price: object) -> None:
    """A price list that calls work free must not get past the ceiling."""
    models = deepcopy(MODELS)
    for rate in models[0]["pricing"]["rates"]:
        rate["unit_price"] = price
    body = encode_body({"model": models[0]["id"], "prompt": "a"})
    assert compute_worst_price(body, models) == DEAREST


def test_a_list_of_free_models_buys_nothing() -> None:
    """Where every price is zero nothing says what a request can cost."""
    models = deepcopy(MODELS)
    for model in models:
        for rate in model["pricing"]["rates"]:
            rate["unit_price"] = "0"
    body = encode_body({"model": models[0]["id"], "prompt": "a"})
    assert compute_worst_price(body, models) is None


class _Booking(Till):
    """A service whose costs show what no balance lost."""

    def costs(self, key: str) -> Decimal:
        """Return what was taken from anybody."""
        del key
        return sum(self.taken.values(), Decimal(0))


@pytest.mark.parametrize("where", ["taken", "costs"])
def test_the_first_overcharge_stops_all_buying(where: str) -> None:
    """Balance and costs are read after each paying request, until the service is trusted."""
    till = _Booking() if where == "costs" else Till()
    budget = Budget(Decimal(10), MODELS, statements=till, keys={"a": "sk_a"})
    sent = order_image("sk_a")
    budget.before_request(sent, post("image", {}))
    if where == "taken":
        till.take("a", Decimal(1))
    else:
        till.take("b", Decimal(1))
    answer = b'{"id": "req-1", "status": "completed", "usage": {"total_cost": 0.012}}'
    budget.after_request(sent, post("image", {}), ReceivedResponse(200, (), answer))
    assert "more than its answers and prices explain" in budget.stopped
    with pytest.raises(RefusedError, match="nothing more is bought"):
        budget.before_request(order_image("sk_a"), post("image", {}))
    plan = Plan(name="x", tier="R2", steps=(post("image", {"model": "z-image-turbo"}),))
    assert "nothing more is bought" in budget.find_obstacle(plan)
