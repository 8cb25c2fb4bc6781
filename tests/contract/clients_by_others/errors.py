"""What these clients raise: each error has the facts that a caller needs to decide."""

from typing import Any


class ClientError(Exception):
    """Any failure of a call; the attributes are None where nothing is known."""

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        generation_id: str | None = None,
        outcome_unknown: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.generation_id = generation_id
        self.outcome_unknown = outcome_unknown
        self.headers = headers or {}

    def __str__(self) -> str:
        facts = (self.status_code, self.code, self.generation_id, self.request_id)
        shown = " ".join(str(fact) for fact in facts if fact)
        text = f"{self.message} [{shown}]" if shown else self.message
        if self.outcome_unknown:
            text += " (outcome unknown: the request may have been done and charged)"
        clean = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
        return clean.encode("utf-8", "backslashreplace").decode()

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message,), {**self.__dict__, "headers": {}})


class ApiError(ClientError):
    """The API refused, or broke down."""


class ConnectionFailed(ClientError):
    """No connection: nothing was sent."""


class ConnectionLost(ClientError):
    """The connection broke, or time ran out, after bytes were sent."""


class BadAnswer(ClientError):
    """The answer is not what the API documents."""


class GenerationFailed(ClientError):
    """The generation ended in failure."""


class WaitTimeout(ClientError):
    """The generation is still pending."""


class DownloadFailed(ClientError):
    """The file could not be fetched whole."""
