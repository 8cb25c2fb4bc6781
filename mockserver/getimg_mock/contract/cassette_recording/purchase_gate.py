"""The gate of a recording: the budget of paying runs, for keys that come with requests.

The keys of a client become known with its first request, so the budget is opened then: with the
catalogue that the service itself states, and with the balance of that key.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.contract.budget.gate import Budget
from getimg_mock.contract.budget.spend_file import SpendRecord, find_default_record
from getimg_mock.contract.budget.statements import TargetStatements
from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.prices import could_cost
from getimg_mock.contract.steps import Send
from getimg_mock.contract.targets.execution import RefusedError
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.errors import BudgetError, Refusal
from getimg_mock.redaction import KnownKeys
from getimg_mock.world.clock import stopwatch
from getimg_mock.world.error_messages import INCORRECT_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

_CATALOGUE_SECONDS: Final = 60.0
"""Real seconds after which prices are read again before something is bought."""

_MAX_KEYS: Final = 26
_READS_ONLY: Final = "reads alone pass without a budget; allow an amount with --budget 0.50"
_STEP: Final = Send()


@dataclass(slots=True)
class PurchaseGate:
    """Lets reads pass, and submissions as far as `ceiling` allows; None allows none.

    `record` holds the spend of each day; by default it is found by the address and the first key,
    as it is for paying runs of the contract.
    """

    url: str
    ceiling: Decimal | None = None
    record: SpendRecord | None = None
    now: Callable[[], float] = stopwatch
    refused: int = 0
    """How many requests were not sent."""
    _keys: dict[str, str] = field(default_factory=dict)
    _target: HttpTarget | None = None
    _budget: Budget | None = None
    _read_at: float | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def keys(self) -> KnownKeys:
        """The keys that were sent so far."""
        return KnownKeys({secret: name for name, secret in self._keys.items()})

    @property
    def spent(self) -> Decimal:
        """The most that this recording can have spent."""
        return Decimal(0) if self._budget is None else self._budget.spent

    @property
    def beyond(self) -> Decimal:
        """What the service took beyond its prices and answers, as far as its balance shows it."""
        return (self._budget.beyond if self._budget is not None else None) or Decimal(0)

    @property
    def models(self) -> list[dict[str, Any]]:
        """The catalogue that the service stated last; empty before anything was bought."""
        return [] if self._target is None else self._target.models

    def find_key_name(self, sent: PreparedRequest) -> str:
        """Return the name of the key of a request, and note a new key; `none` without one."""
        told = next((v for n, v in sent.headers if n == "authorization"), "")
        secret = told.partition(" ")[2].strip()
        with self._lock:
            for name, known in self._keys.items():
                if known == secret:
                    return name
            if not secret.isascii() or not secret.isprintable() or " " in secret or not secret:
                return "none"
            if len(self._keys) == _MAX_KEYS:
                raise RefusedError(f"a recording has at most {_MAX_KEYS} keys")
            name = chr(ord("a") + len(self._keys))
            self._keys[name] = secret
            return name

    def admit(self, sent: PreparedRequest) -> None:
        """Reserve what a request can cost; raises `RefusedError`, before anything is sent."""
        name = self.find_key_name(sent)
        if not could_cost(sent.method, sent.headers):
            return
        try:
            with self._lock:
                self._reserve(sent, name)
        except BudgetError as error:
            self.refused += 1
            raise RefusedError(str(error)) from None
        except RefusedError:
            self.refused += 1
            raise

    def _reserve(self, sent: PreparedRequest, name: str) -> None:
        if self.ceiling is None:
            raise RefusedError(_READS_ONLY)
        if name == "none":
            raise RefusedError("its key cannot be read")
        self._open_budget(name, self.ceiling).before_request(sent, _STEP)

    def _open_budget(self, name: str, ceiling: Decimal) -> Budget:
        if self._target is None:
            self._target = HttpTarget(self.url, self._keys, models=[])
        if self._budget is None:
            scope = self._target.record_scope
            record = self.record or SpendRecord(find_default_record(*scope))
            statements = TargetStatements(self._target)
            self._budget = Budget(ceiling, [], record, statements=statements, keys=self._keys)
            self._target.gate = self._budget
        if self._read_at is None or self.now() - self._read_at > _CATALOGUE_SECONDS:
            self._budget.models = self._target.models = self._read_catalogue(self._target, name)
            self._read_at = self.now()
        return self._budget

    def _read_catalogue(self, target: HttpTarget, name: str) -> list[dict[str, Any]]:
        """Return the live catalogue.

        Raises `RefusedError` where there is none, and `Refusal` where the key is refused.
        """
        step = get("/v2/models", key=name)
        history = target.run(Plan(name="the catalogue", steps=(step,), keys=1))
        listed = next(iter(history), None)
        if listed is not None and listed.status == 401:
            raise Refusal("invalid_api_key", INCORRECT_KEY, hint=f"{self.url} refuses this key")
        if listed is None or listed.status != 200 or not isinstance(listed.plain, list):
            seen = "nothing" if listed is None else f"status {listed.status}"
            raise RefusedError(f"prices are unknown: {self.url}/v2/models answered {seen}")
        return select_priced(listed.plain)

    def note(self, sent: PreparedRequest, received: ReceivedResponse | None) -> None:
        """Book what a request cost, as far as its response says; None for no response."""
        with self._lock:
            if self._budget is not None:
                self._budget.after_request(sent, _STEP, received)

    def close(self) -> None:
        """Compare the books with the balances once more."""
        with self._lock:
            if self._budget is not None:
                self._budget.close()


def select_priced(listed: list[Any]) -> list[dict[str, Any]]:
    """Return a catalogue in which each model has a known price, or none at all.

    A model that is malformed, or listed twice, is kept without prices: what could be served by it
    has no known price, and is not bought.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in listed:
        name = str(each.get("id")) if isinstance(each, dict) else ""
        sound = name not in found and not schemas.violations("model", each)
        found[name] = each if sound else {"id": name, "pricing": {"rates": []}}
    return list(found.values())
