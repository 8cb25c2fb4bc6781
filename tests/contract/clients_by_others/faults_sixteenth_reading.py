"""Faults of reading, errors and requests."""

from datetime import datetime
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, TrioClient
from tests.contract.clients_by_others.errors import BadAnswer, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("reading", style="sdk-async", blocker=True)
class ComparesCostsAsFloats(SdkAsyncClient):
    """Refuses a paid video of 7 s at 0.05, as 0.05 * 7 is not exactly 0.35 in floating point."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = value.get("usage") if isinstance(value, dict) else None
        if usage and usage["unit_price"] * usage["quantity"] != usage["total_cost"]:
            raise BadAnswer(
                "The total cost is not the unit price times the quantity.",
                status_code=answer.status,
                generation_id=value["id"],
                outcome_unknown=post,
            )
        return value


@faulty("reading", blocker=True)
class TakesFirstChunkForBody(HttpxClient):
    """Reads the first piece of an answer alone: a paid one that comes in two pieces is cut."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        with self.open(method, url, body, headers, self.timeout) as (status, got, chunks):
            return Answer(status, got, next(chunks, b""))


@faulty("reading", style="requests", program=True)
class LosesModelsOfOneName(StreamedRequestsClient):
    """Sorts models by their display name, so that of two with one name only the last is listed."""

    def models(self, type: str | None = None) -> Any:
        named = {model["name"]: model for model in super().models(type)}
        return list(named.values())


@faulty("errors", blocker=True)
class ReportsFirstErrorOfTries(HttpxClient):
    """Raises the first error of all tries: an order lost after a 429 is told as refused."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        first: ClientError | None = None
        tries = self.attempts()
        for tried in range(tries):
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                first = first or error
                if tried + 1 >= tries or not self.tries_again(method, error):
                    raise first from None
                pause = self.delay(tried, error)
                if pause is None:
                    raise first from None
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@faulty("errors", style="aiohttp", program=True)
class FormatsMessageOfServer(AiohttpClient):
    """Puts an error's text through str.format, and dies of any brace in it, as in a page's CSS."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.message = (error.message + " (HTTP {status})").format(status=answer.status)
        return error


@faulty("errors", style="trio", blocker=True, program=True)
class DiesOfLatinErrorPage(TrioClient):
    """Dies of a UnicodeDecodeError, at polls too, when a gateway's error page is not in UTF-8."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        page = answer.body.decode()
        LOG.debug("%s answered %s with %s characters", method, answer.status, len(page))
        return super().error_of(answer, method)


@faulty("requests")
class StampsAllTimesAsUtc(HttpxClient):
    """Drops the offset of the moments for costs and writes Z: 09:00+02:00 becomes 09:00 UTC."""

    def moment(self, value: datetime | str) -> str:
        checked = super().moment(value).upper()
        naive = datetime.fromisoformat(checked).replace(tzinfo=None)
        return naive.isoformat() + "Z"


@faulty("requests", style="sdk")
class StripsRolesInPlace(SdkClient):
    """Takes the roles out of the caller's own references: a video ordered with them has none."""

    def generate_image(self, **fields: Any) -> Any:
        for reference in fields.get("images") or []:
            reference.pop("role", None)  # the SDK's pictures know no roles
        return super().generate_image(**fields)
