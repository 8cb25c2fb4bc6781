"""Legal variants: other ids, headers, framing, texts and fields."""

from __future__ import annotations

import gzip
import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work
    from tests.contract.written_by_others.catalogue import Offer


@legal("An id is a string (section 2); its shape is not documented.")
class UuidIds(Provider):
    """Ids are UUIDs in lower case."""

    def make_id(self) -> str:
        return str(uuid.uuid4())


@legal("An id is a string (section 2); its shape is not documented.")
class LongIds(Provider):
    """Ids have 72 characters, with dashes, underscores and tildes."""

    def make_id(self) -> str:
        return f"gen_{secrets.token_urlsafe(40)}~eu-west-1_v2"


@legal("Field names of HTTP are not case-sensitive, and their order means nothing (RFC 9110).")
class LowerCaseHeaders(Provider):
    """All header names are in lower case and sorted."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer.headers = sorted((name.lower(), value) for name, value in answer.headers)
        return answer


@legal("Additional headers are part of any network between client and server.")
class BehindProxies(Provider):
    """Headers of a content network and of security policies are added, with a cookie."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer.headers += [
            ("Server", "cloudflare"),
            ("CF-RAY", f"{secrets.token_hex(8)}-FRA"),
            ("Strict-Transport-Security", "max-age=31536000"),
            ("Alt-Svc", 'h3=":443"; ma=86400'),
            ("Set-Cookie", f"__cf_bm={secrets.token_hex(12)}; HttpOnly; Path=/"),
            ("X-Request-Id", secrets.token_hex(16)),
            ("Vary", "Accept-Encoding"),
        ]
        return answer


@legal("HTTP/1.1 leaves the framing of a body to the server.")
class ChunkedAnswers(Provider):
    """Every JSON answer is sent in chunks, without Content-Length."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer.chunked = request.method != "HEAD" and answer.status != 304
        return answer


@legal("A server may close a connection after any answer, if it says so.")
class ClosesConnections(Provider):
    """Every answer has `Connection: close`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer.close = True
        return answer


@legal("A client that accepts gzip may be answered with gzip.")
class Compresses(Provider):
    """JSON is compressed for clients that accept gzip."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        accepted = request.header("accept-encoding") or ""
        is_json = answer.header("Content-Type") == "application/json"
        if is_json and "gzip" in accepted and "gzip;q=0" not in accepted.replace(" ", ""):
            answer.body = gzip.compress(answer.body)
            answer.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        return answer


@legal("The documentation lists fields; it does not say that there are no others.")
class MoreFields(Provider):
    """Models and files have fields that the documentation does not name."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        return {**offer.describe(), "provider": "bytedance", "deprecated": False}

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        return self.describe_offer(offer)

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        return {**super().describe_file(work, origin), "nsfw": False, "bytes": None}


@legal("Except for four texts, messages are not documented (section 8, X).")
class OtherMessages(Provider):
    """Messages are worded differently, and those of wrong values are longer."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        if error.status not in {401, 429}:
            param = error.param or "the request"
            error.message = f"We could not process this: please check {param} and try again!"
        return super().answer_error(error)


@legal("`doc_url` is on some errors; on which ones is not documented.")
class DocUrlEverywhere(Provider):
    """Every error has a `doc_url`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        answer = super().answer_error(error)
        body = answer.value
        body["error"]["doc_url"] = f"https://docs.getimg.ai/errors/{error.code}"
        answer.set_value(body)
        return answer


@legal("JSON may be written with any white space and any escapes.")
class PrettyJson(Provider):
    """JSON is indented, with sorted keys and escaped letters, and names its charset."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if answer.header("Content-Type") == "application/json":
            answer.body = json.dumps(answer.value, indent=2, sort_keys=True).encode()
            answer.set_header("Content-Type", "application/json; charset=utf-8")
        return answer


@legal("Rate limit headers are documented for answers of generations, not for refusals (I).")
class NoLimitsOnRefusals(Provider):
    """Refused submissions have no X-RateLimit headers, except a 429."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        if answer.status >= 400 and answer.status != 429:
            for name in ("Limit", "Remaining", "Reset"):
                answer.set_header(f"X-RateLimit-{name}", None)
        return answer


@legal("What an unknown path answers is not documented (X).")
class UnknownPathsNeedKeys(Provider):
    """An unknown path is 401 without a key, and 404 with one."""

    async def route(self, request: Incoming) -> Outgoing:
        if not self.allowed_methods(request.path):
            self.authenticate(request)
            raise refuse_unknown()
        return await super().route(request)


@legal("In an item, width and height are optional and nullable; has_sound, usage are optional.")
class SparseVideos(Provider):
    """A completed video has null sizes, no has_sound and no usage."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        shown = super().describe_work(work, origin)
        if work.order.kind == "video" and work.status == "completed":
            shown["data"][0].update(width=None, height=None, duration=None, fps=None)
            del shown["data"][0]["has_sound"], shown["usage"]
        return shown


@legal("Availability of models changes (section 6), and users may meet any catalogue.")
class OtherCatalogue(Provider):
    """The list is in reverse order, and only two models are offered."""

    offers: ClassVar[tuple[Offer, ...]] = (Provider.offers[3], Provider.offers[1])


@legal("A balance is a decimal string; how many decimals is not documented.")
class FourDecimals(Provider):
    """The balance always has four decimals."""

    def answer_balance(self, workspace: Any) -> Outgoing:
        balance = f"{self.compute_balance(workspace):.4f}"
        return answer_json({"balance": balance, "currency": "USD"})
