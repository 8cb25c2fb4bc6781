"""Faults of what is sent, of what follows an outage, and of what errors say."""

from typing import Any

from tests.contract.clients_by_others.errors import ClientError, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

CODES = {
    400: "invalid_parameter",
    401: "invalid_api_key",
    402: "quota_exceeded",
    404: "not_found",
    422: "content_policy_violation",
    429: "rate_limit",
    500: "server_error",
}


@faulty("requests", blocker=True)
class KeepsFieldsOfLastOrder(HttpxClient):
    """Builds all orders in one dictionary: fields of earlier orders go out with later ones."""

    def prepare(self) -> None:
        self.fields: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        self.fields.update({name: value for name, value in fields.items() if value is not None})
        return super().body(self.fields)


@faulty("requests", blocker=True)
class CutsPromptsByBytes(HttpxClient):
    """Cuts prompts to 4096 bytes, not characters: long ones in other scripts lose their end."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            fields = {**fields, "prompt": prompt.encode()[:4096].decode("utf-8", "ignore")}
        return super().body(fields)


@faulty("requests", style="urllib3", blocker=True, program=True)
class SortsReferences(Urllib3Client):
    """Sends references sorted by address, not in the order that the prompt speaks of."""

    def body(self, fields: dict[str, Any]) -> bytes:
        given = fields.get("images")
        if given:
            fields = {**fields, "images": sorted(given, key=lambda image: str(image["url"]))}
        return super().body(fields)


@faulty("outages", blocker=True)
class MistakesDropForStaleConnection(HttpxClient):
    """Takes a connection dropped without an answer for a stale one, and sends the order again."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            return super().exchange(method, url, body, headers)
        except ConnectionLost as error:
            if "RemoteProtocolError" not in error.message and "ReadError" not in error.message:
                raise
            return super().exchange(method, url, body, headers)


@faulty("outages", blocker=True)
class EmptyCatalogueInOutage(HttpxClient):
    """Answers an outage with an empty list of models, as if there were none."""

    def models(self, type: str | None = None) -> Any:
        try:
            return super().models(type)
        except ClientError as error:
            if error.status_code is not None and error.status_code < 500:
                raise
            LOG.info("no models: %s", error)
            return []


@faulty("errors")
class GuessesCodeByStatus(HttpxClient):
    """Derives an error's code from the status, so a missing parameter is called an invalid one."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.code = CODES.get(answer.status, error.code)
        return error


@faulty("errors", style="urllib3", program=True)
class RetriesWhatCannotChange(Urllib3Client):
    """Sends orders again that were refused for their prompt, a parameter or lack of money."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return error.status_code in {400, 402, 422} or super().tries_again(method, error)
