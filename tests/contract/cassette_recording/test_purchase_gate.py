"""The money gate of a recording: what could exceed the ceiling is not sent, and nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.cassette_recording.purchase_gate import PurchaseGate, select_priced
from getimg_mock.contract.cassette_recording.upstream_forwarder import (
    UpstreamForwarder,
    prepare_request,
)
from getimg_mock.contract.targets.execution import RefusedError
from getimg_mock.errors import Refusal
from getimg_mock.serving.server import MockServer
from tests.contract.cassette_recording.services import (
    FAULTS,
    KEY,
    PricedService,
    prepare_picture,
    serve_priced,
)

if TYPE_CHECKING:
    from pathlib import Path


def _forward_all(
    url: str, ceiling: str, models: list[str], *, workers: int, record: SpendRecord | None = None
) -> PurchaseGate:
    gate = PurchaseGate(url, Decimal(ceiling), record or SpendRecord())
    forwarder = UpstreamForwarder(url, gate)

    def forward(number: int) -> None:
        with suppress(RefusedError):
            forwarder.forward(prepare_picture(models[number], f"{id(gate)}-{number}"))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(forward, range(len(models))))
    gate.close()
    forwarder.close()
    return gate


@settings(max_examples=15, deadline=None)
@given(
    prices=st.lists(st.sampled_from(["0", "0.01", "0.04", "0.1", "3"]), min_size=2, max_size=2),
    faults=st.lists(st.sampled_from(FAULTS), max_size=8),
    models=st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=8),
    ceiling=st.sampled_from(["0", "0.05", "0.1", "0.3"]),
    workers=st.sampled_from([1, 3]),
)
def test_the_spend_never_exceeds_the_ceiling_and_nothing_leaves_twice(
    prices: list[str], faults: list[str], models: list[str], ceiling: str, workers: int
) -> None:
    """Whatever the service answers, breaks off or takes: by its own list it gets no cent more."""
    service = PricedService(dict(zip("ab", prices, strict=True)), faults)
    with serve_priced(service) as url:
        gate = _forward_all(url, ceiling, models, workers=workers)
    assert service.taken <= Decimal(ceiling)
    assert all(count == 1 for count in service.seen.values())
    assert gate.refused + len(service.seen) == len(models)


def test_what_fits_is_sent_and_the_rest_is_refused() -> None:
    """The ceiling is used as far as it goes: of five at 0.04, two fit in 0.1."""
    service = PricedService({"a": "0.04"})
    with serve_priced(service) as url:
        gate = _forward_all(url, "0.1", ["a"] * 5, workers=1)
    assert service.taken == gate.spent == Decimal("0.08")
    assert gate.refused == 3


def test_a_ceiling_holds_over_runs_of_one_day() -> None:
    """A second recording has what the first has left."""
    service, record = PricedService({"a": "0.04"}), SpendRecord()
    with serve_priced(service) as url:
        _forward_all(url, "0.1", ["a"], workers=1, record=record)
        _forward_all(url, "0.1", ["a"] * 3, workers=1, record=record)
    assert service.taken == Decimal("0.08")


def test_an_unknown_outcome_stays_reserved() -> None:
    """A submission whose connection broke may have been charged: its worst case counts."""
    service = PricedService({"a": "0.04"}, ["drop"])
    with serve_priced(service) as url:
        gate = _forward_all(url, "0.07", ["a"] * 3, workers=1)
    assert (service.taken, gate.spent, gate.refused) == (Decimal("0.04"), Decimal("0.04"), 2)


def test_reads_alone_pass_without_a_budget() -> None:
    """The message says what allows more, and the service sees no submission."""
    service = PricedService({"a": "0.04"})
    with serve_priced(service) as url:
        gate = PurchaseGate(url)
        forwarder = UpstreamForwarder(url, gate)
        read = prepare_request("GET", "/v2/models", [(b"authorization", b"Bearer x")], b"")
        assert forwarder.forward(read).status == 200
        with pytest.raises(RefusedError, match="--budget"):
            forwarder.forward(prepare_picture("a", "1"))
        forwarder.close()
    assert not service.seen


def test_a_service_without_prices_sells_nothing() -> None:
    """Without a catalogue no worst case is known."""
    service = PricedService({})
    with serve_priced(service) as url:
        forwarder = UpstreamForwarder(url, PurchaseGate(url, Decimal(1), SpendRecord()))
        with pytest.raises(RefusedError, match="price is unknown"):
            forwarder.forward(prepare_picture("a", "1"))
        forwarder.close()


def test_a_refused_key_is_the_answer_of_the_service(tmp_path: Path) -> None:
    """A wrong key is a 401 as it would be without the recorder, not a question of money."""
    with MockServer(key_pattern="sk_good.*") as server:
        gate = PurchaseGate(server.url, Decimal(1), SpendRecord(tmp_path / "spend.json"))
        with pytest.raises(Refusal) as caught:
            gate.admit(prepare_picture("seedream-5-lite", "1"))
    assert caught.value.code == "invalid_api_key"
    assert not (tmp_path / "spend.json").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"pricing": {"currency": "USD", "rates": [{"unit_price": "-1"}]}},
        {"pricing": "free"},
        {"type": 1},
    ],
)
def test_a_model_that_is_malformed_has_no_price(changed: dict[str, Any]) -> None:
    """A negative price, or none, is not a reason to send."""
    model = PricedService({"a": "0.04"}).list_models()[0]
    assert select_priced([{**model, **changed}, None, "x"])[0]["pricing"] == {"rates": []}
    assert [each["pricing"] for each in select_priced([model, model])] == [{"rates": []}]


def test_keys_have_names_in_the_order_in_which_they_came() -> None:
    """What is kept of a recording shows names, and the gate knows what to replace."""
    gate = PurchaseGate("http://127.0.0.1:1")
    assert [gate.find_key_name(prepare_picture("a", "1", key)) for key in (KEY, "sk_b", KEY)] == [
        "a",
        "b",
        "a",
    ]
    assert gate.keys.redact(f"x {KEY}") == "x <key a>"
