"""Faults of errors: statuses, envelopes, codes and what messages give away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.accounts import WRONG_KEY, Workspace
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError
from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work

ENVELOPE = "Section 8: every error is the documented envelope."


@faulty("errors", "major", ENVELOPE)
class HtmlForUnknownPaths(Provider):
    """An unknown path is an HTML page of the proxy."""

    async def route(self, request: Incoming) -> Outgoing:
        if self.allowed_methods(request.path):
            return await super().route(request)
        body = b"<html><head><title>404 Not Found</title></head><body>nginx</body></html>"
        return Outgoing(status=404, headers=[("Content-Type", "text/html")], body=body)


@faulty("errors", "minor", "Section 8: param names the parameter that is wrong.")
class ParamIsAlwaysModel(Provider):
    """Every wrong value of a model is blamed on `model`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        if error.message.startswith("Unsupported"):
            error.param = "model"
        return super().answer_error(error)


@faulty("errors", "minor", "Section 8: type is always invalid_request_error.")
class TypeByStatus(Provider):
    """`type` is authentication_error on 401 and rate_limit_error on 429."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        answer = super().answer_error(error)
        kinds = {401: "authentication_error", 429: "rate_limit_error"}
        if error.status in kinds:
            body = answer.value
            body["error"]["type"] = kinds[error.status]
            answer.set_value(body)
        return answer


@faulty("errors", "major", "Section 8: invalid_parameter is 400.")
class FrameworkValidation(Provider):
    """A field of a wrong type is 422 with `detail`, as the web framework does by itself."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        answer = super().answer_error(error)
        if error.message.startswith("Invalid type"):
            answer.status = 422
            where = ["body", error.param]
            answer.set_value({"detail": [{"loc": where, "msg": "invalid", "type": "type_error"}]})
        return answer


@faulty("errors", "minor", "Section 8: invalid_api_key is 401, malformed keys included.")
class MalformedKeysAre403(Provider):
    """A key that does not begin with sk_ is 403."""

    def authenticate(self, request: Incoming) -> Workspace:
        token = self.read_token(request)
        if token and not token.startswith("sk_"):
            raise RefusedError(403, "invalid_api_key", WRONG_KEY)
        return super().authenticate(request)


@faulty("errors", "minor", "Section 8: a missing parameter is parameter_missing.")
class VideosMissNothing(Provider):
    """A missing prompt of a video is invalid_parameter."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if request.path == VIDEOS and answer.status == 400:
            body = answer.value
            body["error"]["code"] = "invalid_parameter"
            answer.set_value(body)
        return answer


@faulty("errors", "major", "Common sense: an answer never repeats a key.")
class MessageRepeatsTheKey(Provider):
    """The 401 repeats the key that was sent, whole."""

    def authenticate(self, request: Incoming) -> Workspace:
        try:
            return super().authenticate(request)
        except RefusedError as error:
            error.message = f"Incorrect API key provided: {self.read_token(request)}."
            raise


@faulty("errors", "blocker", "Section 8: an error has its status.")
class ErrorsAre200(Provider):
    """An unknown model is HTTP 200 with an error in the body."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        answer = super().answer_error(error)
        if error.param == "model" and error.code == "invalid_parameter":
            answer.status = 200
        return answer


@faulty("errors", "major", "Section 8: malformed JSON is a 4xx.")
class DeepJsonIs500(Provider):
    """JSON that is nested too deep for the parser is 500."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        try:
            json.loads(request.body)
        except RecursionError:
            raise
        except ValueError:
            pass
        return super().read_object(request)


@faulty("errors", "minor", "Section 4: the error of a failed video has code and message only.")
class FailureShowsItsTrace(Provider):
    """The error of a failed video holds a traceback; every third video fails."""

    fail_every: ClassVar[int] = 3

    def describe_failure(self, work: Work) -> dict[str, Any]:
        trace = 'Traceback (most recent call last):\n  File "/srv/worker/run.py", line 88, in poll'
        return {"message": trace, "code": "server_error"}


@faulty("errors", "minor", "Section 8: param is a string or null.")
class ParamIsAList(Provider):
    """The param of a wrong reference is a list of its path."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        answer = super().answer_error(error)
        if error.param and error.param.startswith("images["):
            body = answer.value
            body["error"]["param"] = ["images", 0, "url"]
            answer.set_value(body)
        return answer


@faulty("errors", "minor", "Section 8: not_found is 404.")
class UnknownVideosAre400(Provider):
    """An id that is not of the usual shape is 400, also where it is only unknown."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        if len(work_id) != 20:
            raise RefusedError(400, "invalid_parameter", "Invalid id.", "id")
        return super().find_status(work_id, workspace)
