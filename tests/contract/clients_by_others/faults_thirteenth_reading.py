"""Faults of reading, errors and requests."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("reading", blocker=True)
class KeepsFirstOfManyFiles(HttpxClient):
    """Hands out the first file of a result alone: further files, paid for as well, are lost."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape in {shapes.IMAGE, shapes.video} and "data" in value:
            value["data"] = value["data"][:1]
        return value


@dataclass
class StrictUsage:
    """What a generation cost."""

    total_cost: float
    billable_unit: str
    unit_price: float
    quantity: float


@faulty("reading", style="sdk-async", blocker=True)
class SpreadsUsageIntoDataclass(SdkAsyncClient):
    """Dies of a TypeError, and loses a paid picture and its id, if usage has a field it lacks."""

    async def generate_image(self, **fields: Any) -> Any:
        result = await super().generate_image(**fields)
        return {**result, "usage": asdict(StrictUsage(**result["usage"]))}


@faulty("errors", style="sdk")
class AnswersEmptyCatalogueOnError(SdkClient):
    """Answers with an empty list of models, as if it had none, when the API refuses."""

    def models(self, type: str | None = None) -> Any:
        try:
            return super().models(type)
        except ApiError as error:
            LOG.debug("no models: %s", error)
            return []


@faulty("errors", style="aiohttp", program=True)
class SpellsOutNullParams(AiohttpClient):
    """Dies of an AttributeError, status and code lost, at an error whose param is null."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            return error
        told = value.get("error") if isinstance(value, dict) else None
        if isinstance(told, dict) and "param" in told:
            error.message = f"{told['param'].replace('_', ' ')}: {error.message}"
        return error


@faulty("requests")
class LabelsZonesAsUtc(HttpxClient):
    """Replaces the zone of a moment by UTC without shifting its hours: costs are of other hours."""

    def moment(self, value: datetime | str) -> str:
        said = super().moment(value)
        return datetime.fromisoformat(said.upper()).replace(tzinfo=UTC).isoformat()


@faulty("requests", style="stdlib", blocker=True, program=True)
class OrdersInLatin1(StdlibClient):
    """Sends JSON in Latin-1, not UTF-8, and ? for what that lacks: pays for other pictures."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(kept, allow_nan=False, ensure_ascii=False).encode("latin-1", "replace")


@faulty("requests", blocker=True)
class CarriesReferencesIntoNextOrder(HttpxClient):
    """Gathers references in a list on the client: the next order carries those of the last too."""

    def prepare(self) -> None:
        self.references: list[Any] = []

    def body(self, fields: dict[str, Any]) -> bytes:
        self.references.extend(fields.get("images") or [])
        return super().body({**fields, "images": self.references or None})
