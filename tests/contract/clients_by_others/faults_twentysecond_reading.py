"""Faults of reading, errors, requests and polling."""

import math
import os
import re
from typing import Any
from urllib.parse import urlsplit

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ApiError, BadAnswer, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

ID = re.compile(r"req-[0-9A-Z]+", re.ASCII)
RATIO = re.compile(r"([1-9]\d*):([1-9]\d*)", re.ASCII)


@faulty("reading", style="sdk")
class StripsZerosOfWholeBalances(SdkClient):
    """Tidies the balance by cutting zeros off its end: 150 dollars without cents become 15."""

    def balance(self) -> Any:
        told = super().balance()
        return {**told, "balance": told["balance"].rstrip("0").rstrip(".")}


@faulty("reading", blocker=True)
class KnowsIdsByTheirLook(HttpxClient):
    """Refuses paid orders whose id, a string of any form, does not look like those in the docs."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and "status" in value and not ID.fullmatch(value["id"]):
            raise BadAnswer(
                "The answer's body.id is not the id of a generation.",
                status_code=answer.status,
                generation_id=value["id"],
                outcome_unknown=post,
            )
        return value


@faulty("errors", style="requests", program=True)
class LetsStopIterationOut(StreamedRequestsClient):
    """Looks for a model by next(): an unknown one is a StopIteration, which ends loops unseen."""

    def model(self, id: str) -> Any:
        return next(model for model in self.models() if model["id"] == id)


@faulty("errors")
class LogsServerTextRaw(HttpxClient):
    """Logs the text of a refusal as it came: a line break in it forges lines of the log."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ApiError as error:
            where = urlsplit(url).path
            LOG.warning("%s %s: %s %s", method, where, error.status_code, error.message)
            raise


@faulty("requests", blocker=True)
class ExpandsVariablesInPrompts(HttpxClient):
    """Expands $NAME in prompts, as if configured: values of the environment, keys too, go out."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            fields = {**fields, "prompt": os.path.expandvars(prompt)}
        return super().body(fields)


@faulty("requests", style="urllib3", program=True)
class ReducesRatiosToLowestTerms(Urllib3Client):
    """Reduces ratios, so that 1920:1080 may be given: 21:9 goes out as 7:3, which no model has."""

    def body(self, fields: dict[str, Any]) -> bytes:
        ratio = fields.get("aspect_ratio")
        found = RATIO.fullmatch(ratio) if isinstance(ratio, str) else None
        if found:
            wide, high = int(found[1]), int(found[2])
            common = math.gcd(wide, high)
            fields = {**fields, "aspect_ratio": f"{wide // common}:{high // common}"}
        return super().body(fields)


@faulty("polling", style="sdk", blocker=True)
class LosesVideoWithItsModel(SdkClient):
    """Asks for the model of a finished video to log its name: if that fails, so does the wait."""

    def wait(self, id: str) -> Any:
        video = super().wait(id)
        named = self.model(video["model"])["name"]
        LOG.info("video %s was made by %s", id, named)
        return video


@faulty("polling", style="aiohttp", program=True)
class TakesEqualAnswersForStall(AiohttpClient):
    """Gives a video up, well before the deadline, if twelve polls in a row say pending alike."""

    def prepare(self) -> None:
        self.seen: dict[str, tuple[Any, int]] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        before, times = self.seen.get(id, (None, 0))
        times = times + 1 if video == before else 1
        self.seen[id] = video, times
        if times >= 12:
            raise WaitTimeout(f"Video {id} makes no progress.", generation_id=id)
        return video, told

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.seen.pop(id, None)
