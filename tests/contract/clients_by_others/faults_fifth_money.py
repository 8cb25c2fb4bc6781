"""Faults that cost money or misread what an answer says about it."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import getimg

from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

FREE = {"total_cost": 0, "billable_unit": "video_second", "unit_price": 0, "quantity": 0}


@faulty("money", style="sdk", blocker=True)
class SdkRetriesUnderneath(SdkClient):
    """Leaves the SDK its own five retries, so orders that ended in a server error go out again."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            timeout=self.timeout,
            http_client=self.http,
        )


@faulty("money", blocker=True)
class TurnsSoundOn(HttpxClient):
    """Asks for sound in every video whose caller says nothing of it, at the dearer rate."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if kind == "video" and fields.get("sound") is None:
            fields = {**fields, "sound": True}
        return super().submit(kind, shape, fields)


@faulty("money", blocker=True)
class RoundsBalanceToCents(HttpxClient):
    """Rounds the balance to whole cents, though prices go below a cent."""

    def balance(self) -> Any:
        told = super().balance()
        exact = Decimal(told["balance"])
        return {**told, "balance": str(exact.quantize(Decimal("0.01"), ROUND_HALF_UP))}


@faulty("reading", blocker=True)
class ReadsMissingUsageAsFree(HttpxClient):
    """Reports a video that comes without usage as one that cost nothing."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("status") == "completed":
            value["usage"] = value.get("usage") or dict(FREE)
        return value


@faulty("reading", style="sdk-async", blocker=True)
class StumblesOverNullSizes(SdkAsyncClient):
    """Multiplies width by height for its log, so a result whose size is null or missing is lost."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("status") == "completed":
            for item in value["data"]:
                LOG.debug("%d pixels", item["width"] * item["height"])
        return value
