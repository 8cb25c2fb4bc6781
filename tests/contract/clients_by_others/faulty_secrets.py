"""Faults that give away the key or signed links."""

import logging
from typing import Any

import httpx

from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.good_clients import HttpxPlain
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer

SECRETS = "secrets"


@faulty(SECRETS, blocker=True)
class LogsHeaders(HttpxPlain):
    """Logs the headers of each request for debugging, the key among them."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        logging.getLogger("others").debug("request headers: %s", sent)
        return sent


@faulty(SECRETS, blocker=True)
class LogsHeadersOfFailures(HttpxPlain):
    """Logs the request with its key, but only when it failed by 5xx."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        if answer.status >= 500:
            logging.getLogger("others").error("%s failed: %s", method, self.headers(None))
        return super().error_of(answer, method)


@faulty(SECRETS, blocker=True)
class KeyInRepr(HttpxPlain):
    """Has a repr with the key, as a dataclass would."""

    def __repr__(self) -> str:
        return f"Client(base_url={self.base_url!r}, key={self.secret.reveal()!r})"


@faulty(SECRETS, blocker=True)
class KeyInTheErrorOf401(HttpxPlain):
    """Names the refused key in the error of a 401, so that the user can compare it."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if answer.status == 401:
            error.message += f" (key used: {self.secret.reveal()})"
        return error


@faulty(SECRETS, blocker=True)
class RequestOnTheError(HttpxPlain):
    """Keeps the sent headers on its errors, which are pickled between processes."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.request_headers = self.headers(None)  # type: ignore[attr-defined]
        return error


@faulty(SECRETS, blocker=True)
class KeyOnAllHosts(HttpxPlain):
    """Follows redirects by hand with the same headers, and so sends the key to any host."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        for _ in range(5):
            answer = super().exchange(method, url, body, headers)
            where = answer.headers.get("location")
            if answer.status not in {301, 302, 303, 307, 308} or where is None:
                return answer
            url = str(httpx.URL(url).join(where))
        raise ClientError("Too many redirects.")


@faulty(SECRETS, blocker=True)
class KeyOnSubdomains(HttpxPlain):
    """Follows redirects with the key within the same parent domain, and to plain http on it."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        home = str(httpx.URL(url).host).rpartition(".")[0].rpartition(".")[2]
        for _ in range(5):
            answer = super().exchange(method, url, body, headers)
            where = answer.headers.get("location")
            if answer.status not in {307, 308} or where is None:
                return answer
            target = httpx.URL(url).join(where)
            if home not in target.host:
                raise ClientError("Redirected to another site.")
            url = str(target)
        raise ClientError("Too many redirects.")


@faulty(SECRETS)
class FollowsPostRedirects(HttpxPlain):
    """Lets httpx follow redirects, a 307 of an order to another host included."""

    def make_pool(self) -> httpx.Client:
        return httpx.Client(follow_redirects=True, trust_env=False)


@faulty(SECRETS)
class LogsSignedLinks(HttpxPlain):
    """Logs each link that it downloads with its signature."""

    def link(self, result: Any, index: int) -> str:
        url = super().link(result, index)
        logging.getLogger("others").info("downloading %s", url)
        return url


@faulty(SECRETS, blocker=True)
class KeyInTheQuery(HttpxPlain):
    """Sends the key in the query as well, where logs of proxies keep it."""

    def url(self, path: str, query: dict[str, str] | None = None) -> str:
        return super().url(path, {**(query or {}), "api_key": self.secret.reveal()})


@faulty(SECRETS, blocker=True)
class NoVerification(HttpxPlain):
    """Does not verify certificates, a leftover of a test environment."""

    def make_pool(self) -> httpx.Client:
        return httpx.Client(follow_redirects=False, trust_env=False, verify=False)
