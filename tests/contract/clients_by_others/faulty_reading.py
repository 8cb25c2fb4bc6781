"""Faults of parsing and of errors."""

import json
from typing import Any

from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.good_clients import HttpxPlain, recorded
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule

PARSING = "parsing"
ERRORS = "errors"


@faulty(PARSING)
class UnknownFieldsAreErrors(HttpxPlain):
    """Refuses an answer with a field that it does not know at the top."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        known = {"id", "status", "model", "data", "usage", "error"}
        if isinstance(value, dict) and "status" in value and not value.keys() <= known:
            raise ApiError(f"Unexpected fields: {sorted(value.keys() - known)}")
        return value


@faulty(PARSING)
class NoValidation(HttpxPlain):
    """Returns what came, whatever its shape: a missing field is a KeyError in the caller's code."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        return super().parse(answer, lambda _value, _where: None, post=post)


@faulty(PARSING)
class BareJson(HttpxPlain):
    """Lets the JSONDecodeError of an HTML page through to the caller."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        json.loads(answer.body)
        return super().parse(answer, shape, post=post)


@faulty(PARSING)
class NeedsSizes(HttpxPlain):
    """Counts pixels by width times height and dies where the API has null."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        for item in result["data"]:
            item["pixels"] = item["width"] * item["height"]
        return result


@faulty(PARSING)
class KnownFormatsOnly(HttpxPlain):
    """Refuses a media type that is not in its table."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and "usage" in value:
            for item in value["data"]:
                if item["mime_type"] not in {"image/png", "image/jpeg", "image/webp", "video/mp4"}:
                    raise ApiError(f"Unknown media type {item['mime_type']}")
        return value


@faulty(PARSING)
class StrictMediaType(HttpxPlain):
    """Compares Content-Type with "application/json" letter by letter."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        if answer.headers.get("content-type") != "application/json":
            raise ApiError("The answer is not JSON.", outcome_unknown=post)
        return super().parse(answer, shape, post=post)


@faulty(PARSING)
class SecondsOnly(HttpxPlain):
    """Parses moments with one format, and dies of those without milliseconds or with an offset."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        from datetime import datetime  # noqa: PLC0415 - as written

        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and isinstance(value.get("data"), list):
            for item in value["data"]:
                if "deletes_at" in item:
                    datetime.strptime(item["deletes_at"], "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - the fault
        return value


@faulty(PARSING)
class FreeWithoutRates(HttpxPlain):
    """Adds `price` to each model, the least of its rates, and 0 where there are none."""

    def models(self, type: str | None = None) -> Any:
        listed = super().models(type)
        for model in listed:
            rates = [float(rate["unit_price"]) for rate in model["pricing"]["rates"]]
            model["price"] = min(rates, default=0)
        return listed


@faulty(PARSING, blocker=True)
class FirstItemOnly(HttpxPlain):
    """Returns the first file of a result alone: the others are paid for and lost."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        return {**result, "data": result["data"][:1]}


@faulty(PARSING, blocker=True)
class ImageStatusUnread(HttpxPlain):
    """Never reads the status of an image answer: an unfinished one is a result."""

    def generate_image(self, **fields: Any) -> Any:
        from tests.contract.clients_by_others import shapes  # noqa: PLC0415 - as written

        return self.submit("image", shapes.IMAGE, fields)


@faulty(PARSING)
class LatinAnswers(HttpxPlain):
    """Decodes answers as Latin-1, so that texts beyond ASCII come out wrong."""

    def unpack(self, body: bytes) -> Any:
        return recorded(json.loads(body.decode("latin-1")))


@faulty(ERRORS)
class MessageLost(HttpxPlain):
    """Raises "HTTP 400" and drops code and message of the API."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.message, error.code = f"HTTP {answer.status}", None
        error.args = (error.message,)
        return error


@faulty(ERRORS)
class MessageCut(HttpxPlain):
    """Cuts the message of an error after 200 characters."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.message = error.message[:200]
        error.args = (error.message,)
        return error


@faulty(ERRORS)
class UnknownCodesAreServerErrors(HttpxPlain):
    """Maps each code that it does not know to server_error with a text of its own."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        known = {"invalid_api_key", "parameter_missing", "invalid_parameter", "quota_exceeded"}
        known |= {"content_policy_violation", "not_found", "rate_limit", "server_error"}
        if error.code not in known:
            error.code, error.message = "server_error", "Unknown error"
        return error


@faulty(ERRORS)
class AllErrorsAlike(HttpxPlain):
    """Raises RuntimeError with the text alone: 401, 402 and 429 cannot be told apart."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ApiError as error:
            raise RuntimeError(f"getimg said: {error.message}, {error.code}") from None


@faulty(ERRORS)
class HtmlErrorsCrash(HttpxPlain):
    """Reads the body of every error as JSON: a gateway's HTML is a JSONDecodeError."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        json.loads(answer.body)["error"]
        return super().error_of(answer, method)


@faulty(ERRORS)
class RequestIdLost(HttpxPlain):
    """Drops the request id that support asks for."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.request_id, error.headers = None, {}
        return error
